"""`python -m benchmarks [name ...]`: run the named benchmarks, or all, and print their tables.

In a terminal the tables are drawn; into a file or a pipe they are Markdown, as in docs/benchmarks.md.
"""

import argparse
import warnings
from importlib import import_module
from typing import Final

from rich.console import Console

from benchmarks.table import Table, print_tables

NAMES: Final = ("encoding", "comparing", "linking", "attack", "generator", "release", "coverage")
"""Each the module of that name, whose `table()` runs it."""


def run(name: str, *, quick: bool) -> Table:
    """Run one benchmark at full size, or quickly at a smaller one."""
    made: Table = import_module(f"benchmarks.{name}").table(quick=quick)
    return made


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run benchmarks and print their tables.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(NAMES)}; all if none is named")
    parser.add_argument("--quick", action="store_true", help="smaller sizes: all of them in under five minutes")
    arguments = parser.parse_args()
    names: list[str] = arguments.names
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated", category=UserWarning)  # anonlink's import
    talk, results = Console(stderr=True, highlight=False), Console(highlight=False)
    for name in names or NAMES:
        with talk.status(f"{name} …"):
            made = run(name, quick=arguments.quick)
        print_tables([made], results)


if __name__ == "__main__":
    main()
