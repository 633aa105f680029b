"""Tables of a report, and how their cells are written."""

import math
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["text", "count", "share", "number", "year", "probability"]
"""How a cell is written: as it is; with thousands apart; in per cent; to three significant digits; with no comma; as a
share to four decimals, for what is near 0 or 1 and is told from it."""

_SIGNIFICANT: Final = 3
_LEAST_SHARE: Final = 0.0005
"""Shares nearer than this to 0 or 1, and not 0 or 1, are not written as 0.0 % or 100.0 %."""
_LEAST_PROBABILITY: Final = 0.00005
_LEAST_NUMBER: Final = 0.0001
"""Numbers nearer to 0 are written with a power of ten."""
_RAISED: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class Range:
    """Two ends of an interval, written as low – high."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Under:
    """A count above zero and below `limit` that is not told more closely, because it belongs to a value."""

    limit: int


Cell = str | int | float | Range | Under | None
"""A text, a number, or None where there is nothing to say."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column's title, and how its numbers are written; all but texts stand to the right."""

    title: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one cell a column; the first names the row."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""

    def __post_init__(self) -> None:
        odd = sum(len(row) != len(self.columns) for row in self.rows)
        if odd:
            raise ValueError(f"{self.title or 'a table'}: {odd} rows have not {len(self.columns)} cells")


def shown(cell: Cell, kind: Kind) -> str:
    """Return a cell as people read it."""
    match cell:
        case None:
            return "–"
        case str():
            return cell
        case Range():
            low, high = (shown(end, kind).removesuffix(" %") for end in (cell.low, cell.high))
            return f"{low} – {high}{' %' if kind == 'share' else ''}"
        case Under():
            return f"< {cell.limit:,}"
        case _:
            return _number(cell, kind)


def _number(value: float, kind: Kind) -> str:
    if not math.isfinite(value):
        return str(value)
    match kind:
        case "share":
            return _share(value)
        case "year":
            return f"{value:.0f}"
        case "probability":
            return _probability(value)
        case "count":
            return f"{value:,.0f}"
        case _:
            return _significant(value)


def _share(value: float) -> str:
    if 0 < value < _LEAST_SHARE:
        return "< 0.1 %"
    if 1 - _LEAST_SHARE < value < 1:
        return "> 99.9 %"
    return f"{100 * value:.1f} %"


def _probability(value: float) -> str:
    if 0 < value < _LEAST_PROBABILITY:
        return "< 0.0001"
    if 1 - _LEAST_PROBABILITY < value < 1:
        return "> 0.9999"
    return f"{value:.4f}"


def _significant(value: float) -> str:
    if isinstance(value, int) or not value:
        return f"{value:,.0f}"
    if abs(value) < _LEAST_NUMBER:
        digits, _, power = f"{value:.{_SIGNIFICANT - 1}e}".partition("e")
        return f"{digits} × 10{str(int(power)).translate(_RAISED)}"
    return f"{value:,.{max(_SIGNIFICANT - 1 - math.floor(math.log10(abs(value))), 0)}f}"
