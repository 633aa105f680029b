"""Variables: standardised quasi-identifiers brought into the form in which they are encoded."""

from collections.abc import Sequence
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


def in_form(form: VariableForm, values: tuple[str, ...]) -> str:
    """Return the variable's value for one record; the empty string if nothing of it is known.

    `values` are the standardised quasi-identifiers of the variable, in the schema's order, "" where missing.
    """
    return joined(form, [part for value in values for part in parts(form, value)])


def parts(form: VariableForm, value: str) -> tuple[str, ...]:
    """Return what one standardised quasi-identifier adds to a variable of this form: no part if it is missing."""
    if not value:
        return ()
    if form == "value":
        return (value,)
    if form == "first-token":
        return (value.split()[0],)
    if form == "sorted-tokens":
        return tuple(value.split())
    part = _date_part(form, value)
    return (part,) if part else ()


def joined(form: VariableForm, of_all_values: Sequence[str]) -> str:
    """Return the variable's value from the parts of all its quasi-identifiers, in their order."""
    return " ".join(sorted(of_all_values) if form == "sorted-tokens" else of_all_values)


def _date_part(form: VariableForm, date: str) -> str:
    year, _, month_day = date.partition("-")
    if form == "year":
        return year
    if form == "date-digits":
        return date.replace("-", "")
    month, _, day = month_day.partition("-")
    if not day:
        return ""
    return "".join(sorted((month, day))) if form == "ordered-month-day" else month + day
