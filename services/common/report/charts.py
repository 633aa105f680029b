"""What can be drawn: bars, dots, columns, histograms, lines. Each is a value, and has a table that says the same."""

from dataclasses import dataclass
from typing import Literal

from services.common.report.cells import Column, Kind, Range, Table, Under


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis measures. `unit` stands behind the title; `kind` says how its numbers are written."""

    title: str
    unit: str = ""
    kind: Kind = "count"
    log: bool = False

    @property
    def label(self) -> str:
        """The title with its unit, as it stands beside the axis."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; a value that is told only as under something is drawn as nothing.

    `low` and `high` are its interval, `series` what it belongs to beside others of its label. `text` stands at its end;
    None writes the value there.
    """

    label: str
    value: float | Under
    low: float | None = None
    high: float | None = None
    series: str = ""
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Bars:
    """Horizontal bars, one a label, or one a label and series beside each other; in the order given."""

    title: str
    description: str
    labels: str
    measure: Axis
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Dots:
    """A dot for each label, or one a label and series, with its interval, on a scale that need not begin at zero.

    `joined` draws the dots of one label on one line, joined: how far apart they are is what there is to see. On a
    logarithmic scale zero has no place and is not drawn.
    """

    title: str
    description: str
    labels: str
    measure: Axis
    dots: tuple[Bar, ...]
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Columns:
    """Upright bars over labels that have an order, as days of a month; `expected` marks what each would be."""

    title: str
    description: str
    x: Axis
    y: Axis
    bars: tuple[Bar, ...]
    expected: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.expected and len(self.expected) != len(self.bars):
            raise ValueError(f"{self.title}: {len(self.expected)} expectations for {len(self.bars)} columns")


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a histogram: from `low` (included) to `high` (excluded)."""

    low: float
    high: float
    value: float | Under


@dataclass(frozen=True, slots=True)
class Histogram:
    """How a measure is spread: a count by bin, in the order of the axis."""

    title: str
    description: str
    x: Axis
    y: Axis
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a line; `low` and `high` are its interval."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A named line through its points, in their order."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on the x axis that is worth a word, as a chosen threshold."""

    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines over one axis, their intervals as bands, or as a bar at each point; `marks` stand upright."""

    title: str
    description: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    intervals: Literal["band", "bar"] = "band"
    marks: tuple[Mark, ...] = ()


Chart = Bars | Dots | Columns | Histogram | Lines


def table_of(chart: Chart) -> Table:
    """Return the chart's figures as a table: what is drawn can be read."""
    match chart:
        case Bars():
            return _bars(chart.labels, chart.measure, chart.bars)
        case Dots():
            return _bars(chart.labels, chart.measure, chart.dots)
        case Columns():
            return _columns(chart)
        case Histogram():
            rows = tuple((Range(each.low, each.high), each.value) for each in chart.bins)
            return Table((Column(chart.x.label, chart.x.kind), Column(chart.y.label, chart.y.kind)), rows)
        case Lines():
            return _lines(chart)


def _bars(labels: str, measure: Axis, bars: tuple[Bar, ...]) -> Table:
    """Return a row for each label; series stand beside each other, and below each other where they have intervals."""
    series = tuple(dict.fromkeys(bar.series for bar in bars if bar.series))
    intervals = any(bar.low is not None for bar in bars)
    if series and not intervals:
        values = {(bar.label, bar.series): bar.value for bar in bars}
        heads = (Column(labels), *(Column(name, measure.kind) for name in series))
        names = dict.fromkeys(bar.label for bar in bars)
        return Table(heads, tuple((name, *(values.get((name, each)) for each in series)) for name in names))
    columns = [Column(labels), *([Column("")] if series else []), Column(measure.label, measure.kind)]
    columns += [Column("interval", measure.kind)] if intervals else []
    rows = tuple(
        (
            bar.label,
            *([bar.series] if series else []),
            bar.value,
            *([_range(bar.low, bar.high)] if intervals else []),
        )
        for bar in bars
    )
    return Table(tuple(columns), rows)


def _columns(chart: Columns) -> Table:
    plain = _bars(chart.x.label, chart.y, chart.bars)
    if not chart.expected:
        return plain
    rows = tuple((*row, expected) for row, expected in zip(plain.rows, chart.expected, strict=True))
    return Table((*plain.columns, Column("expected", chart.y.kind)), rows)


def _lines(chart: Lines) -> Table:
    intervals = any(point.low is not None for line in chart.lines for point in line.points)
    columns = [Column(""), Column(chart.x.label, chart.x.kind), Column(chart.y.label, chart.y.kind)]
    columns += [Column("interval", chart.y.kind)] if intervals else []
    rows = tuple(
        (line.name, point.x, point.y, *([_range(point.low, point.high)] if intervals else []))
        for line in chart.lines
        for point in line.points
    )
    return Table(tuple(columns), rows)


def _range(low: float | None, high: float | None) -> Range | None:
    return None if low is None or high is None else Range(low, high)
