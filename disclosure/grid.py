"""The full public grid of a table: every combination of categories exists, whatever the data hold.

Were empty cells left out, their absence would tell without noise that nobody is in them.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from disclosure.query.questions import (
    AtDates,
    ConflictsQuestion,
    DurationQuestion,
    FlowQuestion,
    ItinerariesQuestion,
    LinksQuestion,
    OverlapQuestion,
    OverPeriods,
    Question,
    SyntheticQuestion,
)
from disclosure.query.rules import Window
from disclosure.terms import Terms
from linkage_core.agreement.statistics import UNKNOWN

CERTAIN: Final = "certain"
"""Category of the axis `status`: the rule's outcome is known. Where it is open, the category is `unknown`."""

NEVER_CROSSED: Final = "never_crossed"
"""Category of a stock's axis `status`: somebody of whom the border knows no crossing, so that no rule decides."""

TOTAL: Final = "_T"
"""Category of a cell in a dimension that it adds up over (SDMX's code for totals)."""


QUALITY_CLASSES: Final = ("not_linked", "class_1", "class_2", "class_3")
"""How surely a row was linked, from its token: 0 is not at all, 3 is best."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One dimension of a table: its name and its public categories in order."""

    name: str
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """The product of the axes. A cell's position counts from 0, the last axis running fastest.

    The first `measure_axes` axes are the measure's own, the others the agreement's dimensions.
    """

    axes: tuple[Axis, ...]
    measure_axes: int = 1

    @property
    def size(self) -> int:
        """How many cells the table has."""
        return math.prod(len(axis.categories) for axis in self.axes)

    @property
    def strides(self) -> tuple[int, ...]:
        """By how much a position grows per category, for each axis."""
        lengths = [len(axis.categories) for axis in self.axes]
        return tuple(math.prod(lengths[i + 1 :]) for i in range(len(lengths)))

    @property
    def total_width(self) -> int:
        """How many cells, one after the other, a total over the agreement's dimensions adds up."""
        return self.strides[self.measure_axes - 1]

    def coordinates(self) -> Iterator[tuple[str, ...]]:
        """Yield the categories of every cell, in order of position."""
        return itertools.product(*(axis.categories for axis in self.axes))

    def total_coordinates(self) -> Iterator[tuple[str, ...]]:
        """Yield the categories of every total, in order."""
        return itertools.product(*(axis.categories for axis in self.axes[: self.measure_axes]))


@dataclass(frozen=True, slots=True)
class PairGrid(Grid):
    """One table for every pair of dimensions, one after the other: what a synthetic file is made from.

    A cell has `TOTAL` in the dimensions that its pair leaves out. All axes count as the measure's own: there are no
    totals, since every cell is one.
    """

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The places of each pair's axes; axis 0 is the date."""
        return tuple(itertools.combinations(range(1, len(self.axes)), 2))

    @property
    def size(self) -> int:
        """How many cells all pairs have together."""
        return sum(len(self.axes[a].categories) * len(self.axes[b].categories) for a, b in self.pairs)

    @property
    def strides(self) -> tuple[int, ...]:
        """One for each axis: `position` puts the categories' places together."""
        return (1,) * len(self.axes)

    def positions(self, places: Sequence[str]) -> tuple[str, ...]:
        """Return the SQL of a person's position in each pair, from the SQL of the place on each dimension."""
        found, start = [], 0
        for a, b in self.pairs:
            width = len(self.axes[b].categories)
            found.append(f"{start} + {places[a - 1]} * {width} + {places[b - 1]}")
            start += len(self.axes[a].categories) * width
        return tuple(found)

    def coordinates(self) -> Iterator[tuple[str, ...]]:
        """Yield the categories of every cell, in order of position."""
        (date,) = self.axes[0].categories
        for pair in self.pairs:
            for categories in itertools.product(*(self.axes[place].categories for place in pair)):
                named = dict(zip(pair, categories, strict=True))
                yield (date, *(named.get(place, TOTAL) for place in range(1, len(self.axes))))

    def total_coordinates(self) -> Iterator[tuple[str, ...]]:
        """Yield nothing."""
        return iter(())


def measure_axes(question: Question) -> tuple[Axis, ...]:
    """Return the axes that the measure itself brings, time first where there is one."""
    match question:
        case AtDates():
            time = Axis("date", tuple(date.isoformat() for date in question.dates))
            return (time,) if isinstance(question, SyntheticQuestion) else (time, *_status(question))
        case OverlapQuestion():
            first, second = question.sources
            return (Axis("seen", ("both", f"{first}_only", f"{second}_only")),)
        case ConflictsQuestion():
            return (Axis("values", ("agreeing", "conflicting", "single", "none")),)
        case LinksQuestion():
            return (Axis("class", QUALITY_CLASSES),)
        case DurationQuestion():
            return (_time(question), Axis("spell", ("completed", "open")))
        case ItinerariesQuestion():
            return (_time(question), Axis("values", ("logical", "illogical")))
        case FlowQuestion():
            return (_time(question), *_status(question))
        case _:
            return (_time(question),)


def _time(question: OverPeriods) -> Axis:
    return Axis(question.unit, tuple(period.label for period in question.periods))


def _status(question: AtDates | FlowQuestion) -> tuple[Axis, ...]:
    """Under a rule whose outcome may stay unknown, such persons are a category of their own; so are, in a stock, those
    who never crossed the border, in whom no flow can be."""
    if not isinstance(question.rule, Window):
        return ()
    return (Axis("status", (CERTAIN, UNKNOWN, NEVER_CROSSED) if isinstance(question, AtDates) else (CERTAIN, UNKNOWN)),)


def kept_categories(question: Question, dimension: str, terms: Terms) -> tuple[str, ...]:
    """Return the categories of a dimension, unknown last, that the question's comparisons keep, in public order."""
    compared = next((set(item.categories) for item in question.where if item.dimension == dimension), None)
    return tuple(code for code in categories(dimension, terms) if compared is None or code in compared)


def categories(dimension: str, terms: Terms) -> tuple[str, ...]:
    """Return every public category of a dimension of the agreement, unknown last; the dimension passed policy."""
    found = terms.dimension(dimension)
    if found.kind != "attribute":
        return (*found.band_names, UNKNOWN)
    codes = next(item for item in terms.statistics.code_lists if item.name == found.code_list)
    return (*codes.codes, codes.unknown)


def grid_of(question: Question, terms: Terms) -> Grid:
    """Return the grid of a question that passed policy: the measure's axes, then its dimensions sorted by name."""
    own = measure_axes(question)
    dimensions = (Axis(name, kept_categories(question, name, terms)) for name in question.dimensions)
    axes = (*own, *dimensions)
    return PairGrid(axes, len(axes)) if isinstance(question, SyntheticQuestion) else Grid(axes, len(own))
