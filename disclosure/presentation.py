"""Post-processing: from noisy numbers to cells with intervals, flags and totals. Nothing here sees a true number."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from disclosure.bounding import bins_of
from disclosure.grid import Grid
from disclosure.means import mean_estimate
from disclosure.measurements import half_width, summed_noise_sd
from disclosure.post_selection import NORMAL_QUANTILE, Reading
from disclosure.provisional import provisional_categories
from disclosure.quantiles import quantile_estimates
from disclosure.query.questions import EventsQuestion, QuantileQuestion, Question, VariableQuestion
from disclosure.suppression import is_unreliable
from disclosure.table import MILLION, Cell, Flag, Noised
from disclosure.terms import Terms

MEAN_DECIMALS: Final = 3
"""Places behind the point of means and quantiles."""


@dataclass(frozen=True, slots=True)
class Presented:
    """The cells of a table and what belongs to them, as `table.Release` has them."""

    unit: str
    decimals: int
    axes: tuple[str, ...]
    cells: tuple[Cell, ...]
    totals_axes: tuple[str, ...]
    totals: tuple[Cell, ...]


def present(question: Question, grid: Grid, noised: Sequence[Noised], terms: Terms) -> Presented:
    """Return a question's table from its noisy vectors."""
    marks = Marks(provisional_categories(question, terms), terms.minimum_cell_count)
    axes = tuple(axis.name for axis in grid.axes)
    own = axes[: grid.measure_axes]
    match question:
        case VariableQuestion(measure="mean"):
            unit, decimals = terms.variable(question.of).unit, MEAN_DECIMALS
            cells = tuple(_means(grid.coordinates(), 1, noised, marks))
            totals = tuple(_means(grid.total_coordinates(), grid.total_width, noised, marks))
        case QuantileQuestion():
            unit, decimals = _unit(question, terms), MEAN_DECIMALS
            axes, own = (*axes, "quantile"), (*own, "quantile")
            cells = tuple(_quantiles(question, grid.coordinates(), 1, noised[0], terms, marks))
            totals = tuple(_quantiles(question, grid.total_coordinates(), grid.total_width, noised[0], terms, marks))
        case _:
            unit, decimals = _unit(question, terms), 0
            cells = tuple(number_cells(grid.coordinates(), 1, noised[0], marks))
            totals = tuple(number_cells(grid.total_coordinates(), grid.total_width, noised[0], marks))
    if len(grid.axes) == grid.measure_axes:
        totals = ()  # they would be the cells again
    return Presented(unit, decimals, axes, cells, own, totals)


@dataclass(frozen=True, slots=True)
class Marks:
    """What a cell's flags depend on besides its figures: categories of time that are not final, the minimum count."""

    provisional: frozenset[str]
    minimum_cell_count: int

    def of(self, coordinates: tuple[str, ...], *flags: Flag) -> tuple[Flag, ...]:
        """Return the flags given, and P where the cell's time is provisional."""
        return (*flags, *(("P",) if coordinates[0] in self.provisional else ()))


def _unit(question: Question, terms: Terms) -> str:
    match question:
        case EventsQuestion():
            return "events"
        case VariableQuestion() | QuantileQuestion():
            variable = terms.statistics.variable(question.of)
            return "months" if variable is None else variable.unit
        case _:
            return "persons"


def number_cells(coordinates: Iterator[tuple[str, ...]], width: int, noised: Noised, marks: Marks) -> Iterator[Cell]:
    """Yield cells of `width` numbers added up. Their noise is independent: its SD grows with the root of the number.

    A measure's own axes are never summed over: one person may be in several of their categories.
    """
    noise_sd = summed_noise_sd(noised.noise_sd_millionths, width)
    reading = Reading(noise_sd, half_width(noise_sd), marks.minimum_cell_count, signed=noised.name != "count")
    for place, categories in enumerate(coordinates):
        value = noised.values[place] if width == 1 else sum(noised.values[place * width : (place + 1) * width])
        flags = marks.of(categories, *(() if reading.reads(value) else ("U",)))
        yield Cell(categories, value, *reading.ends(value), noise_sd, flags)


def _means(
    coordinates: Iterator[tuple[str, ...]], width: int, noised: Sequence[Noised], marks: Marks
) -> Iterator[Cell]:
    sums, counts = noised
    for place, categories in enumerate(coordinates):
        part = slice(place * width, (place + 1) * width)
        found = mean_estimate(
            sum(sums.values[part]),
            sum(counts.values[part]),
            summed_noise_sd(sums.noise_sd_millionths, width),
            summed_noise_sd(counts.noise_sd_millionths, width),
            MEAN_DECIMALS,
        )
        if found is None:
            yield Cell(categories, None, None, None, 0, marks.of(categories, "N"))
            continue
        value, low, high, noise_sd = found
        unreliable = is_unreliable(value, (high - low) // 2, 0, signed=True)
        yield Cell(categories, value, low, high, noise_sd, marks.of(categories, *(("U",) if unreliable else ())))


def _quantiles(
    question: QuantileQuestion,
    coordinates: Iterator[tuple[str, ...]],
    width: int,
    noised: Noised,
    terms: Terms,
    marks: Marks,
) -> Iterator[Cell]:
    noise_sd = summed_noise_sd(noised.noise_sd_millionths, width)
    lows = bins_of(question, terms)
    for place, categories in enumerate(coordinates):
        start, end = place * width * len(lows), (place + 1) * width * len(lows)
        histogram = [sum(noised.values[start + number : end : len(lows)]) for number in range(len(lows))]
        estimates = quantile_estimates(histogram, lows, noise_sd, question.per_mille)
        for per_mille, found in zip(question.per_mille, estimates, strict=True):
            where = (*categories, f"{per_mille / 1000:g}")
            if found is None:
                yield Cell(where, None, None, None, 0, marks.of(where, "N"))
                continue
            value, low, high = found
            sd = 0 if high is None else math.ceil((high - low) * MILLION / (2 * NORMAL_QUANTILE * 10**MEAN_DECIMALS))
            yield Cell(where, value, low, high, sd, marks.of(where, *(("A",) if high is None else ())))
