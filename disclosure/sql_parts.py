"""What the SQL of every measure has in common: the rows that it ends in, and the axis of time."""

from dataclasses import dataclass
from typing import Final

from disclosure.query.periods import MONTHS, Period, Unit
from disclosure.sql_bindings import Bindings

FIRST_DAY: Final = "DATE '0001-01-01'"
"""Beginning of a stay that began before observation: nobody knows when."""

LAST_DAY: Final = "DATE '9999-12-31'"
"""End of a stay that goes on."""


@dataclass(frozen=True, slots=True)
class MeasureParts:
    """Steps that end in `occurrence`, and the (provider, table) relations that they read.

    `occurrence` has the columns `person` UUID, `part` BIGINT (the measure's axes' share of the cell's position), `day`
    DATE (the date at which ages count), `since` DATE (first day of the stay that is counted, or NULL), `amount` BIGINT
    (1 where persons count). A person may have several rows of one part: their amounts in one cell add up.
    """

    steps: tuple[str, ...]
    relations: frozenset[tuple[str, str]]


def asked_periods(periods: tuple[Period, ...], stride: int, bindings: Bindings) -> str:
    """Return the step `asked (number, part, first, last)`: one row a period that is asked about."""
    numbers = bindings.bind([period.number for period in periods])
    parts = bindings.bind([stride * place for place in range(len(periods))])
    firsts = bindings.bind([period.first for period in periods])
    lasts = bindings.bind([period.last for period in periods])
    return (
        f"asked AS (SELECT unnest({numbers}::BIGINT[]) AS number, unnest({parts}::BIGINT[]) AS part, "
        f"unnest({firsts}::DATE[]) AS first, unnest({lasts}::DATE[]) AS last)"
    )


def period_number(day: str, unit: Unit) -> str:
    """Return the SQL twin of `periods.number_of` over an expression of type DATE."""
    if unit == "year":
        return f"year({day})"
    return f"((year({day}) * 12 + month({day}) - 1) // {MONTHS[unit]})"


def months_since(since: str, day: str) -> str:
    """Return the SQL of the full months from a first to a last day, both included."""
    return f"date_sub('month', {since}, {day} + 1)"


def known_day(day: str) -> str:
    """Return the SQL of a first day of a stay, NULL where it is not known."""
    return f"nullif({day}, {FIRST_DAY})"
