"""What a benchmark returns: a titled table of figures, with the notes without which it would mislead.

The same table is read by people (`print_tables`), kept as JSON (`benchmarks.results`) and drawn (`benchmarks.plot`), so
cells are numbers where they are numbers, and say how they are to be read.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

WIDE_COLUMNS = 240
"""Width of output that no terminal shows: enough for any row, so that Markdown rows are never broken."""

SIGNIFICANT_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Spread:
    """The least, the median and the greatest of what several rounds measured; read as min–median–max."""

    least: float
    median: float
    greatest: float

    def times(self, factor: float) -> "Spread":
        """Return the same in another unit; the factor is positive."""
        return Spread(self.least * factor, self.median * factor, self.greatest * factor)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with a way of its own to be written, as `format` takes it: `.1%`, `.4f`, `,.0f`."""

    value: float
    pattern: str


Cell = str | int | float | Spread | Figure | None
"""A text, a number, or None where there is nothing to say; a float is shown with three significant digits."""

Row = tuple[Cell, ...]
"""One cell a column; the first names the row."""


@dataclass(frozen=True, slots=True)
class Growth:
    """A chart of how a measure grows with size, both on logarithmic axes: a line for each text of the series' column.

    All three are columns of the table; rows without a number in either are left out.
    """

    size: str
    measure: str
    series: str


@dataclass(frozen=True, slots=True)
class Bars:
    """A chart of one measure of every row, named by the first column; rows without a number are left out."""

    measure: str


@dataclass(frozen=True, slots=True)
class Plane:
    """A chart of one measure over another, both on logarithmic axes: a line through the rows of each text of a series.

    All are columns of the table; rows without a number above zero in either are left out, and so are those that differ
    from the first row in `among`. `short_of_one`: what the measure lacks to 1 is drawn, where its last per cents count.
    """

    across: str
    up: str
    series: str
    among: str | None = None
    short_of_one: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it is read; the first column names the row. Every row has one cell a column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    chart: Growth | Bars | Plane | None = None

    def __post_init__(self) -> None:
        odd = sum(len(row) != len(self.columns) for row in self.rows)
        if odd:
            raise ValueError(f"{self.title}: {odd} rows have not {len(self.columns)} cells")
        charted = {
            Growth: ("size", "measure", "series"),
            Bars: ("measure",),
            Plane: ("across", "up", "series", "among"),
            type(None): (),
        }[type(self.chart)]
        missing = sorted({getattr(self.chart, name) for name in charted} - {*self.columns, None})
        if missing:
            raise ValueError(f"{self.title}: the chart names no column of the table: {', '.join(missing)}")

    def column(self, name: str) -> tuple[Cell, ...]:
        """Return the cells of one column, in the order of the rows."""
        place = self.columns.index(name)
        return tuple(row[place] for row in self.rows)


def shown(cell: Cell) -> str:
    """Return a cell as people read it."""
    match cell:
        case None:
            return ""
        case str():
            return cell
        case int():
            return f"{cell:,}"
        case float():
            return _significant(cell, cell)
        case Figure():
            return f"{cell.value:{cell.pattern}}"
        case Spread():
            return "–".join(_significant(value, cell.median) for value in (cell.least, cell.median, cell.greatest))


def print_tables(tables: Sequence[Table], console: Console) -> None:
    """Print tables for a terminal, or as Markdown where the output is a file or a pipe."""
    markdown = not console.is_terminal
    if markdown:
        console.width = WIDE_COLUMNS
    for table in tables:
        drawn = RichTable(box=box.MARKDOWN if markdown else box.SIMPLE_HEAD)
        for place, column in enumerate(table.columns):
            drawn.add_column(column, justify="right" if place else "left", overflow="fold")
        for row in table.rows:
            drawn.add_row(*map(shown, row))
        console.print(f"\n{'## ' if markdown else ''}{table.title}", style="bold", markup=False)
        console.print(drawn)
        for note in table.notes:
            console.print(f"- {note}", markup=False, soft_wrap=markdown)


def _significant(value: float, scale: float) -> str:
    """Return the value with as many decimals as give the scale its significant digits; large numbers are whole."""
    if not math.isfinite(value):
        return str(value)
    magnitude = math.floor(math.log10(abs(scale))) if scale and math.isfinite(scale) else 0
    return f"{value:,.{max(SIGNIFICANT_DIGITS - 1 - magnitude, 0)}f}"
