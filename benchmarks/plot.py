"""Draws a table's chart as SVG: growth on logarithmic axes, a bar a row with its range, one measure over another."""

from typing import Any

from benchmarks.table import Bars, Cell, Figure, Growth, Plane, Spread, Table, shown
from services.common.report import charts
from services.common.report.drawing import draw as drawn


def draw(table: Table) -> str | None:
    """Return the table's chart as SVG; None if it names none, or if no row has a number to draw."""
    match table.chart:
        case Growth() as growth:
            lines = _lines(table, growth)
            chart = charts.Lines(table.title, "", _axis(growth.size), _axis(growth.measure), lines, "bar")
            return drawn(chart, with_title=True) if lines else None
        case Bars() as bars:
            rows = _bars(table, bars)
            measure = charts.Axis(bars.measure, kind="number")
            return drawn(charts.Bars(table.title, "", "", measure, rows), with_title=True) if rows else None
        case Plane() as plane:
            series = _series(table, plane)
            up = f"1 − {plane.up}" if plane.short_of_one else plane.up
            plotted = charts.Lines(table.title, "", _axis(plane.across), _axis(up), series)
            return drawn(plotted, with_title=True) if series else None
        case None:
            return None


def _axis(title: str) -> charts.Axis:
    return charts.Axis(title, kind="number", log=True)


def _lines(table: Table, growth: Growth) -> tuple[charts.Line, ...]:
    """Return the rows that have a size and a measure, both above zero as logarithms need."""
    points: dict[str, list[charts.Point]] = {}
    columns = (table.column(name) for name in (growth.size, growth.measure, growth.series))
    for size, measure, series in zip(*columns, strict=True):
        least, median, greatest = _range(measure)
        where = _range(size)[1]
        if where is not None and median is not None and min(where, least, median) > 0:
            points.setdefault(shown(series), []).append(charts.Point(where, median, least, greatest))
    return tuple(charts.Line(name, tuple(of_series)) for name, of_series in points.items())


def _series(table: Table, plane: Plane) -> tuple[charts.Line, ...]:
    points: dict[str, list[charts.Point]] = {}
    columns = (table.column(name) for name in (plane.across, plane.up, plane.series, plane.among or plane.series))
    of = table.column(plane.among)[0] if plane.among else None
    for across, up, series, among in zip(*columns, strict=True):
        x, y = _range(across)[1], _range(up)[1]
        if x is None or y is None or (plane.among and among != of):
            continue
        y = 1 - y if plane.short_of_one else y
        if min(x, y) > 0:
            points.setdefault(shown(series), []).append(charts.Point(x, y))
    return tuple(charts.Line(name, tuple(of_series)) for name, of_series in points.items())


def _bars(table: Table, bars: Bars) -> tuple[charts.Bar, ...]:
    found = []
    for row, measure in zip(table.rows, table.column(bars.measure), strict=True):
        least, median, greatest = _range(measure)
        if median is not None:
            found.append(charts.Bar(shown(row[0]), median, least, greatest, text=shown(measure)))
    return tuple(found)


def _range(cell: Cell) -> tuple[Any, Any, Any]:
    """Return least, median and greatest; all None where the cell is no number."""
    match cell:
        case Spread():
            return cell.least, cell.median, cell.greatest
        case Figure():
            return cell.value, cell.value, cell.value
        case int() | float():
            return cell, cell, cell
        case _:
            return None, None, None
