"""Which tables linkage errors reach, and how: from a question and the agreement to the linear map, or to why none.

One file decides who counts in a register's stock, whoever is linked to it; linkage reaches such a table only through a
category that another file fills in. It reaches every overlap of two files. Where two files decide together otherwise,
the question has to have people counted beside whom a missed link would move. Where no model here applies, intervals
are for the noise only, and the release says so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from disclosure.bounding import counts_links
from disclosure.grid import Grid, categories, kept_categories
from disclosure.query.questions import (
    CountsLinks,
    DurationQuestion,
    FlowQuestion,
    LinksQuestion,
    OverlapQuestion,
    PersonsQuestion,
    Question,
    StockQuestion,
)
from disclosure.terms import Terms
from disclosure.uncertainty.deciding import (
    counting_providers,
    deciding_providers,
    filling_providers,
    held_twice,
    uncountable_links,
)
from disclosure.uncertainty.linked_cells import OUTSIDE, LinkedCells, Places, joined, moved_cells

NOT_REACHED: Final = "linkage errors do not reach this table: one file alone says who counts, and in which category"


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """Links of two providers' files reach a table as the linear map `links` says, whose groups are its cells.

    `twice`: those of the two that may hold a person twice, and decide in which category people count, not who does.
    """

    providers: tuple[str, str]
    links: LinkedCells
    twice: tuple[str, ...] = ()


def reach_of(question: Question, terms: Terms, grid: Grid) -> Reach | str | None:
    """Return how links reach a table; None where they do not, and a sentence where no model tells."""
    if not terms.unmatched_rows_kept:
        return "rows without a link are dropped, so that links decide who counts at all"
    if isinstance(question, LinksQuestion):
        return "this table is about the links themselves, right or wrong as they were made"
    if counts_links(question):
        one, other = deciding_providers(question, terms)
        return Reach((one, other), moved_cells(grid.size), _twice(terms, (one, other)))
    counting = counting_providers(question, terms)
    if isinstance(question, OverlapQuestion):
        if len(set(counting)) < 2:
            return "both sources are of one file"
        return _overlap(question, terms, grid, (counting[0], counting[1]))
    if len(set(counting)) != 1:
        return f"rows of several files decide together who counts{_hint(question, terms)}"
    return _filled(question, terms, grid, counting[0])


def _filled(question: Question, terms: Terms, grid: Grid, provider: str) -> Reach | str | None:
    """A measure of one file's people, by categories of its own or of one other file."""
    fillers = filling_providers(question, terms)
    filled = {name: found for name, found in fillers.items() if found != frozenset((provider,))}
    twice = held_twice(terms, (provider,))
    if twice:
        return twice
    if not filled:
        return None
    if len(set(filled.values())) > 1 or any(len(found) > 1 for found in filled.values()):
        return f"several files together fill in {', '.join(filled)}{_hint(question, terms)}"
    counts_persons = isinstance(question, StockQuestion | FlowQuestion | DurationQuestion | PersonsQuestion)
    if not counts_persons or question.measure == "net":
        return f"there is no model of a {question.measure} by categories of another file"
    cut = _cut(question, terms, filled)
    if cut:
        return cut
    places = _Places.of(question, terms, grid)
    cells = np.flatnonzero(places.is_known(filled))
    outside = np.full(len(cells), OUTSIDE, np.int64)
    (other,) = next(iter(filled.values()))
    links = LinkedCells(cells, places.without(filled)[cells], outside, cells, cells)
    return Reach((provider, other), links, _twice(terms, (other,)))


def _overlap(question: OverlapQuestion, terms: Terms, grid: Grid, pair: tuple[str, str]) -> Reach | str:
    """Both halves of a link, where each file alone, or both of them, know a category."""
    fillers = filling_providers(question, terms)
    twice = held_twice(terms, pair)
    if twice:
        return twice
    others = [name for name, found in fillers.items() if not found <= set(pair)]
    if others:
        return f"a third file fills in {', '.join(others)}"
    first, second = ({name: found for name, found in fillers.items() if found == frozenset((one,))} for one in pair)
    cut = _cut(question, terms, first | second)
    if cut:
        return cut
    places = _Places.of(question, terms, grid)
    width = grid.strides[0]
    both = np.arange(width, dtype=np.int64)
    halves = []
    # Somebody seen in one file alone may have a category that the other file tells, by a link to a row not seen.
    told = []
    for seen, of_other in ((1, second), (2, first)):
        without = places.without(of_other)
        halves.append(np.where(without[both] == OUTSIDE, OUTSIDE, without[both] + seen * width))
        alone = seen * width + both
        alone = alone[places.is_known(of_other)[alone]]
        told.append(LinkedCells(alone, without[alone], np.full(len(alone), OUTSIDE, np.int64), alone, alone))
    return Reach(pair, joined(LinkedCells(both, halves[0], halves[1], both, both), joined(*told)))


def _twice(terms: Terms, providers: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(providers) & set(terms.sources_with_duplicates)))


def _hint(question: Question, terms: Terms) -> str:
    """Return how to ask for the model where there is one, at a price; else why there is none, or nothing."""
    if not isinstance(question, CountsLinks):
        return ""
    fault = uncountable_links(question, terms)
    return f"; no count of links helps: {fault}" if fault else "; ask with count_links, and they are allowed for"


def _cut(question: Question, terms: Terms, filled: Mapping[str, frozenset[str]]) -> str:
    """People whose link is missed are `unknown`: a comparison that keeps those keeps some whose links are elsewhere."""
    for name in filled:
        every, kept = categories(name, terms), kept_categories(question, name, terms)
        if len(kept) < len(every) and every[-1] in kept:
            return f"a comparison keeps {every[-1]} of {name} and not every other category"
    return ""


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """The categories of every cell on the agreement's dimensions; int64, (cells,) each, and what `unknown` is there.

    `unknown`: the category's place on the axis; None where comparisons leave it out. A dimension that is only compared
    has no axis.
    """

    stride: Mapping[str, int]
    place: Mapping[str, Places]
    unknown: Mapping[str, int | None]
    size: int

    @classmethod
    def of(cls, question: Question, terms: Terms, grid: Grid) -> "_Places":
        """Return the places of a table's grid."""
        cells = np.arange(grid.size, dtype=np.int64)
        axes = {axis.name: (axis, stride) for axis, stride in zip(grid.axes, grid.strides, strict=True)}
        unknown = {}
        for name in filling_providers(question, terms):
            kept = kept_categories(question, name, terms)
            unknown[name] = len(kept) - 1 if kept[-1] == categories(name, terms)[-1] else None
        return cls(
            stride={name: stride for name, (_, stride) in axes.items()},
            place={name: cells // stride % len(axis.categories) for name, (axis, stride) in axes.items()},
            unknown=unknown,
            size=grid.size,
        )

    def is_known(self, dimensions: Mapping[str, frozenset[str]]) -> NDArray[np.bool_]:
        """Whether a cell has a known category of any of the dimensions; bool, (cells,)."""
        known = np.zeros(self.size, np.bool_)
        for name in dimensions:
            unknown = self.unknown[name]
            known |= True if unknown is None else self.place[name] != unknown if name in self.place else False
        return known

    def without(self, dimensions: Mapping[str, frozenset[str]]) -> Places:
        """Return the cell in which each cell's people are once these categories are unknown; `OUTSIDE` if in none."""
        cells = np.arange(self.size, dtype=np.int64)
        for name in dimensions:
            unknown = self.unknown[name]
            if unknown is None:
                return np.full(self.size, OUTSIDE, np.int64)
            if name in self.place:
                cells += (unknown - self.place[name]) * self.stride[name]
        return cells
