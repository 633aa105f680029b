"""Post-processing: from noisy values to cells with intervals, flags and totals. Nothing here sees a true count."""

import itertools
from collections.abc import Iterable, Sequence

from disclosure.grid import Grid
from disclosure.measurements import Mechanism, half_width, summed_noise_sd
from disclosure.suppression import is_unreliable
from disclosure.table import Cell, Flag


def present_cells(
    noisy: Sequence[int], grid: Grid, mechanism: Mechanism, provisional: frozenset[str], minimum_cell_count: int
) -> tuple[Cell, ...]:
    """Return every cell of the grid in order; `provisional` are categories of the first axis."""
    return tuple(
        _cell(coordinates, value, mechanism.noise_sd_millionths, provisional, minimum_cell_count)
        for coordinates, value in zip(grid.coordinates(), noisy, strict=True)
    )


def total_cells(
    noisy: Sequence[int], grid: Grid, mechanism: Mechanism, provisional: frozenset[str], minimum_cell_count: int
) -> tuple[Cell, ...]:
    """Return the sum over all axes but the first, for each category of the first; none if there is no other axis.

    The first axis is not summed over: one person may be in several of its categories. Each sum's noise is independent
    noise added up, so its standard deviation is the cell's times the square root of the number of cells.
    """
    if len(grid.axes) == 1:
        return ()
    width = grid.strides[0]
    noise_sd = summed_noise_sd(mechanism.noise_sd_millionths, width)
    sums: Iterable[int] = (sum(noisy[start : start + width]) for start in itertools.count(0, width))
    return tuple(
        _cell((category,), value, noise_sd, provisional, minimum_cell_count)
        for category, value in zip(grid.axes[0].categories, sums, strict=False)
    )


def _cell(
    coordinates: tuple[str, ...], value: int, noise_sd: int, provisional: frozenset[str], minimum_cell_count: int
) -> Cell:
    width = half_width(noise_sd)
    flags: list[Flag] = []
    if is_unreliable(value, width, minimum_cell_count):
        flags.append("U")
    if coordinates[0] in provisional:
        flags.append("P")
    return Cell(coordinates, value, value - width, value + width, noise_sd, tuple(flags))
