"""The pairs of files that links are chosen between, each with its candidate pairs.

Errors differ from one pair of files to the next, so each has false matches, and a threshold, of its own. In a wave that
adds to the registry the file's new records and its settled ones are sides of their own: settled ones are not compared.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage_core.linking.probabilistic.choosing import best_of_each, one_to_one, ranks_of
from linkage_core.linking.probabilistic.evidence import Evidence
from linkage_core.linking.probabilistic.false_matches import Way
from linkage_core.lsh.rows import WantedPairs


@dataclass(frozen=True, slots=True, eq=False)
class Meeting:
    """Two sides whose records are compared; `files`: places of their providers in the pool, `way`: see `Way`.

    `sides`: the record numbers of each side. `pairs`: places of its candidate pairs in the evidence; `first`, `second`:
    uint32, their records, side by side: several of the first side may share one of the second where the way is
    many-to-one.
    """

    files: tuple[int, int]
    way: Way
    sides: tuple[range, range]
    pairs: NDArray[np.intp]
    first: NDArray[np.uint32]
    second: NDArray[np.uint32]

    @property
    def sizes(self) -> tuple[int, int]:
        """How many records each side has."""
        return len(self.sides[0]), len(self.sides[1])

    def links(self, score: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the places among `pairs` of the links that the pairs' scores, float64 (pairs,), choose."""
        ranks = ranks_of(score, np.minimum(self.first, self.second), np.maximum(self.first, self.second))
        if self.way == "one-to-one":
            return one_to_one(self.first, self.second, ranks)
        if self.way == "many-to-one":
            return best_of_each(self.first, ranks)
        return np.arange(len(ranks))


def meetings(wanted: WantedPairs, evidence: Evidence, duplicates_allowed: NDArray[np.bool_]) -> Iterator[Meeting]:
    """Yield the pairs of sides that may hold links, those without a candidate pair left out."""
    bounds = wanted.first_row.tolist()
    part_a, part_b = wanted.part_of(evidence.row_a), wanted.part_of(evidence.row_b)
    for one, other in zip(*np.nonzero(np.triu(wanted.counts)), strict=True):
        pairs = np.flatnonzero((part_a == one) & (part_b == other))
        if not len(pairs):
            continue
        files = (int(wanted.file_of_part[one]), int(wanted.file_of_part[other]))
        sides = (range(bounds[one], bounds[one + 1]), range(bounds[other], bounds[other + 1]))
        first, second = evidence.row_a[pairs], evidence.row_b[pairs]
        if files[0] == files[1]:
            yield Meeting(files, "within", sides, pairs, first, second)
        elif duplicates_allowed[files[0]]:
            yield Meeting(files, "many-to-one", sides, pairs, first, second)
        elif duplicates_allowed[files[1]]:
            yield Meeting(files[::-1], "many-to-one", sides[::-1], pairs, second, first)
        else:
            yield Meeting(files, "one-to-one", sides, pairs, first, second)
