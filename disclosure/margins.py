"""The noisy margins of a `synthetic` release, read back from its table: all that a synthetic file is ever made from."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from disclosure.errors import QueryFault
from disclosure.grid import TOTAL
from disclosure.table import Release

Margin = tuple[str, ...]
"""Names of the one or two dimensions that a margin is by, sorted."""

HALF_NORMAL_MEAN: Final = math.sqrt(2 / math.pi)
"""Mean absolute value of a normal variable, in standard deviations."""


def pairs_of(dimensions: tuple[str, ...]) -> tuple[Margin, ...]:
    """Return the margins that are measured for some dimensions: every pair."""
    return tuple(itertools.combinations(dimensions, 2))


@dataclass(frozen=True, slots=True)
class MeasuredMargins:
    """Counts of every pair of dimensions with noise of standard deviation `noise_sd`; some are below nought.

    `categories` are those of each dimension, in public order; the array of a pair has their numbers as its shape.
    """

    release_id: str
    categories: Mapping[str, tuple[str, ...]]
    noise_sd: float
    pairs: Mapping[Margin, NDArray[np.float64]] = field(repr=False)

    @classmethod
    def of(cls, release: Release) -> "MeasuredMargins":
        """Read a release; raises `QueryFault` for one of another measure."""
        if release.question.get("measure") != "synthetic":
            raise QueryFault(f"release {release.release_id} is no release of the measure synthetic")
        names = release.axes[1:]
        categories: dict[str, dict[str, None]] = {name: {} for name in names}
        values: dict[Margin, list[float]] = {pair: [] for pair in pairs_of(names)}
        for cell in release.cells:
            where = [(n, c) for n, c in zip(names, cell.coordinates[1:], strict=True) if c != TOTAL]
            for name, category in where:
                categories[name].setdefault(category)
            values[tuple(name for name, _ in where)].append(float(cell.value or 0))
        known = {name: tuple(found) for name, found in categories.items()}
        pairs = {pair: np.array(found).reshape([len(known[n]) for n in pair]) for pair, found in values.items()}
        return cls(release.release_id, known, release.noise_sd, pairs)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the dimensions, sorted."""
        return tuple(self.categories)

    @property
    def margins(self) -> tuple[Margin, ...]:
        """Every dimension alone, then every pair."""
        return (*((name,) for name in self.dimensions), *self.pairs)

    @property
    def persons(self) -> float:
        """How many persons there are: the mean of all pairs' sums, each weighted by the inverse of its variance."""
        weights = [1 / values.size for values in self.pairs.values()]
        sums = [float(values.sum()) for values in self.pairs.values()]
        return sum(w * s for w, s in zip(weights, sums, strict=True)) / sum(weights)

    @property
    def persons_sd(self) -> float:
        """Standard deviation of the noise in `persons`."""
        return self.noise_sd / math.sqrt(sum(1 / values.size for values in self.pairs.values()))

    def counts(self, margin: Margin) -> NDArray[np.float64]:
        """Return a pair as it was measured; a dimension alone as the mean of its pairs' sums, weighted as `persons`."""
        if len(margin) == 2:
            return self.pairs[margin]
        sums = self._sums(margin[0])
        return np.asarray(sum(s / width for s, width in sums) / sum(1 / width for _, width in sums))

    def noise_sd_of(self, margin: Margin) -> float:
        """Return the standard deviation of the noise in each of `counts`."""
        if len(margin) == 2:
            return self.noise_sd
        return self.noise_sd / math.sqrt(sum(1 / width for _, width in self._sums(margin[0])))

    def noise_distance(self, margin: Margin) -> float:
        """Return the distance from the truth that noise alone gives a margin's shares, on average.

        A distance is half the sum of absolute differences of shares: 0 for alike, 1 for nothing in common.
        """
        cells = math.prod(len(self.categories[name]) for name in margin)
        return cells * self.noise_sd_of(margin) * HALF_NORMAL_MEAN / (2 * self.persons)

    def distance(self, margin: Margin, counts: NDArray[np.float64]) -> float:
        """Return the distance of some counts' shares from a margin's."""
        difference = counts / float(counts.sum()) - self.counts(margin) / self.persons
        return float(np.abs(difference).sum()) / 2

    def strength(self, pair: Margin) -> float:
        """Return how far a pair is from independence beyond what noise alone would make it: a distance, or below 0."""
        first, second = (self.counts((name,)).clip(min=0) for name in pair)
        return self.distance(pair, np.outer(first, second)) - self.noise_distance(pair)

    def _sums(self, name: str) -> list[tuple[NDArray[np.float64], int]]:
        """Each pair of a dimension added up over the other one, and over how many cells."""
        return [
            (values.sum(axis=1 - pair.index(name)), values.shape[1 - pair.index(name)])
            for pair, values in self.pairs.items()
            if name in pair
        ]
