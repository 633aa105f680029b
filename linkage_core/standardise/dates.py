"""Dates of birth: full or partial, in a declared format, without the days that clerks invent.

What is wrong in one place does not take the rest with it: letters that look like digits are read as digits, and of a
day that cannot be the year stays, and the month if only the day is out of range (decision 40).
"""

import datetime
import re
from typing import Final, Literal, get_args

from linkage_core.standardise.findings import Reason, Standardised

DateFormat = Literal[
    "YYYY-MM-DD", "YYYY/MM/DD", "YYYY.MM.DD", "YYYYMMDD",
    "DD.MM.YYYY", "DD/MM/YYYY", "DD-MM-YYYY", "DDMMYYYY", "MM/DD/YYYY", "MM-DD-YYYY",
    "D.M.YYYY", "D/M/YYYY", "D-M-YYYY", "M/D/YYYY", "YYYY-M-D", "YYYY/M/D",
    "YY-MM-DD", "YYMMDD", "DD.MM.YY", "DD/MM/YY", "DD-MM-YY", "DDMMYY", "MM/DD/YY",
    "D.M.YY", "D/M/YY", "M/D/YY",
]  # fmt: skip
"""The closed list of formats that a mapping can declare: D and M also take one digit, YY is a year of two digits. None
is guessed: 03/04/1987 has two readings, and 03/04/87 four."""

DATE_FORMATS: Final[tuple[DateFormat, ...]] = get_args(DateFormat)

MONTHS: Final = 12
MOST_DAYS: Final = 31
"""A day beyond these is wrong, whatever the month; an earlier one that does not exist may be of another month."""

EARLIEST_YEAR: Final = 1850
LATEST_YEAR: Final = 2100
"""Years outside these (both included) are implausible. Future dates are for the caller to refuse."""

SENTINELS: Final = frozenset(
    {"1900-01-01", "1901-01-01", "1899-12-30", "1899-12-31", "1753-01-01", "1601-01-01", "1582-10-14", "1582-10-15"}
    | {"1800-01-01", "1850-01-01", "1111-11-11", "0001-01-01", "9999-12-31", "2999-12-31", "2099-12-31", "2100-12-31"}
    | {"9999-09-09", "9999-99-99", "0000-00-00", "9999", "0000"}
)
"""Stand-ins for no date, written as year-month-day: taken as missing, silently."""

SENTINEL_DIGITS: Final = frozenset({"000000", "999999", "111111"})
"""The same where the year has two digits, in the order in which they are written."""

YEAR_ONLY_DAYS: Final = frozenset({"01-01"})
"""1 January is what registers write when only the year is known, so it is kept as the year alone: two people of one
name whose birthdays are unknown must not agree on a day that neither has."""

UNKNOWN_PART: Final = r"XX|xx|\?\?|--"
STAND_INS: Final = frozenset({"", "unknown", "n/a", "na", "nan", "nat", "null", "none", "-", "?"})

LOOK_ALIKES: Final = {
    "0": "OoQD", "1": "Iil|", "2": "Zz", "4": "A", "5": "Ss", "6": "Gb", "7": "T", "8": "B", "9": "gq",
}  # fmt: skip
"""What machines read, and people type, for a digit. In the place of a digit nothing else can be meant."""

MOST_LOOK_ALIKES: Final = 2
"""Signs of a date that may be read as digits; where more are, the text is no date."""

TIME: Final = r"[T ]\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?: ?[AaPp][Mm])?(?:Z|[+-]\d\d:?\d\d)?"
"""A time of day behind a full date, as databases and spreadsheets write it: cut off."""


def _shape(date_format: str) -> str:
    """Return the pattern of a format: the year alone, year and month, or all; XX, ??, -- or 00 for what is unknown."""
    separator = re.escape("".join(sorted(set(date_format) - set("YMD"))))
    digits = {"D": r"\d\d" if "DD" in date_format else r"\d\d?", "M": r"\d\d" if "MM" in date_format else r"\d\d?"}
    day, month = rf"(?P<day>{digits['D']}|{UNKNOWN_PART})", rf"(?P<month>{digits['M']}|{UNKNOWN_PART})"
    year = r"(?P<year>\d{4})" if "YYYY" in date_format else r"(?P<year>\d\d)"
    if date_format.startswith("Y"):
        return f"{year}(?:{separator}{month}(?:{separator}{day})?)?"
    if date_format.startswith("D"):
        return f"(?:(?:{day}{separator})?{month}{separator})?{year}"
    return f"(?:{month}{separator}(?:{day}{separator})?)?{year}"


SHAPES: Final[dict[DateFormat, str]] = {name: _shape(name) for name in DATE_FORMATS}
"""One pattern per format."""

_patterns = {name: re.compile(shape) for name, shape in SHAPES.items()}
_time = re.compile(TIME)
_digits = str.maketrans({sign: digit for digit, signs in LOOK_ALIKES.items() for sign in signs})


def has_two_digit_years(date_format: DateFormat) -> bool:
    """Return whether a format writes years with two digits, so that the latest year must be declared."""
    return "YYYY" not in date_format


def standardise_date(text: str, date_format: DateFormat, latest_year: int | None = None) -> Standardised:
    """Return `YYYY-MM-DD`, or `YYYY-MM` or `YYYY` where the rest is unknown.

    A year of two digits is the last one that ends with them and is not after `latest_year`, which the formats that have
    them need: a declared year, since a clock would read a file differently after New Year. A day without its month is
    dropped. Signs that look like digits are read as such where the text is no date without. The wrong shape is
    `UNPARSABLE_DATE` and gives the empty string. `IMPOSSIBLE_DATE` is a year out of range, which gives the empty string
    too, or a day that does not exist: then the year stays, and the month with a day above 31.
    """
    match = _read(text.strip(), date_format)
    if match is None:
        return "", None if text.strip().lower() in STAND_INS else Reason.UNPARSABLE_DATE
    year, written_month, written_day = (part and part.rjust(2, "0") for part in match.group("year", "month", "day"))
    if len(year) == 2:
        if f"{year}{written_month}{written_day}" in SENTINEL_DIGITS:
            return "", None
        year = _with_century(year, latest_year)
    if written_month and written_day:
        as_written = f"{year}-{written_month}-{written_day}"
    else:
        as_written = f"{year}-{written_month}" if written_month else year
    if as_written in SENTINELS:
        return "", None
    return _what_can_be(year, _known(written_month), _known(written_day))


def full_date(text: str, date_format: DateFormat, latest_year: int | None = None) -> datetime.date | None:
    """Return the day that a text names in full in this format, or None; no part may be unknown and no time follow."""
    match = _patterns[date_format].fullmatch(text) if text.isascii() else None
    if match is None or not _known(match["month"]) or not _known(match["day"]):
        return None
    year = match["year"] if len(match["year"]) == len("YYYY") else _with_century(match["year"], latest_year)
    try:
        return datetime.date(int(year), int(match["month"]), int(match["day"]))
    except ValueError:
        return None


def _read(text: str, date_format: DateFormat) -> re.Match[str] | None:
    """Return the date as written, a time behind a full one cut off, or with signs that look like digits read as such.

    None of a text that is neither. No stand-in is a date once its signs are read as digits.
    """
    if not text.isascii():
        return None
    if match := _patterns[date_format].fullmatch(text):
        return match
    if (time := _time.search(text)) and time.end() == len(text):
        match = _patterns[date_format].fullmatch(text, 0, time.start())
        return match if match is not None and match["day"] else None
    digits = text.translate(_digits)
    looked_alike = sum(sign != digit for sign, digit in zip(text, digits, strict=True))
    return _patterns[date_format].fullmatch(digits) if looked_alike <= MOST_LOOK_ALIKES else None


def _what_can_be(year: str, month: str, day: str) -> Standardised:
    """Return as much of a date as is known and can be; "" for an unknown month or day."""
    if not EARLIEST_YEAR <= int(year) <= LATEST_YEAR:
        return "", Reason.IMPOSSIBLE_DATE
    if not _exists(int(year), month, day):
        surely_the_day = int(day or 0) > MOST_DAYS and 1 <= int(month or 0) <= MONTHS
        return (f"{year}-{month}" if surely_the_day else year), Reason.IMPOSSIBLE_DATE
    if not month or f"{month}-{day}" in YEAR_ONLY_DAYS:
        return year, None
    return (f"{year}-{month}-{day}" if day else f"{year}-{month}"), None


def _with_century(two_digits: str, latest_year: int | None) -> str:
    if latest_year is None:
        raise ValueError("a date format with years of two digits needs the latest year")
    return str(latest_year - (latest_year - int(two_digits)) % 100)


def _known(part: str | None) -> str:
    return part if part is not None and part.isdigit() and part not in ("0", "00") else ""


def _exists(year: int, month: str, day: str) -> bool:
    try:
        datetime.date(year, int(month or 1), int(day or 1))
    except ValueError:
        return False
    return True
