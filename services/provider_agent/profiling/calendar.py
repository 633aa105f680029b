"""Dates of birth in counts: heaping on easy days, ages, and day and month exchanged.

A date is read from the file's own text where it is written in full, so that 1 January is seen although the linkage
takes it as the year alone. Exchanged day and month show in two ways. A day above the twelfth in the month's place is no
date at all and can be counted. Below that an exchange gives another date; it shows where births heap on the first of
the month, since an exchanged 1 May is 5 January: the share of the heap that lies on the days of January tells how many.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.standardise.dates import SHAPES, TIME, DateFormat

DAYS_A_YEAR: Final = 365.2425
OLDEST_USUAL: Final = 110
AGE_STEP: Final = 5

UNSEEN_FOR_SEEN: Final = (12 * 12 - 12) / (DAYS_A_YEAR - 12 * 12)
"""Days that an exchange makes another day, for each that it makes no date: 132 of a year's days to 221."""

_LAST_YEAR: Final = 2200
_MONTH_DAYS: Final = (31, 28.2425, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MOST_MONTH: Final = 12
_MOST_DAYS: Final = np.array([0, *(math.ceil(days) for days in _MONTH_DAYS)], dtype=np.int64)
_LEAST_HEAP_ERRORS: Final = 5.0
_LEAST_EXCHANGED_ERRORS: Final = 3.0

NOT_A_DATE: Final = -1

_patterns = {name: re.compile(shape) for name, shape in SHAPES.items()}
_time_at_end = re.compile(f"(?:{TIME})$")


@dataclass(frozen=True, slots=True)
class Exchanged:
    """Estimated dates with day and month exchanged unseen: how many, and the ends of the 95 % interval."""

    dates: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class CalendarStatistics:
    """Counts of one date column.

    `full`: dates written in full and usable. `by_day`: of them by day of month, 1 to 31; `by_month` alike.
    `by_age`: usable dates by the age that their year gives today, from 0 in steps of `AGE_STEP`; the last is open.
    `month_above_12`: dates that are none, but would be with day and month exchanged. `exchanged`: None where births do
    not heap enough on the first of the month to tell.
    """

    full: int
    first_of_january: int
    first_of_month: int
    fifteenth: int
    round_years: int
    years: int
    by_day: tuple[int, ...]
    by_month: tuple[int, ...]
    by_age: tuple[int, ...]
    over_oldest: int
    month_above_12: int
    exchanged: Exchanged | None


def expected_by_day() -> tuple[float, ...]:
    """Return the share of dates that each day of the month has if births are spread evenly, for days 1 to 31."""
    return tuple(sum(min(max(days - day + 1, 0), 1) for days in _MONTH_DAYS) / DAYS_A_YEAR for day in range(1, 32))


def written_day(text: str, date_format: DateFormat) -> int:
    """Return month and day of a date written in full, packed as month · 32 + day; -1 of any other text.

    Month and day may be above what a calendar has, up to 31. A time of day behind the date is left aside.
    """
    stripped = _time_at_end.sub("", text.strip())
    match = _patterns[date_format].fullmatch(stripped) if stripped.isascii() else None
    parts = match.group("month", "day") if match else (None, None)
    month, day = (int(part) if part is not None and part.isdigit() else 0 for part in parts)
    return month * 32 + day if 1 <= month <= 31 and 1 <= day <= 31 else NOT_A_DATE


@dataclass(slots=True)
class Calendar:
    """Collects the dates of one column."""

    today_year: int
    _days: NDArray[np.int64] = field(default_factory=lambda: np.zeros((13, 32), dtype=np.int64))
    _years: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_LAST_YEAR + 1, dtype=np.int64))
    _month_above_12: int = 0

    def add(self, days: NDArray[np.int64], years: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        """Count distinct dates: `days` as written, `years` that are usable (0 = not), rows of each.

        Of a day that does not exist the year is counted and no day.
        """
        full = days != NOT_A_DATE
        month, day = np.where(full, days >> 5, 0), days & 31
        usable = full & (years > 0) & (month <= _MOST_MONTH)
        usable &= day <= _MOST_DAYS[np.minimum(month, _MOST_MONTH)]
        np.add.at(self._days, (month[usable], day[usable]), counts[usable])
        np.add.at(self._years, years, counts)
        exchanged = full & (month > _MOST_MONTH) & (day <= _MOST_MONTH)
        self._month_above_12 += int(counts[exchanged].sum())

    def statistics(self) -> CalendarStatistics:
        """Return the counts."""
        years = self._years.copy()
        years[0] = 0
        ages = self.today_year - np.arange(len(years))
        past = (ages >= 0) & (years > 0)
        by_age = np.bincount(
            np.minimum(ages[past], OLDEST_USUAL) // AGE_STEP, years[past], OLDEST_USUAL // AGE_STEP + 1
        )
        return CalendarStatistics(
            full=int(self._days.sum()),
            first_of_january=int(self._days[1, 1]),
            first_of_month=int(self._days[:, 1].sum()),
            fifteenth=int(self._days[:, 15].sum()),
            round_years=int(years[::5].sum()),
            years=int(years.sum()),
            by_day=tuple(self._days.sum(axis=0)[1:].tolist()),
            by_month=tuple(self._days.sum(axis=1)[1:].tolist()),
            by_age=tuple(int(count) for count in by_age),
            over_oldest=int(years[ages > OLDEST_USUAL].sum()),
            month_above_12=self._month_above_12,
            exchanged=_exchanged(self._days),
        )


def _exchanged(days: NDArray[np.int64]) -> Exchanged | None:
    """Estimate exchanged dates from where the heap of firsts of the month lies; None if there is no heap to go by.

    Days 13 to 28 of a month cannot come from an exchange and give its usual count a day. What the firsts of February to
    December have above it is what stayed, what 2 to 12 January have above January's is what was exchanged.
    """
    usual = days[:, 13:29].sum(axis=1) / 16
    stayed = float((days[2:, 1] - usual[2:]).sum())
    moved = float((days[1, 2:13] - usual[1]).sum())
    error_of_moved = math.sqrt(float(days[1, 2:13].sum()) + 11 * 11 * usual[1] / 16) or 1.0
    error_of_stayed = math.sqrt(float(days[2:, 1].sum()) + float(usual[2:].sum()) / 16) or 1.0
    heap = stayed + max(moved, 0.0)
    if heap < _LEAST_HEAP_ERRORS * error_of_stayed or heap <= 0:
        return None
    ambiguous = float(days[1:13, 1:13].sum() - np.trace(days[1:13, 1:13]))
    share, error = max(moved, 0.0) / heap, error_of_moved / heap
    if moved < _LEAST_EXCHANGED_ERRORS * error_of_moved:
        return Exchanged(0.0, 0.0, min(share + 1.96 * error, 1.0) * ambiguous)
    low, high = max(share - 1.96 * error, 0.0), min(share + 1.96 * error, 1.0)
    return Exchanged(share * ambiguous, low * ambiguous, high * ambiguous)
