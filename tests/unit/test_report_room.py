"""Reports: one source of facts for page and JSON, charts that can be read, and nothing that reaches outside."""

import json
import os
import subprocess
import sys

import pytest

from services.common.report.cells import Cell, Column, Kind, Range, Table, Under, shown
from services.common.report.charts import (
    Axis,
    Bar,
    Bars,
    Bin,
    Chart,
    Columns,
    Dots,
    Histogram,
    Line,
    Lines,
    Mark,
    Point,
    table_of,
)
from services.common.report.document import Fact, Note, Notes, Report, Section
from services.common.report.drawing import draw
from tests.support.pages import assert_self_contained, parsed, texts

SHARE = Axis("share of rows", kind="share")
HOSTILE = "</td><script>alert('x')</script> & \"quoted\" <b>"

CHARTS: tuple[Chart, ...] = (
    Bars(
        "Fill.", "How full.", "column", SHARE, (Bar("born", 0.5, series="present"), Bar("born", 0.25, series="whole"))
    ),
    Bars("Weights.", "By level.", "level", Axis("weight", "bits", "number"), (Bar("high", 6.2, 5.5, 7.0),)),
    Dots(
        "Precision.",
        "With intervals.",
        "pair",
        Axis("precision", kind="probability"),
        (Bar("tax, border", 0.9987, 0.9951, 0.9999), Bar("tax, register", 0.9999, 0.999, 1.0)),
    ),
    Dots(
        "Shares.",
        "By level.",
        "level",
        Axis("share of pairs", kind="number", log=True),
        (Bar("high", 0.9, series="matches"), Bar("high", 2e-7, series="others"), Bar("low", 0.0, series="matches")),
        joined=True,
    ),
    Columns("Days.", "Of births.", Axis("day", kind="text"), Axis("dates"), (Bar("1", 9), Bar("2", 4)), (4.5, 4.5)),
    Histogram("Ages.", "In years.", Axis("age", "years"), Axis("people"), (Bin(0, 5, 3.0), Bin(5, 10, 4.0))),
    Lines(
        "Recall.",
        "By threshold.",
        Axis("threshold", kind="number"),
        SHARE,
        (Line("all", (Point(0.5, 0.9, 0.8, 1.0), Point(0.6, 0.8, 0.7, 0.9))), Line("few", (Point(0.5, 0.7),))),
        marks=(Mark(0.55, "chosen"),),
    ),
)


def report(*blocks: Table | Chart | Notes) -> Report:
    section = Section("What was found", ("A paragraph.",), blocks)
    return Report("A title", "of a day", "An introduction.", (Fact("rows", 12345),), (section,), "The end.")


@pytest.mark.parametrize(
    ("cell", "kind", "text"),
    [
        (None, "count", "–"),
        ("words", "text", "words"),
        (1234567, "count", "1,234,567"),
        (0.0312, "share", "3.1 %"),
        (0.0001, "share", "< 0.1 %"),
        (0.9999, "share", "> 99.9 %"),
        (0.0, "share", "0.0 %"),
        (1.0, "share", "100.0 %"),
        (0.01234, "number", "0.0123"),
        (1234.5, "number", "1,234"),
        (0.0, "number", "0"),
        (0.000000123, "number", "1.23 × 10⁻⁷"),
        (0.99871, "probability", "0.9987"),
        (0.99999, "probability", "> 0.9999"),
        (0.00001, "probability", "< 0.0001"),
        (1.0, "probability", "1.0000"),
        (1987, "year", "1987"),
        (Range(0.5, 0.75), "share", "50.0 – 75.0 %"),
        (Under(5), "count", "< 5"),
    ],
)
def test_a_cell_is_written_by_its_kind(cell: Cell, kind: Kind, text: str) -> None:
    assert shown(cell, kind) == text


def test_a_row_without_a_cell_for_every_column_is_refused() -> None:
    with pytest.raises(ValueError, match="1 rows"):
        Table((Column("one"), Column("two")), (("a",),))


def test_columns_with_another_number_of_expectations_are_refused() -> None:
    with pytest.raises(ValueError, match="1 expectations for 2 columns"):
        Columns("Days.", "", SHARE, SHARE, (Bar("1", 9), Bar("2", 4)), (4.5,))


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.title)
def test_a_chart_is_drawn_with_its_axes_and_its_table_says_the_same(chart: Chart) -> None:
    svg = draw(chart)
    axes = {"Fill.": ["share of rows"], "Weights.": ["weight (bits)"], "Days.": ["day", "dates"]}
    axes |= {"Precision.": ["precision"], "Shares.": ["share of pairs", "others"]}
    axes |= {"Ages.": ["age (years)", "people"], "Recall.": ["threshold", "share of rows", "chosen", "few"]}
    assert [text for text in axes[chart.title] if f">{text}<" not in svg] == []
    page = report(chart).to_html()
    assert_self_contained(page)
    for row in table_of(chart).rows:
        for cell, column in zip(row, table_of(chart).columns, strict=True):
            assert shown(cell, column.kind) in texts(page)


def test_series_stand_beside_each_other_in_the_table_of_their_bars() -> None:
    table = table_of(CHARTS[0])
    assert [column.title for column in table.columns] == ["column", "present", "whole"]
    assert table.rows == (("born", 0.5, 0.25),)


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.title)
def test_a_drawing_is_named_and_described_for_those_who_cannot_see_it(chart: Chart) -> None:
    [svg] = parsed(report(chart).to_html()).iter("svg")
    assert svg.get("role") == "img"
    named = [element for key in str(svg.get("aria-labelledby")).split() for element in svg if element.get("id") == key]
    assert [element.tag for element in named] == ["title", "desc"]
    assert [element.text for element in named] == [chart.title, chart.description]


def test_the_page_has_every_part_and_figures_stand_to_the_right() -> None:
    table = Table((Column("column"), Column("rows", "count")), (("born", 1234),), "By column")
    notes = Notes((Note("mend", "Two dates are wrong.", "Mend them."), Note("good", "All is full.")))
    page = report(table, notes, *CHARTS).to_html()
    assert_self_contained(page)
    root = parsed(page)
    assert [element.text for element in root.iter("h1")] == ["A title"]
    assert [element.text for element in root.iter("h2")] == ["What was found"]
    assert ("1,234", "number") in [(element.text, element.get("class")) for element in root.iter("td")]
    shown_to_readers = texts(page)
    for text in ("An introduction.", "12,345", "By column", "to mend Two dates are wrong. Mend them.", "The end."):
        assert text in shown_to_readers


def test_text_cannot_become_markup() -> None:
    table = Table((Column(HOSTILE),), ((HOSTILE,),), HOSTILE)
    notes = Notes((Note("look", HOSTILE, HOSTILE),))
    chart = Bars(HOSTILE, HOSTILE, HOSTILE, Axis(HOSTILE, HOSTILE), (Bar(HOSTILE, 1.0, text=HOSTILE),))
    section = Section(HOSTILE, (HOSTILE,), (table, notes, chart))
    page = Report(HOSTILE, HOSTILE, HOSTILE, (Fact(HOSTILE, HOSTILE, "text"),), (section,), HOSTILE).to_html()
    assert_self_contained(page)
    assert texts(page).count("alert('x')") >= 16


def test_what_reaches_outside_would_be_seen() -> None:
    page = report().to_html()
    for planted in ("<script></script>", '<img src="x.png" />', '<a href="#nowhere">x</a>', '<p onclick="x">y</p>'):
        with pytest.raises(AssertionError):
            assert_self_contained(page.replace("</main>", f"{planted}</main>"))


def test_the_json_has_the_facts_of_the_page_as_numbers() -> None:
    table = Table((Column("column"), Column("rows", "count")), (("born", Under(5)),))
    kept = json.loads(report(table, CHARTS[1]).to_json())
    assert kept["format"] == 1
    assert kept["facts"] == [{"is": "fact", "label": "rows", "value": 12345, "kind": "count"}]
    told, chart = kept["sections"][0]["blocks"]
    assert told["rows"] == [["born", {"is": "under", "limit": 5}]]
    assert chart["is"] == "bars"
    assert chart["bars"][0] == {
        "is": "bar", "label": "high", "value": 6.2, "low": 5.5, "high": 7.0, "series": "", "text": None,
    }  # fmt: skip


def test_importing_the_room_loads_neither_charts_nor_templates() -> None:
    program = "import sys, services.common.report.document, services.common.report.page\n"
    program += "print(*({'altair', 'vl_convert', 'jinja2', 'pandas', 'numpy'} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, env=os.environ)
    assert ended.stdout.strip() == ""
