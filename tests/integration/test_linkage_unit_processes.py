"""The linkage unit as its operator runs it: processes that are killed and started again, and the command line."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pytest

from linkage_core.types import PartyName
from services.linkage_unit.config import load
from services.linkage_unit.service import check
from services.wire.convert.signed import open_message
from services.wire.messages import SignedStatement, TokenBatchHeader, TransferState
from tests.support.linkage import chunks_of, connected, encode_people, manifest_of
from tests.support.parties import ANALYSIS, LINKAGE_UNIT, Parties, make_parties

PEOPLE = {"register": range(100), "border": range(50, 150), "tax": range(90, 170)}
CLI = [sys.executable, "-m", "services.cli"]


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    """Parties of an agreement in force whenever the test runs: processes read the machine's clock."""
    return make_parties(
        tmp_path_factory.mktemp("parties"),
        validity={"valid_from": "2000-01-01", "valid_until": "2999-12-31"},
        waves=[{"name": "w1", "tokens_not_before": "2000-01-01T00:00:00Z"}],
    )


def configuration(parties: Parties, folder: Path, party: str, **more: str) -> Path:
    settings = {
        "agreement": str(parties.agreement_file),
        "keys": str(parties.keys_folder(party)),
        "data": "data",
        "wraps": "secrets/wraps",
        "key_encryption_key": "secrets/kek",
        "listen": "127.0.0.1:0",
        **more,
    }
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "config.toml"
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    return file


@contextmanager
def serving(group: str, config: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a service while the block lasts; gives the process and its address."""
    with (config.parent / "process.log").open("a") as log, started(group, config, log) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "127.0.0.1:" in line, (config.parent / "process.log").read_text()
        yield process, line.split()[-1]


@contextmanager
def started(group: str, config: Path, log: IO[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*CLI, group, "serve", "--config", str(config)], stdout=subprocess.PIPE, stderr=log, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def command(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [*CLI, "linkage-unit", *arguments, "--config", str(config)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def test_a_wave_survives_killed_processes_from_the_first_chunk_to_the_tokens(parties: Parties, tmp_path: Path) -> None:
    config = configuration(parties, tmp_path / "linkage", LINKAGE_UNIT, analysis_service="127.0.0.1:1")
    files = {name: encode_people(name, people) for name, people in PEOPLE.items()}
    chunks = chunks_of(files["tax"])
    manifest = manifest_of(parties, 80, chunks)

    with serving("linkage-unit", config) as (process, address), connected(parties, address) as providers:
        for provider in providers.values():
            provider.check()
        signed = providers["tax"].sign(manifest, "w1")
        state = providers["tax"].begin("attempt", signed)
        providers["tax"].put(state.transfer_id, chunks[:1])
        process.kill()

    with serving("linkage-unit", config) as (process, address), connected(parties, address) as providers:
        assert providers["tax"].begin("attempt", signed) == TransferState(state.transfer_id, 1, False)
        providers["tax"].put(state.transfer_id, chunks[1:], first=1)
        assert providers["tax"].commit(state.transfer_id, manifest.root) == 80
        for name in ("register", "border"):
            providers[name].upload(files[name])

        early = command(config, "link", "--wave", "w1")
        assert early.returncode == 4, early.stderr  # the analysis service does not answer: try again later
        analysis = configuration(
            parties, tmp_path / "analysis", ANALYSIS, roster="roster.json", anchor="secrets/anchor.json"
        )
        with serving("analysis", analysis) as (_, analysis_address):
            configuration(parties, tmp_path / "linkage", LINKAGE_UNIT, analysis_service=analysis_address)
            done = command(config, "link", "--wave", "w1")
        assert done.returncode == 0, done.stderr
        again = command(config, "link", "--wave", "w1")
        assert "had been made before" in again.stdout

        header, *_ = providers["tax"].tokens()
        assert isinstance(header, SignedStatement)
        opened = open_message(
            header,
            TokenBatchHeader,
            sender=LINKAGE_UNIT,
            sender_key=parties.verified.identity_key(LINKAGE_UNIT),
            recipient=PartyName("tax"),
            context=parties.verified.context("w1"),
        )
        assert opened.row_count == 80

    status = json.loads(command(config, "status", "--json").stdout)
    assert status["waves"][0]["state"] == "ready"
    assert status["waves"][0]["counts"]["groups"] == 170
    assert "wave w1: ready" in command(config, "status").stdout


DEATHS = (
    "before services.linkage_unit.runner:inherit_groups 1",
    "before services.linkage_unit.registry:write_frames 2",
    "after services.linkage_unit.runner:keep_registry 1",
    "after services.linkage_unit.store.runs:RunStore.complete 1",
    "before services.common.sealing:DataKeys.destroy 2",
)
"""Points of an incremental run at which its process dies, each time a little later."""


def test_an_incremental_wave_survives_the_death_of_its_process_at_every_step(tmp_path: Path) -> None:
    parties = make_parties(
        tmp_path / "parties",
        validity={"valid_from": "2000-01-01", "valid_until": "2999-12-31"},
        waves=[
            {"name": "w1", "tokens_not_before": "2000-01-01T00:00:00Z"},
            {"name": "w2", "kind": "incremental", "tokens_not_before": "2000-01-01T00:00:00Z"},
        ],
        retention={
            "clks_days": 0,
            "registry_days": 365,
            "registry_encodings_until": "2999-12-31",
            "payload_days": 365,
        },
    )
    config = configuration(parties, tmp_path / "linkage", LINKAGE_UNIT, analysis_service="127.0.0.1:1")
    analysis = configuration(
        parties, tmp_path / "analysis", ANALYSIS, roster="roster.json", anchor="secrets/anchor.json"
    )
    (tmp_path / "taps").mkdir()
    with serving("analysis", analysis) as (_, analysis_address):
        configuration(parties, tmp_path / "linkage", LINKAGE_UNIT, analysis_service=analysis_address)
        for wave, people in (("w1", PEOPLE), ("w2", {name: range(165, 180) for name in PEOPLE})):
            with serving("linkage-unit", config) as (_, address), connected(parties, address) as providers:
                for provider in providers.values():
                    provider.check()
                for name, provider in providers.items():
                    provider.upload(encode_people(name, people[name]), wave)
            for death in DEATHS if wave == "w2" else ():
                dying = [sys.executable, "-m", "tests.support.mortal", str(tmp_path / "taps"), death]
                line = [*dying, "linkage-unit", "link", "--wave", wave, "--config", str(config)]
                assert subprocess.run(line, capture_output=True, check=False).returncode == -signal.SIGKILL, death
            assert command(config, "link", "--wave", wave).returncode == 0

    first, second = json.loads(command(config, "changes", "--json").stdout)["waves"]
    assert (first["groups"]["new"], second["groups"]["new"], second["groups"]["kept"]) == (170, 10, 170)
    assert second["events"] == {"created": {"new": 10}}
    assert len(list((tmp_path / "linkage" / "secrets" / "wraps").glob("registry.*"))) == 1
    assert len(list((tmp_path / "linkage" / "data" / "sealed" / "registry").iterdir())) == 1


def test_the_command_line_names_every_fault_of_a_configuration(parties: Parties, tmp_path: Path) -> None:
    config = configuration(parties, tmp_path, LINKAGE_UNIT, listen="nowhere", colour="red")
    outcome = command(config, "check")
    assert outcome.returncode == 2
    for setting in ("listen", "colour", "analysis_service"):
        assert setting in outcome.stderr


def test_check_finds_keys_of_another_party(parties: Parties, tmp_path: Path) -> None:
    config = configuration(parties, tmp_path, ANALYSIS, analysis_service="127.0.0.1:1")
    outcome = command(config, "check")
    assert outcome.returncode == 2
    assert "expected linkage-unit" in outcome.stdout
    good = configuration(parties, tmp_path, LINKAGE_UNIT, analysis_service="127.0.0.1:1")
    assert command(good, "check").returncode == 0


def test_check_tells_that_the_agreement_has_expired(parties: Parties, tmp_path: Path) -> None:
    config = load(configuration(parties, tmp_path, LINKAGE_UNIT, analysis_service="127.0.0.1:1"))
    assert check(config, lambda: datetime(2999, 12, 31, 23, tzinfo=UTC)) == []
    (finding,) = check(config, lambda: datetime(3000, 1, 1, tzinfo=UTC))
    assert "validity.valid_until" in finding


def test_linking_before_the_first_serve_is_too_early(parties: Parties, tmp_path: Path) -> None:
    config = configuration(parties, tmp_path, LINKAGE_UNIT, analysis_service="127.0.0.1:1")
    outcome = command(config, "link", "--wave", "w1")
    assert outcome.returncode == 4
    assert "serve" in outcome.stderr


def test_the_example_configuration_is_one(tmp_path: Path) -> None:
    example = subprocess.run([*CLI, "linkage-unit", "example"], capture_output=True, text=True, check=True).stdout
    file = tmp_path / "config.toml"
    file.write_text(example)
    shown = json.loads(command(file, "show-config").stdout)
    assert shown["data"] == str(tmp_path / "data")
