"""Charts as SVG: Altair describes them, vl-convert draws them in this process, without browser and network.

Colours are those of Okabe and Ito (2008), which people with any colour vision tell apart.
"""

from collections.abc import Sequence
from typing import Any, Final

from services.common.report.cells import Under, shown
from services.common.report.charts import Axis, Bar, Bars, Chart, Columns, Dots, Histogram, Lines

WIDTH: Final = 720
"""Of a whole chart, in pixels; pages scale it to the column."""

PALETTE: Final = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#000000",
    "#888888",
    "#882255",
    "#117733",
)
EXPECTED: Final = "#D55E00"

_INK: Final = "#3d4450"
_RULE: Final = "#d9dce1"
_FILL: Final = 0.85
_LINES_HEIGHT: Final = 280
_COLUMNS_HEIGHT: Final = 190
_LEGEND_COLUMNS: Final = 5
_BAR_STEP: Final = 24
_GROUPED_STEP: Final = 15
_DOT: Final = 70
"""Area of a dot, in square pixels."""
_FORMATS: Final = {"share": "~%", "count": ",~r", "year": "d", "probability": "~r"}
"""Of numbers beside an axis, as d3 takes them; others are written by its own rule."""

_FONT: Final = "Arial, Liberation Sans, Helvetica, sans-serif"
"""Fonts of one width, which is the width that the drawing reckons with."""


def draw(chart: Chart, *, with_title: bool = False) -> str:
    """Return the chart as SVG. `with_title` draws its title too, for a file that stands alone."""
    import altair

    drawn, sizes = _described(chart)
    title = {"title": altair.Title(chart.title, anchor="start", fontSize=14)} if with_title else {}
    fit = altair.AutoSizeParams(type="fit-x", contains="padding")
    return _svg(drawn.properties(width=WIDTH, autosize=fit, **sizes, **title))


def _described(chart: Chart) -> tuple[Any, dict[str, Any]]:
    """Return Altair's description of a chart, and its height."""
    match chart:
        case Bars():
            return _bars(chart)
        case Dots():
            return _dots(chart)
        case Columns():
            return _columns(chart)
        case Histogram():
            return _histogram(chart)
        case Lines():
            return _lines(chart)


def _bars(chart: Bars) -> tuple[Any, dict[str, Any]]:
    import altair

    grouped = any(bar.series for bar in chart.bars)
    points = [_bar(bar, chart.measure) for bar in chart.bars]
    names = altair.Y("label:N", title=None, sort=None, axis=altair.Axis(labelLimit=WIDTH // 2, domain=False))
    beside: dict[str, Any] = {}
    if grouped:
        beside["yOffset"] = altair.YOffset("series:N", sort=None)
    base = altair.Chart(_data(points)).encode(y=names, **beside)
    if chart.measure.kind == "share" and not chart.measure.log:
        scale = altair.Scale(domain=[0, 1]) if max(_highest(chart.bars), 0) > 0.5 else altair.Scale()
    else:
        scale = altair.Scale(type="log" if chart.measure.log else "linear")
    x = _quantity("x", "value", chart.measure, scale=scale)
    colour: Any = altair.value(PALETTE[0])
    if grouped:
        colour = _colours("series", [bar.series for bar in chart.bars])
    bars = base.mark_bar(height=altair.RelativeBandSize(0.7), opacity=_FILL).encode(x=x, color=colour)
    layers = [bars]
    if any(bar.low is not None for bar in chart.bars):
        layers.append(base.mark_rule(color=_INK, strokeWidth=1.5).encode(x="low:Q", x2="high:Q"))
    layers.append(base.mark_text(align="left", dx=5, color=_INK, fontSize=11).encode(x="end:Q", text="text:N"))
    step = _GROUPED_STEP if grouped else _BAR_STEP
    return altair.layer(*layers), {"height": {"step": step, "for": "offset" if grouped else "position"}}


def _dots(chart: Dots) -> tuple[Any, dict[str, Any]]:
    import altair

    drawn = [dot for dot in chart.dots if not chart.measure.log or _height(dot.value) > 0]
    points = [_bar(dot, chart.measure) for dot in drawn]
    beside = any(dot.series for dot in drawn) and not chart.joined
    offset: dict[str, Any] = {"yOffset": altair.YOffset("series:N", sort=None)} if beside else {}
    names = altair.Y("label:N", title=None, sort=None, axis=altair.Axis(labelLimit=WIDTH // 2, domain=False, grid=True))
    base = altair.Chart(_data(points)).encode(y=names, **offset)
    scale = _dots_scale(chart.measure, drawn)
    x = _quantity("x", "value", chart.measure, scale=scale)
    layers = []
    if chart.joined:
        joined = base.transform_aggregate(least="min(value)", most="max(value)", groupby=["label"])
        rule = joined.mark_rule(color=_RULE, strokeWidth=4)
        layers.append(rule.encode(x=altair.X("least:Q", scale=scale), x2="most:Q"))
    colour = _colours("series", [dot.series for dot in drawn])
    if any(dot.low is not None for dot in drawn):
        rule = base.mark_rule(strokeWidth=2)
        layers.append(rule.encode(x=altair.X("low:Q", scale=scale), x2="high:Q", color=colour))
    layers.append(base.mark_point(filled=True, opacity=1, size=_DOT).encode(x=x, color=colour))
    step = _GROUPED_STEP if beside else _BAR_STEP
    return altair.layer(*layers), {"height": {"step": step, "for": "offset" if beside else "position"}}


def _dots_scale(measure: Axis, dots: Sequence[Bar]) -> Any:
    """Return a scale that shows all dots and intervals, and of shares nothing that no share can be."""
    import altair

    if measure.log:
        return altair.Scale(type="log")
    ends = [end for dot in dots for end in (_height(dot.value), dot.low, dot.high) if end is not None]
    if measure.kind not in ("share", "probability") or not ends:
        return altair.Scale(zero=False, nice=True)
    least, most = min(ends), max(ends)
    room = max((most - least) / 20, 0.0005)
    return altair.Scale(domain=[max(least - room, 0), min(most + room, 1)], nice=False)


def _columns(chart: Columns) -> tuple[Any, dict[str, Any]]:
    import altair

    points = [_bar(bar, chart.y) for bar in chart.bars]
    for point, expected in zip(points, chart.expected, strict=False):
        point["expected"] = expected
    labels = altair.Axis(labelAngle=0, labelOverlap=True)
    x = altair.X("label:O", title=chart.x.label, sort=None, axis=labels, scale=altair.Scale(paddingInner=0.25))
    base = altair.Chart(_data(points)).encode(x=x)
    layers = [base.mark_bar(color=PALETTE[0], opacity=_FILL).encode(y=_quantity("y", "value", chart.y))]
    if chart.expected:
        layers.append(base.mark_tick(color=EXPECTED, thickness=2).encode(y="expected:Q"))
    return altair.layer(*layers), {"height": _COLUMNS_HEIGHT}


def _histogram(chart: Histogram) -> tuple[Any, dict[str, Any]]:
    import altair

    points = [{"low": each.low, "high": each.high, "value": _height(each.value), "zero": 0} for each in chart.bins]
    base = altair.Chart(_data(points))
    x = _quantity("x", "low", chart.x, scale=altair.Scale(nice=False, zero=False))
    bars = base.mark_rect(color=PALETTE[0], opacity=_FILL, stroke="white", strokeWidth=1)
    return bars.encode(x=x, x2="high:Q", y=_quantity("y", "value", chart.y), y2="zero:Q"), {"height": _COLUMNS_HEIGHT}


def _lines(chart: Lines) -> tuple[Any, dict[str, Any]]:
    import altair

    points = [
        {"series": line.name, "x": point.x, "y": point.y, "low": point.low, "high": point.high}
        for line in chart.lines
        for point in line.points
    ]
    scales = [
        altair.Scale(type="log", nice=False, padding=20) if axis.log else altair.Scale(zero=False, nice=True)
        for axis in (chart.x, chart.y)
    ]
    x = _quantity("x", "x", chart.x, scale=scales[0])
    y = _quantity("y", "y", chart.y, scale=scales[1])
    colour = _colours("series", [line.name for line in chart.lines])
    base = altair.Chart(_data(points)).encode(x=x, color=colour)
    layers = []
    if any(point["low"] is not None for point in points):
        low, high = altair.Y("low:Q", scale=scales[1]), altair.Y2("high:Q")
        if chart.intervals == "band":
            layers.append(base.mark_area(opacity=0.18).encode(y=low, y2=high))
        else:
            layers.append(base.mark_rule(strokeWidth=1.5).encode(y=low, y2=high))
    many = max((len(line.points) for line in chart.lines), default=0) > 40
    layers.append(base.mark_line(point=not many, strokeWidth=2).encode(y=y))
    if chart.marks:
        placed = [{"x": mark.x, "text": mark.text} for mark in chart.marks]
        marks = altair.Chart(_data(placed)).encode(x=altair.X("x:Q", scale=scales[0]))
        layers.append(marks.mark_rule(color=_INK, strokeDash=[4, 3]))
        words = marks.mark_text(align="left", baseline="bottom", dx=-1, color=_INK)
        layers.append(words.encode(text="text:N", y=altair.value(-3)))
    return altair.layer(*layers), {"height": _LINES_HEIGHT}


def _bar(bar: Bar, measure: Axis) -> dict[str, Any]:
    return {
        "label": bar.label,
        "series": bar.series,
        "value": _height(bar.value),
        "low": bar.low,
        "high": bar.high,
        "end": max(_height(bar.value), bar.high or 0, 0),
        "text": shown(bar.value, measure.kind) if bar.text is None else bar.text,
    }


def _height(value: float | Under) -> float:
    return 0 if isinstance(value, Under) else value


def _highest(bars: Sequence[Bar]) -> float:
    return max((_height(bar.value) if bar.high is None else bar.high for bar in bars), default=0)


def _quantity(channel: str, field: str, axis: Axis, **options: Any) -> Any:
    import altair

    kind = altair.X if channel == "x" else altair.Y
    drawn: dict[str, Any] = {"tickCount": 6}
    if axis.kind in _FORMATS:
        drawn["format"] = _FORMATS[axis.kind]
    if channel == "y":
        drawn["minExtent"] = 40
    return kind(f"{field}:Q", title=axis.label, axis=altair.Axis(**drawn), **options)


def _colours(field: str, names: Sequence[str]) -> Any:
    import altair

    order = list(dict.fromkeys(names))
    palette = [PALETTE[place % len(PALETTE)] for place in range(len(order))]
    rows: dict[str, Any] = {"columns": _LEGEND_COLUMNS} if len(order) > _LEGEND_COLUMNS else {}
    drawn = altair.Legend(orient="top", title=None, labelLimit=WIDTH, symbolType="square", **rows)
    legend = drawn if len(order) > 1 else None
    return altair.Color(f"{field}:N", sort=None, scale=altair.Scale(domain=order, range=palette), legend=legend)


def _data(points: list[dict[str, Any]]) -> Any:
    import altair

    return altair.InlineData(values=points)


def _svg(chart: Any) -> str:
    import vl_convert

    axis = {
        "labelColor": _INK, "titleColor": _INK, "titleFontWeight": "normal", "titlePadding": 8, "gridColor": _RULE,
        "domainColor": _RULE, "tickColor": _RULE, "labelFontSize": 11, "titleFontSize": 11.5,
    }  # fmt: skip
    configured = chart.configure(
        font=_FONT, background="transparent", axis=axis, view={"stroke": None}, legend={"labelFontSize": 11.5}
    )
    svg: str = vl_convert.vegalite_to_svg(configured.to_json())
    return svg
