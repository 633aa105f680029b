"""Properties of the search in tables: what it finds is what its definition says, each pair once, however it is cut."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from linkage_core.lsh import buckets as lsh_buckets
from linkage_core.lsh import find as lsh
from linkage_core.lsh.find import TablePairs, find_in_tables
from linkage_core.lsh.plan import LshPlan, head_of, places_of
from linkage_core.lsh.rows import CodedRows, WantedPairs
from linkage_core.searching.search import Span
from tests.support.searches import all_pairs, in_memory

Pair = tuple[int, int]

BITS = 512


@dataclass(frozen=True, slots=True)
class World:
    """Two CLKs of records of three files, with near and equal codes, some absent."""

    bits: list[NDArray[np.bool_]]
    spans: list[Span]
    plan: LshPlan

    @property
    def wanted(self) -> WantedPairs:
        return all_pairs(in_memory(np.packbits(self.bits[0], axis=1)), self.spans, 0.5).wanted

    @property
    def coded(self) -> list[CodedRows]:
        return [CodedRows.of(np.packbits(clk, axis=1).view(np.uint64), 1) for clk in self.bits]

    def finds(self, clk: int, table: int, a: int, b: int, threshold: float) -> bool:
        """The definition, bit by bit."""
        left, right = self.words_of_bits(clk, a), self.words_of_bits(clk, b)
        if not left.any() or not right.any():
            return False
        if 2 * (left & right).sum() / (left.sum() + right.sum()) < threshold:
            return False
        if (left == right).all():
            return table == 0
        places = places_of(self.plan, clk, table, BITS, self.plan.bits[clk])
        head = head_of(table, BITS) * 64
        in_head = (left != right)[head : head + 256].sum()
        return table > 0 and (left == right)[places].all() and in_head <= self.plan.most_in_head[clk]

    def words_of_bits(self, clk: int, row: int) -> NDArray[np.bool_]:
        """Return a row's bits in the order of places: bit p of the row is bit p % 64 of its word p // 64."""
        words = np.packbits(self.bits[clk][row]).view(np.uint64)
        return (words[:, None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)).astype(np.bool_).ravel()

    def by_definition(self, clk: int, table: int, threshold: float) -> set[Pair]:
        """Return what a table finds and no table before it."""
        order = [(c, t) for c in range(2) for t in range(self.plan.tables[c])]
        before = order[: order.index((clk, table))]
        return {
            (a, b)
            for a, b in self.pairs()
            if self.finds(clk, table, a, b, threshold) and not any(self.finds(c, t, a, b, threshold) for c, t in before)
        }

    def pairs(self) -> list[Pair]:
        of = [span for span in self.spans for _ in range(span.start, span.stop)]
        settled = [row >= span.first_settled for row, span in enumerate(of)]
        return [
            (a, b)
            for b in range(len(of))
            for a in range(b)
            if (of[a] is not of[b] or of[a].within) and not (settled[a] and settled[b])
        ]


def world(draw: int, rows: int, within: tuple[bool, bool, bool], settled: float) -> World:
    rng = np.random.default_rng(draw)
    originals = rng.random((2, max(rows // 5, 1), BITS)) < 0.5
    of = rng.integers(0, originals.shape[1], rows)
    bits = []
    for clk in range(2):
        noise = rng.random((rows, BITS)) < rng.choice([0.0, 0.02, 0.1, 0.2], (rows, 1))
        present = rng.random((rows, 1)) < 0.95
        bits.append((originals[clk][of] ^ noise) & present)
    cuts = np.sort(rng.integers(0, rows + 1, 2))
    plan = LshPlan(
        seed=draw,
        bits=(int(rng.integers(4, 9)), int(rng.integers(4, 9))),
        tables=(4, 3),
        most_in_head=(int(rng.integers(60, 130)), 256),
        expected_recall=1.0,
        expected_recall_of_linkable=1.0,
        cost_of_exact=1.0,
    )
    spans = [
        Span(int(start), int(stop), inside, settled=round(settled * int(stop - start)))
        for start, stop, inside in zip([0, *cuts], [*cuts, rows], within, strict=True)
    ]
    return World(bits, spans, plan)


def pairs_of(found: TablePairs) -> list[Pair]:
    return sorted(zip(found.row_a.tolist(), found.row_b.tolist(), strict=True))


WORLDS = st.builds(
    world,
    st.integers(0, 2**32),
    st.integers(1, 60),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
    st.sampled_from([0.0, 0.5, 0.9]),
)


@settings(max_examples=12, deadline=None)
@given(WORLDS, st.sampled_from([0.6, 0.75, 0.9]))
def test_every_table_finds_what_its_definition_says_and_no_table_before_it(made: World, threshold: float) -> None:
    for clk in range(2):
        for table in range(made.plan.tables[clk]):
            found = find_in_tables(made.coded, made.wanted, made.plan, clk, range(table, table + 1), threshold, 10**9)
            assert pairs_of(found) == sorted(made.by_definition(clk, table, threshold))
            assert (found.split_buckets, found.skipped_pairs) == (0, 0)


@settings(max_examples=8, deadline=None)
@given(WORLDS, st.integers(1, 4))
def test_however_tables_are_cut_into_tasks_the_same_pairs_come_out(made: World, at_once: int) -> None:
    def of_tasks(step: int) -> list[Pair]:
        pairs = []
        for clk in range(2):
            for first in range(0, made.plan.tables[clk], step):
                tables = range(first, min(first + step, made.plan.tables[clk]))
                pairs += pairs_of(find_in_tables(made.coded, made.wanted, made.plan, clk, tables, 0.6, 10**9))
        return sorted(pairs)

    assert of_tasks(at_once) == of_tasks(10)
    assert len(set(of_tasks(10))) == len(of_tasks(10))


@settings(max_examples=8, deadline=None)
@given(WORLDS)
def test_buffers_that_are_too_small_change_nothing(made: World) -> None:
    def of_all() -> list[Pair]:
        return [
            pair
            for clk in range(2)
            for table in range(made.plan.tables[clk])
            for pair in pairs_of(
                find_in_tables(made.coded, made.wanted, made.plan, clk, range(table, table + 1), 0.6, 10**9)
            )
        ]

    expected = of_all()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lsh, "BUFFER_PAIRS", 1)
        assert of_all() == expected


@settings(max_examples=12, deadline=None)
@given(WORLDS, st.integers(1, 12))
def test_a_bucket_that_is_too_large_is_split_and_what_no_bits_part_is_counted(made: World, limit: int) -> None:
    coded = made.coded[0]
    rows = coded.usable()
    whole = lsh_buckets.buckets_of(coded, made.wanted, made.plan, 0, 1, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lsh_buckets, "BUCKET_ROWS", limit)
        split = lsh_buckets.buckets_of(coded, made.wanted, made.plan, 0, 1, rows)
    sizes = whole.stops - whole.starts
    assert split.split == (sizes > limit).sum()
    assert ((split.stops - split.starts) <= limit).all()

    def together(buckets: lsh_buckets.Buckets) -> set[Pair]:
        members = [buckets.ordered[a:b].tolist() for a, b in zip(buckets.starts, buckets.stops, strict=True)]
        assert all(rows == sorted(rows) for rows in members)
        return {(a, b) for rows in members for b in rows for a in rows if a < b}

    assert together(split) <= together(whole)
    counted = {pair for pair in made.pairs() if pair in together(whole)}
    kept = {pair for pair in made.pairs() if pair in together(split)}
    longer = places_of(made.plan, 0, 1, BITS, made.plan.bits[0] + lsh_buckets.SPLIT_BITS)
    equal = {(a, b) for a, b in counted if (made.words_of_bits(0, a) == made.words_of_bits(0, b))[longer].all()}
    assert split.skipped_pairs == len(equal - kept)
