"""Every benchmark runs on real parts at a tiny size, so that `make bench` is not found broken when it is needed.

Nothing is asserted about time. What a benchmark checks of itself (equal bits, equal answers) runs here too.
"""

import io
import sys
from importlib import import_module
from typing import Any

import pytest
from rich.console import Console

from benchmarks import __main__ as command
from benchmarks import release
from benchmarks.table import Figure, Table, print_tables, shown

TINY: dict[str, dict[str, Any]] = {
    "encoding": {"people": 200, "rounds": 1},
    "comparing": {"people": 200, "rounds": 1},
    "linking": {"febrl_rows": 100, "people": 200, "keys": 1},
    "attack": {"febrl_rows": 100, "people": 200},
    "generator": {"sizes": (50, 60)},
    "release": {"persons": 300},
    "coverage": {"releases": 5},
}
"""What `at_size` of a benchmark is given."""


@pytest.mark.parametrize("name", command.NAMES)
def test_a_benchmark_returns_rows_without_an_empty_figure(name: str) -> None:
    made: Table = import_module(f"benchmarks.{name}").at_size(**TINY[name])
    assert len(made.rows) >= 2
    assert all(row[0] for row in made.rows)
    assert all(any(character.isdigit() for character in "".join(map(shown, row[1:]))) for row in made.rows)


def test_what_a_release_is_charged_is_what_opendp_alone_would_charge() -> None:
    made = release.at_size(persons=50)
    ours, theirs = made.columns.index("rho charged"), made.columns.index("rho, OpenDP")
    pairs = [(row[ours], row[theirs]) for row in made.rows]
    assert all(isinstance(a, Figure) and isinstance(b, Figure) and abs(a.value - b.value) <= 2e-9 for a, b in pairs)


def test_a_row_without_a_text_for_every_column_is_refused() -> None:
    with pytest.raises(ValueError, match="1 rows"):
        Table("ragged", ("name", "figure"), (("one", "1"), ("two",)))


def test_into_a_file_tables_are_markdown_with_unbroken_rows() -> None:
    output = io.StringIO()
    print_tables([Table("figures", ("name", "figure"), (("x" * 100, "1"),), ("a note",))], Console(file=output))
    lines = [line.rstrip() for line in output.getvalue().splitlines()]
    assert "## figures" in lines
    assert f"| {'x' * 100} |      1 |" in lines
    assert "- a note" in lines


def test_an_unknown_benchmark_is_refused_before_any_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "coverage", "luck"])
    monkeypatch.setattr(command, "run", lambda _name, **_options: pytest.fail("ran"))
    with pytest.raises(SystemExit) as refused:
        command.main()
    assert refused.value.code == 2
