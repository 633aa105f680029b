"""The compiled loops of comparison: one row against a tile of 128 columns, word by word, and Dice of chosen pairs.

Columns are laid out word by word in tiles that stay in the nearest cache, so that one word of a row meets the same word
of 128 columns in a few instructions: AND, count bits, add. The running counts start below zero by as much as a pair
needs to be of interest, so that after the first words one sign bit a pair, ANDed over the tile, says whether any is.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.native import inlined, kernel, set_bits, trailing_zeros

TILE: Final = 128
"""Columns of a tile: with 16 words of 64 bits 16 KiB, a third to a half of a core's nearest cache."""

WORD_STEP: Final = 8
"""Rows are padded with zeros to a multiple of this many words: the width of the widest vector registers."""

_ONE: Final = np.uint64(1)
_TWO: Final = np.uint64(2)
_HALF: Final = np.uint64(64)
_COLUMNS: Final = np.uint64(TILE)
_STEP: Final = np.uint64(WORD_STEP)
_NUMBER_BITS: Final = np.uint64(32)


@kernel
def find_in_tiles(  # noqa: C901 - one loop nest, compiled as a whole
    rows: NDArray[np.uint64],
    row_facts: NDArray[np.int64],
    tiles: NDArray[np.uint64],
    columns: NDArray[np.uint64],
    column_facts: NDArray[np.int64],
    bounds: NDArray[np.int64],
    need: NDArray[np.int64],
    first: np.uint64,
    most_apart: np.int64,
    within: bool,
    found: NDArray[np.uint64],
    place: NDArray[np.uint64],
) -> int:
    """Write pairs from `place` on into `found` until all are done or it is full; return how many.

    `rows` uint64 (rows, words); `tiles` (tiles, words, 128) and `columns` (tiles * 128, words) hold the same columns,
    those beyond the last one zero. Facts int64 (·, 3): a record's number, its set bits, its set bits in the first
    `first` words. `bounds` int64 (tiles, 3): of a tile's columns the least set bits, the least in the first words, the
    most in the rest. `need[s]`: common bits that a pair with `s` set bits in all must have. A pair whose first words
    differ in more than `most_apart` bits is left out. `within`: rows are columns, each pair of them is wanted once,
    the lower number first. A found pair is number << 32 | number. `place` uint64 (2,): tile and row to go on with;
    the tile is `len(tiles)` when all are done.
    """
    sums = np.empty(TILE, np.int64)
    words = np.uint64(rows.shape[1])
    size = 0
    tile_number = place[0]
    start = place[1]
    while tile_number < np.uint64(len(tiles)):
        tile = tiles[tile_number]
        stop = np.uint64(len(rows))
        if within:
            stop = min(stop, (tile_number + _ONE) * _COLUMNS)
        least, least_first, most_rest = bounds[tile_number]
        for i in range(start, stop):
            if size + TILE > len(found):
                place[0] = tile_number
                place[1] = i
                return size
            number, count, in_first = row_facts[i]
            cut = need[count + least] - min(count - in_first, most_rest)
            cut = max(cut, (in_first + least_first - most_apart + 1) >> 1)
            if cut > in_first or not _any_reaches(sums, rows[i], tile, first, cut):
                continue
            base = tile_number * _COLUMNS
            for half in range(np.uint64(0), _COLUMNS, _HALF):
                survivors = np.uint64(0)
                for j in range(_HALF):
                    survivors |= np.uint64(sums[half + j] >= 0) << j
                while survivors:
                    j = half + trailing_zeros(survivors)
                    survivors &= survivors - _ONE
                    column = base + j
                    if within and column <= i:
                        continue
                    other, other_count, other_first = column_facts[column]
                    common = sums[j] + cut
                    if in_first + other_first - common - common > most_apart:
                        continue
                    if first < words:
                        common = _common(rows[i], columns[column])
                    if common >= need[count + other_count]:
                        found[size] = _pair(number, other, within)
                        size += 1
        start = np.uint64(0)
        tile_number += _ONE
    place[0] = tile_number
    return size


@inlined
def _any_reaches(
    sums: NDArray[np.int64], row: NDArray[np.uint64], tile: NDArray[np.uint64], first: np.uint64, cut: np.int64
) -> bool:
    """Set `sums` to each column's common bits in the first words, less `cut`; return whether any is not below zero."""
    for j in range(_COLUMNS):
        sums[j] = -cut
    for word in range(np.uint64(0), first, _TWO):
        here = row[word]
        next_word = word + _ONE
        there = row[next_word]
        for j in range(_COLUMNS):
            sums[j] += np.int64(set_bits(here & tile[word, j]) + set_bits(there & tile[next_word, j]))
    all_below = np.int64(-1)
    for j in range(_COLUMNS):
        all_below &= sums[j]
    return bool(all_below >= 0)


@inlined
def _pair(number: np.int64, other: np.int64, within: bool) -> np.uint64:
    """Return two numbers as one, the lower first if `within`."""
    if within and other < number:
        number, other = other, number
    return np.uint64(number) << _NUMBER_BITS | np.uint64(other)


@inlined
def _common(row: NDArray[np.uint64], column: NDArray[np.uint64]) -> np.int64:
    """Return how many bits are set in both."""
    common = np.uint64(0)
    for word in range(np.uint64(0), np.uint64(len(row)), _STEP):
        for j in range(_STEP):
            common += set_bits(row[word + j] & column[word + j])
    return np.int64(common)


@kernel
def dice_of_rows(
    words: NDArray[np.uint64], a: NDArray[np.uint32], b: NDArray[np.uint32], dice: NDArray[np.float64]
) -> None:
    """Set `dice[i]` to the Dice of rows `a[i]` and `b[i]` of `words`, uint64 (rows, words); 0 where both are empty."""
    for i in range(np.uint64(len(dice))):
        left = words[a[i]]
        right = words[b[i]]
        common = np.uint64(0)
        both = np.uint64(0)
        for word in range(np.uint64(len(left))):
            common += set_bits(left[word] & right[word])
            both += set_bits(left[word]) + set_bits(right[word])
        dice[i] = np.float64(_TWO * common) / np.float64(both) if both else 0.0
