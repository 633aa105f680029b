"""Draws a table's chart as SVG: growth on logarithmic axes, or one bar a row with its range."""

from typing import Any

from benchmarks.table import Bars, Cell, Figure, Growth, Spread, Table, shown

WIDTH = 560


def draw(table: Table) -> str | None:
    """Return the table's chart as SVG; None if it names none, or if no row has a number to draw."""
    match table.chart:
        case Growth() as growth:
            points = _points(table, growth)
            return _svg(_growth(points, growth), table.title) if points else None
        case Bars() as bars:
            points = _bar_points(table, bars)
            return _svg(_bars(points, bars), table.title) if points else None
        case None:
            return None


def _points(table: Table, growth: Growth) -> list[dict[str, Any]]:
    """Return the rows that have a size and a measure, both above zero as logarithms need."""
    points = []
    columns = (table.column(name) for name in (growth.size, growth.measure, growth.series))
    for size, measure, series in zip(*columns, strict=True):
        least, median, greatest = _range(measure)
        where = _range(size)[1]
        if where is not None and median is not None and min(where, least, median) > 0:
            points.append({"size": where, "least": least, "median": median, "most": greatest, "series": shown(series)})
    return points


def _bar_points(table: Table, bars: Bars) -> list[dict[str, Any]]:
    points = []
    for row, measure in zip(table.rows, table.column(bars.measure), strict=True):
        least, median, greatest = _range(measure)
        if median is not None:
            points.append(
                {"row": shown(row[0]), "least": least, "median": median, "most": greatest, "text": shown(measure)}
            )
    return points


def _growth(points: list[dict[str, Any]], growth: Growth) -> Any:
    import altair

    chart = altair.Chart(_data(points)).encode(
        x=altair.X("size:Q", title=growth.size, scale=altair.Scale(type="log", nice=False, padding=20)),
        color=altair.Color("series:N", title=None, sort=None, legend=altair.Legend(labelLimit=WIDTH)),
    )
    measure = altair.Scale(type="log", nice=False, padding=20)
    lines = chart.mark_line(point=True).encode(y=altair.Y("median:Q", title=growth.measure, scale=measure))
    ranges = chart.mark_rule().encode(y=altair.Y("least:Q", scale=measure), y2="most:Q")
    return altair.layer(ranges, lines)


def _bars(points: list[dict[str, Any]], bars: Bars) -> Any:
    import altair

    names = altair.Y("row:N", title=None, sort=None, axis=altair.Axis(labelLimit=WIDTH))
    chart = altair.Chart(_data(points)).encode(y=names)
    bar = chart.mark_bar(opacity=0.7).encode(x=altair.X("median:Q", title=bars.measure))
    ranges = chart.mark_rule().encode(x=altair.X("least:Q"), x2="most:Q")
    texts = chart.mark_text(align="left", dx=4).encode(x="most:Q", text="text:N")
    return altair.layer(bar, ranges, texts)


def _data(points: list[dict[str, Any]]) -> Any:
    import altair

    return altair.InlineData(values=points)


def _svg(chart: Any, title: str) -> str:
    import vl_convert

    sized = chart.properties(title=title, width=WIDTH)
    svg: str = vl_convert.vegalite_to_svg(sized.to_json())
    return svg


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
