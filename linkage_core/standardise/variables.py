"""Variables: standardised quasi-identifiers brought into the form in which they are encoded."""

from collections.abc import Callable, Iterable
from typing import Final

from linkage_core.schema import VariableForm

FORMS: Final[dict[VariableForm, str]] = {
    "value": "the standardised values, joined by a space, missing ones left out",
    "sorted-tokens": "the words of all values, sorted, joined by a space: swapped given and family name give one value",
    "first-token": "the first word of each value: second names, which files leave out at will, do not count",
    "date-digits": "YYYYMMDD, YYYYMM or YYYY of each date, as much as is known",
    "year": "YYYY of each date",
    "month-day": "MMDD of each full date",
    "ordered-month-day": "month and day of each full date, the smaller first: swapped day and month give one value",
}
"""What each form means; part of the rules' digest."""


def parts_of(form: VariableForm) -> Callable[[str], tuple[str, ...]]:
    """Return what gives the parts that one standardised quasi-identifier adds to a variable: none if it is missing."""
    return _PARTS[form]


def joined(form: VariableForm, parts: Iterable[tuple[str, ...]]) -> list[str]:
    """Return the variable's values, each from the parts of all its quasi-identifiers in the schema's order.

    The empty string where there is no part: nothing of the variable is known.
    """
    if form == "sorted-tokens":
        return [" ".join(sorted(of_row)) for of_row in parts]
    return list(map(" ".join, parts))


def _value(value: str) -> tuple[str, ...]:
    return (value,) if value else ()


def _first_token(value: str) -> tuple[str, ...]:
    return (value.split()[0],) if value else ()


def _tokens(value: str) -> tuple[str, ...]:
    return tuple(value.split())


def _date_digits(date: str) -> tuple[str, ...]:
    return (date.replace("-", ""),) if date else ()


def _year(date: str) -> tuple[str, ...]:
    return (date.partition("-")[0],) if date else ()


def _month_day(date: str) -> tuple[str, ...]:
    _, _, month_day = date.partition("-")
    month, _, day = month_day.partition("-")
    return (month + day,) if day else ()


def _ordered_month_day(date: str) -> tuple[str, ...]:
    _, _, month_day = date.partition("-")
    month, _, day = month_day.partition("-")
    return ("".join(sorted((month, day))),) if day else ()


_PARTS: Final[dict[VariableForm, Callable[[str], tuple[str, ...]]]] = {
    "value": _value,
    "sorted-tokens": _tokens,
    "first-token": _first_token,
    "date-digits": _date_digits,
    "year": _year,
    "month-day": _month_day,
    "ordered-month-day": _ordered_month_day,
}
