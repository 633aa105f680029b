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

from linkage_core.comparing.cost import WORD_BITS
from linkage_core.comparing.early_exit import choose_words
from linkage_core.comparing.kernels import TILE, WORD_STEP, find_in_tiles
from linkage_core.comparing.statistical_exit import StatisticalExit
from linkage_core.errors import InputFault

Words = NDArray[np.uint64]
"""CLKs of a block: uint64 (rows, words), contiguous; a row of zeros lacks the CLK and is in no pair."""

Pairs = tuple[NDArray[np.uint32], NDArray[np.uint32]]
"""Row numbers of pairs, uint32, sorted by the first, then the second."""

BUFFER_PAIRS: Final = 1 << 17
"""Pairs that fit a buffer: 1 MiB."""

COUNTS_ALIKE: Final = 4
"""Rows whose counts of set bits differ by less are sorted by their set bits beyond the first words."""

_ANY: Final = np.iinfo(np.int32).max


def find_pairs(
    left: Words, right: Words, threshold: float, *, statistical_exit: StatisticalExit | None = None
) -> Pairs:
    """Return all (i, j), row i of `left` and j of `right`, whose Dice is >= `threshold`, sorted by i, then j.

    `threshold` above 0, at most 1. Raises `InputFault` on another, and where the sides' CLKs differ in length.
    """
    if left.shape[1] != right.shape[1]:
        raise InputFault(f"CLKs of {left.shape[1]} and {right.shape[1]} words cannot be compared; use one schema")
    return _find(left, right, threshold, statistical_exit, within=False)


def find_pairs_within(rows: Words, threshold: float, *, statistical_exit: StatisticalExit | None = None) -> Pairs:
    """Return all (i, j), i < j, of `rows` whose Dice is >= `threshold`, sorted by i, then j; faults as `find_pairs`."""
    return _find(rows, rows, threshold, statistical_exit, within=True)


def least_common_bits(threshold: float, length_bits: int) -> NDArray[np.int64]:
    """Return for each sum s of two counts of set bits the least c with 2c / s >= `threshold`: int64 (2 length + 1,)."""
    both = np.arange(2 * length_bits + 1)
    common = np.maximum(np.ceil(threshold * both / 2).astype(np.int64) - 1, 1)  # at or below it, whatever the rounding
    for _ in range(3):
        common += 2 * common / np.maximum(both, 1) < threshold
    return common


def _find(left: Words, right: Words, threshold: float, statistical: StatisticalExit | None, *, within: bool) -> Pairs:
    if not 0 < threshold <= 1:
        raise InputFault(f"a threshold is above 0 and at most 1, not {threshold}")
    need = least_common_bits(threshold, left.shape[1] * WORD_BITS)

    # 1. Rows that have the CLK.
    left_numbers, right_numbers = np.flatnonzero(left.any(axis=1)), np.flatnonzero(right.any(axis=1))
    if not len(left_numbers) or not len(right_numbers):
        return np.zeros(0, np.uint32), np.zeros(0, np.uint32)
    rows, columns = _padded(left[left_numbers]), _padded(right[right_numbers])

    # 2. First words.
    first, most_apart = choose_words(rows, columns, need), _ANY
    if statistical is not None:
        first, most_apart = _checked(statistical, left.shape[1]), statistical.most_apart

    # 3. Columns of a kind side by side.
    column_facts = _facts(right_numbers, columns, first)
    order = _alike(column_facts, statistical is not None)
    columns, column_facts = columns[order], column_facts[order]
    rows, row_facts = (columns, column_facts) if within else (rows, _facts(left_numbers, rows, first))

    # 4. Tiles.
    found = list(_found(rows, row_facts, columns, column_facts, need, first, most_apart, within))

    # 5. Order.
    pairs = np.concatenate(found)
    pairs.sort()
    return (pairs >> np.uint64(32)).astype(np.uint32), pairs.astype(np.uint32)


def _found(
    rows: Words,
    row_facts: NDArray[np.int64],
    columns: Words,
    column_facts: NDArray[np.int64],
    need: NDArray[np.int64],
    first: int,
    most_apart: int,
    within: bool,
) -> Iterator[NDArray[np.uint64]]:
    """Yield the pairs of each filled buffer, as number << 32 | number."""
    count = -len(columns) % TILE
    columns = np.concatenate([columns, np.zeros((count, columns.shape[1]), np.uint64)])
    column_facts = np.concatenate([column_facts, np.repeat(column_facts[-1:], count, axis=0)])
    tiles = np.ascontiguousarray(columns.reshape(-1, TILE, columns.shape[1]).transpose(0, 2, 1))
    _, counts, in_first = column_facts.reshape(-1, TILE, 3).transpose(2, 0, 1)
    bounds = np.stack([counts.min(axis=1), in_first.min(axis=1), (counts - in_first).max(axis=1)], axis=1)
    place = np.zeros(2, np.uint64)
    while place[0] < len(tiles):
        buffer = np.empty(BUFFER_PAIRS, np.uint64)
        size = find_in_tiles(
            rows,
            row_facts,
            tiles,
            columns,
            column_facts,
            bounds,
            need,
            np.uint64(first),
            np.int64(most_apart),
            within,
            buffer,
            place,
        )
        yield buffer[:size].copy()


def _padded(rows: Words) -> Words:
    """Return the rows with words of zeros up to what the kernel takes at a time; no pair's Dice changes."""
    return np.ascontiguousarray(np.pad(rows, ((0, 0), (0, -rows.shape[1] % WORD_STEP))))


def _facts(numbers: NDArray[np.int64], rows: Words, first: int) -> NDArray[np.int64]:
    """Return each row's number, its set bits, and those in its first words: int64 (rows, 3)."""
    counts = np.bitwise_count(rows).astype(np.int64)
    return np.stack([numbers, counts.sum(axis=1), counts[:, :first].sum(axis=1)], axis=1)


def _alike(facts: NDArray[np.int64], statistical: bool) -> NDArray[np.int64]:
    """Return the order in which the rows of a tile have nearly the same bound: by what that depends on most."""
    _, counts, in_first = facts.T
    return np.lexsort((counts, in_first)) if statistical else np.lexsort((counts - in_first, counts // COUNTS_ALIKE))


def _checked(statistical: StatisticalExit, words: int) -> int:
    """Return the exit's number of words; raises `InputFault` unless it is even and leaves a word to compare."""
    if statistical.words % 2 or not 0 < statistical.words < words:
        raise InputFault(f"an exit after {statistical.words} of {words} words: choose one for CLKs of this length")
    return statistical.words
