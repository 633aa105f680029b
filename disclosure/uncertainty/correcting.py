"""A released table beside its correction for linkage error: what the intervals cover, and why no more."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from disclosure.grid import Grid
from disclosure.measurements import half_width, summed_noise_sd
from disclosure.post_selection import Reading
from disclosure.query.questions import Question
from disclosure.table import MILLION, Cell, Corrected, Covers, Noised, Release
from disclosure.terms import Terms
from disclosure.uncertainty.adjusting import Adjusted, Values, adjust
from disclosure.uncertainty.linked_cells import OUTSIDE, LinkedCells
from disclosure.uncertainty.rates import group_quality
from disclosure.uncertainty.reach import NOT_REACHED, reach_of
from linkage_core.agreement.declared_rates import DeclaredRates, GroupRates


@dataclass(frozen=True, slots=True)
class _Correction:
    """What intervals cover and the sentence that explains it; corrected figures of cells and totals, if any."""

    covers: Covers
    explanation: str
    cells: tuple[Corrected, ...] = ()
    totals: tuple[Corrected, ...] = ()


def corrected(
    release: Release, question: Question, grid: Grid, terms: Terms, declared: DeclaredRates | None
) -> Release:
    """Return a release of this question beside its correction, from its noisy numbers and public facts alone.

    Its raw figures stay as they are; what it said of linkage before is replaced.
    """
    found = _correct(question, grid, release.noised, terms, declared)
    return replace(
        release,
        cells=_beside(release.cells, found.cells),
        totals=_beside(release.totals, found.totals),
        covers=found.covers,
        explanation=found.explanation,
        declared_rates=None if declared is None else declared.model_dump(mode="json"),
    )


def _correct(
    question: Question, grid: Grid, noised: Sequence[Noised], terms: Terms, declared: DeclaredRates | None
) -> _Correction:
    reach = reach_of(question, terms, grid)
    if reach is None:
        return _Correction("noise and linkage", NOT_REACHED)
    if isinstance(reach, str):
        return _Correction("noise", f"noise only: {reach}")
    names = " and ".join(sorted(reach.providers))
    rates = None if declared is None else declared.of(*reach.providers)
    if declared is None or rates is None:
        return _Correction("noise", f"noise only: no rates of the links of {names} are declared")
    groups, links = _by_group(question, grid, declared, reach.links)
    quality = group_quality(rates, groups, twice=bool(reach.twice))
    counts = noised[0]
    noisy = np.concatenate([np.array(vector.values, np.float64) for vector in noised])
    variance = np.concatenate(
        [np.full(len(vector.values), (vector.noise_sd_millionths / MILLION) ** 2) for vector in noised]
    )
    # What was counted beside the table is no part of any cell or sum.
    of_cell = np.arange(len(noisy), dtype=np.int64)
    of_cell[len(counts.values) :] = OUTSIDE
    of_total = np.where(of_cell == OUTSIDE, OUTSIDE, of_cell // grid.total_width)
    total_sd = summed_noise_sd(counts.noise_sd_millionths, grid.total_width)
    of_cells = Reading(counts.noise_sd_millionths, counts.half_width, terms.minimum_cell_count)
    of_totals = Reading(total_sd, half_width(total_sd), terms.minimum_cell_count)
    cells = noisy[: len(counts.values)]
    totals = np.bincount(of_total[: len(cells)], cells).astype(np.float64)
    alike = ", and people whom a missed link would move to be missed as often as others" if len(noised) > 1 else ""
    rows = (
        f"; {' and '.join(reach.twice)} may hold a person twice: of people none to twice as many may be missed as of "
        "rows"
    )
    return _Correction(
        "noise and linkage",
        f"corrected by the declared rates of the links of {names}; coverage of the sources and recorded categories are "
        f"taken as they are{alike}{rows if reach.twice else ''}",
        _figures(adjust(noisy, variance, links, quality, of_cell), cells, of_cells),
        _figures(adjust(noisy, variance, links, quality, of_total), totals, of_totals),
    )


def _by_group(
    question: Question, grid: Grid, declared: DeclaredRates, links: LinkedCells
) -> tuple[list[GroupRates | None], LinkedCells]:
    """Return rates by the categories of the first dimension that has any, and the map with its groups."""
    known = {(group.dimension, group.category): group for group in declared.groups}
    for axis, stride in zip(grid.axes, grid.strides, strict=True):
        if axis.name in question.dimensions and any((axis.name, category) in known for category in axis.categories):
            places = links.cell // stride % len(axis.categories)
            groups = [known.get((axis.name, category)) for category in axis.categories]
            return groups, replace(links, group=places)
    return [None], replace(links, group=np.zeros(len(links), np.int64))


def _figures(found: Adjusted, noisy: Values, reading: Reading) -> tuple[Corrected, ...]:
    """Return corrected figures of sums whose numbers are read as `noisy`; both (sums,)."""
    widening = np.array([reading.widening(int(value)) for value in noisy.tolist()])
    low, high = found.interval(reading.half_width, widening)
    return tuple(
        Corrected(*figures) for figures in zip(found.rounded.tolist(), low.tolist(), high.tolist(), strict=True)
    )


def _beside(cells: tuple[Cell, ...], figures: tuple[Corrected, ...]) -> tuple[Cell, ...]:
    """Return cells with their corrected figures; a table without totals has none to correct."""
    found = figures if cells and figures else (None,) * len(cells)
    return tuple(replace(cell, corrected=each) for cell, each in zip(cells, found, strict=True))
