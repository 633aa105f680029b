"""Cell-key perturbation from agreement to verified export, as docs/cell-keys.md has it."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from disclosure.errors import QueryFault
from disclosure.table import CELL_KEY
from linkage_core.errors import Tampered
from services.analysis.assembly import AnalysisService
from services.analysis.client import Analysis
from services.cli.main import app
from services.common.clock import system_clock
from services.common.errors import Code, RemoteRefusal
from tests.support.analysis import asking, config_of, deliver_all, deliverers, enrol, opened, served
from tests.support.parties import Parties, make_parties, statistics_of

STOCK: dict[str, Any] = {"measure": "stock", "at": "2023-01-01", "by": ["sex"], "accuracy": {"cell_key": True}}
DOCUMENT = (Path(__file__).parents[2] / "docs" / "cell-keys.md").read_text("utf-8")
CLAUSE, QUESTION = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
"""The agreement's clause and the question that the document shows."""

CELL_KEYS = {**tomllib.loads(CLAUSE)["statistics"]["cell_keys"], "tables": 5}


@dataclass(frozen=True)
class Office:
    """A service with a complete wave whose agreement allows five tables by cell keys, and its analyst."""

    parties: Parties
    service: AnalysisService
    service_config: Path
    analyst_config: Path
    ana: Analysis

    def command(self, *arguments: str) -> Result:
        result = CliRunner().invoke(app, [*arguments])
        assert result.exit_code == 0, result.output
        return result

    def query(self, command: str, *arguments: str) -> str:
        return self.command("query", command, "--config", str(self.analyst_config), *arguments).output


def _settings(settings: dict[str, Any], file: Path) -> Path:
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    return file


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    parties = make_parties(
        folder / "parties",
        statistics={**statistics_of(), "cell_keys": CELL_KEYS},
        validity={"valid_from": "2000-01-01", "valid_until": "2999-12-31"},
        waves=[{"name": "w1", "tokens_not_before": "2000-01-01T00:00:00Z"}],
        retention={"clks_days": 0, "registry_days": 300_000, "payload_days": 300_000},
    )
    config = config_of(parties, folder)
    file = _settings(config.model_dump(mode="json", exclude_none=True, exclude_defaults=True), folder / "analysis.toml")
    keys = enrol(parties, config, "ana")["ana"]
    with opened(config, clock=system_clock) as service, served(service) as address:
        analyst = {
            "agreement": str(parties.agreement_file),
            "keys": str(parties.keys_folder("ana")),
            "analysis_service": address,
        }
        with deliverers(parties, address) as providers:
            deliver_all(providers)
        with asking(parties, keys, address) as ana:
            yield Office(parties, service, file, _settings(analyst, folder / "analyst.toml"), ana)


@pytest.fixture
def question(tmp_path: Path) -> str:
    file = tmp_path / "stock.json"
    file.write_text(json.dumps(STOCK))
    return str(file)


def test_signatories_read_what_they_allow(office: Office) -> None:
    shown = office.command("agreement", "show", str(office.parties.agreement_file)).output
    assert "NOT DIFFERENTIALLY PRIVATE: 5 tables" in " ".join(shown.split())


def test_the_commands_say_what_the_document_shows(office: Office, tmp_path: Path) -> None:
    (tmp_path / "stock.toml").write_text(QUESTION)
    shown = DOCUMENT.split("$ symbolon query preview --config analyst.toml stock.toml\n")[1].split("\nbudget left")[0]
    previewed = office.query("preview", str(tmp_path / "stock.toml"))
    made = json.loads(office.command("analysis", "budget", "show", "--config", str(office.service_config)).stdout)
    left = CELL_KEYS["tables"] - made["not_differentially_private"]["tables"]
    assert shown.replace("\n20 more", f"\n{left} more") in previewed
    (title,) = [line for line in DOCUMENT.splitlines() if line.startswith("stock 2022-01-01 2023-01-01 by sex (")]
    ran = " ".join(office.query("run", str(tmp_path / "stock.toml")).split())
    assert title in ran
    assert "SD 1.4; cost no rho (cell-key perturbation, not differentially private)" in ran


def test_every_command_says_that_the_table_is_not_differentially_private(
    office: Office, question: str, tmp_path: Path
) -> None:
    previewed = office.query("preview", question)
    assert f"{CELL_KEY}: no rho covers this table" in previewed
    assert "price" not in previewed
    shown = " ".join(office.query("run", question).split())
    assert "not differentially private" in shown
    assert "The published rho does not cover this table" in shown
    header, *rows = office.query("run", question, "--format", "csv").splitlines()
    assert header.endswith(",mechanism")
    assert sum(f'"{CELL_KEY}"' in row for row in rows) == 3
    assert "asking is free" in office.query("preview", question)
    assert "not covered" in office.query("list")
    table = tmp_path / "stock.csv"
    office.query("export", "--question", question, "--output", str(table))
    files = [str(tmp_path / f"stock.{part}.json") for part in ("release", "provenance")]
    verified = office.command("query", "verify", *files, "--agreement", str(office.parties.agreement_file)).output
    assert f"no rho: {CELL_KEY}; entry" in " ".join(verified.split())
    # Whoever takes the label off is found out.
    release = Path(files[0])
    release.write_bytes(release.read_bytes().replace(CELL_KEY.encode(), b"discrete-gaussian"))
    forged = CliRunner().invoke(app, ["query", "verify", *files, "--agreement", str(office.parties.agreement_file)])
    assert isinstance(forged.exception, Tampered)


def test_every_export_carries_the_label(office: Office, tmp_path: Path) -> None:
    table = office.ana.run(STOCK)
    assert (table.attrs["mechanism"], table.attrs["nano_rho"], table.attrs["covers"]) == (
        CELL_KEY,
        None,
        "perturbation",
    )
    assert set(table["mechanism"]) == {CELL_KEY}
    csv, description, *_ = office.ana.export(table, tmp_path / "stock.csv")
    assert set(pd.read_csv(csv)["mechanism"]) == {CELL_KEY}
    facts = json.loads(description.read_bytes())
    assert facts["symbolon:MECHANISM"] == CELL_KEY
    assert "symbolon:NANO_RHO" not in facts
    parquet, *_ = office.ana.export(table, tmp_path / "stock.parquet")
    kept = json.loads(pq.read_schema(parquet).metadata[b"symbolon"])
    assert kept["INTERVAL_COVERS"] == "perturbation"
    assert "does not cover this table" in kept["PERTURBATION"]
    for form in ("sdmx-csv", "sdmx-ml"):
        written, *_ = office.ana.export(table, tmp_path / f"stock-{form}.xml", form)
        assert CELL_KEY in written.read_text()
    _, _, provenance = office.ana.export(table, tmp_path / "again.parquet")
    assert json.loads(provenance.read_bytes())["provenance"]["mechanism"] == CELL_KEY


def test_a_quality_report_sets_such_tables_apart(office: Office) -> None:
    noisy = office.ana.run({**STOCK, "accuracy": {"half_width": 10}})
    report = office.ana.report([office.ana.run(STOCK), noisy])
    shown = {fact.label: fact.value for fact in report.facts}
    assert shown["tables not differentially private"] == 1
    page = " ".join(report.to_html().split())
    assert "Every table with noise is protected by" in page
    assert "Not covered by that guarantee: stock" in page
    assert "does not cover them" in page
    alone = office.ana.report([office.ana.run(STOCK)]).to_html()
    assert "none of these tables is differentially private" in alone
    assert "is protected by zero-concentrated" not in alone


def test_figures_that_rest_on_noise_are_not_made_of_such_tables(office: Office) -> None:
    table = office.ana.run(STOCK)
    with pytest.raises(QueryFault, match="do not add up"):
        office.ana.reconcile([table])
    with pytest.raises(QueryFault, match="cell-key perturbation"):
        office.ana.simplified(table, round_to=5)


def test_a_restarted_service_gives_the_same_cell_the_same_value(office: Office) -> None:
    before = office.ana.run(STOCK)
    with opened(config_of(office.parties, office.service_config.parent), clock=system_clock) as restarted:
        assert restarted.record_key == office.service.record_key
        assert restarted.record_key.material != restarted.truncation_key.material
    # Another table, the same persons: counted anew, perturbed alike.
    again = office.ana.run({**STOCK, "where": [{"dimension": "sex", "in": ["f", "m"]}]})
    women = [frame[frame["sex"] == "f"]["value"].tolist() for frame in (before, again)]
    assert women[0] == women[1]
    assert again.attrs["release_id"] != before.attrs["release_id"]


def test_what_was_made_is_counted_beside_the_budget_until_no_more_is_allowed(office: Office) -> None:
    office.ana.run(STOCK)
    shown = json.loads(office.command("analysis", "budget", "show", "--config", str(office.service_config)).stdout)
    made = shown["not_differentially_private"]
    assert (made["mechanism"], made["allowed"]) == (CELL_KEY, 5)
    assert "does not cover" in made["note"]
    for left in range(5 - made["tables"]):
        office.ana.run({**STOCK, "at": f"2023-01-0{left + 2}"})
    with pytest.raises(RemoteRefusal) as refused:
        office.ana.run({**STOCK, "at": "2023-02-01"})
    assert refused.value.code is Code.REFUSED
    spent = json.loads(office.command("analysis", "budget", "show", "--config", str(office.service_config)).stdout)
    assert spent["not_differentially_private"]["tables"] == 5
    assert spent["spent"] == shown["spent"]
    status = json.loads(office.command("analysis", "status", "--config", str(office.service_config)).stdout)
    assert status["cell_key_tables"] == 5
