"""Rates from a really linked wave to the analysis service, by the commands of both operators."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from linkage_core.agreement.declared_rates import sign_rates, verify_rates
from linkage_core.errors import InputFault, Refused, Tampered
from services.cli.agreement import app as agreement_app
from services.cli.analysis import app as analysis_app
from services.cli.linkage_unit import app as linkage_unit_app
from services.common.errors import Conflict, NotReady
from tests.integration.test_link_quality_commands import Linked, linked_in, parties_who
from tests.support import analysis
from tests.support.parties import LINKAGE_UNIT, Parties, make_parties


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    folder = tmp_path_factory.mktemp("parties")
    matching = parties_who(folder, combination="fellegi-sunter").verified.document.matching.model_dump(mode="json")
    retention = {"clks_days": 3650, "registry_days": 3650, "payload_days": 365}
    return make_parties(folder / "keeping", matching=matching, retention=retention)


@pytest.fixture(scope="module")
def linked(parties: Parties, tmp_path_factory: pytest.TempPathFactory) -> Linked:
    return linked_in(tmp_path_factory.mktemp("linked"), parties)


@pytest.fixture(scope="module")
def service(parties: Parties, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration file of an analysis service that has taken the agreement into force."""
    folder = tmp_path_factory.mktemp("service")
    config = analysis.config_of(parties, folder)
    with analysis.opened(config):
        pass
    file = folder / "analysis.toml"
    settings = config.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    return file


def declare(linked: Linked, output: Path, *arguments: str, wave: str = "w1") -> Result:
    line = ["declare-rates", "--config", str(linked.file), "--wave", wave, "-o", str(output), *arguments]
    return CliRunner().invoke(linkage_unit_app, line)


def rates(service: Path, command: str, *arguments: str) -> Result:
    return CliRunner().invoke(analysis_app, ["rates", command, "--config", str(service), *arguments])


def test_what_the_linkage_unit_declares_is_kept_by_the_analysis_service_once(
    linked: Linked, service: Path, parties: Parties, tmp_path: Path
) -> None:
    output = tmp_path / "rates.json"
    done = declare(linked, output, "--trials", "2")
    assert done.exit_code == 0, done.output
    declared = json.loads(done.stdout)
    assert {tuple(pair["providers"]) for pair in declared["pairs"]} == {
        ("border", "register"),
        ("border", "tax"),
        ("register", "tax"),
    }
    assert declared["sensitivity"]["trials"] == 2
    assert b"." not in output.read_bytes(), "every figure is a whole number"

    assert "no rates" in rates(service, "show", "--wave", "w1").stderr
    added = rates(service, "add", str(output))
    assert added.exit_code == 0, added.output
    assert json.loads(added.stdout) == declared
    assert json.loads(rates(service, "show", "--wave", "w1").stdout) == declared
    assert rates(service, "add", str(output)).exit_code == 0

    other = verify_rates(output.read_bytes(), parties.verified).model_copy(update={"pairs": ()})
    output.write_bytes(sign_rates(other, parties.keys[LINKAGE_UNIT].identity, parties.verified))
    assert isinstance(rates(service, "add", str(output)).exception, Conflict)


def test_rates_that_somebody_changed_are_refused(linked: Linked, service: Path, tmp_path: Path) -> None:
    output = tmp_path / "rates.json"
    assert declare(linked, output).exit_code == 0
    output.write_bytes(output.read_bytes().replace(b'"wave":"w1"', b'"wave":"w2"'))
    assert isinstance(rates(service, "add", str(output)).exception, Tampered)
    assert "no rates" in rates(service, "show", "--wave", "w2").stderr


def test_rates_are_corrected_by_simulated_linkages_and_those_are_declared_with_them(
    linked: Linked, tmp_path: Path
) -> None:
    figures: dict[str, Any] = {
        "errors": "usual",
        "records": 600,
        "linkages": 100,
        "precision_shift_per_mille": 0,
        "precision_spread_per_mille": 300,
        "recall_shift_per_mille": 0,
        "recall_spread_per_mille": 300,
        "correlation_per_cent": 0,
    }
    simulated, plain, corrected = (tmp_path / name for name in ("simulated.json", "plain.json", "corrected.json"))
    simulated.write_text(json.dumps(figures))
    assert declare(linked, plain).exit_code == 0
    assert declare(linked, corrected, "--simulated", str(simulated)).exit_code == 0
    before, after = (json.loads(file.read_bytes())["rates"] for file in (plain, corrected))
    assert before["simulated"] is None
    assert after["simulated"]["errors"] == "usual"
    for one, other in zip(before["pairs"], after["pairs"], strict=True):
        assert other["precision_error_per_mille"] <= one["precision_error_per_mille"]
    simulated.write_text(json.dumps(figures | {"linkages": 0, "errors": ""}))
    refused = declare(linked, corrected, "--simulated", str(simulated)).exception
    assert isinstance(refused, InputFault)
    assert len(refused.faults) == 2


def test_how_far_a_row_moves_the_linkage_is_measured_while_encodings_are_kept(tmp_path: Path) -> None:
    linked = linked_in(tmp_path, parties_who(tmp_path, combination="fellegi-sunter"))
    refused = declare(linked, tmp_path / "rates.json", "--trials", "1").exception
    assert isinstance(refused, InputFault)
    assert "retention.clks_days" in str(refused)


def test_a_wave_that_is_not_linked_yet_has_nothing_to_declare(linked: Linked, tmp_path: Path) -> None:
    assert isinstance(declare(linked, tmp_path / "rates.json", wave="w2").exception, NotReady)


def test_linkage_is_simulated_as_the_agreement_says(parties: Parties, tmp_path: Path) -> None:
    line = ["simulate-linkage", str(parties.agreement_file), "-o", str(tmp_path / "simulated.json")]
    small = ["--records", "250", "--linkages", "20"]
    done = CliRunner().invoke(agreement_app, [*line, *small, "--by", "sex"])
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "simulated.json").read_bytes())
    assert found == json.loads(done.stdout)
    assert (found["linkages"], found["records"]) == (20, 250)
    assert [group["category"] for group in found["groups"]][-1] == "unknown"

    refused = CliRunner().invoke(agreement_app, [*line, *small, "--errors", "none", "--by", "shoe-size"]).exception
    assert isinstance(refused, InputFault)
    assert len(refused.faults) == 2
    assert not isinstance(refused, Refused)
