"""`symbolon analysis` and `symbolon query` as their users run them: the service as a process of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.analysis.config import load
from services.analysis.operating import check
from services.common.identity import Role
from tests.support.analysis import deliver_all, deliverers
from tests.support.parties import ANALYSIS, Parties, make_parties

ROOT = Path(__file__).resolve().parents[2]
# The commands read the machine's clock: this agreement is in force, and its payload kept, whenever they run.
VALIDITY = {"valid_from": "2000-01-01", "valid_until": "2999-12-31"}
RETENTION = {"clks_days": 0, "registry_days": 300_000, "payload_days": 300_000}
STOCK = 'measure = "stock"\nat = [2023-01-01]\nby = ["sex"]\naccuracy = { half_width = 10 }\n'


def command(group: str, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run one group of the command line as the console script would, and wait for it."""
    return subprocess.run(
        _line(group, *arguments), cwd=ROOT, check=False, capture_output=True, text=True, input=text, timeout=120
    )


def _line(group: str, *arguments: str) -> list[str]:
    start = f"from services.cli.outcome import run; from services.cli.{group} import app; run(app)"
    return [sys.executable, "-c", start, *arguments]


@dataclass(frozen=True)
class Place:
    """Folders and configuration files of a service and an analyst."""

    parties: Parties
    service: Path
    analyst: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("place")
    parties = make_parties(folder / "parties", validity=VALIDITY, retention=RETENTION)
    parties.stranger(Role.ANALYST, "ana")
    service = folder / "analysis.toml"
    service.write_text(
        f'agreement = "{parties.agreement_file}"\nkeys = "{parties.keys_folder(ANALYSIS)}"\ndata = "data"\n'
        'wraps = "secrets/wraps"\nkey_encryption_key = "secrets/kek"\nroster = "roster.json"\n'
        'anchor = "secrets/anchor.json"\nlisten = "127.0.0.1:0"\nanswer_step_seconds = 0\n'
    )
    return Place(parties, service, folder / "analyst.toml")


@pytest.fixture(scope="module")
def roster(place: Place) -> str:
    """The roster with one analyst, made by its commands."""
    unready = command("analysis", "check", "--config", str(place.service))
    assert unready.returncode == 2
    assert "roster new" in unready.stdout
    assert command("analysis", "roster", "new", "--config", str(place.service)).returncode == 0
    key_file = place.parties.keys_folder("ana") / "party.json"
    added = command("analysis", "roster", "add", "--config", str(place.service), str(key_file))
    assert added.returncode == 0
    return added.stdout.strip()


@pytest.fixture(scope="module")
def address(place: Place, roster: str) -> Iterator[str]:
    """A serving process with a complete wave."""
    process = subprocess.Popen(
        _line("analysis", "serve", "--config", str(place.service)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    said = process.stdout.readline().split()
    assert said[:2] == ["listening", "on"]
    with deliverers(place.parties, said[2]) as providers:
        deliver_all(providers)
    place.analyst.write_text(
        f'agreement = "{place.parties.agreement_file}"\nkeys = "{place.parties.keys_folder("ana")}"\n'
        f'analysis_service = "{said[2]}"\n'
    )
    yield said[2]
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=60)
    assert process.returncode == 0
    for line in log.splitlines():
        json.loads(line)  # nothing but structured lines


def test_the_roster_names_who_was_added(place: Place, roster: str) -> None:
    shown = command("analysis", "roster", "show", "--config", str(place.service))
    assert [analyst["spiffe_id"] for analyst in json.loads(shown.stdout)["analysts"]] == [roster]
    again = command("analysis", "roster", "add", "--config", str(place.service), str(place.parties.keys_folder("ana")))
    assert again.returncode == 3
    assert command("analysis", "roster", "new", "--config", str(place.service)).returncode == 2
    assert command("analysis", "check", "--config", str(place.service)).returncode == 0


def test_check_tells_that_the_agreement_has_expired(place: Place, roster: str) -> None:
    config = load(place.service)
    assert check(config, lambda: datetime(2999, 12, 31, 23, tzinfo=UTC)) == []
    (finding,) = check(config, lambda: datetime(3000, 1, 1, tzinfo=UTC))
    assert "validity.valid_until" in finding


def test_who_is_removed_from_the_roster_is_gone(place: Place, roster: str) -> None:
    place.parties.stranger(Role.ANALYST, "bob")
    config = ("--config", str(place.service))
    assert command("analysis", "roster", "add", *config, str(place.parties.keys_folder("bob"))).returncode == 0
    assert command("analysis", "roster", "remove", *config, "bob").returncode == 0
    shown = command("analysis", "roster", "show", *config)
    assert [analyst["spiffe_id"] for analyst in json.loads(shown.stdout)["analysts"]] == [roster]
    assert command("analysis", "roster", "remove", *config, "bob").returncode == 2


def test_an_analyst_previews_asks_and_lists(place: Place, address: str, tmp_path: Path) -> None:
    question = tmp_path / "stock.toml"
    question.write_text(STOCK)
    config = str(place.analyst)
    preview = command("query", "preview", "--config", config, str(question))
    assert preview.returncode == 0, preview.stderr
    assert "± 10" in preview.stdout
    assert "budget left" in preview.stderr
    table = command("query", "run", "--config", config, str(question))
    assert table.returncode == 0, table.stderr
    assert "unknown" in table.stdout
    csv = command("query", "run", "--config", config, str(question), "--format", "csv")
    assert csv.stdout.splitlines()[0] == "date,sex,value,low,high,noise_sd,flags"
    assert len(csv.stdout.splitlines()) == 4
    released = command("query", "run", "--config", config, "-", "--format", "json", text=STOCK)
    assert json.loads(released.stdout)["noised"][0]["half_width"] == 10
    listed = command("query", "list", "--config", config, "--format", "json")
    (known,) = json.loads(listed.stdout)
    for which in ([known["release_id"]], ["--question", str(question)]):
        exported = command("query", "export", "--config", config, *which, "--output", str(tmp_path / "stock.parquet"))
        assert exported.returncode == 0, exported.stderr
        files = [str(tmp_path / f"stock.{kind}.json") for kind in ("release", "provenance")]
        assert exported.stdout.split() == [str(tmp_path / "stock.parquet"), *files]
        verified = command("query", "verify", *files, "--agreement", str(place.parties.agreement_file))
        assert f"release {known['release_id']}: 3 cells" in verified.stdout
    assert command("query", "export", "--config", config, "--output", str(tmp_path / "t.csv")).returncode == 2


def test_exit_codes_tell_what_to_do(place: Place, address: str) -> None:
    config = str(place.analyst)
    assert command("query", "run", "--config", config, "-", text="measure = 'rows'").returncode == 2
    assert command("query", "run", "--config", config, "-", text="no question").returncode == 2
    assert command("query", "run", "--config", config, "missing.toml").returncode == 2
    dear = STOCK.replace("half_width = 10", "nano_rho = 400000000")
    refused = command("query", "run", "--config", config, "-", text=dear)
    assert refused.returncode == 3
    assert "budget.per_release_nano_rho" in refused.stderr
    assert command("query", "run", "--config", config, "-", "--wave", "w2", text=STOCK).returncode == 4


def test_the_operator_sees_who_delivered_and_closes_the_wave(place: Place, address: str) -> None:
    config = str(place.service)
    seen = json.loads(command("analysis", "status", "--config", config).stdout)
    assert seen["state"] == "in-force"
    assert seen["nano_rho_left"] == 1_000_000_000 - 19_207_299 * seen["releases"]
    assert seen["waves"]["w1"] == {"delivered": ["border", "register", "tax"], "closed": False}
    closed = command("analysis", "close-wave", "--config", config, "--wave", "w1")
    assert "keys destroyed" in closed.stdout
    assert json.loads(command("analysis", "status", "--config", config).stdout)["waves"]["w1"]["closed"]


def test_configurations_are_shown_and_exemplified(place: Place) -> None:
    shown = json.loads(command("analysis", "show-config", "--config", str(place.service)).stdout)
    assert shown["memory_limit"] == "2GB"
    assert command("analysis", "example").stdout.startswith("agreement = ")
