"""Every benchmark runs on real parts at a tiny size, so that `make bench` is not found broken when it is needed.

Nothing is asserted about time. What a benchmark checks of itself (equal bits, equal answers) runs here too.
"""

import io
import sys
from collections.abc import Callable

import pytest
from rich.console import Console

from benchmarks import __main__ as command
from benchmarks import attack, comparing, coverage, encoding, generator, linking, release
from benchmarks.table import Table, print_tables

TINY: dict[str, Callable[[], Table]] = {
    "encoding": lambda: encoding.table(people=200, rounds=1),
    "comparing": lambda: comparing.table(people=200, rounds=1),
    "linking": lambda: linking.table(febrl_rows=100, people=200, keys=1),
    "attack": lambda: attack.table(febrl_rows=100, people=200),
    "generator": lambda: generator.table(people=50),
    "release": lambda: release.table(persons=300),
    "coverage": lambda: coverage.table(releases=5),
}


@pytest.mark.parametrize("name", command.NAMES)
def test_a_benchmark_returns_rows_without_an_empty_figure(name: str) -> None:
    made = TINY[name]()
    assert len(made.rows) >= 2
    assert all(row[0] for row in made.rows)
    assert all(any(character.isdigit() for character in "".join(row[1:])) for row in made.rows)


def test_what_a_release_is_charged_is_what_opendp_alone_would_charge() -> None:
    made = release.table(persons=50)
    ours, theirs = made.columns.index("rho charged"), made.columns.index("rho, OpenDP")
    assert all(abs(float(row[ours]) - float(row[theirs])) <= 2e-9 for row in made.rows)


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
    monkeypatch.setattr(command, "run", lambda _name: pytest.fail("ran"))
    with pytest.raises(SystemExit) as refused:
        command.main()
    assert refused.value.code == 2
