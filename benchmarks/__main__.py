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
"""Each the module of that name, whose `table()` runs it at full size."""


def run(name: str) -> Table:
    """Run one benchmark at full size."""
    made: Table = import_module(f"benchmarks.{name}").table()
    return made


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run benchmarks and print their tables.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(NAMES)}; all if none is named")
    names: list[str] = parser.parse_args().names
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated", category=UserWarning)  # anonlink's import
    talk, results = Console(stderr=True, highlight=False), Console(highlight=False)
    for name in names or NAMES:
        with talk.status(f"{name} …"):
            made = run(name)
        print_tables([made], results)


if __name__ == "__main__":
    main()
