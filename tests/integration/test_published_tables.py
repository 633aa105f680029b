"""From a real service to files and back: exports with signed provenance, old releases by id, margins and accounts."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from disclosure.balances import Caps
from disclosure.entries import Charge
from disclosure.errors import QueryFault
from linkage_core.errors import Tampered
from services.analysis.assembly import AnalysisService
from services.analysis.client import Analysis
from services.analysis.provenance import verify_provenance
from services.cli.main import app
from services.common.errors import Code, RemoteRefusal
from services.wire.convert import queries
from tests.support.analysis import asking, config_of, deliver_all, deliverers, enrol, opened, served
from tests.support.parties import Parties, make_parties

STOCK: dict[str, Any] = {"measure": "stock", "at": "2023-01-01", "by": ["sex"], "accuracy": {"half_width": 10}}
TOTAL: dict[str, Any] = {**STOCK, "by": [], "accuracy": {"half_width": 8}}
YEARS: dict[str, Any] = {"by": ["sex"], "accuracy": {"half_width": 30}}


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


@pytest.fixture(scope="module")
def service(parties: Parties, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnalysisService]:
    folder = tmp_path_factory.mktemp("service")
    with opened(config_of(parties, folder)) as service:
        with served(service) as address, deliverers(parties, address) as providers:
            deliver_all(providers)
        yield service


@pytest.fixture(scope="module")
def ana(parties: Parties, service: AnalysisService) -> Iterator[Analysis]:
    own = replace(parties, folder=service.config.data)
    keys = enrol(own, service.config, "ana")["ana"]
    with served(service) as address, asking(parties, keys, address) as analysis:
        yield analysis


def entries(service: AnalysisService) -> int:
    return len(service.ledger.entries(service.agreement.document.lineage))


def test_an_old_release_comes_back_by_its_id_or_its_question_and_costs_nothing(
    service: AnalysisService, ana: Analysis
) -> None:
    table = ana.run(STOCK)
    before = entries(service)
    again = ana.table(table.attrs["release_id"])
    assert again.equals(table)
    assert not again.attrs["charged"]
    assert ana.find({**STOCK, "by": "sex", "at": ["2023-01-01"]}) == table.attrs["release_id"]
    assert entries(service) == before
    with pytest.raises(QueryFault, match="not released yet"):
        ana.find({**STOCK, "at": "2022-01-01"})
    with pytest.raises(RemoteRefusal) as refused:
        ana.table("0" * 32)
    assert refused.value.code is Code.BAD_INPUT


def test_a_table_of_another_project_is_not_handed_out_by_its_id(service: AnalysisService, ana: Analysis) -> None:
    known = service.ledger.find_release(service.agreement.document.lineage, ana.run(STOCK).attrs["release_id"])
    assert known is not None
    entry, table = known
    charge = Charge(
        entry.lineage, entry.agreement_hash, "another", entry.wave, "zoe", "0" * 64, 1_000, entry.at, "asking-1"
    )
    reserved = service.ledger.reserve(charge, Caps.of(service.agreement.document.budget))
    other = service.ledger.record(reserved, table.to_json(), entry.at)
    with pytest.raises(RemoteRefusal) as refused:
        ana.table(other.release_id)
    assert refused.value.code is Code.BAD_INPUT


def test_an_export_names_what_broke_the_series(ana: Analysis, tmp_path: Path) -> None:
    first, later = ana.run(STOCK), ana.run({**STOCK, "rule": {"minimum_months": 0}})
    path, *_ = ana.export(later, tmp_path / "t.parquet", previous=first.attrs["release_id"])
    facts = json.loads(pq.read_schema(path).metadata[b"symbolon"])
    assert facts["BREAK_IN_SERIES"] == "the residence rule is another"
    assert facts["PREVIOUS_RELEASE"] == first.attrs["release_id"]


def test_an_exported_table_is_verified_off_line_and_a_changed_figure_is_found(
    parties: Parties, ana: Analysis, tmp_path: Path
) -> None:
    table = ana.run(STOCK)
    written = ana.export(table, tmp_path / "stock.csv")
    assert [path.name for path in written] == [
        "stock.csv", "stock.csv-metadata.json", "stock.release.json", "stock.provenance.json",
    ]  # fmt: skip
    assert pd.read_csv(written[0])["value"].tolist() == table["value"].tolist()
    files = [str(tmp_path / "stock.release.json"), str(tmp_path / "stock.provenance.json")]
    command = ["query", "verify", *files, "--agreement", str(parties.agreement_file)]
    told = CliRunner().invoke(app, command)
    assert told.exit_code == 0, told.output
    assert table.attrs["release_id"] in told.output
    release = tmp_path / "stock.release.json"
    value = int(table["value"][0])
    changed = release.read_bytes().replace(f'"value":{value}'.encode(), f'"value":{value + 1}'.encode())
    with pytest.raises(Tampered, match="the table is not the one that was released"):
        verify_provenance(changed, (tmp_path / "stock.provenance.json").read_bytes(), parties.verified)
    release.write_bytes(changed)
    assert isinstance(CliRunner().invoke(app, command).exception, Tampered)


def test_a_client_does_not_take_an_answer_whose_table_was_changed_on_the_way(
    ana: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana.run(STOCK)
    read = queries.run_query_response_from_wire

    def altered(parts: Any) -> queries.Answer:
        answer = read(parts)
        first, *others = answer.release.cells
        return replace(answer, release=replace(answer.release, cells=(replace(first, value=9_999), *others)))

    monkeypatch.setattr("services.wire.convert.queries.run_query_response_from_wire", altered)
    with pytest.raises(Tampered, match="the table is not the one that was released"):
        ana.run(STOCK)


def test_a_quality_report_is_drafted_from_what_was_released(service: AnalysisService, ana: Analysis) -> None:
    tables = [ana.run(STOCK), ana.run(TOTAL)]
    before = entries(service)
    found = ana.report([tables[0], tables[1].attrs["release_id"]])
    assert entries(service) == before
    shown = {fact.label: fact.value for fact in found.facts}
    assert shown["tables"] == 2
    assert shown["cells"] == 4
    assert shown["rho of these tables"] == pytest.approx(sum(t.attrs["nano_rho"] for t in tables) / 1e9)


def test_margins_that_were_measured_apart_agree_with_their_cells(ana: Analysis) -> None:
    fine, coarse = ana.reconcile([ana.run(STOCK), ana.run(TOTAL)])
    assert fine["value"].sum() == pytest.approx(coarse["value"][0])
    assert (fine["sd"] <= fine["raw_sd"]).all()
    assert fine["raw_value"].tolist() == ana.run(STOCK)["value"].tolist()
    with pytest.raises(QueryFault, match="not of one population"):
        ana.reconcile([ana.run(STOCK), ana.run({**TOTAL, "at": "2022-01-01"})])


def test_stock_and_flows_stand_in_one_account_and_agree_with_a_stated_other_change(ana: Analysis) -> None:
    parts = (
        ana.run({**YEARS, "measure": "stock", "at": ["2022-01-01", "2023-01-01"]}),
        ana.run({**YEARS, "measure": "inflow", "over": 2022}),
        ana.run({**YEARS, "measure": "outflow", "over": 2022}),
    )
    shown = ana.account(*parts)
    assert not shown.attrs["adjusted"]
    assert "births, deaths" in shown.attrs["residual_is_of"]
    assert (
        shown["residual"].tolist()
        == (shown["stock_end"] - shown["stock_start"] - shown["inflow"] + shown["outflow"]).tolist()
    )
    agreeing = ana.account(*parts, other_change=(0.0, 1.0))
    left = agreeing["stock_end"] - agreeing["stock_start"] - agreeing["inflow"] + agreeing["outflow"]
    assert left.to_numpy() == pytest.approx(agreeing["other_change"].to_numpy(), abs=1e-8)


def test_a_table_of_summed_cells_is_attested_with_the_release_that_it_came_from(
    parties: Parties, service: AnalysisService, ana: Analysis, tmp_path: Path
) -> None:
    source = ana.run({**STOCK, "at": "2021-06-01"})
    before = entries(service)
    summed = ana.run({**STOCK, "at": "2021-06-01", "by": [], "accuracy": {"half_width": 60}})
    assert entries(service) == before
    assert summed.attrs["derived_from"] == source.attrs["release_id"]
    release, provenance, *_ = ana.export(summed, tmp_path / "total.json")
    table, manifest = verify_provenance(release.read_bytes(), provenance.read_bytes(), parties.verified)
    assert [cell.value for cell in table.cells] == [source["value"].sum()]
    assert manifest.derived_from == source.attrs["release_id"]
    assert manifest.nano_rho == 0
    assert manifest.ledger_result != manifest.result
    with pytest.raises(QueryFault, match="cells of it summed"):
        ana.reconcile([source, summed])
