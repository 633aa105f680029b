"""The full public grid of a table: every combination of categories exists, whatever the data hold.

Were empty cells left out, their absence would tell without noise that nobody is in them.
"""

import datetime
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from disclosure.query import FlowQuestion, OverlapQuestion, Question, StockQuestion
from disclosure.terms import Terms


@dataclass(frozen=True, slots=True)
class Axis:
    """One dimension of a table: its name and its public categories in order."""

    name: str
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """The product of the axes. A cell's position counts from 0, the last axis running fastest."""

    axes: tuple[Axis, ...]

    @property
    def size(self) -> int:
        """How many cells the table has."""
        return math.prod(len(axis.categories) for axis in self.axes)

    @property
    def strides(self) -> tuple[int, ...]:
        """By how much a position grows per category, for each axis."""
        lengths = [len(axis.categories) for axis in self.axes]
        return tuple(math.prod(lengths[i + 1 :]) for i in range(len(lengths)))

    def coordinates(self) -> Iterator[tuple[str, ...]]:
        """Yield the categories of every cell, in order of position."""
        return itertools.product(*(axis.categories for axis in self.axes))


def measure_axis(question: Question) -> Axis:
    """Return the axis that the measure itself brings: `date`, `year` or `seen`."""
    match question:
        case StockQuestion():
            return Axis("date", tuple(date.isoformat() for date in question.dates))
        case FlowQuestion():
            return Axis("year", tuple(str(year) for year in question.years))
        case OverlapQuestion():
            first, second = question.sources
            return Axis("seen", ("both", f"{first}_only", f"{second}_only"))


def kept_categories(question: Question, dimension: str, terms: Terms) -> tuple[str, ...]:
    """Return the categories of a dimension, unknown last, that the question's comparisons keep, in public order."""
    compared = next((set(item.categories) for item in question.where if item.dimension == dimension), None)
    return tuple(code for code in categories(dimension, terms) if compared is None or code in compared)


def categories(dimension: str, terms: Terms) -> tuple[str, ...]:
    """Return every public category of a dimension of the agreement, unknown last; the dimension passed policy."""
    code_list = terms.dimension(dimension).code_list
    codes = next(item for item in terms.statistics.code_lists if item.name == code_list)
    return (*codes.codes, codes.unknown)


def grid_of(question: Question, terms: Terms) -> Grid:
    """Return the grid of a question that passed policy: the measure's axis, then its dimensions sorted by name."""
    return Grid(
        (
            measure_axis(question),
            *(Axis(name, kept_categories(question, name, terms)) for name in question.dimensions),
        )
    )


def provisional_categories(question: Question, terms: Terms) -> frozenset[str]:
    """Return the dates or years whose residence could still change: a rule's window has not passed by the period's end.

    It depends on public dates only. A stay that is open counts as going on and an absence that is open as lasting, so
    in these cells a later wave may turn a resident into a visitor, or an emigrant into somebody who was briefly away.
    """
    if isinstance(question, OverlapQuestion) or not question.rule.window_days:
        return frozenset()
    final = terms.period.end - datetime.timedelta(days=question.rule.window_days)
    if isinstance(question, StockQuestion):
        return frozenset(date.isoformat() for date in question.dates if date > final)
    return frozenset(str(year) for year in question.years if datetime.date(year, 12, 31) > final)
