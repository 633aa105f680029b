"""The axis of time: dates, and years, quarters or months that lie wholly within a period."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from linkage_core.schema import Clause

Unit = Literal["year", "quarter", "month"]

MONTHS: Final[dict[Unit, int]] = {"year": 12, "quarter": 3, "month": 1}
"""Length of a unit in months."""

LONGEST_LIST: Final = 20_000
"""Items of a list of dates, years or categories, repetitions included: twice the longest code list."""

Year = Annotated[int, Field(ge=1, le=9998)]
Years = Annotated[tuple[Year, ...], Field(min_length=1, max_length=LONGEST_LIST)]


class Interval(Clause):
    """First and last day, both included."""

    start: datetime.date
    end: datetime.date

    @model_validator(mode="after")
    def _in_order(self) -> "Interval":
        if self.start > self.end:
            raise ValueError("start is after end")
        return self


class Cut(Interval):
    """A period cut into whole years, quarters or months."""

    by: Unit

    @model_validator(mode="after")
    def _whole(self) -> "Cut":
        if self.end.year > 9998:
            raise ValueError("years end with 9998")
        periods = tuple(self.periods())
        if len(periods) > LONGEST_LIST:
            raise ValueError(f"by: {self.by} makes {len(periods)} periods, {LONGEST_LIST} at most")
        if periods[0].first != self.start or periods[-1].last != self.end:
            raise ValueError(f"by: {self.by} needs a period of whole {self.by}s, from a first to a last day of one")
        return self

    def periods(self) -> Iterator["Period"]:
        """Yield the units from that of the first day to that of the last."""
        for number in range(number_of(self.start, self.by), number_of(self.end, self.by) + 1):
            yield Period(self.by, number)


def _shape(value: Any) -> str:
    return "cut" if isinstance(value, dict | Cut) else "list"


Dates = Annotated[tuple[datetime.date, ...], Field(min_length=1, max_length=LONGEST_LIST)]
CutOrYears = Annotated[Annotated[Cut, Tag("cut")] | Annotated[Years, Tag("list")], Discriminator(_shape)]
CutOrDates = Annotated[Annotated[Cut, Tag("cut")] | Annotated[Dates, Tag("list")], Discriminator(_shape)]


@dataclass(frozen=True, slots=True)
class Period:
    """One year, quarter or month; `number` counts units from the year 0 and grows by one from each to the next."""

    unit: Unit
    number: int

    @property
    def first(self) -> datetime.date:
        """Its first day."""
        year, month = divmod(self.number * MONTHS[self.unit], 12)
        return datetime.date(year, month + 1, 1)

    @property
    def last(self) -> datetime.date:
        """Its last day."""
        return Period(self.unit, self.number + 1).first - datetime.timedelta(days=1)

    @property
    def label(self) -> str:
        """Its name in tables, as SDMX and ISO 8601 have it: `2024`, `2024-Q3`, `2024-07`."""
        first = self.first
        match self.unit:
            case "year":
                return f"{first.year:04}"
            case "quarter":
                return f"{first.year:04}-Q{(first.month + 2) // 3}"
            case "month":
                return f"{first.year:04}-{first.month:02}"


def number_of(day: datetime.date, unit: Unit) -> int:
    """Return the number of the unit that a day lies in."""
    return (day.year * 12 + day.month - 1) // MONTHS[unit]


def periods_of(over: "Cut | tuple[int, ...]") -> tuple[Period, ...]:
    """Return the units of a cut period, or the years of a list, each once and in order."""
    if isinstance(over, Cut):
        return tuple(over.periods())
    return tuple(Period("year", year) for year in sorted(set(over)))
