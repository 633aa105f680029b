"""The closed query language: a question is data, never code.

    measure:   stock | inflow | outflow | overlap
    of:        overlap: two sources
    at:        stock: one date or a list of them
    over:      flows: a list of years, or {start, end, by: year} covering whole years; overlap: {start, end}
    rule:      stock and flows: {kind: registered, minimum_months: 12 | 0}
    by:        dimensions of the agreement (flows may name `year`, by which they always are)
    where:     [{dimension, in: [categories]}]
    accuracy:  {half_width: persons at 95 %} or {nano_rho: price}

Order and repetition inside lists mean nothing. Other measures join the union `Question` with their own fields.
"""

import datetime
import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field, JsonValue, TypeAdapter, ValidationError, model_validator

from disclosure.errors import QueryFault
from linkage_core.schema import Clause, Name

FORMAT: Final = "symbolon-question/1"

LONGEST_QUESTION: Final = 500_000
"""Characters of a question: room for every code of the longest code list, and no room to keep a service busy."""
LONGEST_LIST: Final = 20_000
"""Items of a list of dates, years or categories, repetitions included: twice the longest code list."""
MOST_DIMENSIONS: Final = 32
"""Dimensions named in `by`, or compared in `where`: with more, no table stays within a million cells."""

YEAR_DAYS: Final = 365
"""Length in days of the residence rule's 12 months."""


class Rule(Clause):
    """Who counts as a resident: `registered`, for at least `minimum_months` if that is not 0.

    With 12 months, absences under 365 days do not end a stay and stays under 365 days are no residence.
    """

    kind: Literal["registered"] = "registered"
    minimum_months: Literal[0, 12] = 12

    @property
    def window_days(self) -> int:
        """How many days a stay or an absence must last to count."""
        return YEAR_DAYS if self.minimum_months else 0


class Comparison(Clause):
    """Keeps the persons whose value in a public dimension is one of the categories."""

    dimension: Name
    categories: tuple[str, ...] = Field(alias="in", min_length=1, max_length=LONGEST_LIST)


class Accuracy(Clause):
    """Exactly one of: half-width of a cell's 95 % interval in persons, or the price in nano-rho."""

    half_width: int | None = Field(default=None, ge=1, le=10_000_000)
    nano_rho: int | None = Field(default=None, ge=1, le=2**53 - 1)

    @model_validator(mode="after")
    def _exactly_one(self) -> "Accuracy":
        if (self.half_width is None) == (self.nano_rho is None):
            raise ValueError("give exactly one of half_width and nano_rho")
        return self


class Interval(Clause):
    """First and last day, both included."""

    start: datetime.date
    end: datetime.date

    @model_validator(mode="after")
    def _in_order(self) -> "Interval":
        if self.start > self.end:
            raise ValueError("start is after end")
        return self


class WholeYears(Interval):
    """A period cut into calendar years, from a 1 January to a 31 December."""

    by: Literal["year"]

    @model_validator(mode="after")
    def _whole(self) -> "WholeYears":
        if (self.start.month, self.start.day, self.end.month, self.end.day) != (1, 1, 12, 31):
            raise ValueError("by: year needs a period from a 1 January to a 31 December")
        return self


Year = Annotated[int, Field(ge=1, le=9998)]


class _Question(Clause):
    by: tuple[Name, ...] = Field(default=(), max_length=MOST_DIMENSIONS)
    where: tuple[Comparison, ...] = Field(default=(), max_length=MOST_DIMENSIONS)
    accuracy: Accuracy

    @model_validator(mode="after")
    def _each_dimension_once(self) -> "_Question":
        compared = [comparison.dimension for comparison in self.where]
        faults = [f"by: {name} occurs twice" for name in sorted({n for n in self.by if self.by.count(n) > 1})]
        faults += [f"where: {n} is compared twice" for n in sorted({n for n in compared if compared.count(n) > 1})]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The agreement's dimensions that the table is broken down by, sorted by name."""
        return tuple(sorted(self.by))


class StockQuestion(_Question):
    """Residents at each of some dates."""

    measure: Literal["stock"]
    at: tuple[datetime.date, ...] = Field(min_length=1, max_length=LONGEST_LIST)
    rule: Rule = Rule()

    @property
    def dates(self) -> tuple[datetime.date, ...]:
        """The dates, each once, in order."""
        return tuple(sorted(set(self.at)))


class FlowQuestion(_Question):
    """Persons who became residents (inflow), or stopped being residents (outflow), in each of some years."""

    measure: Literal["inflow", "outflow"]
    over: WholeYears | Annotated[tuple[Year, ...], Field(max_length=LONGEST_LIST)]
    rule: Rule = Rule()

    @model_validator(mode="after")
    def _some_year(self) -> "FlowQuestion":
        if self.over == ():
            raise ValueError("over: at least one year is needed")
        return self

    @property
    def years(self) -> tuple[int, ...]:
        """The calendar years, each once, in order."""
        if isinstance(self.over, WholeYears):
            return tuple(range(self.over.start.year, self.over.end.year + 1))
        return tuple(sorted(set(self.over)))

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The agreement's dimensions that the table is broken down by, sorted by name, without `year`."""
        return tuple(sorted(set(self.by) - {"year"}))


class OverlapQuestion(_Question):
    """Persons seen in both of two sources in a period, or in one of them only."""

    measure: Literal["overlap"]
    of: tuple[Name, Name]
    over: Interval

    @model_validator(mode="after")
    def _two_sources(self) -> "OverlapQuestion":
        if self.of[0] == self.of[1]:
            raise ValueError("of: two different sources are needed")
        return self

    @property
    def sources(self) -> tuple[str, str]:
        """The two sources, sorted by name."""
        return min(self.of), max(self.of)


Question = StockQuestion | FlowQuestion | OverlapQuestion

_LISTS: Final = frozenset({"at", "over", "by"})
_QUESTION: TypeAdapter[Question] = TypeAdapter(Annotated[Question, Field(discriminator="measure")])


def parse_question(document: bytes | str | Mapping[str, Any]) -> Question:
    """Parse a question from JSON, or from what a YAML or TOML reader gives; raises `QueryFault` with every fault.

    Where a list is expected, one item may stand for itself.
    """
    if isinstance(document, bytes | str) and len(document) > LONGEST_QUESTION:
        raise QueryFault(f"the question has {len(document)} characters, {LONGEST_QUESTION} at most")
    try:
        data = json.loads(document) if isinstance(document, bytes | str) else dict(document)
        if isinstance(data, dict):
            alone = {name for name in _LISTS & data.keys() if not isinstance(data[name], list | dict | tuple)}
            data |= {name: [data[name]] for name in alone}
        text = json.dumps(data, default=_date_text)
    except (TypeError, ValueError, RecursionError):
        raise QueryFault(
            "the question is not JSON, or holds more than texts, numbers, dates, lists, mappings"
        ) from None
    try:
        return _QUESTION.validate_json(text)
    except ValidationError as error:
        faults = tuple(f"{'.'.join(map(str, e['loc'])) or 'question'}: {e['msg']}" for e in error.errors())
        raise QueryFault("the question is not well formed", faults) from None


def _date_text(value: object) -> str:
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    raise TypeError


def canonical_question(question: Question, complete: Mapping[str, frozenset[str]]) -> dict[str, JsonValue]:
    """Return the one form that all spellings of a question share, without its accuracy.

    `complete` gives every category of each dimension: a comparison that keeps all of them says nothing and is left out.
    """
    form: dict[str, JsonValue] = {
        "format": FORMAT,
        "measure": question.measure,
        "by": list(question.dimensions),
        "where": [
            {"dimension": item.dimension, "in": list(kept)}
            for item in sorted(question.where, key=lambda item: item.dimension)
            if (kept := sorted(set(item.categories))) != sorted(complete.get(item.dimension, ()))
        ],
    }
    if isinstance(question, OverlapQuestion):
        form["of"] = list(question.sources)
        form["over"] = question.over.model_dump(mode="json")
    else:
        form["rule"] = question.rule.model_dump(mode="json")
        if isinstance(question, StockQuestion):
            form["at"] = [date.isoformat() for date in question.dates]
        else:
            form["over"] = list(question.years)
    return form
