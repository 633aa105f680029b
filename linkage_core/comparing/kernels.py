"""The compiled loops for any processor: rows against tiles of 128 columns, word by word, and Dice of chosen pairs.

Columns are laid out word by word in tiles that stay in the nearest cache, so that one word of a row meets the same word
of 128 columns in a few instructions: AND, count bits, add. The running counts start below zero by as much as a pair
needs to be of interest, so that after the first words one sign bit a pair, ANDed over the tile, says whether any is.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.survivors import (
    COUNT,
    LEAN,
    NUMBER,
    REST,
    as_pair,
    common_bits,
    least_in_common,
    places_reaching,
    stays,
)
from linkage_core.native import kernel, set_bits

TILE: Final = 128
"""Columns of a tile: with 16 words of 64 bits 16 KiB, a third to a half of a core's nearest cache."""

_ONE, _TWO, _THREE, _FOUR, _FIVE, _SIX, _SEVEN, _EIGHT = (np.uint64(number) for number in range(1, 9))
_COLUMNS: Final = np.uint64(TILE)


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
    slack: np.int64,
    within: bool,
    found: NDArray[np.uint64],
    place: NDArray[np.uint64],
) -> int:
    """Write pairs from `place` on into `found` until all are done or it is full; return how many.

    `rows` uint64 (rows, words); `tiles` (tiles, words, 128) and `columns` (tiles * 128, words) hold the same columns,
    those beyond the last one zero. Facts, `bounds` (tiles, 3) and `slack`: see `survivors`. `need[s]`: common bits that
    a pair with `s` set bits in all must have, at least 1. `first`, even: words after which a pair may be left.
    `within`: rows are columns, and each pair of them is wanted once. `found` has room for more than 128 pairs. `place`
    uint64 (2,): tile and row to go on with; the tile is `len(tiles)` when all are done.
    """
    sums = np.empty(TILE, np.int64)
    survivors = np.empty(2 * TILE, np.int64)
    at_sums = np.uint64(sums.ctypes.data)
    at_survivors = np.uint64(survivors.ctypes.data)
    words = np.uint64(rows.shape[1])
    at_rows = np.uint64(rows.ctypes.data)
    at_columns = np.uint64(columns.ctypes.data)
    size = 0
    tile = place[0]
    start = place[1]
    while tile < np.uint64(len(tiles)):
        base = tile * _COLUMNS
        stop = np.uint64(len(rows))
        if within:
            stop = min(stop, base + _COLUMNS)
        for i in range(start, stop):
            if size + TILE > len(found):
                place[0] = tile
                place[1] = i
                return size
            count, lean = row_facts[i, COUNT], row_facts[i, LEAN]
            needed, rest = need[count + bounds[tile, 0]], min(row_facts[i, REST], bounds[tile, 1])
            cut = least_in_common(needed, rest, lean + bounds[tile, 2], slack)

            for j in range(_COLUMNS):
                sums[j] = -cut
            word = np.uint64(0)
            while word + _EIGHT <= first:
                a, b, c, d = rows[i, word], rows[i, word + _ONE], rows[i, word + _TWO], rows[i, word + _THREE]
                e, f, g, h = rows[i, word + _FOUR], rows[i, word + _FIVE], rows[i, word + _SIX], rows[i, word + _SEVEN]
                for j in range(_COLUMNS):
                    common = set_bits(a & tiles[tile, word, j]) + set_bits(b & tiles[tile, word + _ONE, j])
                    common += set_bits(c & tiles[tile, word + _TWO, j]) + set_bits(d & tiles[tile, word + _THREE, j])
                    common += set_bits(e & tiles[tile, word + _FOUR, j]) + set_bits(f & tiles[tile, word + _FIVE, j])
                    common += set_bits(g & tiles[tile, word + _SIX, j]) + set_bits(h & tiles[tile, word + _SEVEN, j])
                    sums[j] += np.int64(common)
                word += _EIGHT
            while word < first:
                a, b = rows[i, word], rows[i, word + _ONE]
                for j in range(_COLUMNS):
                    common = set_bits(a & tiles[tile, word, j]) + set_bits(b & tiles[tile, word + _ONE, j])
                    sums[j] += np.int64(common)
                word += _TWO
            all_below = np.int64(-1)
            for j in range(_COLUMNS):
                all_below &= sums[j]
            if all_below < 0:
                continue

            for survivor in range(places_reaching(at_sums, _COLUMNS, np.int64(0), at_survivors)):
                near = np.uint64(survivors[survivor])
                column = base + near
                shared = sums[near] + cut
                if (within and column <= i) or not stays(shared, lean + column_facts[column, LEAN], slack):
                    continue
                if first < words:
                    shared = np.int64(
                        common_bits(at_rows + i * words * _EIGHT, at_columns + column * words * _EIGHT, words)
                    )
                if shared >= need[count + column_facts[column, COUNT]]:
                    found[size] = as_pair(row_facts[i, NUMBER], column_facts[column, NUMBER], within)
                    size += 1
        start = np.uint64(0)
        tile += _ONE
    place[0] = tile
    return size


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
