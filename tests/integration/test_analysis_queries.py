"""Questions and previews over real mTLS: what is answered, what it costs, what is kept."""

import importlib.util
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from disclosure.errors import PolicyRefused
from disclosure.planning import Expected
from linkage_core.errors import Unfit
from services.analysis.assembly import AnalysisService
from services.analysis.client import Analysis
from services.common.audit import verify
from services.common.errors import Code
from services.common.keystore import PartyKeys, load_party_keys
from services.wire.convert import queries
from tests.disclosure_world import BrokenNoise, NoNoise
from tests.support.analysis import (
    asking,
    config_of,
    deliver_all,
    deliverers,
    enrol,
    entries_of,
    opened,
    refusal_of,
    served,
)
from tests.support.parties import ANALYSIS, Parties, make_parties

STOCK: dict[str, Any] = {"measure": "stock", "at": "2023-01-01", "by": ["sex"], "accuracy": {"half_width": 10}}
INFLOW: dict[str, Any] = {"measure": "inflow", "over": [2021, 2022], "accuracy": {"half_width": 10}}
OVERLAP: dict[str, Any] = {
    "measure": "overlap",
    "of": ["border", "tax"],
    "over": {"start": "2022-01-01", "end": "2022-12-31"},
    "accuracy": {"half_width": 10},
}


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


@pytest.fixture
def service(parties: Parties, tmp_path: Path) -> Iterator[AnalysisService]:
    """A service that holds a complete wave."""
    with opened(config_of(parties, tmp_path)) as service:
        with served(service) as address, deliverers(parties, address) as providers:
            deliver_all(providers)
        yield service


@pytest.fixture
def analysts(parties: Parties, tmp_path: Path) -> dict[str, PartyKeys]:
    own = replace(parties, folder=tmp_path)
    return enrol(own, config_of(parties, tmp_path), "ana", "bea")


@pytest.fixture
def ana(parties: Parties, service: AnalysisService, analysts: dict[str, PartyKeys]) -> Iterator[Analysis]:
    with served(service) as address, asking(parties, analysts["ana"], address) as analysis:
        yield analysis


# ---------------------------------------------------------------------------------------------------------- answering


def test_the_three_measures_count_the_persons_of_the_whole_path(
    parties: Parties, service: AnalysisService, analysts: dict[str, PartyKeys]
) -> None:
    with served(service, NoNoise()) as address, asking(parties, analysts["ana"], address) as ana:
        stock = ana.run(STOCK)
        assert dict(zip(stock["sex"], stock["value"], strict=True)) == {"f": 30, "m": 30, "unknown": 0}
        inflow = ana.run(INFLOW)
        assert dict(zip(inflow["year"], inflow["value"], strict=True)) == {"2021": 60, "2022": 0}
        overlap = ana.run(OVERLAP)
        assert dict(zip(overlap["seen"], overlap["value"], strict=True)) == {
            "both": 20,
            "border_only": 25,
            "tax_only": 10,
        }


def test_a_dummy_answers_in_the_form_of_the_service_and_costs_nothing(service: AnalysisService, ana: Analysis) -> None:
    trial = ana.dummy(persons=50)
    dummies = [trial.run(question) for question in (STOCK, INFLOW, OVERLAP)]
    assert entries_of(service) == []
    for dummy, question in zip(dummies, (STOCK, INFLOW, OVERLAP), strict=True):
        real = ana.run(question)
        shape = [column for column in real.columns if column not in ("value", "low", "high", "obs_status", "flags")]
        assert dummy[shape].equals(real[shape])
        assert dummy.attrs["nano_rho"] == real.attrs["nano_rho"]


def test_what_stays_with_the_analyst_costs_nothing(
    service: AnalysisService, ana: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = ana.plan(STOCK, Expected.parse({"total": 60, "sex": {"f": 30, "m": 30}}))
    assert planned.asked is not None
    assert planned.asked.usable_cells == 2
    with pytest.raises(PolicyRefused, match="sx"):
        ana.plan({**STOCK, "by": ["sx"]})
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unfit, match="mbi"):
        ana.synthesize({**STOCK, "measure": "synthetic"})
    assert entries_of(service) == []


def test_a_table_carries_its_uncertainty_and_price(ana: Analysis) -> None:
    table = ana.run(STOCK)
    assert (table["high"] - table["value"] == 10).all()
    assert (table["value"] - table["low"] >= 10).all(), "farther where a cell is only just large enough to be read"
    assert table.attrs["charged"]
    assert table.attrs["wave"] == "w1"
    assert table.attrs["nano_rho"] == ana.preview(STOCK).nano_rho
    assert table.attrs["budget"]["analyst_left"] == 500_000_000 - table.attrs["nano_rho"]


def test_the_same_question_again_is_free_and_identical(service: AnalysisService, ana: Analysis) -> None:
    first = ana.run(STOCK)
    spelled_otherwise = {**STOCK, "at": ["2023-01-01", "2023-01-01"], "rule": {"minimum_months": 12}}
    again = ana.run(spelled_otherwise)
    assert again.equals(first)
    assert not again.attrs["charged"]
    assert again.attrs["release_id"] == first.attrs["release_id"]
    assert again.attrs["budget"] == first.attrs["budget"]
    assert entries_of(service) == ["RESERVED", "RELEASED"]


def test_what_one_analyst_paid_for_is_free_for_another(
    parties: Parties, service: AnalysisService, analysts: dict[str, PartyKeys]
) -> None:
    with (
        served(service) as address,
        asking(parties, analysts["ana"], address) as ana,
        asking(parties, analysts["bea"], address) as bea,
    ):
        first = ana.run(STOCK)
        again = bea.run(STOCK)
    assert again.equals(first)
    assert again.attrs["budget"]["analyst_left"] == 500_000_000
    assert again.attrs["budget"]["total_left"] == first.attrs["budget"]["total_left"]


def test_an_answer_survives_a_restart(parties: Parties, tmp_path: Path, ana: Analysis) -> None:
    first = ana.run(STOCK)
    with opened(config_of(parties, tmp_path)) as again, served(again) as address:
        keys = load_party_keys(tmp_path / "keys" / "ana")
        with asking(parties, keys, address) as same:
            assert same.run(STOCK).equals(first)


def test_a_question_asked_many_times_at_once_is_charged_once(service: AnalysisService, ana: Analysis) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: ana.answer(STOCK), range(6)))
    assert entries_of(service) == ["RESERVED", "RELEASED"]
    assert sum(answer.charged for answer in answers) == 1
    assert len({answer.release.to_json() for answer in answers}) == 1


def test_a_retry_after_a_lost_answer_gets_the_answer_and_pays_once(service: AnalysisService, ana: Analysis) -> None:
    first = ana.answer(STOCK, idempotency_key="asking-1")
    again = ana.answer(STOCK, idempotency_key="asking-1")
    assert first.charged
    assert not again.charged
    assert (again.release, again.budget) == (first.release, first.budget)
    assert entries_of(service) == ["RESERVED", "RELEASED"]


def test_a_failed_release_that_is_retried_gives_the_same_error_and_costs_nothing_more(
    parties: Parties, service: AnalysisService, analysts: dict[str, PartyKeys], tmp_path: Path
) -> None:
    with served(service, BrokenNoise()) as address, asking(parties, analysts["ana"], address) as ana:
        first, again = (refusal_of(lambda: ana.answer(STOCK, idempotency_key="asking-1")) for _ in range(2))
    assert (again.code, str(again)) == (first.code, str(first))
    with served(service) as address, asking(parties, analysts["ana"], address) as ana:
        mended = refusal_of(lambda: ana.answer(STOCK, idempotency_key="asking-1"))
        assert (mended.code, str(mended)) == (first.code, str(first))
        assert entries_of(service) == ["RESERVED"]
        assert ana.answer(STOCK).charged  # a new asking is a new charge, and the analyst's choice
    assert entries_of(service) == ["RESERVED", "RESERVED", "RELEASED"]
    assert (tmp_path / "data" / "audit.jsonl").read_text().count('"release-failed"') == 1


@pytest.mark.parametrize("other", [INFLOW, {**STOCK, "accuracy": {"half_width": 9}}])
def test_a_key_that_paid_for_one_question_is_refused_for_another(
    service: AnalysisService, ana: Analysis, other: dict[str, Any]
) -> None:
    ana.answer(STOCK, idempotency_key="asking-1")
    refused = refusal_of(lambda: ana.answer(other, idempotency_key="asking-1"))
    assert refused.code is Code.CONFLICT
    assert entries_of(service) == ["RESERVED", "RELEASED"]
    assert ana.answer(other, idempotency_key="asking-2").charged


@pytest.mark.parametrize("key", ["x" * 65, "two words", "größe"])
def test_an_idempotency_key_is_short_and_plain(service: AnalysisService, ana: Analysis, key: str) -> None:
    assert refusal_of(lambda: ana.answer(STOCK, idempotency_key=key)).code is Code.BAD_INPUT
    assert entries_of(service) == []


def test_two_services_on_one_store_charge_a_question_that_both_are_asked_once(
    parties: Parties, service: AnalysisService, analysts: dict[str, PartyKeys], tmp_path: Path
) -> None:
    with (
        opened(config_of(parties, tmp_path)) as other,
        served(service) as one_address,
        served(other) as other_address,
        asking(parties, analysts["ana"], one_address) as ana,
        asking(parties, analysts["bea"], other_address) as bea,
        ThreadPoolExecutor(8) as pool,
    ):
        answers = list(pool.map(lambda n: (ana, bea)[n % 2].answer(STOCK), range(8)))
    assert entries_of(service) == ["RESERVED", "RELEASED"]
    assert sum(answer.charged for answer in answers) == 1
    assert len({answer.release.to_json() for answer in answers}) == 1


def test_a_table_larger_than_a_message_arrives_whole(
    parties: Parties, service: AnalysisService, analysts: dict[str, PartyKeys], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "CELLS_PER_BLOCK", 2)
    with served(service, NoNoise()) as address, asking(parties, analysts["ana"], address) as ana:
        assert list(ana.run(STOCK)["value"]) == [30, 30, 0]


def test_releases_are_listed_with_their_price(ana: Analysis) -> None:
    ana.run(STOCK)
    ana.run(INFLOW)
    listed = ana.releases()
    assert len(listed) == 2
    assert list(listed["wave"]) == ["w1", "w1"]
    assert listed.attrs["budget"]["total_left"] == 1_000_000_000 - int(listed["nano_rho"].sum())


def test_charges_and_answers_stand_in_the_audit_log(service: AnalysisService, ana: Analysis, tmp_path: Path) -> None:
    table = ana.run(STOCK)
    ana.run(STOCK)
    log = (tmp_path / "data" / "audit.jsonl").read_text()
    assert log.count(table.attrs["release_id"]) == 1
    verify(tmp_path / "data" / "audit.jsonl", service.agreement.identity_key(ANALYSIS))


# ----------------------------------------------------------------------------------------------------------- previews


def test_a_preview_charges_nothing_and_touches_no_data(service: AnalysisService, ana: Analysis, tmp_path: Path) -> None:
    for file in (tmp_path / "data" / "payload").iterdir():
        file.write_bytes(b"not a payload file any more")
    found = ana.preview(STOCK)
    assert (found.cell_count, found.wave) == (3, "w1")
    assert [(v.name, v.half_width, v.cells_per_person) for v in found.vectors] == [("count", 10, 1)]
    assert found.tables_like_this_left == 500_000_000 // found.nano_rho
    assert not found.already_released
    assert entries_of(service) == []


def test_a_preview_tells_that_a_question_is_free_by_now(ana: Analysis) -> None:
    ana.run(STOCK)
    assert ana.preview(STOCK).already_released
    assert not ana.preview({**STOCK, "accuracy": {"half_width": 9}}).already_released
