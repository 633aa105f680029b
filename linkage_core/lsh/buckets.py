"""The buckets of a table: rows with equal bits at the table's places, none larger than a limit.

A bucket that has grown too large is split by further bits of the same draw, one after the other, until every part is
small enough. A part that `SPLIT_BITS` of them do not bring below the limit is passed over, and its pairs are counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.lsh.kernels import keys_of_bits, sort_by_key
from linkage_core.lsh.plan import LshPlan, places_of
from linkage_core.lsh.rows import CodedRows, WantedPairs

BUCKET_ROWS: Final = 16_384
"""Rows that a bucket may hold: 67 million pairs, a tenth of a second."""

SPLIT_BITS: Final = 32


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """Bucket k holds `ordered[starts[k]:stops[k]]`: two rows or more, rising; uint32, and int64 for the places.

    `split`: how many had grown too large and were split; `skipped_pairs`: wanted pairs that were passed over.
    """

    ordered: NDArray[np.uint32]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    split: int
    skipped_pairs: int


def buckets_of(
    coded: CodedRows, wanted: WantedPairs, plan: LshPlan, clk: int, table: int, rows: NDArray[np.uint32]
) -> Buckets:
    """Return the buckets of one of a CLK's tables, from 1 on, over some of its rows, rising."""
    bits = plan.bits[clk]
    places = places_of(plan, clk, table, coded.length_bits, bits + SPLIT_BITS)
    keys, ordered = np.empty(len(rows), np.uint64), np.empty(len(rows), np.uint32)
    bounds = np.zeros((1 << bits) + 1, np.int64)
    keys_of_bits(coded.words, rows, places[:bits], keys)
    sort_by_key(rows, keys, bounds, ordered)
    sizes = np.diff(bounds)
    ranges = [np.stack([bounds[:-1], bounds[1:]], axis=1)[(sizes > 1) & (sizes <= BUCKET_ROWS)]]
    large = np.flatnonzero(sizes > BUCKET_ROWS)
    skipped = 0
    for start, stop in zip(bounds[large], bounds[large + 1], strict=True):
        parts = list(_split(coded, ordered, int(start), int(stop), places[bits:]))
        skipped += sum(wanted.among(ordered[low:high]) for low, high in parts if high - low > BUCKET_ROWS)
        ranges.append(np.array([part for part in parts if part[1] - part[0] <= BUCKET_ROWS], np.int64).reshape(-1, 2))
    starts, stops = np.ascontiguousarray(np.concatenate(ranges).T)
    return Buckets(ordered, starts, stops, len(large), skipped)


def _split(
    coded: CodedRows, ordered: NDArray[np.uint32], start: int, stop: int, places: NDArray[np.uint64]
) -> Iterator[tuple[int, int]]:
    """Sort a bucket in place by further bits; yield where its parts start and stop, too large ones where none are left.

    Each part has as many of the bits in common as it took to bring it below `BUCKET_ROWS`, and its rows rise.
    """
    rows = ordered[start:stop].copy()
    keys = np.empty(len(rows), np.uint64)
    keys_of_bits(coded.words, rows, places, keys)
    order = np.argsort(keys, kind="stable")
    keys, ordered[start:stop] = keys[order], rows[order]
    waiting = [(0, len(rows), len(places))]
    while waiting:
        low, high, bits_left = waiting.pop()
        if high - low <= BUCKET_ROWS or not bits_left:
            ordered[start + low : start + high].sort()
            if high - low > 1:
                yield start + low, start + high
            continue
        bit = np.uint64(bits_left - 1)
        middle = low + int(np.count_nonzero((keys[low:high] >> bit) & np.uint64(1) == 0))
        waiting += [(low, middle, bits_left - 1), (middle, high, bits_left - 1)]
