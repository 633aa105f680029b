"""Birth dates as an agency writes them down: every kind of error of dates, at most one a date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from simulation.hits import Hits
from simulation.misreading import misread_digits
from simulation.name_lists import Texts
from simulation.period import date_text

Days = npt.NDArray[np.int64]

_EARLIEST_YEAR: Final = 1900
_NEIGHBOURS: Final = ((2, 3), (1, 2), (4, 5), (6, 7))
"""Places in YYYYMMDD whose digits are next to each other in year, month or day."""


def recorded_birth_dates(birth: Days, style: str, latest: int, hits: Hits) -> Texts:
    """The dates in the agency's style, or the part that is known, or None; `latest` is the last day that is past."""
    month_start = birth.astype("datetime64[D]").astype("datetime64[M]")
    year_start = month_start.astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    day = birth - month_start.astype("datetime64[D]").astype(np.int64) + 1
    year = month_start.astype("datetime64[Y]").astype(np.int64) + 1970
    month = month_start.astype(np.int64) % 12 + 1
    untouched = np.ones(len(birth), dtype=bool)
    written = birth.copy()

    rows = hits.draw("sentinel_birth_date", untouched)
    the_year_1900 = hits.rng.random(len(rows)) < 0.5
    written[rows] = np.where(the_year_1900, day_number(1900, 1, 1), year_start[rows])
    untouched[rows] = False

    missing, only_year, only_month = (
        _drawn_once(kind, untouched, hits)
        for kind in ("missing_birth_date", "missing_birth_month", "missing_birth_day")
    )

    exchanged = day_number(year, day.clip(max=12), month)
    rows = hits.draw("swapped_day_month", untouched & (day <= 12) & (day != month) & (exchanged <= latest))
    written[rows] = exchanged[rows]
    untouched[rows] = False

    def transpose(row: int, choice: int) -> bool:
        others = list(_transpositions(int(birth[row]), latest))
        if others:
            written[row] = others[choice % len(others)]
        return bool(others)

    untouched[hits.try_each("transposed_birth_digits", transpose, eligible=untouched)] = False

    century = np.where(year >= 2000, -100, 100)
    of_other_century = day_number(year + century, month, np.minimum(day, 28))
    rows = hits.draw("wrong_birth_century", untouched & (of_other_century <= latest))
    written[rows] = of_other_century[rows]
    untouched[rows] = False

    def mistype(row: int, choice: int) -> bool:
        written[row] = _mistyped(int(birth[row]), latest, choice)
        return True

    untouched[hits.try_each("mistyped_birth_date", mistype, eligible=untouched)] = False

    text = date_text(written, style)
    text[only_year] = year[only_year].astype(str)
    text[only_month] = date_text(written[only_month], _month_style(style))
    text[missing] = None

    def misread(row: int, choice: int) -> bool:
        text[row] = misread_digits(text[row], choice)
        return True

    hits.try_each("misread_birth_date", misread, eligible=untouched)
    return text


def day_number(year: Days | int, month: Days | int, day: Days | int) -> Days:
    """Days since 1970-01-01; a day beyond the month's length runs on into the next month."""
    months = ((np.asarray(year) - 1970) * 12 + np.asarray(month) - 1).astype("datetime64[M]")
    number: Days = months.astype("datetime64[D]").astype(np.int64) + np.asarray(day) - 1
    return number


def _drawn_once(kind: str, untouched: npt.NDArray[np.bool_], hits: Hits) -> Days:
    """The rows that a kind of error strikes, which none after it may strike."""
    rows = hits.draw(kind, untouched)
    untouched[rows] = False
    return rows


def _transpositions(birth: int, latest: int) -> Iterator[int]:
    """The other past dates that exchanging two neighbouring digits makes."""
    digits = _digits(birth)
    for left, right in _NEIGHBOURS:
        if digits[left] != digits[right]:
            exchanged = list(digits)
            exchanged[left], exchanged[right] = digits[right], digits[left]
            other = _past_day("".join(exchanged), latest)
            if other is not None:
                yield other


def _mistyped(birth: int, latest: int, choice: int) -> int:
    """One or ten years or one day too low, or another digit; a day too low where that would not be a past date."""
    digits, slip = _digits(birth), choice % 6
    if slip < 2:
        other = _past_day(f"{int(digits[:4]) - (1, 10)[slip]}{digits[4:]}", latest)
    elif slip == 2:
        other = birth - 1
    else:
        place = 2 + choice // 6 % 6
        digit = (int(digits[place]) + 1 + choice // 64 % 9) % 10
        other = _past_day(f"{digits[:place]}{digit}{digits[place + 1 :]}", latest)
    return birth - 1 if other is None else other


def _digits(day: int) -> str:
    """A day as YYYYMMDD."""
    return (date(1970, 1, 1) + timedelta(days=day)).strftime("%Y%m%d")


def _past_day(digits: str, latest: int) -> int | None:
    """The day that YYYYMMDD names, None if there is no such day since 1900 or it is not past."""
    try:
        day = (date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) - date(1970, 1, 1)).days
    except ValueError:
        return None
    return day if int(digits[:4]) >= _EARLIEST_YEAR and day <= latest else None


def _month_style(style: str) -> str:
    """The style of a date whose day is unknown: `%d.%m.%Y` without the day is `%m.%Y`."""
    return style.replace("%d.", "").replace("-%d", "")
