"""A table of counts by cell-key perturbation: cells and margins, each by a key of its own, with intervals and flags.

A margin is a cell like any other: its count and its key are the sums over its parts, which share no person, and the
p-table is asked once. So it has the same value as in any other table that shows it, and no more variance than a single
cell; the price is that perturbed cells do not add up to it. Were margins sums of perturbed cells, the same persons
would have another value in each table that breaks them down, and the average over such tables would be their count.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from disclosure.bounding import ContributionBound
from disclosure.cell_keys.ptable import PTable
from disclosure.cell_keys.record_keys import cell_key
from disclosure.compilation import CompiledQuestion
from disclosure.grid import Grid
from disclosure.presentation import Marks, Presented
from disclosure.provisional import provisional_categories
from disclosure.query.questions import Question
from disclosure.suppression import is_unreliable
from disclosure.table import Cell
from disclosure.terms import Terms
from linkage_core.agreement.cell_keys import THOUSAND, CellKeys


@dataclass(frozen=True, slots=True)
class Perturbation:
    """What a preview tells of cell-key perturbation in the place of a mechanism of noise; it has no price.

    `noise_sd_millionths` and `half_width` are those of large counts: small ones may have wider intervals, and one of
    nought has no deviation.
    """

    noise_sd_millionths: int
    half_width: int
    bound: ContributionBound
    nano_rho: int = 0

    @classmethod
    def of(cls, ptable: PTable, bound: ContributionBound) -> "Perturbation":
        """Return what a p-table does to cells of which one person is in so many."""
        return cls(ptable.noise_sd_millionths, ptable.half_width, bound)


@dataclass(frozen=True, slots=True)
class _Cells:
    """Counts and sums of record keys over the full grid. Both are secret: `repr` shows neither."""

    counts: Sequence[int]
    keys: Sequence[int]

    def __repr__(self) -> str:
        return f"_Cells({len(self.counts)})"

    def summed(self, width: int) -> "_Cells":
        """Return every `width` cells, one after the other, as one."""
        starts = range(0, len(self.counts), width)
        return _Cells(
            [sum(self.counts[start : start + width]) for start in starts],
            [sum(self.keys[start : start + width]) for start in starts],
        )


def perturbed_table(
    question: Question,
    compiled: CompiledQuestion,
    rows: Mapping[int, Sequence[int]],
    ptable: PTable,
    terms: Terms,
) -> tuple[tuple[int, ...], Presented]:
    """Return the perturbed counts over the full grid, and the table of them.

    `rows` are what a question compiled with a record key gives: a count and a sum of record keys at a position.
    """
    grid = compiled.grid
    (counts,) = compiled.vectors({position: row[:1] for position, row in rows.items()})
    keys = [rows[position][1] if position in rows else 0 for position in range(grid.size)]
    cells = _Cells(counts, keys)
    marks = Marks(provisional_categories(question, terms), terms.minimum_cell_count)
    found = tuple(_perturbed(grid.coordinates(), cells, ptable, marks))
    axes = tuple(axis.name for axis in grid.axes)
    values = tuple(cell.value or 0 for cell in found)
    return values, Presented("persons", 0, axes, found, axes[: grid.measure_axes], _totals(grid, cells, ptable, marks))


def _totals(grid: Grid, cells: _Cells, ptable: PTable, marks: Marks) -> tuple[Cell, ...]:
    if len(grid.axes) == grid.measure_axes:
        return ()  # they would be the cells again
    return tuple(_perturbed(grid.total_coordinates(), cells.summed(grid.total_width), ptable, marks))


def _perturbed(coordinates: Iterator[tuple[str, ...]], cells: _Cells, ptable: PTable, marks: Marks) -> Iterator[Cell]:
    for categories, count, key in zip(coordinates, cells.counts, cells.keys, strict=True):
        value = ptable.perturbed(count, cell_key(key))
        low, high = ptable.interval(value)
        unreliable = is_unreliable(value, max(value - low, high - value), marks.minimum_cell_count)
        flags = marks.of(categories, *(("U",) if unreliable else ()))
        yield Cell(categories, value, low, high, ptable.noise_sd_millionths, flags)


def explained(clause: CellKeys, version: int) -> str:
    """Return what a reader must know of such a table."""
    small = f", no positive count below {clause.smallest_count} is shown" if clause.smallest_count > 1 else ""
    return (
        "cell-key perturbation, not differentially private: a count above nought deviates by at most "
        f"{clause.maximum_deviation}, with a variance of {clause.variance_thousandths / THOUSAND:g} and a mean of "
        f"nought{small}, a count of nought stays; record keys of version {version}. Intervals are for the perturbation "
        "alone, not for errors of linkage or coverage. Every cell and every total is perturbed by a key of its own, so "
        "cells do not add up to totals. The published rho does not cover this table"
    )
