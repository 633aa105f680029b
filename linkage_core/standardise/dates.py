"""Dates of birth: full or partial, in a declared format, without the days that clerks invent."""

import datetime
import re
from typing import Final, Literal, get_args

from linkage_core.standardise.findings import Reason, Standardised

DateFormat = Literal["YYYY-MM-DD", "YYYYMMDD", "DD.MM.YYYY", "DD/MM/YYYY", "MM/DD/YYYY"]
"""The closed list of formats that a mapping can declare. None is guessed: 03/04/1987 has two readings."""

DATE_FORMATS: Final[tuple[str, ...]] = get_args(DateFormat)

EARLIEST_YEAR: Final = 1850
LATEST_YEAR: Final = 2100
"""Years outside these (both included) are implausible. Future dates are for the caller to refuse."""

SENTINELS: Final = frozenset(
    {"1900-01-01", "1901-01-01", "1899-12-30", "1899-12-31", "1753-01-01", "1111-11-11", "0001-01-01", "9999-12-31"}
    | {"9999-09-09", "9999-99-99", "0000-00-00", "9999", "0000"}
)
"""Stand-ins for no date, written as year-month-day: taken as missing, silently."""

YEAR_ONLY_DAYS: Final = frozenset({"01-01"})
"""1 January is what registers write when only the year is known, so it is kept as the year alone: two people of one
name whose birthdays are unknown must not agree on a day that neither has."""

UNKNOWN_PART: Final = r"\d\d|XX|xx|\?\?|--"
STAND_INS: Final = frozenset({"", "unknown", "n/a", "na", "nan", "nat", "null", "none", "-", "?"})

_day = rf"(?P<day>{UNKNOWN_PART})"
_month = rf"(?P<month>{UNKNOWN_PART})"
_year = r"(?P<year>\d{4})"
SHAPES: Final[dict[str, str]] = {
    "YYYY-MM-DD": rf"{_year}(?:-{_month}(?:-{_day})?)?",
    "YYYYMMDD": rf"{_year}(?:{_month}(?:{_day})?)?",
    "DD.MM.YYYY": rf"(?:(?:{_day}\.)?{_month}\.)?{_year}",
    "DD/MM/YYYY": rf"(?:(?:{_day}/)?{_month}/)?{_year}",
    "MM/DD/YYYY": rf"(?:{_month}/(?:{_day}/)?)?{_year}",
}
"""One pattern per format. Each takes the year alone, year and month, and XX, ??, -- or 00 for an unknown one."""

_patterns = {name: re.compile(shape) for name, shape in SHAPES.items()}


def standardise_date(text: str, date_format: DateFormat) -> Standardised:
    """Return `YYYY-MM-DD`, or `YYYY-MM` or `YYYY` where the rest is unknown.

    A day without its month is dropped. The wrong shape is `UNPARSABLE_DATE`, a day that does not exist or a year out of
    range is `IMPOSSIBLE_DATE`; both give the empty string.
    """
    stripped = text.strip()
    match = _patterns[date_format].fullmatch(stripped)
    if match is None or not stripped.isascii():
        return "", None if stripped.lower() in STAND_INS else Reason.UNPARSABLE_DATE
    year, written_month, written_day = match.group("year", "month", "day")
    if written_month and written_day:
        as_written = f"{year}-{written_month}-{written_day}"
    else:
        as_written = f"{year}-{written_month}" if written_month else year
    if as_written in SENTINELS:
        return "", None
    month, day = _known(written_month), _known(written_day)
    if not EARLIEST_YEAR <= int(year) <= LATEST_YEAR or not _exists(int(year), month, day):
        return "", Reason.IMPOSSIBLE_DATE
    if not month:
        return year, None
    if not day:
        return f"{year}-{month}", None
    return (year if f"{month}-{day}" in YEAR_ONLY_DAYS else f"{year}-{month}-{day}"), None


def _known(part: str | None) -> str:
    return part if part is not None and part.isdigit() and part != "00" else ""


def _exists(year: int, month: str, day: str) -> bool:
    try:
        datetime.date(year, int(month or 1), int(day or 1))
    except ValueError:
        return False
    return True
