"""All pairs of CLKs whose Dice coefficient reaches a threshold: across two blocks of rows, or within one.

1. Rows without set bits are left out; both sides' counts of set bits are taken.
2. How many first words are compared before a pair may be left: all; fewer where a bound on the rest pays; or as many
   as a statistical exit says.
3. One side is sorted so that the 128 columns of a tile are alike, which makes the bound one number a tile and row.
4. Tiles are compared row by row. What is found goes into buffers of fixed size; a full one is set aside.
5. The pairs are sorted.

Dice is 2c / (a + b) as a float64, and a pair is found if that is >= the threshold: the kernel compares whole numbers,
against a table of the least common bits c that reach the threshold for each a + b. Without a statistical exit the
result is exact. Memory: 24 bytes a pair found, the rows twice more, and one buffer.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.cost import MATRIX_UNIT, VECTORS, WORD_BITS
from linkage_core.comparing.early_exit import choose_words
from linkage_core.comparing.kernels import TILE, find_in_tiles
from linkage_core.comparing.matrix_unit import SQUARE, find_in_squares, has_matrix_unit, scratch
from linkage_core.comparing.statistical_exit import StatisticalExit
from linkage_core.comparing.survivors import COUNT, LEAN, LEAN_UNITS, REST, WORD_STEP
from linkage_core.errors import InputFault

Words = NDArray[np.uint64]
"""CLKs of a block: uint64 (rows, words), contiguous; a row of zeros lacks the CLK and is in no pair."""

Pairs = tuple[NDArray[np.uint32], NDArray[np.uint32]]
"""Row numbers of pairs, uint32, sorted by the first, then the second."""

Facts = NDArray[np.int64]

BUFFER_PAIRS: Final = 1 << 17
"""Pairs that fit a buffer: 1 MiB."""

COUNTS_ALIKE: Final = 4
"""Rows whose counts of set bits differ by less are sorted by their set bits beyond the first words."""

NO_EXIT: Final = 1 << 40
"""A slack with which no pair is left for its first words."""


def find_pairs(
    left: Words,
    right: Words,
    threshold: float,
    *,
    statistical_exit: StatisticalExit | None = None,
    matrix_unit: bool = True,
) -> Pairs:
    """Return all (i, j), row i of `left` and j of `right`, whose Dice is >= `threshold`, sorted by i, then j.

    `threshold` above 0, at most 1. `matrix_unit`: use the processor's, where there is one; it changes speed only.
    Raises `InputFault` on another threshold, and where the sides' CLKs differ in length.
    """
    if left.shape[1] != right.shape[1]:
        raise InputFault(f"CLKs of {left.shape[1]} and {right.shape[1]} words cannot be compared; use one schema")
    return _find(left, right, threshold, statistical_exit, matrix_unit, within=False)


def find_pairs_within(
    rows: Words, threshold: float, *, statistical_exit: StatisticalExit | None = None, matrix_unit: bool = True
) -> Pairs:
    """Return all (i, j), i < j, of `rows` whose Dice is >= `threshold`, sorted by i, then j; faults as `find_pairs`."""
    return _find(rows, rows, threshold, statistical_exit, matrix_unit, within=True)


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
    *,
    within: bool,
) -> Pairs:
    if not 0 < threshold <= 1:
        raise InputFault(f"a threshold is above 0 and at most 1, not {threshold}")
    need = least_common_bits(threshold, left.shape[1] * WORD_BITS)
    squares = matrix_unit and has_matrix_unit()

    # 1. Rows that have the CLK.
    left_numbers, right_numbers = np.flatnonzero(left.any(axis=1)), np.flatnonzero(right.any(axis=1))
    if not len(left_numbers) or not len(right_numbers):
        return np.zeros(0, np.uint32), np.zeros(0, np.uint32)
    rows, columns = _padded(left[left_numbers]), _padded(right[right_numbers])

    # 2. First words.
    first = choose_words(rows, columns, need, MATRIX_UNIT if squares else VECTORS)
    if statistical is not None:
        first = _checked(statistical, left.shape[1])

    # 3. Rows of a kind side by side.
    share = 0.0 if statistical is None else (1 - threshold) * first / left.shape[1]
    column_facts = _facts(right_numbers, columns, first, share)
    row_facts = column_facts if within else _facts(left_numbers, rows, first, share)
    columns, column_facts = _alike(columns, column_facts)
    rows, row_facts = (columns, column_facts) if within else _alike(rows, row_facts)

    # 4. All pairs.
    slack = NO_EXIT if statistical is None else statistical.slack_bits * LEAN_UNITS
    find = _in_squares if squares else _in_tiles
    found = list(find(rows, row_facts, columns, column_facts, need, first, slack, within))

    # 5. Order.
    pairs = np.concatenate(found)
    pairs.sort()
    return (pairs >> np.uint64(32)).astype(np.uint32), pairs.astype(np.uint32)


def _in_tiles(
    rows: Words,
    row_facts: Facts,
    columns: Words,
    column_facts: Facts,
    need: Facts,
    first: int,
    slack: int,
    within: bool,
) -> Iterator[NDArray[np.uint64]]:
    """Yield the pairs of each filled buffer, found with vector registers."""
    columns, column_facts = _filled_up(columns, column_facts, TILE)
    tiles = np.ascontiguousarray(columns.reshape(-1, TILE, columns.shape[1]).transpose(0, 2, 1))
    bounds = _bounds(column_facts, TILE)
    place = np.zeros(2, np.uint64)
    while place[0] < len(tiles):
        found = np.empty(BUFFER_PAIRS, np.uint64)
        size = find_in_tiles(
            rows, row_facts, tiles, columns, column_facts, bounds, need, np.uint64(first), np.int64(slack), within,
            found, place,
        )  # fmt: skip
        yield found[:size].copy()


def _in_squares(
    rows: Words,
    row_facts: Facts,
    columns: Words,
    column_facts: Facts,
    need: Facts,
    first: int,
    slack: int,
    within: bool,
) -> Iterator[NDArray[np.uint64]]:
    """Yield the pairs of each filled buffer, found with the processor's matrix unit."""
    columns, column_facts = _filled_up(columns, column_facts, SQUARE)
    rows, row_facts = (columns, column_facts) if within else _filled_up(rows, row_facts, SQUARE)
    row_bounds, bounds = _bounds(row_facts, SQUARE), _bounds(column_facts, SQUARE)
    memory = scratch(first)
    place = np.zeros(3, np.uint64)
    while place[0] < len(bounds):
        found = np.empty(BUFFER_PAIRS, np.uint64)
        size = find_in_squares(
            rows, row_facts, row_bounds, columns, column_facts, bounds, need, np.uint64(first),
            np.int64(slack), within, memory, found, place,
        )  # fmt: skip
        yield found[:size].copy()


def _padded(rows: Words) -> Words:
    """Return the rows with words of zeros up to what the kernels take at a time; no pair's Dice changes."""
    return np.ascontiguousarray(np.pad(rows, ((0, 0), (0, -rows.shape[1] % WORD_STEP))))


def _facts(numbers: NDArray[np.int64], rows: Words, first: int, share: float) -> Facts:
    """Return what the kernels know of each row; `share` of its set bits may differ in the first words."""
    bits = np.bitwise_count(rows).astype(np.int64)
    counts, in_first = bits.sum(axis=1), bits[:, :first].sum(axis=1)
    lean = LEAN_UNITS * in_first - np.rint(LEAN_UNITS * share * counts).astype(np.int64) if share else 0 * counts
    return np.stack([numbers, counts, counts - in_first, lean], axis=1)


def _alike(rows: Words, facts: Facts) -> tuple[Words, Facts]:
    """Return rows and facts in an order in which the rows of a block have nearly the same bound."""
    order = np.lexsort((facts[:, REST], facts[:, COUNT] // COUNTS_ALIKE, facts[:, LEAN]))
    return rows[order], facts[order]


def _filled_up(rows: Words, facts: Facts, block: int) -> tuple[Words, Facts]:
    """Return rows up to a whole number of blocks: rows of zeros, which are in no pair, with the last row's facts."""
    missing = -len(rows) % block
    zeros = np.zeros((missing, rows.shape[1]), np.uint64)
    return np.concatenate([rows, zeros]), np.concatenate([facts, np.repeat(facts[-1:], missing, axis=0)])


def _bounds(facts: Facts, block: int) -> Facts:
    """Return of each block the least set bits, the most beyond the first words, and the least lean."""
    blocks = facts.reshape(-1, block, facts.shape[1])
    least, most = blocks.min(axis=1), blocks.max(axis=1)
    return np.stack([least[:, COUNT], most[:, REST], least[:, LEAN]], axis=1)


def _checked(statistical: StatisticalExit, words: int) -> int:
    """Return the exit's number of words; raises `InputFault` unless it is even and leaves a word to compare."""
    if statistical.words % 2 or not 0 < statistical.words < words:
        raise InputFault(f"an exit after {statistical.words} of {words} words: choose one for CLKs of this length")
    return statistical.words
