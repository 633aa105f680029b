"""From noisy cells and declared rates to estimates corrected for linkage error, with their variance.

With `L` links in a cell, precision p and recall r, there are `M = L p / r` people who are truly in both files. The cell
gains `M - L`, the cells of the two halves lose it. Four things make that uncertain:

1. the noise, whose variance is known exactly, in every cell that the estimate is made of;
2. which links are false and which matches are missed, in a finite population: `L p (1 - p) / r²` and
   `L p (1 - r) / r²`, as if each link were wrong and each match missed by itself;
3. the declared precision and recall, which are estimates: the delta method, with their covariance. It is one error for
   all cells, so it adds up over sums;
4. the multiples that a category's rates are of everybody's, estimated too: one error for all cells of a category.

Estimates are neither rounded nor clipped, and no interval is narrower than that of the noise alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from disclosure.post_selection import NORMAL_QUANTILE
from disclosure.uncertainty.linked_cells import OUTSIDE, LinkedCells, Places
from disclosure.uncertainty.rates import GroupQuality

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Adjusted:
    """Estimates corrected for linkage error and their variances, noise and linkage together: float64, (sums,) each."""

    value: Values
    variance: Values

    @property
    def rounded(self) -> NDArray[np.int64]:
        """The estimates in whole persons; int64, (sums,)."""
        return nearest(self.value)

    def interval(
        self, least_half_width: float = 0.0, widening: Values | float = 0.0
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return both ends of 95 % intervals, rounded to the nearest whole person; int64, (sums,) each.

        `least_half_width`: that of the noise alone, in persons. `widening`, (sums,): by how much the squared reach
        downward grows, in squared persons, where a sum is read because its noisy number came out large
        (`post_selection.Reading.widening`).
        """
        half_width = np.maximum(NORMAL_QUANTILE * np.sqrt(self.variance), least_half_width)
        downward = np.sqrt(half_width**2 + widening)
        return nearest(self.value - downward), nearest(self.value + half_width)


def nearest(values: Values) -> NDArray[np.int64]:
    """Return the nearest whole numbers, halves upward, so that adding a whole number commutes with rounding."""
    return np.floor(values + 0.5).astype(np.int64)


def adjust(
    noisy: NDArray[np.int64] | Values,
    noise_variance: Values,
    links: LinkedCells,
    quality: GroupQuality,
    sum_of: Places | None = None,
) -> Adjusted:
    """Return estimates of sums of cells; by default of every cell by itself.

    `noisy`, `noise_variance`: (cells,), independent noise. `sum_of`: int64, (cells,), for each cell the number of the
    sum that it belongs to, from 0 on without gaps, or `OUTSIDE`.
    """
    number = np.arange(len(noisy), dtype=np.int64) if sum_of is None else sum_of
    sums = int(number.max(initial=-1)) + 1
    linked = np.asarray(noisy, np.float64)[links.cell]
    ratio, precision, recall = (item[links.group] for item in (quality.ratio, quality.precision, quality.recall))
    moved = _Moves.of(links, number)

    inside = number != OUTSIDE
    value = _sums(number[inside], np.asarray(noisy, np.float64)[inside], sums)
    value += moved.total(linked * (ratio - 1), sums)

    # 1. Noise: a linked cell's counts once by itself, where that is in the sum, and by what it moves.
    by_noise = _sums(number[inside], noise_variance[inside], sums)
    variance = by_noise.copy()
    shift = moved.times * (ratio - 1)[moved.link]
    by_itself = number[links.cell][moved.link] == moved.target
    variance += moved.summed((2 * by_itself + shift) * shift * noise_variance[links.cell][moved.link], sums)
    # 2. Which links are false, which matches missed.
    realised = np.maximum(linked, 0) * precision * (1 - precision + 1 - recall) / recall**2
    variance += moved.summed(moved.times**2 * realised[moved.link], sums)
    # 3. The declared rates, through the gradient of the ratio.
    missed, false = quality.missed[links.group], quality.false[links.group]
    gradient = linked * np.stack([false / recall, -precision * missed / recall**2])
    slope = np.stack([moved.total(one, sums) for one in gradient])
    variance += np.einsum("is,ij,js->s", slope, quality.covariance, slope)
    # 4. Their multiples by category.
    by_false = -linked * quality.false_share / recall
    by_missed = linked * precision * quality.missed_share / recall**2
    for errors, effect in ((quality.false_error, by_false), (quality.missed_error, by_missed)):
        for group in np.flatnonzero(errors):
            variance += (errors[group] * moved.total(np.where(links.group == group, effect, 0.0), sums)) ** 2
    return Adjusted(value, np.maximum(variance, by_noise))


@dataclass(frozen=True, slots=True, eq=False)
class _Moves:
    """By how much each sum grows for each match more than links: `times` the number, for `target` sum and `link`."""

    link: Places
    target: Places
    times: Values

    @classmethod
    def of(cls, links: LinkedCells, number: Places) -> "_Moves":
        """Return the moves of a table whose cells belong to the sums `number`."""
        every = np.arange(len(links), dtype=np.int64)
        places = np.concatenate([links.whole, links.first, links.second])
        target = np.where(places == OUTSIDE, OUTSIDE, number[places])
        sign = np.repeat([1.0, -1.0, -1.0], len(links))
        link = np.tile(every, 3)
        kept = target != OUTSIDE
        keys, place = np.unique(target[kept] * max(len(links), 1) + link[kept], return_inverse=True)
        times = _sums(place, sign[kept], len(keys))
        return cls(keys % max(len(links), 1), keys // max(len(links), 1), times)

    def total(self, of_links: Values, sums: int) -> Values:
        """Return by how much each sum changes if each linked cell gains so much."""
        return self.summed(self.times * of_links[self.link], sums)

    def summed(self, values: Values, sums: int) -> Values:
        """Return the sums of values, one a move."""
        return _sums(self.target, values, sums)


def _sums(number: Places, values: Values, sums: int) -> Values:
    return np.bincount(number, values, sums).astype(np.float64)
