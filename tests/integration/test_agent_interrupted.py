"""Ctrl-C in the middle of a step: the real command stops, says so, leaves nothing half-done, and goes on later."""

import subprocess
import sys
from collections.abc import Iterator
from unittest import mock

import pytest

from services.provider_agent import pipeline
from services.provider_agent.outbox import Artefact, Record
from services.provider_agent.upload import own_manifest
from tests.support.agents import CANARIES, Office
from tests.support.premises import ROOT
from tests.support.waves import PEOPLE, running_world

POINTS = {
    "while a block is read": "services.provider_agent.identities:_local_ids 6",
    "while a block is encoded": "services.provider_agent.shuffle:Shuffle.add 2",
    "while chunks are written": "services.provider_agent.encode:encoded_chunk_to_bytes 3",
}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One of three whose secret is agreed on, and who have encoded nothing."""
    with running_world(tmp_path_factory.mktemp("interrupted")) as world:
        with mock.patch.object(pipeline, "encode_wave"):
            world.encode_all()
        office = world.offices["border"]
        lines = [f'{key} = "{value}"\n' for key, value in office.config().model_dump(exclude_none=True).items()]
        (office.folder / "agent.toml").write_text('wave = "w1"\n' + "".join(lines))
        yield office


def encode(office: Office, point: str | None) -> "subprocess.CompletedProcess[str]":
    module = ["tests.support.interrupted", point] if point else ["services.cli"]
    command = [sys.executable, "-m", *module, "agent", "encode", "--config", str(office.folder / "agent.toml")]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, cwd=ROOT)


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS.keys())
def test_ctrl_c_stops_the_command_at_once_and_leaves_nothing_half_done(office: Office, point: str) -> None:
    stopped = encode(office, point)
    assert stopped.returncode == 130
    assert stopped.stdout == ""
    assert stopped.stderr.splitlines()[-1] == "stopped; the same command goes on where it was"
    assert "Traceback" not in stopped.stderr
    assert not [value for value in CANARIES if value in stopped.stderr]
    wave = [path.name for path in (office.folder / "state" / "waves").rglob("*")]
    assert not [name for name in wave if name.endswith((".new", ".record")) or "bucket" in name or name == "spill"]
    with office.agent() as agent:
        assert not agent.outbox.has(Record.UPLOAD_MANIFEST)
        assert not pipeline.status(agent)["encode"]


def test_after_it_was_stopped_the_same_command_goes_on_to_the_end(office: Office) -> None:
    assert encode(office, POINTS["while chunks are written"]).returncode == 130
    done = encode(office, None)
    assert (done.returncode, done.stdout) == (0, f"wave w1: {PEOPLE} people encoded into the outbox\n")
    with office.agent() as agent:
        assert own_manifest(agent).row_count == PEOPLE
        assert agent.outbox.holds(Artefact.UPLOAD)
