"""How often values occur, in bounded memory: exact up to a number of values, a known share of them beyond.

Values come as keyed 64-bit images, so they are spread evenly: when there are too many, only those whose image ends in
so many zero bits are kept, and what is counted of them is scaled up (adaptive sampling: P. Flajolet, Computing 43,
1990, after M. Wegman). The most frequent values are kept in any case. That any two of 10 million values share an image
has a chance of 3 in a million.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST_VALUES: Final = 1 << 20
"""Values that are counted one by one; above it about half of them, then a quarter. 12 bytes each, twice that for a
moment while they are sorted."""

_ALWAYS_KEPT: Final = 256
_FREQUENT_AT_ONCE: Final = 8
"""A value outside the sample that comes so often at a time may become one of the most frequent."""
_FEWEST_WAITING: Final = 1 << 14
_WAITING_SHARE: Final = 4

U64 = NDArray[np.uint64]
U32 = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Frequencies:
    """How often the values of something occur.

    `one_in` of the values were counted, the others taken to be alike; 1 = all were, and every figure is exact.
    `pairs` are pairs of rows with one value. `by_size`: how many values occur 2, 3, … times; the last, `LARGEST_SIZE`
    or more.
    `heaviest`: the greatest counts, falling; if not all values were counted, at least so many.
    """

    rows: int
    distinct: int
    once: int
    pairs: float
    by_size: dict[int, int]
    heaviest: tuple[int, ...]
    one_in: int


LARGEST_SIZE: Final = 5
HEAVIEST_TOLD: Final = 100


class ValueCounts:
    """Counts values by image. `most` bounds how many are kept."""

    def __init__(self, most: int = MOST_VALUES) -> None:
        self._most = most
        self._images: U64 = np.empty(0, dtype=np.uint64)
        self._counts: U32 = np.empty(0, dtype=np.uint32)
        self._always: U64 = np.empty(0, dtype=np.uint64)
        self._new: list[tuple[U64, U32 | None]] = []
        self._waiting = 0
        self.rows = 0
        self.level = 0

    def add(self, images: U64, counts: U32 | None = None) -> None:
        """Count images, each as often as `counts` says, or once."""
        self.rows += len(images) if counts is None else int(counts.sum())
        if self.level:
            kept = self._sampled(images) | np.isin(images, self._always)
            if counts is not None:
                kept |= counts >= _FREQUENT_AT_ONCE
                counts = counts[kept]
            images = images[kept]
        if len(images):
            self._new.append((images, counts))
            self._waiting += len(images)
        if self._waiting > min(max(len(self._images), _FEWEST_WAITING), self._most // _WAITING_SHARE):
            self._merge()

    def count_of(self, images: U64) -> U32:
        """Return how often each image was counted; 0 for one that is not among those kept."""
        self._merge()
        if not len(self._images):
            return np.zeros(len(images), dtype=np.uint32)
        places = np.minimum(np.searchsorted(self._images, images), len(self._images) - 1)
        return np.where(self._images[places] == images, self._counts[places], 0).astype(np.uint32)

    def kept(self) -> U64:
        """Return the images that are kept for being in the sample, sorted: one in 2^level of all."""
        self._merge()
        return self._images[self._sampled(self._images)]

    def frequencies(self) -> Frequencies:
        """Return what was counted so far."""
        self._merge()
        factor = 1 << self.level
        certain = np.isin(self._images, self._always)
        scaled = self._counts[self._sampled(self._images) & ~certain]
        exact = self._counts[certain]
        sizes = {
            size: int(np.count_nonzero(_of_size(scaled, size))) * factor + int(np.count_nonzero(_of_size(exact, size)))
            for size in range(1, LARGEST_SIZE + 1)
        }
        once = sizes.pop(1)
        heaviest = np.sort(self._counts)[::-1][:HEAVIEST_TOLD]
        pairs = _pairs(scaled) * factor + _pairs(exact)
        distinct = len(scaled) * factor + len(exact)
        return Frequencies(self.rows, distinct, once, pairs, sizes, tuple(heaviest.tolist()), factor)

    def _merge(self) -> None:
        if not self._new:
            return
        images = np.concatenate([self._images, *(new for new, _ in self._new)])
        ones = (np.ones(len(new), dtype=np.uint32) if counts is None else counts for new, counts in self._new)
        counts = np.concatenate([self._counts, *ones])
        self._new.clear()
        self._waiting = 0
        order = np.argsort(images, kind="stable")
        images, counts = images[order], counts[order]
        first = np.flatnonzero(np.concatenate(([True], images[1:] != images[:-1])))
        self._images, self._counts = images[first], np.add.reduceat(counts, first, dtype=np.uint32)
        if self.level:
            self._keep_the_sample()
        while len(self._images) > self._most:
            self.level += 1
            self._keep_the_sample()

    def _keep_the_sample(self) -> None:
        """Keep the values of the sample and the most frequent ones, among which others may have come."""
        heavy = np.argsort(self._counts, kind="stable")[-_ALWAYS_KEPT:]
        self._always = np.sort(self._images[heavy[self._counts[heavy] > 1]])
        kept = self._sampled(self._images) | np.isin(self._images, self._always)
        self._images, self._counts = self._images[kept], self._counts[kept]

    def _sampled(self, images: U64) -> NDArray[np.bool_]:
        sampled: NDArray[np.bool_] = (images & np.uint64((1 << self.level) - 1)) == 0
        return sampled


def _of_size(counts: U32, size: int) -> NDArray[np.bool_]:
    return counts >= size if size == LARGEST_SIZE else counts == size


def _pairs(counts: U32) -> float:
    wide = counts.astype(np.float64)
    return float((wide * (wide - 1) / 2).sum())
