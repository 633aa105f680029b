"""Candidate pairs of one CLK: every pair of records, across files or within one, whose Dice reaches a threshold.

All pairs are compared, in blocks of rows, so that memory holds one block's pairs at a time and a run that would
produce too many candidates stops early and says what to change.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.similarity import Clks, SimilarityFunction, as_bitarrays
from linkage_core.errors import Unfit

BLOCK_ROWS: Final = 2048
"""Rows of a block. At worst one block pair yields 2048² candidates: 64 MiB in anonlink's arrays."""

JUST_BELOW: Final = 1e-9
"""anonlink skips pairs whose counts of set bits differ too much, by a truncated float, and so loses some pairs exactly
at the threshold. It is asked for this much less, and the exact `>=` is taken here."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Pairs of record numbers with their Dice in one CLK: `a` < `b`, uint32; `dice` float64. In no order."""

    a: NDArray[np.uint32]
    b: NDArray[np.uint32]
    dice: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.dice)


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive record numbers of one file, `start` included, `stop` not; `within`: also compared with each other."""

    start: int
    stop: int
    within: bool


def find_candidates(
    bits: NDArray[np.uint8],
    present: NDArray[np.bool_],
    spans: Sequence[Span],
    threshold: float,
    *,
    similarity: SimilarityFunction,
    maximum: int,
    progress: Callable[[int, int], None],
) -> Candidates:
    """Return every pair of present records in two spans, or in one that is `within`, whose Dice is >= `threshold`.

    `bits` uint8 (records, bytes) and `present` bool (records,) of one CLK; `threshold` from 0 to 1. Records that lack
    the CLK are in no pair. `progress(block pairs done, of how many)`. Raises `Unfit` beyond `maximum` pairs.
    """
    blocks = list(_blocks(bits, present, spans))
    pairs = list(_block_pairs(blocks, spans))
    found: list[Candidates] = []
    total = 0
    for done, (left, right) in enumerate(pairs, start=1):
        found.append(_compare(left, right, threshold, similarity))
        total += len(found[-1])
        if total > maximum:
            raise Unfit(
                f"more than {maximum} candidate pairs after {done} of {len(pairs)} block pairs. "
                "Raise matching.candidate_per_mille, or matching.maximum_candidates_per_record if there is memory "
                "(about 100 bytes a pair)."
            )
        progress(done, len(pairs))
    return _concatenate(found)


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Present records of one span: their numbers, rising, and their CLKs."""

    span: int
    numbers: NDArray[np.uint32]
    clks: Clks


def _blocks(bits: NDArray[np.uint8], present: NDArray[np.bool_], spans: Iterable[Span]) -> Iterator[_Block]:
    for index, span in enumerate(spans):
        numbers = np.flatnonzero(present[span.start : span.stop]) + span.start
        for start in range(0, len(numbers), BLOCK_ROWS):
            chosen = numbers[start : start + BLOCK_ROWS]
            yield _Block(index, chosen.astype(np.uint32), as_bitarrays(bits[chosen]))


def _block_pairs(blocks: Sequence[_Block], spans: Sequence[Span]) -> Iterator[tuple[_Block, _Block]]:
    """Pairs of blocks to compare; a block of a span with duplicates is paired with itself too."""
    for left, right in combinations(blocks, 2):
        if left.span != right.span or spans[left.span].within:
            yield left, right
    for block in blocks:
        if spans[block.span].within:
            yield block, block


def _compare(left: _Block, right: _Block, threshold: float, similarity: SimilarityFunction) -> Candidates:
    dice, (left_rows, right_rows) = similarity((left.clks, right.clks), threshold * (1 - JUST_BELOW), k=None)
    found = Candidates(
        a=left.numbers[np.frombuffer(left_rows, dtype=np.uint32)],
        b=right.numbers[np.frombuffer(right_rows, dtype=np.uint32)],
        dice=np.frombuffer(dice, dtype=np.float64),
    )
    kept = found.dice >= threshold
    if left is right:
        kept &= found.a < found.b
    return Candidates(found.a[kept], found.b[kept], found.dice[kept])


def _concatenate(parts: Sequence[Candidates]) -> Candidates:
    if not parts:
        return Candidates(np.zeros(0, np.uint32), np.zeros(0, np.uint32), np.zeros(0, np.float64))
    return Candidates(
        a=np.concatenate([part.a for part in parts]),
        b=np.concatenate([part.b for part in parts]),
        dice=np.concatenate([part.dice for part in parts]),
    )
