"""The questions: one model for each kind of measure. Order and repetition inside lists mean nothing."""

import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, model_validator

from disclosure.query.periods import LONGEST_LIST, Cut, CutOrDates, CutOrYears, Interval, Period, Unit, periods_of
from disclosure.query.rules import Registered, Rule, Window
from linkage_core.schema import Clause, Name

MOST_DIMENSIONS: Final = 32
"""Dimensions named in `by`, or compared in `where`: with more, no table stays within a million cells."""

MOST_SYNTHETIC_DIMENSIONS: Final = 8
"""Dimensions of a synthetic file: 28 pairs share its budget."""


class Comparison(Clause):
    """Keeps the persons whose value in a public dimension is one of the categories."""

    dimension: Name
    categories: tuple[str, ...] = Field(alias="in", min_length=1, max_length=LONGEST_LIST)


class Accuracy(Clause):
    """Exactly one of: half-width of a cell's 95 % interval, in the measure's unit; price in nano-rho; `cell_key`.

    The last asks for cell-key perturbation as the agreement has it: no noise, no price, and no differential privacy.
    """

    half_width: int | None = Field(default=None, ge=1, le=10**15)
    nano_rho: int | None = Field(default=None, ge=1, le=2**53 - 1)
    cell_key: bool = False

    @model_validator(mode="after")
    def _exactly_one(self) -> "Accuracy":
        if (self.half_width is not None) + (self.nano_rho is not None) + self.cell_key != 1:
            raise ValueError("give exactly one of half_width, nano_rho and cell_key = true")
        return self


def _with_kind(rule: Any) -> Any:
    return {"kind": "registered", **rule} if isinstance(rule, dict) else rule


RuleOrDefault = Annotated[Rule, BeforeValidator(_with_kind)]
"""A rule that names no kind is `registered`."""


class AnyQuestion(Clause):
    """What every question has: dimensions, comparisons, accuracy."""

    by: tuple[Name, ...] = Field(default=(), max_length=MOST_DIMENSIONS)
    where: tuple[Comparison, ...] = Field(default=(), max_length=MOST_DIMENSIONS)
    accuracy: Accuracy

    @model_validator(mode="after")
    def _each_dimension_once(self) -> "AnyQuestion":
        compared = [comparison.dimension for comparison in self.where]
        faults = [f"by: {name} occurs twice" for name in sorted({n for n in self.by if self.by.count(n) > 1})]
        faults += [f"where: {n} is compared twice" for n in sorted({n for n in compared if compared.count(n) > 1})]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def by_cell_key(self) -> bool:
        """Whether the table is wanted by cell-key perturbation, and not with noise."""
        return self.accuracy.cell_key

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The agreement's dimensions that the table is broken down by, sorted by name."""
        return tuple(sorted(set(self.by)))


class CountsLinks(AnyQuestion):
    """A question about persons, which may have those counted beside whom a missed link would move (`count_links`).

    It costs about a fifth more, and lets intervals allow for linkage errors where rows of two files decide together.
    """

    count_links: bool = False


class OverPeriods(AnyQuestion):
    """A question about each of some years, quarters or months, all of one unit."""

    over: CutOrYears
    cells_per_person: int | None = Field(default=None, ge=1, le=100)

    @property
    def periods(self) -> tuple[Period, ...]:
        """The periods, each once, in order."""
        return periods_of(self.over)

    @property
    def unit(self) -> Unit:
        """Unit of the periods, which names the table's first axis."""
        return self.over.by if isinstance(self.over, Cut) else "year"

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The agreement's dimensions that the table is broken down by, sorted by name, without the unit of time."""
        return tuple(sorted(set(self.by) - {self.unit}))


class AtDates(AnyQuestion):
    """A question about the residents at each of some dates; a cut period stands for the first day of each unit."""

    at: CutOrDates
    rule: RuleOrDefault = Registered()

    @property
    def dates(self) -> tuple[datetime.date, ...]:
        """The dates, each once, in order."""
        if isinstance(self.at, Cut):
            return tuple(period.first for period in self.at.periods())
        return tuple(sorted(set(self.at)))


class StockQuestion(AtDates, CountsLinks):
    """Residents at each of some dates."""

    measure: Literal["stock"]


class SyntheticQuestion(AtDates):
    """Residents at one date by every pair of the dimensions: what a synthetic file is made from."""

    measure: Literal["synthetic"]
    by: tuple[Name, ...] = Field(min_length=2, max_length=MOST_SYNTHETIC_DIMENSIONS)

    @model_validator(mode="after")
    def _one_date(self) -> "SyntheticQuestion":
        if len(self.dates) != 1:
            raise ValueError("at: exactly one date is needed")
        return self


class FlowQuestion(OverPeriods, CountsLinks):
    """Persons who in each period became residents, stopped being residents, or became residents again.

    `net` is the first minus the second. A person counts once in a period, as of the first such day in it.
    """

    measure: Literal["inflow", "outflow", "net", "return"]
    rule: RuleOrDefault = Registered()


class DurationQuestion(OverPeriods, CountsLinks):
    """How long stays last: by the bands of the duration `of`, for those that ended in a period and those still open.

    A person counts once in a period: with the last stay that ended in it or, if none did, with the stay that goes on.
    """

    measure: Literal["duration"]
    of: Name
    rule: RuleOrDefault = Registered()

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The agreement's dimensions that the table is broken down by, that of the duration among them."""
        return tuple(sorted((set(self.by) | {self.of}) - {self.unit}))


class PersonsQuestion(OverPeriods, CountsLinks):
    """Persons who were seen in a source in each period."""

    measure: Literal["persons"]
    of: Name


class EventsQuestion(OverPeriods):
    """Rows of a source in each period; of one person at most `at_most` in a period and cell."""

    measure: Literal["events"]
    of: Name
    at_most: int = Field(default=1, ge=1, le=10_000)


class VariableQuestion(OverPeriods):
    """Sum or mean of a variable, over the persons who have a value in the period."""

    measure: Literal["sum", "mean"]
    of: Name


class QuantileQuestion(OverPeriods):
    """Quantiles, in per mille, of a variable, or of the lengths of stays that ended in the period."""

    measure: Literal["quantile"]
    of: Name
    quantiles: tuple[Annotated[int, Field(ge=1, le=999)], ...] = Field(default=(500,), min_length=1, max_length=99)
    rule: RuleOrDefault = Registered()

    @property
    def per_mille(self) -> tuple[int, ...]:
        """The quantiles, each once, in order."""
        return tuple(sorted(set(self.quantiles)))


class OverlapQuestion(AnyQuestion):
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


class ConflictsQuestion(AnyQuestion):
    """Persons by what their sources say of a dimension: one value, several, from one source alone, or none."""

    measure: Literal["conflicts"]
    of: Name


class LinksQuestion(AnyQuestion):
    """Persons of a source by how surely their rows were linked: the best quality class of a person's rows."""

    measure: Literal["links"]
    of: Name


class ItinerariesQuestion(OverPeriods):
    """Persons with two crossings in the same direction in a period, beside those whose crossings alternate."""

    measure: Literal["itineraries"]
    rule: Window = Window(kind="window")


ResidenceQuestion = AtDates | FlowQuestion | DurationQuestion | QuantileQuestion
"""Questions with a residence rule."""

Question = (
    StockQuestion
    | SyntheticQuestion
    | FlowQuestion
    | DurationQuestion
    | PersonsQuestion
    | EventsQuestion
    | VariableQuestion
    | QuantileQuestion
    | OverlapQuestion
    | ConflictsQuestion
    | LinksQuestion
    | ItinerariesQuestion
)
