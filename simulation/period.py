"""Days, the observation period, and how an agency writes a date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

NEVER: Final = 2_000_000
"""A day beyond every calendar in use here: the end of what has not ended, the start of what does not happen."""

DAYS_PER_YEAR: Final = 365.25
_EARLIEST: Final = int(np.datetime64("1850-01-01", "D").astype(np.int64))
_LATEST: Final = int(np.datetime64("2150-01-01", "D").astype(np.int64))


@dataclass(frozen=True, slots=True)
class Period:
    """The observation period, both ends included; at least two calendar years, between 1990 and 2100.

    Two years, because nobody in the invented country migrates for less than twelve months.
    """

    start: date = date(2020, 1, 1)
    end: date = date(2025, 12, 31)

    def __post_init__(self) -> None:
        """Refuse a period that is too short or outside the calendar of the simulation."""
        if not (date(1990, 1, 1) <= self.start and self.end < date(2100, 1, 1)):
            raise ValueError(f"period {self.start}..{self.end} lies outside 1990..2099: choose years within")
        if (self.end - self.start).days < 730:
            raise ValueError(f"period {self.start}..{self.end} is shorter than two years: make it longer")

    @property
    def first_day(self) -> int:
        """The first day, in days since 1970-01-01."""
        return (self.start - date(1970, 1, 1)).days

    @property
    def after(self) -> int:
        """The day after the last one, in days since 1970-01-01."""
        return (self.end - date(1970, 1, 1)).days + 1

    @property
    def years(self) -> range:
        """The calendar years that the period touches."""
        return range(self.start.year, self.end.year + 1)


def first_of_year(year: int) -> int:
    """1 January of `year`, in days since 1970-01-01."""
    return (date(year, 1, 1) - date(1970, 1, 1)).days


def year_of(days: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The calendar year of each day, int64 of the same shape."""
    years: npt.NDArray[np.int64] = days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    return years


def date_text(days: npt.NDArray[np.int64], style: str = "%Y-%m-%d") -> npt.NDArray[np.object_]:
    """Each day written in `style`, object array of str; None for NEVER. Days must lie in 1850..2149 or be NEVER."""
    never = days == NEVER
    text: npt.NDArray[np.object_] = _calendar(style)[np.where(never, _EARLIEST, days) - _EARLIEST]
    text[never] = None
    return text


@lru_cache(maxsize=4)
def _calendar(style: str) -> npt.NDArray[np.object_]:
    """Every day from 1850 to 2149 in `style`: looking a date up is far cheaper than writing it."""
    ordinal = date(1970, 1, 1).toordinal()
    days = [date.fromordinal(ordinal + day).strftime(style) for day in range(_EARLIEST, _LATEST)]
    return np.array(days, dtype=object)
