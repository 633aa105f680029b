"""Near pairs without comparing all: the tables of a plan, each of which compares the rows that share a bucket.

1. A key for every row: its code as a whole for table 0, else its bits at the table's places.
2. Rows by key; a bucket is the rows of one key, split by further bits where it has grown too large.
3. The wanted pairs of every bucket: by four words first, the survivors by all bits, exactly at the threshold.
4. Only the first table in the plan's order that finds a pair keeps it, which two rows tell by themselves. So tables are
   independent tasks, each pair comes out once, and memory holds the pairs of the tables in hand.

Codes that more than `lsh.rows.CROWD` rows share tell nobody apart: their rows are in no table of that CLK, and the
pairs of equal ones are counted as passed over. A pair that an earlier table would have found, had it not split their
bucket, is lost; the measured recall includes that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.dice import least_common_bits, too_many_pairs
from linkage_core.lsh.buckets import Buckets, buckets_of
from linkage_core.lsh.kernels import HEAD_WORDS, mark_found_before, near_in_buckets, same_in_runs
from linkage_core.lsh.plan import LshPlan, head_of, places_of
from linkage_core.lsh.rows import CodedRows, WantedPairs

Pairs = tuple[NDArray[np.uint32], NDArray[np.uint32]]
Writer = Callable[[np.uint64, NDArray[np.uint32], NDArray[np.uint32]], tuple[np.uint64, np.uint64]]
"""A kernel on buckets: from one on, it fills two buffers, and tells with which to go on and how many it wrote."""

BUFFER_PAIRS: Final = 1 << 20
"""Pairs that fit a buffer, 8 MiB; every bucket's pairs must fit one, so it grows where they do not."""


@dataclass(frozen=True, slots=True, eq=False)
class TablePairs:
    """Pairs that some tables were the first to find: `row_a` < `row_b`, uint32, each once, in no promised order.

    `split_buckets`: buckets that had grown too large and were split; `skipped_pairs`: wanted pairs of too large buckets
    that nothing could split, and of codes that too many rows share, passed over here.
    """

    row_a: NDArray[np.uint32]
    row_b: NDArray[np.uint32]
    split_buckets: int
    skipped_pairs: int


def find_in_tables(
    coded: Sequence[CodedRows],
    wanted: WantedPairs,
    plan: LshPlan,
    clk: int,
    tables: range,
    threshold: float,
    maximum: int,
) -> TablePairs:
    """Return what some tables of one CLK are the first to find: pairs whose Dice in it is >= `threshold`.

    `coded`: every CLK of the plan, in its order. Over all tables of all CLKs, each pair comes out once. Takes no lock
    of Python while it compares, so that threads share the cores. Raises `Unfit` as soon as one table finds more than
    `maximum` pairs.
    """
    most_apart = [_most_apart(threshold, rows.length_bits) for rows in coded]
    rows = coded[clk].usable()
    parts = [_find(coded, wanted, plan, clk, table, most_apart, rows, maximum) for table in tables]
    return TablePairs(
        row_a=np.concatenate([part.row_a for part in parts]),
        row_b=np.concatenate([part.row_b for part in parts]),
        split_buckets=sum(part.split_buckets for part in parts),
        skipped_pairs=sum(part.skipped_pairs for part in parts),
    )


def _find(
    coded: Sequence[CodedRows],
    wanted: WantedPairs,
    plan: LshPlan,
    clk: int,
    table: int,
    most_apart: Sequence[NDArray[np.int64]],
    rows: NDArray[np.uint32],
    maximum: int,
) -> TablePairs:
    if table == 0:
        pairs = _collected(*_equal_pairs(coded[clk], wanted, rows), maximum)
        split, skipped = 0, _pairs_of_crowds(coded[clk], wanted)
    else:
        # 1 and 2. Keys and buckets.
        buckets = buckets_of(coded[clk], wanted, plan, clk, table, rows)
        split, skipped = buckets.split, buckets.skipped_pairs
        # 3. Near pairs of each bucket.
        pairs = _collected(*_near_pairs(coded[clk], wanted, plan, clk, table, buckets, most_apart[clk]), maximum)
    # 4. Only what no table before this one finds.
    found = np.zeros(len(pairs[0]), np.bool_)
    for earlier in range(clk + 1):
        before = plan.tables[earlier] if earlier < clk else table
        _mark(coded[earlier], plan, earlier, before, most_apart[earlier], pairs, found)
    return TablePairs(pairs[0][~found], pairs[1][~found], split, skipped)


def _equal_pairs(coded: CodedRows, wanted: WantedPairs, rows: NDArray[np.uint32]) -> tuple[Writer, int]:
    """Return what writes the wanted pairs of equal codes, and of how many runs."""
    order = np.argsort(coded.contents[rows], kind="stable")
    ordered = rows[order]
    contents = coded.contents[ordered]
    bounds = np.concatenate([[0], np.flatnonzero(contents[1:] != contents[:-1]) + 1, [len(ordered)]])
    bounds = bounds.astype(np.int64)
    several = np.flatnonzero(np.diff(bounds) > 1)
    starts, stops = bounds[several], bounds[several + 1]

    def write(bucket: np.uint64, row_a: NDArray[np.uint32], row_b: NDArray[np.uint32]) -> tuple[np.uint64, np.uint64]:
        return same_in_runs(coded.words, wanted.first_row, wanted.counts, ordered, starts, stops, bucket, row_a, row_b)

    return write, len(starts)


def _pairs_of_crowds(coded: CodedRows, wanted: WantedPairs) -> int:
    """Return how many wanted pairs have one code that too many rows share."""
    crowd = np.flatnonzero(coded.crowded).astype(np.uint32)
    return sum(wanted.among(crowd[coded.contents[crowd] == content]) for content in np.unique(coded.contents[crowd]))


def _near_pairs(
    coded: CodedRows,
    wanted: WantedPairs,
    plan: LshPlan,
    clk: int,
    table: int,
    buckets: Buckets,
    most_apart: NDArray[np.int64],
) -> tuple[Writer, int]:
    """Return what writes the wanted pairs of each bucket that are near, but those of equal codes, and of how many."""
    largest = int((buckets.stops - buckets.starts).max(initial=0))
    heads = np.empty((largest, HEAD_WORDS + 1), np.uint64)
    head, most_in_head = np.uint64(head_of(table, coded.length_bits)), np.int64(plan.most_in_head[clk])

    def write(bucket: np.uint64, row_a: NDArray[np.uint32], row_b: NDArray[np.uint32]) -> tuple[np.uint64, np.uint64]:
        return near_in_buckets(
            coded.words,
            coded.ones,
            coded.contents,
            wanted.first_row,
            wanted.counts,
            buckets.ordered,
            buckets.starts,
            buckets.stops,
            most_apart,
            head,
            most_in_head,
            bucket,
            heads,
            row_a,
            row_b,
        )

    return write, len(buckets.starts)


def _collected(write: Writer, buckets: int, maximum: int) -> Pairs:
    """Return what a kernel writes for all buckets, in buffers that are emptied when they are full.

    Each pair is a candidate, so that more than `maximum` here are too many for the whole search.
    """
    row_a, row_b = np.empty(BUFFER_PAIRS, np.uint32), np.empty(BUFFER_PAIRS, np.uint32)
    parts = []
    bucket = 0
    while bucket < buckets:
        following, written = write(np.uint64(bucket), row_a, row_b)
        parts.append((row_a[:written].copy(), row_b[:written].copy()))
        if sum(len(a) for a, _ in parts) > maximum:
            raise too_many_pairs(maximum)
        if following == bucket:
            row_a, row_b = np.empty(2 * len(row_a), np.uint32), np.empty(2 * len(row_b), np.uint32)
        bucket = int(following)
    empty = np.zeros(0, np.uint32)
    return np.concatenate([a for a, _ in parts] or [empty]), np.concatenate([b for _, b in parts] or [empty])


def _mark(
    coded: CodedRows,
    plan: LshPlan,
    clk: int,
    tables: int,
    most_apart: NDArray[np.int64],
    pairs: Pairs,
    found: NDArray[np.bool_],
) -> None:
    """Mark the pairs that one of the first `tables` tables of a CLK finds."""
    if not tables:
        return
    masks = np.zeros((coded.words.shape[1], tables - 1), np.uint64)
    for table in range(1, tables):
        places = places_of(plan, clk, table, coded.length_bits, plan.bits[clk])
        np.bitwise_or.at(masks[:, table - 1], places >> np.uint64(6), np.uint64(1) << (places & np.uint64(63)))
    heads = np.array([head_of(table, coded.length_bits) for table in range(1, tables)], np.uint64)
    mark_found_before(
        coded.words,
        coded.ones,
        coded.crowded,
        most_apart,
        masks,
        heads,
        np.int64(plan.most_in_head[clk]),
        pairs[0],
        pairs[1],
        found,
    )


def _most_apart(threshold: float, length_bits: int) -> NDArray[np.int64]:
    """Return for each sum s of two counts of set bits in how many bits a pair whose Dice reaches the threshold differs.

    int64, (2 length + 1,): Dice is 2c / s with c common bits, and s - 2c bits differ. -1 where no pair reaches it.
    """
    both = np.arange(2 * length_bits + 1)
    most: NDArray[np.int64] = np.maximum(both - 2 * least_common_bits(threshold, length_bits), -1)
    return most
