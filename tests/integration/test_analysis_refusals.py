"""What the analysis service refuses an analyst over real mTLS, and attacks that fail."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.analysis.assembly import AnalysisService
from services.analysis.client import Analysis, question_text
from services.common.channel import remote_errors
from services.common.errors import Code, Denied, NotReady
from services.common.identity import Role
from services.common.keystore import PartyKeys
from services.wire import messages
from services.wire.convert import queries
from services.wire.convert.signed import sign_message
from services.wire.v1 import queries_pb2_grpc
from tests.disclosure_world import BrokenNoise, NoNoise
from tests.support.analysis import (
    asking,
    config_of,
    connect,
    deliver_all,
    deliverers,
    enrol,
    entries_of,
    opened,
    refusal_of,
    served,
    small_tables,
)
from tests.support.parties import ANALYSIS, NOW, Parties, make_parties

STOCK: dict[str, Any] = {"measure": "stock", "at": "2023-01-01", "by": ["sex"], "accuracy": {"half_width": 10}}
INFLOW: dict[str, Any] = {"measure": "inflow", "over": [2021, 2022], "accuracy": {"half_width": 10}}


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


# ----------------------------------------------------------------------------------------------------------- refusals


def test_a_question_over_budget_is_refused_and_nothing_changes(service: AnalysisService, ana: Analysis) -> None:
    ana.run(STOCK)
    before = service.ledger.entries(service.agreement.document.lineage)
    dear = {**INFLOW, "accuracy": {"nano_rho": 110_000_000}}
    refused = refusal_of(lambda: ana.run(dear))
    assert refused.code is Code.OVER_BUDGET
    assert "budget.per_release_nano_rho" in str(refused)
    assert service.ledger.entries(service.agreement.document.lineage) == before


def test_an_analyst_spends_no_more_than_the_own_share(service: AnalysisService, ana: Analysis) -> None:
    for day in range(1, 6):
        ana.run({**STOCK, "at": f"2023-01-0{day}", "accuracy": {"nano_rho": 99_999_999}})
    refused = refusal_of(lambda: ana.run({**STOCK, "at": "2023-02-01", "accuracy": {"nano_rho": 99_999_999}}))
    assert refused.code is Code.OVER_BUDGET
    assert "budget.per_analyst_nano_rho" in str(refused)
    assert len(entries_of(service)) == 10


def test_a_failure_after_the_charge_is_one_opaque_error_and_stays_charged(
    parties: Parties, service: AnalysisService, analysts: dict[str, PartyKeys]
) -> None:
    with served(service, BrokenNoise()) as address, asking(parties, analysts["ana"], address) as ana:
        refused = refusal_of(lambda: ana.run(STOCK))
    assert refused.code is Code.RELEASE_FAILED
    assert "counts" not in str(refused)
    assert "RuntimeError" not in str(refused)
    assert entries_of(service) == ["RESERVED"]


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ({**STOCK, "by": ["shoe_size"]}, "statistics.dimensions"),
        ({**STOCK, "at": "1999-01-01"}, "period"),
        ({**STOCK, "accuracy": {"half_width": 100_000}}, "budget.maximum_noise_sd"),
    ],
)
def test_what_the_agreement_does_not_allow_is_refused_by_its_clause(
    service: AnalysisService, ana: Analysis, question: dict[str, Any], told: str
) -> None:
    for attempt in (lambda: ana.run(question), lambda: ana.preview(question)):
        refused = refusal_of(attempt)
        assert refused.code is Code.REFUSED
        assert told in str(refused)
    assert entries_of(service) == []


@pytest.mark.parametrize("question", ["SELECT * FROM register__persons", "{}", '{"measure": "rows"}'])
def test_what_is_no_question_is_bad_input(ana: Analysis, question: str) -> None:
    assert refusal_of(lambda: ana.run(question)).code is Code.BAD_INPUT


def test_a_wave_without_all_providers_is_not_ready(
    parties: Parties, tmp_path: Path, analysts: dict[str, PartyKeys]
) -> None:
    with (
        opened(config_of(parties, tmp_path)) as service,
        served(service) as address,
        deliverers(parties, address) as providers,
        asking(parties, analysts["ana"], address) as ana,
    ):
        people, tables = small_tables()["register"]
        providers["register"].deliver(people, tables)
        with pytest.raises(NotReady):
            ana.run(STOCK)
        with pytest.raises(NotReady):
            ana.run(STOCK, wave="w1")
        assert refusal_of(lambda: ana.run(STOCK, wave="w9")).code is Code.BAD_INPUT


def test_a_later_wave_is_a_new_question_and_an_earlier_one_can_be_named(
    parties: Parties, service: AnalysisService, analysts: dict[str, PartyKeys]
) -> None:
    with (
        served(service, NoNoise()) as address,
        deliverers(parties, address, wave="w2") as providers,
        asking(parties, analysts["ana"], address) as ana,
    ):
        first = ana.run(STOCK)
        for name, (people, tables) in small_tables().items():
            half = {t: [row for row in rows if row["person"] % 2] for t, rows in tables.items()}
            providers[name].deliver(people, half, key="second wave")
        second = ana.run(STOCK)
        assert second.attrs["wave"] == "w2"
        assert second.attrs["charged"]
        assert list(second["value"]) == [30, 0, 0]
        assert second.attrs["data_version"] != first.attrs["data_version"]
        old = ana.run(STOCK, wave="w1")
        assert old.equals(first)
        assert not old.attrs["charged"]


def test_a_wave_that_adds_to_the_registry_is_asked_about_only_by_its_name(tmp_path: Path) -> None:
    adding = make_parties(
        tmp_path / "parties",
        waves=[
            {"name": "w1", "tokens_not_before": "2026-06-01T00:00:00Z"},
            {"name": "w2", "kind": "incremental", "tokens_not_before": "2026-12-01T00:00:00Z"},
        ],
        retention={
            "clks_days": 0,
            "registry_days": 3650,
            "registry_encodings_until": "2027-01-01",
            "payload_days": 365,
        },
    )
    analysts = enrol(adding, config_of(adding, tmp_path), "ana")
    with opened(config_of(adding, tmp_path)) as service, served(service, NoNoise()) as address:
        for wave in ("w1", "w2"):
            with deliverers(adding, address, wave=wave) as providers:
                for name, (people, tables) in small_tables().items():
                    providers[name].deliver(people, tables, key=wave)
        with asking(adding, analysts["ana"], address) as ana:
            assert ana.run(STOCK).attrs["wave"] == "w1"
            assert ana.run(STOCK, wave="w2").attrs["wave"] == "w2"


@contextmanager
def asking_at(time: datetime, parties: Parties, folder: Path, keys: PartyKeys) -> Iterator[Analysis]:
    """An analyst of a service that took a whole wave when that was allowed, and whose clock then shows this time."""
    now = [NOW]
    with (
        opened(config_of(parties, folder), clock=lambda: now[0]) as service,
        served(service) as address,
        deliverers(parties, address) as providers,
        asking(parties, keys, address) as analysis,
    ):
        deliver_all(providers)
        now[0] = time
        yield analysis


def test_questions_after_the_agreements_end_are_refused_by_its_clause(
    parties: Parties, tmp_path: Path, analysts: dict[str, PartyKeys]
) -> None:
    with asking_at(datetime(2036, 1, 1, tzinfo=UTC), parties, tmp_path, analysts["ana"]) as ana:
        for attempt in (lambda: ana.run(STOCK), lambda: ana.preview(STOCK), ana.summaries):
            assert "validity.valid_until" in str(refusal_of(attempt))


def test_payload_past_its_days_of_retention_answers_nothing(
    parties: Parties, tmp_path: Path, analysts: dict[str, PartyKeys]
) -> None:
    with asking_at(datetime(2027, 6, 2, tzinfo=UTC), parties, tmp_path, analysts["ana"]) as ana:
        assert "retention.payload_days" in str(refusal_of(lambda: ana.run(STOCK)))


# ------------------------------------------------------------------------------------------------------------ attacks


def send_signed(ana: Analysis, signed: messages.SignedStatement) -> queries.Answer:
    with remote_errors("the analysis service"):
        stub = queries_pb2_grpc.QueriesStub(ana._channel)
        return queries.run_query_response_from_wire(stub.RunQuery(queries.run_query_request_to_wire(signed)))


def test_an_unsigned_or_wrongly_signed_question_is_refused_and_costs_nothing(
    parties: Parties, service: AnalysisService, ana: Analysis, analysts: dict[str, PartyKeys]
) -> None:
    context = parties.verified.context("w1")
    body = messages.Question(question_text(STOCK), "asking-1")
    right = sign_message(analysts["ana"].identity, analysts["ana"].name, ANALYSIS, context, body)
    changed = replace(right.statement, body=right.statement.body.replace(b"2023", b"2024"))
    for wrong in (
        messages.SignedStatement(right.statement, b""),
        messages.SignedStatement(right.statement, bytes(64)),
        messages.SignedStatement(changed, right.signature),
        sign_message(analysts["bea"].identity, analysts["ana"].name, ANALYSIS, context, body),
        sign_message(analysts["bea"].identity, analysts["bea"].name, ANALYSIS, context, body),
        sign_message(analysts["ana"].identity, analysts["ana"].name, parties.keys["tax"].name, context, body),
        replace(right, statement=replace(right.statement, context=parties.verified.context())),
    ):
        assert refusal_of(lambda wrong=wrong: send_signed(ana, wrong)).code is Code.TAMPERED  # type: ignore[misc] # binds now
    assert entries_of(service) == []
    assert send_signed(ana, right).charged


@pytest.mark.parametrize(("role", "name"), [(Role.ANALYST, "eve"), (Role.PROVIDER, "ana"), (Role.LINKAGE_UNIT, "ana")])
def test_who_is_not_on_the_roster_gets_nowhere(
    parties: Parties, service: AnalysisService, analysts: dict[str, PartyKeys], tmp_path: Path, role: Role, name: str
) -> None:
    keys = replace(parties, folder=tmp_path / "strangers").stranger(role, name)
    with served(service) as address, asking(parties, keys, address) as stranger:
        for attempt in (lambda: stranger.run(STOCK), lambda: stranger.preview(STOCK), stranger.summaries):
            with pytest.raises(Denied):
                attempt()


def test_parties_of_the_agreement_ask_nothing(parties: Parties, service: AnalysisService) -> None:
    with served(service) as address:
        for name in ("tax", "linkage", "analysis"):
            with connect(parties.keys[name], address) as channel, pytest.raises(Denied):
                Analysis(channel, parties.keys[name], parties.verified).preview(STOCK)


def test_an_analyst_who_is_struck_off_the_roster_is_denied_at_once(
    parties: Parties, service: AnalysisService, ana: Analysis, tmp_path: Path
) -> None:
    ana.preview(STOCK)
    enrol(replace(parties, folder=tmp_path / "new"), service.config, "bea")
    with pytest.raises(Denied):
        ana.preview(STOCK)


def test_without_a_roster_nobody_may_ask(ana: Analysis, service: AnalysisService) -> None:
    service.config.roster.unlink()
    with pytest.raises(Denied):
        ana.preview(STOCK)


def test_a_roster_that_somebody_changed_lets_nobody_in(ana: Analysis, service: AnalysisService) -> None:
    roster = service.config.roster
    roster.write_bytes(roster.read_bytes().replace(b'"ana"', b'"eve"'))
    assert refusal_of(lambda: ana.preview(STOCK)).code is Code.TAMPERED
