"""The self-comparison null: what pairs of two different people show, learnt inside a file where all are different.

In a file without duplicates every pair is a non-match, families and namesakes included. So nothing has to be assumed
about which comparisons depend on each other. A sample of the file's records is compared with the whole file, through
the same filter as pairs across files: a CLK that reaches the candidate threshold, or a shared match key.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.dice import find_pairs
from linkage_core.linking.pool import RecordPool
from linkage_core.linking.probabilistic.evidence import Comparison, Evidence, evidence_between
from linkage_core.linking.probabilistic.shared_keys import pairs_sharing
from linkage_core.lsh.sample import draw_records
from linkage_core.searching.encodings import Encodings
from linkage_core.searching.engine import cores

SAMPLED_RECORDS: Final = 10_000
"""Records of a file that are compared with the whole of it; all, where there are fewer."""

BLOCK_ROWS: Final = 16_384
"""Rows that the sample is compared with at a time, each block on a thread of its own."""

NEAR_PAIRS: Final = 20_000_000
"""Pairs that one block may hold: more are codes shared by many people, and the search itself would not fit."""


@dataclass(frozen=True, slots=True, eq=False)
class SelfComparison:
    """Pairs inside one file, by place of the sampled record.

    `file`: its place among the pool's providers. `size`: its records. `sampled`: records that were compared with all
    others. `place`: int64, (pairs,), the sampled record of each pair, from 0 to `sampled` - 1. A pair of two sampled
    records is there once for each.
    """

    file: int
    size: int
    sampled: int
    place: NDArray[np.int64]
    evidence: Evidence

    @property
    def comparisons_made(self) -> int:
        """How many pairs were looked at, near or not."""
        return self.sampled * (self.size - 1)


def compare_with_itself(
    pool: RecordPool, file: int, encodings: Encodings, comparisons: Sequence[Comparison], threshold: float, seed: int
) -> SelfComparison:
    """Compare a file of the pool with itself; `threshold`: the candidate threshold, `seed` draws the sample."""
    start, stop = pool.first[file], pool.first[file + 1]
    size = stop - start
    sampled = draw_records(seed, f"self-comparison {pool.providers[file]}", SAMPLED_RECORDS, size) + np.uint32(start)
    starts = range(start, stop, BLOCK_ROWS)
    with ThreadPoolExecutor(cores()) as threads:
        near = threads.map(
            lambda at: _near(pool, encodings, sampled, at, min(at + BLOCK_ROWS, stop), threshold), starts
        )
        parts = list(near)
    one, other = pairs_sharing(pool.match_keys, pool.match_keys, slice(start, stop))
    for mine, partner in ((one, other), (other, one)):
        chosen = np.isin(mine, sampled)
        parts.append(_packed(mine[chosen], partner[chosen]))
    pairs = np.unique(np.concatenate(parts))
    record, partner = (pairs >> np.uint64(32)).astype(np.uint32), pairs.astype(np.uint32)
    different = record != partner
    record, partner = record[different], partner[different]
    return SelfComparison(
        file=file,
        size=size,
        sampled=len(sampled),
        place=np.searchsorted(sampled, record),
        evidence=evidence_between(record, partner, encodings, pool, comparisons),
    )


def _near(
    pool: RecordPool, encodings: Encodings, sampled: NDArray[np.uint32], start: int, stop: int, threshold: float
) -> NDArray[np.uint64]:
    """Return sampled record << 32 | row of the block, for all pairs that some CLK proposes."""
    parts = [np.zeros(0, np.uint64)]
    for clk in pool.clks:
        words = encodings.words(clk, 0, pool.size)
        places, found = find_pairs(words[start:stop], words[sampled], threshold, maximum=NEAR_PAIRS)
        parts.append(_packed(sampled[found], places + np.uint32(start)))
    return np.unique(np.concatenate(parts))


def _packed(first: NDArray[np.uint32], second: NDArray[np.uint32]) -> NDArray[np.uint64]:
    return first.astype(np.uint64) << np.uint64(32) | second
