"""`python -m benchmarks [name ...]`: run the named benchmarks, or all; print their tables and keep them.

In a terminal the tables are drawn; into a file or a pipe they are Markdown, as in docs/benchmarks.md. What was measured
is kept under benchmarks/results/ as `benchmarks.results` says.
"""

import argparse
import datetime
import warnings
from importlib import import_module
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.machine import Machine, load, this_machine
from benchmarks.results import Measured, keep, result_folder
from benchmarks.table import Table, print_tables
from benchmarks.timing import seconds

NAMES: Final = (
    "encoding",
    "agent",
    "comparing",
    "search",
    "linking",
    "duplicates",
    "waves",
    "clear_text",
    "profiles",
    "intervals",
    "attack",
    "frontier",
    "generator",
    "upload",
    "release",
    "residence",
    "analysis_peers",
    "coverage",
    "linkage_coverage",
    "startup",
)
"""Each the module of that name, whose `table()` runs it."""

RESULTS: Final = Path(__file__).parent / "results"


def run(name: str, *, quick: bool) -> Measured:
    """Run one benchmark at full size, or quickly at a smaller one."""
    module = import_module(f"benchmarks.{name}")
    started, load_before = datetime.datetime.now(datetime.UTC), load()
    took, made = seconds(lambda: module.table(quick=quick))
    assert isinstance(made, Table), name
    return Measured(name, made, quick, started, took, load_before)


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Run benchmarks, print their tables and keep what was measured."
    )
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(NAMES)}; all if none is named")
    parser.add_argument("--quick", action="store_true", help="smaller sizes: all of them in under five minutes")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to keep results in (%(default)s)")
    arguments = parser.parse_args()
    names: list[str] = arguments.names
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated", category=UserWarning)  # anonlink's import
    talk, results = Console(stderr=True, highlight=False), Console(highlight=False)
    machine = this_machine()
    results.print(_heading(machine, quick=arguments.quick), markup=False, soft_wrap=True)
    for name in names or NAMES:
        with talk.status(f"{name} …"):
            measured = run(name, quick=arguments.quick)
        print_tables([measured.table], results)
        folder = result_folder(arguments.results, machine, measured.started.date(), quick=arguments.quick)
        keep(measured, machine, folder)
        talk.print(f"{name}: {measured.seconds:.0f} s, kept in {folder}", markup=False, soft_wrap=True)


def _heading(machine: Machine, *, quick: bool) -> str:
    return (
        f"{'Quick' if quick else 'Full'} sizes on {machine.processor}, {machine.cores} cores, "
        f"{machine.memory_gibibytes} GiB, {machine.system}, {machine.python}, commit {machine.commit or 'unknown'}, "
        f"load {load():.1f}"
    )


if __name__ == "__main__":
    main()
