"""Plans a question with figures from outside: which cells would be usable, what price or coarser grid would reach them.

The figures are public totals, the analyst's own, or those of a past release. They stay with the analyst: they are no
part of a question, are never sent, and change no answer. Without them nothing is said about cells: data is not asked.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from disclosure.bounding import MOVED, blocks_of
from disclosure.errors import PolicyRefused, QueryFault
from disclosure.grid import Grid, grid_of
from disclosure.measurements import mechanisms_for
from disclosure.policy import check_policy
from disclosure.query.periods import MONTHS, Cut, Unit
from disclosure.query.questions import Accuracy, AtDates, DurationQuestion, OverPeriods, Question, SyntheticQuestion
from disclosure.suppression import LARGEST_HALF_WIDTH_PER_MILLE
from disclosure.table import Release
from disclosure.terms import Terms

EXPECTED: Final = "expected"
"""Key of an analyst's figures beside the fields of a question."""

_TIMES: Final = frozenset({"date", "year", "quarter", "month"})

WANTED_PER_MILLE: Final = 950
"""Share of the expected persons that are to be in usable cells."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Figures from outside, in persons.

    `total`: of one date, period or whole table. `figures`: by axis and category. `cells_per_person`: how many persons
    would be in so many cells, were none cut off.
    """

    total: float
    figures: Mapping[str, Mapping[str, float]]
    cells_per_person: Mapping[int, float]
    of_past_release: bool = False

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """Read `{total, <axis>: {category: figure}, cells_per_person: {cells: persons}}`; `QueryFault` for all faults.

        Without `total` it is the largest sum of an axis's figures.
        """
        faults: list[str] = []
        figures = {
            name: _figures(name, value, faults)
            for name, value in document.items()
            if name not in ("total", "cells_per_person")
        }
        repeats = _figures("cells_per_person", document.get("cells_per_person", {}), faults)
        faults += [f"cells_per_person: {k} is no number of cells" for k in repeats if not k.isdecimal() or k == "0"]
        total = document.get("total", max((sum(f.values()) for f in figures.values()), default=0))
        if not _is_figure(total) or total <= 0:
            faults.append("total: a number above 0 is needed")
        if faults:
            raise QueryFault("the expected figures are not well formed", tuple(faults))
        return cls(float(total), figures, {int(cells): persons for cells, persons in repeats.items()})

    @classmethod
    def of_release(cls, release: Release) -> Self:
        """Take the figures of a released table of persons, summed for each axis; sums below nought count as nought.

        It may have more axes and categories than the question that is planned.
        """
        if release.unit != "persons" or release.decimals or len(release.measured) != 1 or release.noised[0].width != 1:
            raise QueryFault(f"release {release.release_id} is no table of persons")
        figures: dict[str, dict[str, float]] = {axis: {} for axis in release.axes}
        for cell in release.cells:
            for axis, category in zip(release.axes, cell.coordinates, strict=True):
                figures[axis][category] = figures[axis].get(category, 0.0) + (cell.value or 0)
        times = len(figures[release.axes[0]]) if release.axes[0] in _TIMES else 1
        total = sum(cell.value or 0 for cell in release.cells) / times
        if total <= 0:
            raise QueryFault(f"release {release.release_id} has no persons left above its noise")
        above = {
            axis: {category: max(0.0, figure) for category, figure in sums.items()}
            for axis, sums in figures.items()
            if axis not in _TIMES
        }
        return cls(total, above, {}, of_past_release=True)


@dataclass(frozen=True, slots=True)
class Option:
    """A grid for a question, its price, and how usable it would be.

    `left_out`: dimensions that the question had and this does not; `unit`: a coarser unit of time, or None.
    `usable_cells` have a half-width within the wanted share of their expected count; `usable_per_mille` of the expected
    persons are in them.
    """

    left_out: tuple[str, ...]
    unit: Unit | None
    cells: int
    nano_rho: int
    half_width: int
    usable_cells: int
    usable_per_mille: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What figures from outside say about a question.

    `asked` is None where nothing can be said about cells: without figures, for some axes of which `missing` has the
    names, for measures whose cells are not persons counted once, and under cell keys, which have no price to plan.
    `half_width` and `nano_rho` are the coarsest accuracy that would reach what is wanted on the grid as asked, and its
    price; None where none can. `coarser` are the smallest changes of the grid that would, none if the grid as asked
    does.
    `cut_per_mille` of the person-cells would be cut off by the bound; None where no figures tell.
    """

    asked: Option | None
    missing: tuple[str, ...]
    half_width: int | None
    nano_rho: int | None
    coarser: tuple[Option, ...]
    cut_per_mille: int | None


def plan(
    question: Question,
    terms: Terms,
    expected: Expected | None,
    relative_per_mille: int = LARGEST_HALF_WIDTH_PER_MILLE,
) -> Plan:
    """Plan a question that passed policy; a cell is usable if its half-width is at most that share of its count.

    Raises `QueryFault` for figures of axes or categories that the table does not have.
    """
    cut = _cut_per_mille(question, terms, expected)
    if expected is None or not _counts_persons(question, terms):
        return Plan(None, (), None, None, (), cut)
    grid = grid_of(question, terms)
    if not expected.of_past_release:
        _check_figures(expected, grid)
    missing = _missing(grid, expected)
    if missing:
        return Plan(None, missing, None, None, (), cut)
    counts = _expected_counts(grid, expected)
    asked = _option(question, terms, expected, relative_per_mille, (), None)
    if asked is None:
        return Plan(None, (), None, None, (), cut)
    wanted = _widest_half_width(counts, relative_per_mille, terms.minimum_cell_count)
    price = None if wanted < 1 else _price(question, terms, wanted)
    coarser: tuple[Option, ...] = ()
    if asked.usable_per_mille < WANTED_PER_MILLE:
        coarser = _coarser(question, terms, expected, relative_per_mille)
    return Plan(asked, (), wanted if price is not None else None, price, coarser, cut)


def _counts_persons(question: Question, terms: Terms) -> bool:
    """Tell whether a table's cells are persons counted in one category of each axis."""
    names = [block.name for block in blocks_of(question, terms) if block.name not in MOVED]
    return names == ["count"] and not isinstance(question, SyntheticQuestion) and not question.by_cell_key


def _coarser(question: Question, terms: Terms, expected: Expected, relative: int) -> tuple[Option, ...]:
    """The options that reach what is wanted with the fewest changes; several that need equally many."""
    kept = {question.of} if isinstance(question, DurationQuestion) else set()
    free = [name for name in question.dimensions if name not in kept]
    units: Sequence[Unit | None] = (None, *_coarser_units(question))
    for changes in range(1, len(free) + len(units)):
        found = [
            option
            for steps, unit in enumerate(units)
            if 0 <= changes - steps <= len(free)
            for left_out in itertools.combinations(free, changes - steps)
            if (option := _option(question, terms, expected, relative, left_out, unit)) is not None
            and option.usable_per_mille >= WANTED_PER_MILLE
        ]
        if found:
            return tuple(sorted(found, key=lambda option: -option.usable_cells))
    return ()


def _option(
    question: Question,
    terms: Terms,
    expected: Expected,
    relative: int,
    left_out: tuple[str, ...],
    unit: Unit | None,
) -> Option | None:
    """The question without some dimensions and in a coarser unit of time; None where policy forbids it."""
    changed = _changed(question, left_out, unit)
    try:
        check_policy(changed, terms)
        mechanisms = mechanisms_for(changed.accuracy, blocks_of(changed, terms), terms.budget.maximum_noise_sd)
    except PolicyRefused:
        return None
    finer = 1 if unit is None else MONTHS[unit] // MONTHS[_unit_of(question)]
    counts = _expected_counts(grid_of(changed, terms), expected)
    if isinstance(changed, OverPeriods):
        counts = counts * finer  # a year's flow is that of twelve months; a stock is the same at fewer dates
    half_width = mechanisms[0].half_width
    usable = _usable(counts, half_width, relative, terms.minimum_cell_count)
    share = int(1000 * counts[usable].sum() / max(counts.sum(), 1e-9))
    price = sum(mechanism.nano_rho for mechanism in mechanisms)
    return Option(left_out, unit, counts.size, price, half_width, int(usable.sum()), share)


def _usable(counts: NDArray[np.float64], half_width: int, relative: int, least: int) -> NDArray[np.bool_]:
    return (half_width * 1000 <= counts * relative) & (counts >= least)


def _widest_half_width(counts: NDArray[np.float64], relative: int, least: int) -> int:
    """The widest interval at which the wanted share of persons is in usable cells; 0 where none is."""
    falling = np.sort(counts)[::-1]
    reached = np.cumsum(falling) * 1000 >= falling.sum() * WANTED_PER_MILLE
    smallest = float(falling[int(np.argmax(reached))])
    return int(smallest * relative // 1000) if smallest >= least else 0


def _price(question: Question, terms: Terms, half_width: int) -> int | None:
    try:
        accuracy = Accuracy(half_width=half_width)
        found = mechanisms_for(accuracy, blocks_of(question, terms), terms.budget.maximum_noise_sd)
    except PolicyRefused:
        return None
    return sum(mechanism.nano_rho for mechanism in found)


def _changed(question: Question, left_out: tuple[str, ...], unit: Unit | None) -> Question:
    changes: dict[str, Any] = {"by": tuple(name for name in question.by if name not in left_out)}
    if unit is not None:
        place = "at" if isinstance(question, AtDates) else "over"
        changes[place] = getattr(question, place).model_copy(update={"by": unit})
    return question.model_copy(update=changes)


def _coarser_units(question: Question) -> Iterator[Unit]:
    time = getattr(question, "at" if isinstance(question, AtDates) else "over", None)
    if not isinstance(time, Cut):
        return
    units: tuple[Unit, ...] = ("quarter", "year")
    for unit in units:
        whole = (time.start.month - 1) % MONTHS[unit] == 0 and time.end.month % MONTHS[unit] == 0
        if MONTHS[unit] > MONTHS[time.by] and whole:
            yield unit


def _unit_of(question: Question) -> Unit:
    time = getattr(question, "at" if isinstance(question, AtDates) else "over", None)
    return time.by if isinstance(time, Cut) else "year"


def _missing(grid: Grid, expected: Expected) -> tuple[str, ...]:
    """Axes without figures. Time needs none: a total is that of one date or period."""
    return tuple(axis.name for axis in grid.axes if axis.name not in expected.figures and axis.name not in _TIMES)


def _expected_counts(grid: Grid, expected: Expected) -> NDArray[np.float64]:
    """Expected persons in each cell: the total by the shares of its categories, as if dimensions were independent.

    What an axis's figures leave of the total is spread evenly over the categories that they do not name.
    """
    counts = np.array([expected.total])
    for axis in grid.axes:
        if axis.name in _TIMES:
            shares = np.ones(len(axis.categories))
        else:
            given = expected.figures[axis.name]
            unnamed = sum(category not in given for category in axis.categories)
            rest = max(0.0, expected.total - sum(given.values())) / max(1, unnamed)
            base = max(expected.total, sum(given.values()))
            shares = np.array([given.get(category, rest) for category in axis.categories]) / base
        counts = np.multiply.outer(counts, shares).ravel()
    return counts


def _check_figures(expected: Expected, grid: Grid) -> None:
    known = {axis.name: set(axis.categories) for axis in grid.axes}
    faults = [f"{EXPECTED}.{name}: the table has no such axis" for name in expected.figures if name not in known]
    for name, given in expected.figures.items():
        strange = len(set(given) - known.get(name, set(given)))
        if strange:
            faults.append(f"{EXPECTED}.{name}: {strange} categories are not listed or not kept by the question")
    if faults:
        raise QueryFault("the expected figures do not fit the question", tuple(faults))


def _cut_per_mille(question: Question, terms: Terms, expected: Expected | None) -> int | None:
    bound = blocks_of(question, terms)[0].bound
    if not bound.truncates:
        return 0
    if expected is None or not expected.cells_per_person:
        return None
    repeats = expected.cells_per_person.items()
    cut = sum(max(0, cells - bound.cells) * persons for cells, persons in repeats)
    return round(1000 * cut / sum(cells * persons for cells, persons in repeats))


def _figures(name: str, value: Any, faults: list[str]) -> dict[str, float]:
    if not isinstance(value, Mapping):
        faults.append(f"{name}: a mapping from categories to figures is needed")
        return {}
    wrong = sum(not _is_figure(figure) for figure in value.values())
    if wrong:
        faults.append(f"{name}: {wrong} figures are no numbers from 0")
        return {}
    return {str(category): float(figure) for category, figure in value.items()}


def _is_figure(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")
