"""A whole small system whose processes can be killed anywhere: services at fixed addresses, agents that start anew."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from services.analysis.client import Analysis
from services.common.channel import open_channel
from services.common.clock import system_clock
from services.common.identity import Role
from services.common.keystore import PartyKeys
from services.demo.processes import free_port
from services.provider_agent.agent import Agent
from services.wire.convert.queries import Answer
from tests.support import analysis, linkage
from tests.support.agents import Files, Office, write_files
from tests.support.mortal import NEVER, small_chunks
from tests.support.parties import ANALYSIS, LINKAGE_UNIT, PROVIDERS, REALM, Parties, make_parties
from tests.support.wiretap import Heard, tapped_channels

ROOT: Final = Path(__file__).parents[2]
PEOPLE: Final = 150
"""At each provider, the same everywhere."""
WAVE: Final = "w1"
PATIENCE_SECONDS: Final = 120


class Service:
    """A service's process, which dies and is started again at the same address with what is on disk."""

    def __init__(self, group: str, config: Path, tap: Path) -> None:
        self._group = group
        self._config = config
        self._tap = tap
        self._process: subprocess.Popen[str] | None = None
        self.deaths = 0

    def start(self, point: str = NEVER) -> None:
        """Start it, to be killed at a point; it takes calls when this returns."""
        self._process = start(self._tap, point, self._config, self._group, "serve")
        assert self._process.stdout is not None
        assert "listening" in self._process.stdout.readline(), self._log()

    def dies(self) -> None:
        """Wait for its death by SIGKILL."""
        assert self._process is not None
        assert self._process.wait(PATIENCE_SECONDS) == -9, self._log()
        self.deaths += 1
        self.stop()

    def kill(self) -> None:
        """Kill it wherever it is."""
        assert self._process is not None
        self._process.kill()
        self.dies()

    def stop(self) -> None:
        """Leave nothing of it running."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _log(self) -> str:
        return (self._config.parent / "process.log").read_text()


def start(tap: Path, point: str, config: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start a command of `symbolon` that is killed at a point."""
    line = [sys.executable, "-m", "tests.support.mortal", str(tap), point, *arguments, "--config", str(config)]
    with (config.parent / "process.log").open("a") as log:
        return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT)


@dataclass(frozen=True, slots=True)
class Premises:
    """Everybody's folders, configurations and keys."""

    folder: Path
    parties: Parties
    offices: Mapping[str, Office]
    linkage: Service
    analysis: Service
    analysis_address: str
    analyst: PartyKeys
    heard: list[Heard] = field(default_factory=list)
    """What agents of this process heard and said."""

    @property
    def tap(self) -> Path:
        """Where messages of other processes are kept."""
        return self.folder / "tap"

    def step(self, provider: str, step: Callable[[Agent], Any]) -> Any:
        """Let a provider's agent take a step from what is on disk, as a new process would."""
        with (
            tapped_channels(self.heard.append),
            small_chunks(),
            self.offices[provider].agent(WAVE, clock=system_clock) as agent,
        ):
            return step(agent)

    def command(self, party: str, *arguments: str, point: str = NEVER) -> int:
        """Run a command as a process of its own, to be killed at a point; returns its exit code."""
        process = start(self.tap, point, self.folder / party / "config.toml", *arguments)
        process.communicate(timeout=PATIENCE_SECONDS)
        return process.returncode

    def ask(self, question: Mapping[str, Any]) -> Answer:
        """Ask a question."""
        keys = self.analyst
        channel = open_channel(self.analysis_address, keys.transport, REALM, Role.ANALYSIS_SERVICE, ANALYSIS)
        with Analysis(channel, keys, self.parties.verified) as client:
            return client.answer(question, WAVE)


@contextmanager
def premises(folder: Path) -> Iterator[Premises]:
    """Make everybody's folders, with an agreement in force on any day; no service runs yet."""
    parties = make_parties(
        folder / "parties",
        validity={"valid_from": "2000-01-01", "valid_until": "2999-12-31"},
        waves=[{"name": WAVE, "tokens_not_before": "2000-01-01T00:00:00Z"}],
        retention={"clks_days": 0, "registry_days": 36_500, "payload_days": 36_500},
    )
    tap = folder / "tap"
    tap.mkdir()
    unit_address, analysis_address = (f"127.0.0.1:{free_port()}" for _ in range(2))
    unit = linkage.config_of(parties, folder / LINKAGE_UNIT, listen=unit_address, analysis_service=analysis_address)
    service = analysis.config_of(parties, folder / ANALYSIS, listen=analysis_address)
    offices = {n: Office(parties, n, folder / n, unit_address, analysis_address) for n in PROVIDERS}
    for name, office in offices.items():
        write_files(office.folder, Files.of(name, PEOPLE))
        _write_config(office.folder, office.config(), wave=WAVE)
    linking = Service("linkage-unit", _write_config(folder / LINKAGE_UNIT, unit), tap)
    analysing = Service("analysis", _write_config(folder / ANALYSIS, service), tap)
    analyst = analysis.enrol(parties, service, "ana")["ana"]
    try:
        yield Premises(folder, parties, offices, linking, analysing, analysis_address, analyst)
    finally:
        linking.stop()
        analysing.stop()


def _write_config(folder: Path, config: BaseModel, **more: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    settings = config.model_dump(mode="json", exclude_none=True, exclude_defaults=True) | more
    path = folder / "config.toml"
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    return path
