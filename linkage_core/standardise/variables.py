"""Variables: standardised quasi-identifiers brought into the form in which they are encoded."""

from collections.abc import Callable, Iterable
from typing import Final

from linkage_core.schema import VariableForm
from linkage_core.standardise.nicknames import root_of
from linkage_core.standardise.skeleton import skeleton

FORMS: Final[dict[VariableForm, str]] = {
    "value": "the standardised values, joined by a space, missing ones left out",
    "sorted-tokens": "the words of all values, sorted, joined by a space: swapped given and family name give one value",
    "first-token": "the first word of each value: second names, which files leave out at will, do not count",
    "last-token": "the last word of each value: of a compound family name what is kept when it is shortened",
    "longest-token": "the longest word of each value, the first of equals: survives a lost or added part",
    "nickname-root": "the first word of each value, nicknames reduced to their root (bill, willy = william)",
    "skeleton": "each value written as one word, reduced to what the romanisations of one native name share",
    "sorted-skeletons": "the words of all values, each reduced to its skeleton, sorted, joined by a space",
    "root-skeleton": "the skeleton of the first word's nickname root: sasha, oleksandr, alexander give one value",
    "date-digits": "YYYYMMDD, YYYYMM or YYYY of each date, as much as is known",
    "year": "YYYY of each date",
    "month-day": "MMDD of each full date",
    "ordered-month-day": "month and day of each full date, the smaller first: swapped day and month give one value",
    "sorted-date-digits": "digits of the year, sorted, then those of month and day, as much as is known, sorted: one "
    "value whatever digits were transposed within the year, the month or the day, or day and month swapped",
    "sorted-year-digits": "the digits of each year, sorted: 1987 and 1978 give one value",
}
"""What each form means; part of the rules' digest."""


def parts_of(form: VariableForm) -> Callable[[str], tuple[str, ...]]:
    """Return what gives the parts that one standardised quasi-identifier adds to a variable: none if it is missing."""
    return _PARTS[form]


def joined(form: VariableForm, parts: Iterable[tuple[str, ...]]) -> list[str]:
    """Return the variable's values, each from the parts of all its quasi-identifiers in the schema's order.

    The empty string where there is no part: nothing of the variable is known.
    """
    if form in _SORTED:
        return [" ".join(sorted(of_row)) for of_row in parts]
    return list(map(" ".join, parts))


def _value(value: str) -> tuple[str, ...]:
    return (value,) if value else ()


def _first_token(value: str) -> tuple[str, ...]:
    return (value.split()[0],) if value else ()


def _last_token(value: str) -> tuple[str, ...]:
    return (value.split()[-1],) if value else ()


def _longest_token(value: str) -> tuple[str, ...]:
    return (max(value.split(), key=len),) if value else ()


def _nickname_root(value: str) -> tuple[str, ...]:
    return tuple(map(root_of, _first_token(value)))


def _skeleton(value: str) -> tuple[str, ...]:
    return (skeleton(value.replace(" ", "")),) if value else ()


def _skeletons(value: str) -> tuple[str, ...]:
    return tuple(map(skeleton, value.split()))


def _root_skeleton(value: str) -> tuple[str, ...]:
    return tuple(map(skeleton, _nickname_root(value)))


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


def _sorted_date_digits(date: str) -> tuple[str, ...]:
    year, _, month_day = date.partition("-")
    return ("".join(sorted(year)) + "".join(sorted(month_day.replace("-", ""))),) if date else ()


def _sorted_year_digits(date: str) -> tuple[str, ...]:
    return tuple("".join(sorted(year)) for year in _year(date))


_SORTED: Final = frozenset[VariableForm]({"sorted-tokens", "sorted-skeletons"})
_PARTS: Final[dict[VariableForm, Callable[[str], tuple[str, ...]]]] = {
    "value": _value,
    "sorted-tokens": _tokens,
    "first-token": _first_token,
    "last-token": _last_token,
    "longest-token": _longest_token,
    "nickname-root": _nickname_root,
    "skeleton": _skeleton,
    "sorted-skeletons": _skeletons,
    "root-skeleton": _root_skeleton,
    "date-digits": _date_digits,
    "year": _year,
    "month-day": _month_day,
    "ordered-month-day": _ordered_month_day,
    "sorted-date-digits": _sorted_date_digits,
    "sorted-year-digits": _sorted_year_digits,
}
