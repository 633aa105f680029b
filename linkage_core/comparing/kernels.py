"""The compiled loops for any processor: rows against tiles of 128 columns, word by word, and Dice of chosen pairs.

Columns are laid out word by word in tiles that stay in the nearest cache, so that one word of a row meets the same word
of 128 columns in a few instructions: AND, count bits, add. The running counts start below zero by as much as a pair
needs to be of interest, so that after the first words one sign bit a pair, ANDed over the tile, says whether any is.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.instructions import TILE, common_bits, compare_with_tile, places_reaching
from linkage_core.comparing.survivors import COUNT, LEAN, NUMBER, REST, as_pair, least_in_common, stays
from linkage_core.native import kernel, set_bits

_ONE: Final = np.uint64(1)
_TWO: Final = np.uint64(2)
_EIGHT: Final = np.uint64(8)
_COLUMNS: Final = np.uint64(TILE)
_CACHE_LINE: Final = np.uint64(64)


@kernel
def find_in_tiles(
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
    those beyond the last one zero; `bounds` int64 (tiles, 3) are theirs, as `sides.Side` has them. Facts and `slack`:
    see `survivors`. `need[s]`: common bits that a pair with `s` set bits in all must have, at least 1. `first`: words
    after which a pair may be left. `within`: rows are columns, and each pair of them is wanted once. `found` has room
    for at least 128 pairs. `place` uint64 (2,): tile and row to go on with; the tile is `len(tiles)` when all are done.
    """
    memory = np.empty(TILE + 8, np.int64)
    skipped = (_CACHE_LINE - np.uint64(memory.ctypes.data) % _CACHE_LINE) // _EIGHT
    sums = memory[skipped : skipped + _COLUMNS]
    survivors = np.empty(2 * TILE, np.int64)
    at_sums = np.uint64(sums.ctypes.data)
    at_survivors = np.uint64(survivors.ctypes.data)
    words = np.uint64(rows.shape[1])
    at_rows = np.uint64(rows.ctypes.data)
    at_tiles = np.uint64(tiles.ctypes.data)
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

            at_row = at_rows + i * words * _EIGHT
            if compare_with_tile(at_row, at_tiles + base * words * _EIGHT, first, cut, at_sums) < 0:
                continue
            for survivor in range(places_reaching(at_sums, _COLUMNS, np.int64(0), at_survivors)):
                near = np.uint64(survivors[survivor])
                column = base + near
                shared = sums[near] + cut
                if (within and column <= i) or not stays(shared, lean + column_facts[column, LEAN], slack):
                    continue
                if first < words:
                    shared = np.int64(common_bits(at_row, at_columns + column * words * _EIGHT, words))
                if shared >= need[count + column_facts[column, COUNT]]:
                    found[size] = as_pair(row_facts[i, NUMBER], column_facts[column, NUMBER], within)
                    size += 1
        start = np.uint64(0)
        tile += _ONE
    place[0] = tile
    return size


@kernel
def count_set_bits(words: NDArray[np.uint64], first: np.uint64) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each row's set bits, and those in its first `first` words: both int64 (rows,)."""
    counts = np.empty(len(words), np.int64)
    in_first = np.empty(len(words), np.int64)
    for row in range(np.uint64(len(words))):
        count = np.uint64(0)
        for word in range(first):
            count += set_bits(words[row, word])
        in_first[row] = np.int64(count)
        for word in range(first, np.uint64(words.shape[1])):
            count += set_bits(words[row, word])
        counts[row] = np.int64(count)
    return counts, in_first


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
