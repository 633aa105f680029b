"""What is measured is read, kept and drawn from one table, and a result names the machine that it is of."""

import datetime
import io
import json
import math
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.machine import Machine, processor_name, this_machine
from benchmarks.plot import draw
from benchmarks.profiles import gap_by_chance
from benchmarks.results import Measured, keep, result_folder
from benchmarks.table import Bars, Cell, Figure, Growth, Plane, Row, Spread, Table, print_tables, shown
from benchmarks.timing import ratios, spread

MACHINE = Machine("Some (R) Processor @ 2.00GHz", 2, 23.5, "Linux 6", "CPython 3.11", {"numpy": "2.4"}, "0123456789ab+")
STARTED = datetime.datetime(2026, 11, 22, 9, 30, tzinfo=datetime.UTC)

ROWS: tuple[Row, ...] = (
    ("peer", 10_000, 1.0, Figure(0.5, ".1%"), None),
    ("ours", 10_000, Spread(7.5, 8.25, 9.0), Figure(0.9871, ".1%"), "a text"),
    ("ours", 100_000, Spread(80.0, 82.5, 90.0), Figure(0.98, ".1%"), "another"),
)
COLUMNS = ("way", "rows", "speed", "share", "remark")


def table(chart: Growth | Bars | Plane | None = None) -> Table:
    return Table("A step", COLUMNS, ROWS, ("a note",), chart)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        ("words", "words"),
        (1234567, "1,234,567"),
        (1234.5, "1,234"),
        (123.4, "123"),
        (12.34, "12.3"),
        (1.234, "1.23"),
        (0.01234, "0.0123"),
        (0.0, "0.00"),
        (-1.234, "-1.23"),
        (float("inf"), "inf"),
        (Figure(0.12345, ".2%"), "12.35%"),
        (Spread(0.98, 1.1, 12.0), "0.98–1.10–12.00"),
    ],
)
def test_a_cell_is_read_with_its_own_pattern_or_three_significant_digits(cell: Cell, text: str) -> None:
    assert shown(cell) == text


def test_into_a_file_tables_are_markdown_with_unbroken_rows() -> None:
    output = io.StringIO()
    print_tables([Table("figures", ("name", "figure"), (("x" * 100, 1),), ("a note",))], Console(file=output))
    lines = [line.rstrip() for line in output.getvalue().splitlines()]
    assert "## figures" in lines
    assert f"| {'x' * 100} |      1 |" in lines
    assert "- a note" in lines


def test_a_row_without_a_cell_for_every_column_is_refused() -> None:
    with pytest.raises(ValueError, match="1 rows"):
        Table("ragged", ("name", "figure"), (("one", "1"), ("two",)))


def test_a_chart_of_a_column_that_the_table_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="seconds, size"):
        table(Growth("size", "seconds", "way"))


def test_a_result_keeps_numbers_as_numbers_and_names_the_machine(tmp_path: Path) -> None:
    measured = Measured("step", table(), True, STARTED, 12.34, 0.5)
    (written,) = keep(measured, MACHINE, tmp_path / "results")
    assert written.name == "step.json"
    kept = json.loads(written.read_text())
    assert kept["rows"][0] == {"way": "peer", "rows": 10_000, "speed": 1.0, "share": 0.5, "remark": None}
    assert kept["rows"][1]["speed"] == {"min": 7.5, "median": 8.25, "max": 9.0}
    assert kept["quick"] is True
    assert kept["started"] == "2026-11-22T09:30:00+00:00"
    assert kept["machine"] == {
        "processor": MACHINE.processor,
        "cores": 2,
        "memory_gibibytes": 23.5,
        "system": "Linux 6",
        "python": "CPython 3.11",
        "packages": {"numpy": "2.4"},
        "commit": "0123456789ab+",
    }


def test_results_of_a_day_and_machine_share_a_folder_and_quick_ones_have_their_own() -> None:
    full = result_folder(Path("results"), MACHINE, STARTED.date(), quick=False)
    assert full == Path("results/2026-11-22-some-r-processor-2-00ghz-2-cores")
    assert result_folder(Path("results"), MACHINE, STARTED.date(), quick=True).name == f"{full.name}-quick"


@pytest.mark.parametrize("chart", [Growth("rows", "speed", "way"), Bars("speed"), Plane("rows", "speed", "way")])
def test_a_chart_is_kept_beside_the_figures_and_shows_what_they_say(
    chart: Growth | Bars | Plane, tmp_path: Path
) -> None:
    written = keep(Measured("step", table(chart), False, STARTED, 1.0, 0.5), MACHINE, tmp_path)
    assert [path.name for path in written] == ["step.json", "step.svg"]
    svg = written[1].read_text()
    assert svg.startswith("<svg")
    assert all(text in svg for text in ("A step", "peer", "ours", "speed"))


def test_rows_without_a_number_are_left_out_of_a_chart() -> None:
    assert draw(Table("texts", ("way", "speed"), (("one", "fast"), ("two", None)), (), Bars("speed"))) is None
    drawn = draw(Table("some", ("way", "speed"), (("one", 2.0), ("two", None)), (), Bars("speed")))
    assert drawn is not None
    assert "one" in drawn
    assert "two" not in drawn


def test_growth_from_nothing_cannot_be_drawn_on_logarithmic_axes() -> None:
    rows = (("way", 0, 1.0), ("way", 10, 0.0))
    assert draw(Table("zero", ("way", "n", "s"), rows, (), Growth("n", "s", "way"))) is None


def test_a_plane_shows_what_a_share_lacks_to_one_and_the_rows_of_the_first_file_only() -> None:
    rows = (("a", "soft", 0.5, 0.99), ("a", "hard", 0.01, 0.9), ("a", "exact", 0.2, 1.0), ("b", "elsewhere", 0.5, 0.5))
    plane = Plane("found", "F1", "schema", among="files", short_of_one=True)
    drawn = draw(Table("frontier", ("files", "schema", "found", "F1"), rows, (), plane))
    assert drawn is not None
    assert all(text in drawn for text in ("1 − F1", "soft", "hard"))
    assert "exact" not in drawn  # nothing is lacking, and logarithms have no place for it
    assert "elsewhere" not in drawn


def test_this_machine_has_a_processor_cores_memory_and_versions() -> None:
    machine = this_machine()
    assert machine.processor
    assert machine.cores >= 1
    assert machine.memory_gibibytes > 0
    assert machine.packages["numpy"].count(".") == 2


def test_the_processor_is_named_as_linux_names_it() -> None:
    assert processor_name("processor\t: 0\nmodel name\t: A Processor 9000\nflags\t: a b\n") == "A Processor 9000"
    assert processor_name("processor\t: 0\nCPU part\t: 0xd0c\n") != ""


def test_ratios_are_taken_within_a_round_so_that_a_slow_round_is_slow_for_all() -> None:
    ticks = iter([0, 10, 10, 12, 12, 112, 112, 132, 132, 140, 140, 144])  # rounds of 10 and 2, 100 and 20, 8 and 4
    peer, ours = ratios([lambda: None, lambda: None], 3, clock=lambda: float(next(ticks)))
    assert peer.speed == Spread(1.0, 1.0, 1.0)
    assert ours.speed == Spread(2.0, 5.0, 5.0)
    assert ours.seconds == Spread(2.0, 4.0, 20.0)


def test_a_spread_in_another_unit_keeps_its_order() -> None:
    assert spread([3.0, 1.0, 2.0]).times(1000) == Spread(1000.0, 2000.0, 3000.0)


def test_a_largest_gap_between_groups_is_there_by_chance_and_grows_with_their_number() -> None:
    recall, persons = 0.94, 1300
    spread_of_difference = (2 * recall * (1 - recall) / persons) ** 0.5
    of_two, _ = gap_by_chance(recall, [persons] * 2)
    of_fourteen, in_one_run_of_twenty = gap_by_chance(recall, [persons] * 14)
    assert of_two == pytest.approx(spread_of_difference * (2 / math.pi) ** 0.5, rel=0.03)
    assert 2.5 * of_two < of_fourteen < in_one_run_of_twenty
    assert gap_by_chance(1.0, [10, 10]) == (0.0, 0.0)
