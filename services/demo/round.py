"""One wave through the demo's processes: the agents that encode, upload and deliver, and how far their uploads are."""

import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from services.demo.processes import Command, finish, start, stop
from services.demo.stage import LINKAGE_UNIT, Stage

if TYPE_CHECKING:
    from services.linkage_unit.status import WaveStatus

Agent = tuple[Command, subprocess.Popen[str]]
"""An agent's command and its process."""

PATIENCE_SECONDS: Final = 6 * 3600
"""How long the agents wait for the other parties; a large run takes its time."""
POLL_SECONDS: Final = 0.25


def start_agents(stage: Stage, processes: ExitStack) -> list[Agent]:
    """Start every provider's agent on the stage's wave; they are stopped with `processes`."""
    agents = []
    for provider in stage.providers:
        command = stage.command(provider, "agent", "run", "--wave", stage.wave, "--wait", str(PATIENCE_SECONDS))
        process = start(command)
        processes.callback(stop, process)
        agents.append((command, process))
    return agents


def follow_uploads(stage: Stage, agents: Sequence[Agent], screen: Console) -> None:
    """Show each upload's progress until all are committed, as the linkage unit's operator sees it."""
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen) as bars:
        tasks: dict[str, TaskID] = {
            provider: bars.add_task(f"upload of {provider}", total=None) for provider in stage.providers
        }
        while True:
            states = _upload_states(stage)
            for provider, (_, chunks, expected) in states.items():
                bars.update(tasks[provider], completed=chunks, total=expected or None)
            if all(state == "committed" for state, _, _ in states.values()):
                return
            for command, process in agents:
                if process.poll():
                    finish(command, process)
            time.sleep(POLL_SECONDS)


def _upload_states(stage: Stage) -> dict[str, tuple[str, int, int]]:
    return {item.provider: (item.upload, item.chunks, item.chunks_expected) for item in wave_status(stage).providers}


def wave_status(stage: Stage) -> "WaveStatus":
    """The wave as the linkage unit's operator sees it."""
    from services.linkage_unit.config import load
    from services.linkage_unit.service import status

    found = status(load(stage.config(LINKAGE_UNIT)))
    return next(item for item in found.waves if item.wave == stage.wave)
