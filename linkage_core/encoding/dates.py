"""Dates of fixed numeric layouts, read and written many at a time: what `strptime` and `strftime` would make of them.

A format is one of these layouts if it names %Y, %m and %d once each, parted by nothing or by `-`, `.` and `/`. A value
is read here only if it fills the layout exactly, with ASCII digits, and is a day of the years 1000 to 9999. Everything
else, right or wrong, is clkhash's to decide.
"""

import re
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.encoding.texts import Texts, code_points
from linkage_core.native import inlined, kernel

WRITTEN_LENGTH: Final = len("YYYYMMDD")

_LAYOUT: Final = re.compile(r"(?:%[Ymd][-./]?){3}")
_WIDTHS: Final = {"Y": 4, "m": 2, "d": 2}
_EARLIEST_YEAR: Final = 1000
_ZERO: Final = np.uint32(ord("0"))
_NINE: Final = np.uint32(ord("9"))


@dataclass(frozen=True, slots=True)
class Layout:
    """A fixed layout: `shape` uint32, its separators in place and 0 for each digit; where year, month and day begin."""

    shape: NDArray[np.uint32] = field(repr=False)
    begins: NDArray[np.int64]


def layout_of(form: str) -> Layout | None:
    """Return the layout of a `strptime` format; None if it is not one of those that are read here."""
    if not _LAYOUT.fullmatch(form) or {*re.findall("%(.)", form)} != set(_WIDTHS):
        return None
    shape, begins = "", {}
    for directive, separator in re.findall(r"%(.)([-./]?)", form):
        begins[directive] = len(shape)
        shape += "\0" * _WIDTHS[directive] + separator
    return Layout(code_points(shape), np.array([begins[directive] for directive in "Ymd"], dtype=np.int64))


def read_dates(texts: Texts, layout: Layout) -> tuple[Texts, NDArray[np.bool_]]:
    """Return the dates as YYYYMMDD, and which of the values were read: bool, (values,); the others are left empty."""
    written = np.zeros((len(texts), WRITTEN_LENGTH), dtype=np.uint32)
    was_read = np.zeros(len(texts), dtype=np.bool_)
    rewrite_dates(texts.codes, texts.starts, layout.shape, layout.begins, written, was_read)
    starts = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum(was_read * WRITTEN_LENGTH, out=starts[1:])
    return Texts(written[was_read].ravel(), starts), was_read


@inlined
def number_at(codes: NDArray[np.uint32], begin: int, digits: int) -> int:
    """Return the number that so many decimal digits spell."""
    number = 0
    for place in range(digits):
        number = number * 10 + int(codes[begin + place]) - int(_ZERO)
    return number


@kernel
def rewrite_dates(
    codes: NDArray[np.uint32],
    starts: NDArray[np.int64],
    shape: NDArray[np.uint32],
    begins: NDArray[np.int64],
    written: NDArray[np.uint32],
    was_read: NDArray[np.bool_],
) -> None:
    """Write each value that has the shape and names a day of the calendar as YYYYMMDD, and mark it as read."""
    for value in range(starts.size - 1):
        start = starts[value]
        if starts[value + 1] - start != shape.size:
            continue
        fits = True
        for place in range(shape.size):
            code = codes[start + place]
            if (shape[place] and code != shape[place]) or (not shape[place] and not _ZERO <= code <= _NINE):
                fits = False
                break
        if not fits:
            continue
        year = number_at(codes, start + begins[0], 4)
        month = number_at(codes, start + begins[1], 2)
        day = number_at(codes, start + begins[2], 2)
        if year < _EARLIEST_YEAR or month < 1 or month > 12 or day < 1:
            continue
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        if day > (28 + leap if month == 2 else 30 + (month + month // 8) % 2):
            continue
        for place in range(4):
            written[value, place] = codes[start + begins[0] + place]
        for place in range(2):
            written[value, 4 + place] = codes[start + begins[1] + place]
            written[value, 6 + place] = codes[start + begins[2] + place]
        was_read[value] = True
