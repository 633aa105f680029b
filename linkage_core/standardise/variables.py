"""Variables: standardised quasi-identifiers brought into the form in which they are encoded."""

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
    known = [value for value in values if value]
    if form == "value":
        return " ".join(known)
    if form == "first-token":
        return " ".join(value.split()[0] for value in known)
    if form == "sorted-tokens":
        return " ".join(sorted(word for value in known for word in value.split()))
    return " ".join(part for part in (_date_part(form, value) for value in known) if part)


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
