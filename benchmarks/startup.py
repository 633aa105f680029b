"""How long a command takes to say anything, and how long kernels take to be compiled on an account's first run."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.inputs import country
from benchmarks.linking import ours
from benchmarks.table import Row, Spread, Table
from benchmarks.timing import seconds, spread
from linkage_core.comparing.statistical_exit import StatisticalExit
from linkage_core.crypto.secret import Secret
from linkage_core.lsh.plan import LshPlan
from linkage_core.native import CACHE_VARIABLE
from linkage_core.searching.encodings import EncodingsInMemory
from linkage_core.searching.search import Search, Span
from linkage_core.types import ClkName

ROOT: Final = Path(__file__).resolve().parents[1]
COMMAND: Final = Path(sys.executable).with_name("symbolon")

PYTHON_ITSELF: Final = (sys.executable, "-c", "pass")
IMPORT: Final = (sys.executable, "-c", "import services.cli.main")
HELP: Final = (str(COMMAND), "--help")
KERNELS: Final = (
    sys.executable,
    "-W",
    "ignore",
    "-c",
    "from benchmarks.startup import use_kernels; print(use_kernels())",
)

PEOPLE: Final = 500
"""Few, so that kernels take long to be compiled and not to run."""

WORDS: Final = 16
"""Of a CLK of 1,024 bits."""


def table(quick: bool = False) -> Table:
    """Return seconds of fresh processes: five rounds and three first runs, or three rounds and one."""
    return at_size(rounds=3, first_runs=1) if quick else at_size(rounds=5, first_runs=3)


def at_size(rounds: int, first_runs: int) -> Table:
    """Return seconds on the clock of fresh processes: `rounds` of the commands, `first_runs` first runs or none."""
    rows: list[Row] = [
        ("Python itself, until it ends", _taken(PYTHON_ITSELF, rounds), None),
        ("import services.cli.main, until it ends", _taken(IMPORT, rounds), 0.4),
        ("symbolon --help, until it ends", _taken(HELP, rounds), 0.7),
        *(_kernel_rows(first_runs) if first_runs else ()),
    ]
    return Table(
        "Start: seconds of a fresh process",
        ("what", "seconds, min–median–max", "at most wanted"),
        tuple(rows),
        (
            f"Time on the clock: {rounds} rounds of the commands, with Python's own start; {first_runs} first runs, "
            "each with an empty cache folder, each followed by a run with the folder that it left.",
            "Kernels: those that encoding and linking an invented country need, and those of every way to search; what "
            "numba took to compile them, not what else a run does.",
        ),
    )


def use_kernels() -> float:
    """Run the kernels of encoding, linking and every search, on few records; return the seconds compiling them took.

    For a process of its own: a second call compiles nothing.
    """
    from numba.core import event

    untyped: Any = event
    took: list[float] = []
    with untyped.install_timer("numba:compile", took.append):
        ours(country(PEOPLE), Secret(b"benchmark".ljust(32)))
        _search_in_every_way()
    return sum(took)


def _search_in_every_way() -> None:
    """Compare all pairs, with either early exit and without, and look up near pairs in tables."""
    clk, half = ClkName("clk"), PEOPLE // 2
    one = np.random.default_rng(0).integers(0, 2**64, (half, WORDS), np.uint64)
    encodings = EncodingsInMemory({clk: np.concatenate([one, one])})
    spans = (Span(0, half, within=True), Span(half, 2 * half, within=False))
    plan = LshPlan(
        seed=0,
        bits=(8,),
        tables=(3,),
        most_in_head=(128,),
        expected_recall=1,
        expected_recall_of_linkable=1,
        cost_of_exact=1,
    )
    for search in (
        Search((clk,), spans, threshold=0.6, exits=(None,), maximum=10**6, seed=1),
        Search((clk,), spans, threshold=0.9, exits=(None,), maximum=10**6, seed=1),
        Search((clk,), spans, threshold=0.6, exits=(StatisticalExit(4, 8, 1, 1),), maximum=10**6, seed=1),
        Search((clk,), spans, threshold=0.6, exits=(None,), maximum=10**6, seed=1, plan=plan),
    ):
        for task in search.tasks():
            search.run(task, encodings)


def _kernel_rows(runs: int) -> list[Row]:
    first, second = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            environment = {name: value for name, value in os.environ.items() if name != CACHE_VARIABLE}
            environment["XDG_CACHE_HOME"] = folder
            first.append(float(_run(KERNELS, environment)))
            second.append(float(_run(KERNELS, environment)))
    return [
        ("compiling kernels, an account's first run", spread(first), 10.0),
        ("compiling kernels, the next run", spread(second), None),
    ]


def _taken(command: Sequence[str], rounds: int) -> Spread:
    return spread([seconds(lambda: _run(command, os.environ))[0] for _ in range(rounds)])


def _run(command: Sequence[str], environment: Mapping[str, str]) -> str:
    ended = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return ended.stdout
