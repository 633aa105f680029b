"""Kernels of the search in tables: keys of sampled bits, buckets of equal keys, and the near pairs inside buckets.

Words are uint64, (rows, words), contiguous, at least four words wide; row numbers are uint32. A bucket's rows are
compared by four words first, which tell unrelated pairs apart: those words of 128 rows lie word by word in a tile of
4 KiB while every other row of the bucket passes over them, and few pairs are compared to the end.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.native import inlined, kernel, set_bits, trailing_zeros

HEAD_WORDS: Final = 4
"""Words that every pair of a bucket is compared by."""

TILE_ROWS: Final = 128

_HEAD: Final = np.uint64(HEAD_WORDS)
_TILE: Final = np.uint64(TILE_ROWS)
_HALF: Final = np.uint64(64)
_LANES: Final = np.uint64(8)
_ONE: Final = np.uint64(1)
_WORD: Final = np.uint64(6)
_PLACE: Final = np.uint64(63)
_TURN: Final = np.uint64(29)


@kernel
def facts_of(
    words: NDArray[np.uint64],
    start: np.uint64,
    factor: np.uint64,
    ones: NDArray[np.int64],
    contents: NDArray[np.uint64],
) -> None:
    """Set each row's number of set bits, and a key that rows share if their bits are the same and hardly otherwise.

    `start` and the odd `factor` are secret until the rows are known: who knew them could make other rows share a key.
    """
    width = np.uint64(words.shape[1])
    for row in range(np.uint64(len(words))):
        total = np.uint64(0)
        key = start
        for word in range(width):
            bits = words[row, word]
            total += set_bits(bits)
            key = (key ^ bits) * factor
            key ^= key >> _TURN
        ones[row] = np.int64(total)
        contents[row] = key


@kernel
def keys_of_bits(
    words: NDArray[np.uint64], rows: NDArray[np.uint32], places: NDArray[np.uint64], keys: NDArray[np.uint64]
) -> None:
    """Set the key of each of `rows`: its bits at `places` (at most 64), the first place the highest bit of the key."""
    for number in range(np.uint64(len(rows))):
        row = np.uint64(rows[number])
        key = np.uint64(0)
        for place in places:
            key = (key << _ONE) | ((words[row, place >> _WORD] >> (place & _PLACE)) & _ONE)
        keys[number] = key


@kernel
def sort_by_key(
    rows: NDArray[np.uint32], keys: NDArray[np.uint64], starts: NDArray[np.int64], ordered: NDArray[np.uint32]
) -> None:
    """Put `rows` by rising key into `ordered`, in their own order where keys are equal.

    `starts` int64, (buckets + 1,), zeros: becomes where each bucket starts; keys are below the number of buckets.
    """
    for key in keys:
        starts[key + _ONE] += 1
    for bucket in range(_ONE, np.uint64(len(starts))):
        starts[bucket] += starts[bucket - _ONE]
    nexts = starts.copy()
    for number in range(np.uint64(len(rows))):
        key = keys[number]
        ordered[nexts[key]] = rows[number]
        nexts[key] += 1


@kernel
def near_in_buckets(
    words: NDArray[np.uint64],
    ones: NDArray[np.int64],
    contents: NDArray[np.uint64],
    first_row: NDArray[np.int64],
    counts: NDArray[np.bool_],
    ordered: NDArray[np.uint32],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    most_apart: NDArray[np.int64],
    head: np.uint64,
    most_in_head: np.int64,
    bucket: np.uint64,
    heads: NDArray[np.uint64],
    row_a: NDArray[np.uint32],
    row_b: NDArray[np.uint32],
) -> tuple[np.uint64, np.uint64]:
    """Write the near pairs of buckets from `bucket` on; return the bucket to go on with and how many were written.

    A bucket is `ordered[starts[k]:stops[k]]`, rows rising. Part p holds the rows from `first_row[p]` to before
    `first_row[p + 1]`; pairs of parts p and q are wanted if `counts[p, q]`, others cost nothing. A pair is near if at
    most `most_in_head` of the four words from `head` on differ, and of all bits at most `most_apart[s]`, s being the
    set bits of both rows; pairs of equal rows are not written. It ends before the first bucket whose pairs do not fit
    into `row_a` and `row_b`, or with the number of buckets. `heads` uint64 (rows of the largest bucket, 5) is working
    space.
    """
    tile = np.zeros((HEAD_WORDS, TILE_ROWS), np.uint64)
    beyond = np.zeros(TILE_ROWS, np.int64)
    parts = np.uint64(len(counts))
    bounds = np.zeros(len(first_row), np.uint64)
    room = np.uint64(len(row_a))
    written = np.uint64(0)
    while bucket < np.uint64(len(starts)):
        kept = written
        start = np.uint64(starts[bucket])
        size = np.uint64(stops[bucket]) - start
        _take_heads(words, contents, ordered, start, size, head, heads)
        _find_parts(first_row, ordered, start, size, bounds)
        for part in range(parts):
            end = bounds[part + _ONE]
            for left in range(bounds[part], end, _TILE):
                right = min(left + _TILE, end)
                _fill_tile(tile, heads, left, right)
                lanes = (right - left + _LANES - _ONE) // _LANES * _LANES
                for before in range(part + _ONE):
                    if not counts[before, part]:
                        continue
                    for place in range(bounds[before], min(bounds[before + _ONE], right)):
                        if not _any_near(beyond, tile, heads, place, lanes, most_in_head):
                            continue
                        if written + _TILE > room:
                            return bucket, kept
                        for half in range(left, right, _HALF):
                            survivors = _below_zero(beyond, half - left)
                            while survivors:
                                column = half + trailing_zeros(survivors)
                                survivors &= survivors - _ONE
                                if column <= place or column >= right or heads[place, _HEAD] == heads[column, _HEAD]:
                                    continue
                                row, other = ordered[start + place], ordered[start + column]
                                row_a[written], row_b[written] = row, other
                                near = _apart(words, row, other) <= most_apart[ones[row] + ones[other]]
                                written += np.uint64(near)
        bucket += _ONE
    return bucket, written


@kernel
def same_in_runs(
    words: NDArray[np.uint64],
    first_row: NDArray[np.int64],
    counts: NDArray[np.bool_],
    ordered: NDArray[np.uint32],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    bucket: np.uint64,
    row_a: NDArray[np.uint32],
    row_b: NDArray[np.uint32],
) -> tuple[np.uint64, np.uint64]:
    """Write the pairs of equal rows of each bucket from `bucket` on; buckets and result as in `near_in_buckets`."""
    parts = np.uint64(len(counts))
    bounds = np.zeros(len(first_row), np.uint64)
    room = np.uint64(len(row_a))
    written = np.uint64(0)
    while bucket < np.uint64(len(starts)):
        kept = written
        start = np.uint64(starts[bucket])
        size = np.uint64(stops[bucket]) - start
        _find_parts(first_row, ordered, start, size, bounds)
        for part in range(parts):
            for column in range(bounds[part], bounds[part + _ONE]):
                other = ordered[start + column]
                if written + column > room:
                    return bucket, kept
                for before in range(part + _ONE):
                    if not counts[before, part]:
                        continue
                    for place in range(bounds[before], min(bounds[before + _ONE], column)):
                        row = ordered[start + place]
                        if _apart(words, row, other) == 0:
                            row_a[written], row_b[written] = row, other
                            written += _ONE
        bucket += _ONE
    return bucket, written


@kernel
def mark_found_before(
    words: NDArray[np.uint64],
    ones: NDArray[np.int64],
    crowded: NDArray[np.bool_],
    most_apart: NDArray[np.int64],
    masks: NDArray[np.uint64],
    heads: NDArray[np.uint64],
    most_in_head: np.int64,
    row_a: NDArray[np.uint32],
    row_b: NDArray[np.uint32],
    found: NDArray[np.bool_],
) -> None:
    """Set `found` for pairs that one of some tables of this CLK finds.

    A table finds a pair that is near, of rows that are not `crowded` and that agree in all bits of its mask
    (`masks` uint64 (words, tables)) and, in at most `most_in_head` places, differ in the four words from its head on.
    Equal rows are found by the table of equal rows, which comes before these.
    """
    width = np.uint64(words.shape[1])
    differing = np.zeros(words.shape[1], np.uint64)
    clashes = np.zeros(masks.shape[1], np.uint64)
    for pair in range(np.uint64(len(row_a))):
        row, other = row_a[pair], row_b[pair]
        if found[pair] or ones[row] == 0 or ones[other] == 0 or crowded[row] or crowded[other]:
            continue
        apart = np.uint64(0)
        for word in range(width):
            differing[word] = words[row, word] ^ words[other, word]
            apart += set_bits(differing[word])
        if np.int64(apart) > most_apart[ones[row] + ones[other]]:
            continue
        found[pair] = apart == 0
        if found[pair] or not _share_a_bucket(clashes, differing, masks):
            continue
        for table in range(np.uint64(len(clashes))):
            if clashes[table]:
                continue
            in_head = np.uint64(0)
            for place in range(_HEAD):
                in_head += set_bits(differing[heads[table] + place])
            found[pair] |= np.int64(in_head) <= most_in_head


@inlined
def _take_heads(
    words: NDArray[np.uint64],
    contents: NDArray[np.uint64],
    ordered: NDArray[np.uint32],
    start: np.uint64,
    size: np.uint64,
    head: np.uint64,
    heads: NDArray[np.uint64],
) -> None:
    """Copy the words and the key of content that a bucket's rows are compared by."""
    for place in range(size):
        row = np.uint64(ordered[start + place])
        for word in range(_HEAD):
            heads[place, word] = words[row, head + word]
        heads[place, _HEAD] = contents[row]


@inlined
def _find_parts(
    first_row: NDArray[np.int64],
    ordered: NDArray[np.uint32],
    start: np.uint64,
    size: np.uint64,
    bounds: NDArray[np.uint64],
) -> None:
    """Set for each part the place of its first row in a bucket; part p then ends where the next one begins."""
    place = np.uint64(0)
    for part in range(np.uint64(len(first_row))):
        while place < size and np.int64(ordered[start + place]) < first_row[part]:
            place += _ONE
        bounds[part] = place


@inlined
def _fill_tile(tile: NDArray[np.uint64], heads: NDArray[np.uint64], left: int, right: np.uint64) -> None:
    """Lay the heads from `left` to before `right` word by word."""
    for row in range(left, right):
        for word in range(_HEAD):
            tile[word, row - left] = heads[row, word]


@inlined
def _any_near(
    beyond: NDArray[np.int64],
    tile: NDArray[np.uint64],
    heads: NDArray[np.uint64],
    place: int,
    lanes: np.uint64,
    most: np.int64,
) -> bool:
    """Set `beyond` to each row's differing bits less `most` + 1; return whether any is below zero."""
    word0, word1, word2, word3 = heads[place, 0], heads[place, 1], heads[place, 2], heads[place, 3]
    signs = np.int64(0)
    for column in range(lanes):
        differing = (
            set_bits(tile[0, column] ^ word0)
            + set_bits(tile[1, column] ^ word1)
            + set_bits(tile[2, column] ^ word2)
            + set_bits(tile[3, column] ^ word3)
        )
        beyond[column] = np.int64(differing) - most - 1
        signs |= beyond[column]
    return bool(signs < 0)


@inlined
def _below_zero(beyond: NDArray[np.int64], first: int) -> np.uint64:
    """Return one bit for each of the 64 rows from `first` on: whether its number is below zero."""
    bits = np.uint64(0)
    for column in range(_HALF):
        bits |= np.uint64(beyond[first + column] < 0) << column
    return bits


@inlined
def _share_a_bucket(clashes: NDArray[np.uint64], differing: NDArray[np.uint64], masks: NDArray[np.uint64]) -> bool:
    """Set `clashes` to the differing bits at each table's places; return whether some table has none.

    `masks` uint64 (words, tables): all tables at once, a word at a time, without a branch that is hard to foresee.
    """
    tables = np.uint64(len(clashes))
    for table in range(tables):
        clashes[table] = 0
    for word in range(np.uint64(len(differing))):
        bits = differing[word]
        for table in range(tables):
            clashes[table] |= bits & masks[word, table]
    agreeing = np.uint64(0)
    for table in range(tables):
        agreeing += np.uint64(clashes[table] == 0)
    return bool(agreeing > 0)


@inlined
def _apart(words: NDArray[np.uint64], row: np.uint32, other: np.uint32) -> np.int64:
    """Return in how many bits two rows differ."""
    apart = np.uint64(0)
    for word in range(np.uint64(words.shape[1])):
        apart += set_bits(words[row, word] ^ words[other, word])
    return np.int64(apart)
