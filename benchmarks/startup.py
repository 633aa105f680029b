"""How long a command takes to say anything, and how long kernels take to be compiled on an account's first run."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.inputs import country
from benchmarks.table import Row, Spread, Table
from benchmarks.timing import seconds, spread
from linkage_core.crypto.secret import Secret

ROOT: Final = Path(__file__).resolve().parents[1]
COMMAND: Final = Path(sys.executable).with_name("symbolon")

PYTHON_ITSELF: Final = (sys.executable, "-c", "pass")
IMPORT: Final = (sys.executable, "-c", "import services.cli.main")
HELP: Final = (str(COMMAND), "--help")
KERNELS: Final = (sys.executable, "-W", "ignore", "-c", "from benchmarks.startup import use_kernels; use_kernels()")

PEOPLE: Final = 500
"""Few, so that kernels take long to be compiled and not to run."""


def table(quick: bool = False) -> Table:
    """Return seconds of fresh processes: five rounds and three first runs, or three rounds and one."""
    return at_size(rounds=3, first_runs=1) if quick else at_size(rounds=5, first_runs=3)


def at_size(rounds: int, first_runs: int) -> Table:
    """Return seconds on the clock, each of a fresh process: commands `rounds` times, first runs `first_runs` times."""
    cold, warm = _first_and_second_runs(first_runs)
    rows: list[Row] = [
        ("Python itself", _taken(PYTHON_ITSELF, rounds), None),
        ("import services.cli.main", _taken(IMPORT, rounds), 0.4),
        ("symbolon --help", _taken(HELP, rounds), 0.7),
        (f"encode and link {PEOPLE} people, kernels kept", spread(warm), None),
        (f"encode and link {PEOPLE} people, first run", spread(cold), None),
        ("compiling: first run less the next", spread([a - b for a, b in zip(cold, warm, strict=True)]), 10.0),
    ]
    return Table(
        "Start: seconds until a fresh process is done",
        ("process", "seconds, min–median–max", "at most wanted"),
        tuple(rows),
        (
            f"Time on the clock, Python's own start included: {rounds} rounds, and {first_runs} first runs with an "
            "empty cache folder, each followed by a second one with the folder that it left.",
        ),
    )


def use_kernels() -> None:
    """Run every kernel that encoding and linking a wave needs, on few people; for a process of its own."""
    from benchmarks.linking import ours

    ours(country(PEOPLE), Secret(b"benchmark".ljust(32)))


def _first_and_second_runs(runs: int) -> tuple[list[float], list[float]]:
    cold, warm = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
            environment["XDG_CACHE_HOME"] = folder
            cold.append(_run(KERNELS, environment))
            warm.append(_run(KERNELS, environment))
    return cold, warm


def _taken(command: Sequence[str], rounds: int) -> Spread:
    return spread([_run(command, os.environ) for _ in range(rounds)])


def _run(command: Sequence[str], environment: Mapping[str, str]) -> float:
    def work() -> None:
        subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)

    return seconds(work)[0]
