"""All pairs of CLKs whose Dice coefficient reaches a threshold: across two blocks of rows, or within one.

1. How many first words are compared before a pair may be left: all; fewer where a bound on the rest pays; or as many
   as a statistical exit says.
2. Rows without set bits are left out, the others sorted so that rows of a block have nearly the same bound.
3. Blocks are compared, by the processor's matrix unit or by its vector registers. What is found goes into buffers of
   fixed size; a full one is set aside.
4. The pairs are sorted.

Dice is 2c / (a + b) as a float64, and a pair is found if that is >= the threshold: the kernel compares whole numbers,
against a table of the least common bits c that reach the threshold for each a + b. Without a statistical exit the
result is exact. Memory: 24 bytes a pair found, the rows twice more, and one buffer.
"""

import sys
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.cost import MATRIX_UNIT, VECTORS, WORD_BITS
from linkage_core.comparing.early_exit import choose_words
from linkage_core.comparing.instructions import TILE
from linkage_core.comparing.kernels import find_in_tiles
from linkage_core.comparing.matrix_unit import SQUARE, find_in_squares, has_matrix_unit, scratch
from linkage_core.comparing.sides import Side, lay_out
from linkage_core.comparing.statistical_exit import StatisticalExit
from linkage_core.comparing.survivors import LEAN_UNITS
from linkage_core.errors import InputFault, Unfit

Words = NDArray[np.uint64]
"""CLKs of a block: uint64 (rows, words), contiguous; a row of zeros lacks the CLK and is in no pair."""

Pairs = tuple[NDArray[np.uint32], NDArray[np.uint32]]
"""Row numbers of pairs, uint32, sorted by the first, then the second."""

BUFFER_PAIRS: Final = 1 << 17
"""Pairs that fit a buffer: 1 MiB."""

NO_EXIT: Final = 1 << 40
"""A slack with which no pair is left for its first words."""


def find_pairs(
    left: Words,
    right: Words,
    threshold: float,
    *,
    statistical_exit: StatisticalExit | None = None,
    matrix_unit: bool = True,
    maximum: int = sys.maxsize,
) -> Pairs:
    """Return all (i, j), row i of `left` and j of `right`, whose Dice is >= `threshold`, sorted by i, then j.

    `threshold` above 0, at most 1. `matrix_unit`: use the processor's, where there is one; it changes speed only.
    Raises `InputFault` on another threshold, and where the sides' CLKs differ in length; `Unfit` as soon as there are
    more than `maximum` pairs, so that memory is bounded by it.
    """
    if left.shape[1] != right.shape[1]:
        raise InputFault(f"CLKs of {left.shape[1]} and {right.shape[1]} words cannot be compared; use one schema")
    return _find(left, right, threshold, statistical_exit, matrix_unit, maximum, within=False)


def find_pairs_within(
    rows: Words,
    threshold: float,
    *,
    statistical_exit: StatisticalExit | None = None,
    matrix_unit: bool = True,
    maximum: int = sys.maxsize,
) -> Pairs:
    """Return all (i, j), i < j, of `rows` whose Dice is >= `threshold`, sorted by i, then j; faults as `find_pairs`."""
    return _find(rows, rows, threshold, statistical_exit, matrix_unit, maximum, within=True)


def too_many_pairs(maximum: int) -> Unfit:
    """Return the error of a comparison that finds more than it may, with what to change."""
    return Unfit(
        f"more than {maximum} candidate pairs. Raise matching.candidate_per_mille, or "
        "matching.maximum_candidates_per_record if there is memory and time; `symbolon linkage-unit estimate` tells "
        "what a threshold costs."
    )


def least_common_bits(threshold: float, length_bits: int) -> NDArray[np.int64]:
    """Return for each sum s of two counts of set bits the least c with 2c / s >= `threshold`: int64 (2 length + 1,)."""
    both = np.arange(2 * length_bits + 1)
    common = np.maximum(np.ceil(threshold * both / 2).astype(np.int64) - 1, 1)  # at or below it, whatever the rounding
    for _ in range(3):
        common += 2 * common / np.maximum(both, 1) < threshold
    return common


def _find(
    left: Words,
    right: Words,
    threshold: float,
    statistical: StatisticalExit | None,
    matrix_unit: bool,
    maximum: int,
    *,
    within: bool,
) -> Pairs:
    if not 0 < threshold <= 1:
        raise InputFault(f"a threshold is above 0 and at most 1, not {threshold}")
    need = least_common_bits(threshold, left.shape[1] * WORD_BITS)
    squares = matrix_unit and has_matrix_unit()

    # 1. First words.
    first = choose_words(left, right, need, MATRIX_UNIT if squares else VECTORS)
    if statistical is not None:
        first = _checked(statistical, left.shape[1])
    share = 0.0 if statistical is None else (1 - threshold) * first / left.shape[1]
    slack = NO_EXIT if statistical is None else statistical.slack_bits * LEAN_UNITS

    # 2. Rows of a kind side by side.
    block = SQUARE if squares else TILE
    columns = lay_out(right, first, share, block)
    rows = columns if within else lay_out(left, first, share, block)

    # 3. All pairs.
    find = _in_squares if squares else _in_tiles
    found: list[NDArray[np.uint64]] = []
    for part in find(rows, columns, need, first, slack, within):
        found.append(part)
        if sum(map(len, found)) > maximum:
            raise too_many_pairs(maximum)

    # 4. Order.
    pairs = np.concatenate([np.zeros(0, np.uint64), *found])
    pairs.sort()
    return (pairs >> np.uint64(32)).astype(np.uint32), pairs.astype(np.uint32)


def _in_tiles(
    rows: Side, columns: Side, need: NDArray[np.int64], first: int, slack: int, within: bool
) -> Iterator[NDArray[np.uint64]]:
    """Yield the pairs of each filled buffer, found with vector registers."""
    tiles = columns.tiles(TILE)
    place = np.zeros(2, np.uint64)
    while place[0] < len(tiles):
        found = np.empty(BUFFER_PAIRS, np.uint64)
        size = find_in_tiles(
            rows.rows, rows.facts, tiles, columns.rows, columns.facts, columns.bounds,
            need, np.uint64(first), np.int64(slack), within, found, place,
        )  # fmt: skip
        yield found[:size].copy()


def _in_squares(
    rows: Side, columns: Side, need: NDArray[np.int64], first: int, slack: int, within: bool
) -> Iterator[NDArray[np.uint64]]:
    """Yield the pairs of each filled buffer, found with the processor's matrix unit."""
    memory = scratch(first)
    place = np.zeros(3, np.uint64)
    while place[0] < len(columns.bounds):
        found = np.empty(BUFFER_PAIRS, np.uint64)
        size = find_in_squares(
            rows.rows, rows.facts, rows.bounds, columns.rows, columns.facts, columns.bounds,
            need, np.uint64(first), np.int64(slack), within, memory, found, place,
        )  # fmt: skip
        yield found[:size].copy()


def _checked(statistical: StatisticalExit, words: int) -> int:
    """Return the exit's number of words; raises `InputFault` unless it leaves a word to compare."""
    if not 0 < statistical.words < words:
        raise InputFault(f"an exit after {statistical.words} of {words} words: choose one for CLKs of this length")
    return statistical.words
