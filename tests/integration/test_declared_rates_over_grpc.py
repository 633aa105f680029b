"""Declared rates on the whole path: a table over mTLS with its correction beside it, and none from a changed file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linkage_core.agreement.declared_rates import DeclaredRates, PairRates, sign_rates
from services.analysis.assembly import AnalysisService
from services.analysis.client import Analysis, new_idempotency_key
from services.analysis.declared_rates import FOLDER, keep_rates
from services.common.errors import Code, RemoteRefusal
from tests.support.analysis import asking, config_of, deliver_all, deliverers, enrol, opened, served
from tests.support.parties import LINKAGE_UNIT, Parties, make_parties

OVERLAP: dict[str, Any] = {
    "measure": "overlap",
    "of": ["border", "tax"],
    "over": {"start": "2022-01-01", "end": "2022-12-31"},
    "accuracy": {"half_width": 5},
}


@pytest.fixture
def parties(tmp_path: Path) -> Parties:
    return make_parties(tmp_path / "parties")


@pytest.fixture
def service(parties: Parties, tmp_path: Path) -> Iterator[AnalysisService]:
    with opened(config_of(parties, tmp_path)) as service:
        with served(service) as address, deliverers(parties, address) as providers:
            deliver_all(providers)
        yield service


@pytest.fixture
def ana(parties: Parties, service: AnalysisService) -> Iterator[Analysis]:
    keys = enrol(parties, service.config, "ana")["ana"]
    with served(service) as address, asking(parties, keys, address) as analysis:
        yield analysis


def declare(parties: Parties, service: AnalysisService) -> DeclaredRates:
    pair = PairRates(
        providers=("border", "tax"),
        precision_per_mille=1000,
        precision_error_per_mille=0,
        recall_per_mille=800,
        recall_error_per_mille=30,
        correlation_per_cent=0,
    )
    agreement = parties.verified
    rates = DeclaredRates(
        lineage=agreement.document.lineage, agreement=agreement.hash.hex(), wave="w1", run="5e" * 32, pairs=(pair,)
    )
    signed = sign_rates(rates, parties.keys[LINKAGE_UNIT].identity, agreement)
    return keep_rates(service.config.data, signed, agreement)


def test_an_analyst_gets_raw_and_corrected_figures_with_what_was_declared(
    parties: Parties, service: AnalysisService, ana: Analysis
) -> None:
    rates = declare(parties, service)
    table = ana.answer(OVERLAP, "w1", new_idempotency_key()).release
    assert table.covers == "noise and linkage"
    assert table.declared_rates == rates.model_dump(mode="json")
    both, first, second = table.cells
    for cell in table.cells:
        assert cell.corrected is not None
        assert cell.low is not None
        assert cell.high is not None
        assert cell.corrected.high - cell.corrected.low >= cell.high - cell.low
    assert both.corrected is not None
    assert both.value is not None
    gained = both.corrected.value - both.value
    assert gained == int(both.value / 0.8 - both.value + 0.5)
    for half in (first, second):
        assert half.corrected is not None
        assert half.value is not None
        assert abs(half.value - half.corrected.value - gained) <= 1


def test_a_table_without_declared_rates_says_noise_only(ana: Analysis) -> None:
    table = ana.answer(OVERLAP, "w1", new_idempotency_key()).release
    assert table.covers == "noise"
    assert table.explanation == "noise only: no rates of the links of border and tax are declared"
    assert table.declared_rates is None


def test_rates_changed_in_the_store_answer_nobody_and_cost_nothing(
    parties: Parties, service: AnalysisService, ana: Analysis
) -> None:
    declare(parties, service)
    kept = service.config.data / FOLDER / "w1.json"
    kept.write_bytes(kept.read_bytes().replace(b'"recall_per_mille":800', b'"recall_per_mille":500'))
    with pytest.raises(RemoteRefusal) as refused:
        ana.answer(OVERLAP, "w1", new_idempotency_key())
    assert refused.value.code in (Code.TAMPERED, Code.INTERNAL)
    assert not service.ledger.entries(parties.verified.document.lineage)
