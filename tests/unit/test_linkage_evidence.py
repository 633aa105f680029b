"""What pairs of records show: levels, shared keys, pairs inside a file, patterns; and the links that scores choose."""

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from linkage_core.linking.files import MatchKeyColumn
from linkage_core.linking.pool import RecordPool, pool_records
from linkage_core.linking.probabilistic.choosing import best_of_each, one_to_one, ranks_of
from linkage_core.linking.probabilistic.evidence import (
    MISSING,
    Comparison,
    comparisons_of,
    evidence_between,
    evidence_of,
    joined,
)
from linkage_core.linking.probabilistic.layout import meetings
from linkage_core.linking.probabilistic.patterns import count_patterns, pooled, shares_by_level
from linkage_core.linking.probabilistic.self_comparison import compare_with_itself
from linkage_core.linking.probabilistic.shared_keys import MOST_SHARING, pairs_sharing
from linkage_core.linking.what_to_search import encodings_of
from linkage_core.lsh.rows import WantedPairs
from linkage_core.types import ClkName, MatchKeyName
from tests.support.encoded_rows import key_column, schema
from tests.support.random_people import random_file

CLK = Comparison("names", "clk", (0.55, 0.6, 0.9), chance=0.5, spread=0.02)
KEY = Comparison("national-id", "match-key", (1.0,))
ID = MatchKeyName("national-id")


def pool_of(rows: int) -> RecordPool:
    return pool_records([random_file("a", np.arange(rows), 1, numbered=1.0)], schema(), 3)


def test_a_level_begins_at_its_edge_and_a_missing_code_has_none() -> None:
    dice = np.array([0.5499, 0.55, 0.6, 1.0, np.nan])
    rows = np.arange(5, dtype=np.uint32)
    keys = {ID: key_column([1, 1, 2, 0, 0])}
    found = evidence_of(rows, rows[::-1].copy(), {ClkName("names"): dice}, keys, {}, (CLK, KEY))
    assert found.levels[:, 0].tolist() == [0, 1, 2, 3, MISSING]
    assert found.levels[:, 1].tolist() == [MISSING, MISSING, 1, MISSING, MISSING]
    assert found.closeness[3] == np.float32(25)
    assert found.closeness[4] == 0


def test_keys_that_differ_are_told_from_keys_that_one_record_lacks() -> None:
    rows = np.zeros(2, np.uint32)
    found = evidence_of(rows, np.array([1, 2], np.uint32), {}, {ID: key_column([1, 2, 0])}, {}, (KEY,))
    assert found.levels[:, 0].tolist() == [0, MISSING]


def test_levels_follow_chance_whatever_the_codes() -> None:
    pool = pool_of(400)
    for comparison in comparisons_of(pool, encodings_of(pool), 1)[:2]:
        assert abs(comparison.chance - 0.5) < 0.01
        assert comparison.edges == tuple(sorted(comparison.edges))
        assert comparison.edges[0] == comparison.chance + 2.5 * comparison.spread


def test_evidence_is_joined_in_one_order_however_it_was_found() -> None:
    pool = pool_of(40)
    encodings = encodings_of(pool)
    comparisons = comparisons_of(pool_of(400), encodings_of(pool_of(400)), 1)
    one, other = (np.array(side, np.uint32) for side in zip(*combinations(range(40), 2), strict=True))
    whole = evidence_between(one, other, encodings, pool, comparisons)
    parts = [whole.take(np.arange(len(whole)) % 3 == part) for part in (2, 0, 1)]
    assert (joined(parts, len(comparisons)).levels == whole.levels).all()
    assert len(joined([], len(comparisons))) == 0


@given(st.lists(st.integers(0, 6), max_size=30), st.integers(0, 5))
def test_pairs_that_share_a_key_are_all_found_among_the_records_asked_for(numbers: list[int], start: int) -> None:
    column = {ID: key_column(numbers)}
    one, other = pairs_sharing(column, column, slice(min(start, len(numbers)), len(numbers)))
    rows = range(min(start, len(numbers)), len(numbers))
    expected = [(a, b) for a, b in combinations(rows, 2) if numbers[a] == numbers[b] > 0]
    assert list(zip(one.tolist(), other.tolist(), strict=True)) == sorted(expected)


def test_a_key_of_too_many_records_makes_no_pairs() -> None:
    for shared, pairs in ((MOST_SHARING, MOST_SHARING * (MOST_SHARING - 1) // 2), (MOST_SHARING + 1, 0)):
        column = {ID: MatchKeyColumn(np.ones((shared, 16), np.uint8), np.ones(shared, np.bool_))}
        assert len(pairs_sharing(column, column, slice(0, shared))[0]) == pairs


def test_inside_a_file_each_near_pair_is_there_once_for_each_of_its_records() -> None:
    pool = pool_of(300)
    encodings = encodings_of(pool)
    comparisons = comparisons_of(pool, encodings, 1)
    null = compare_with_itself(pool, 0, encodings, comparisons, 0.575, seed=1)
    assert (null.sampled, null.size, null.comparisons_made) == (300, 300, 300 * 299)
    directed = set(zip(null.evidence.row_a.tolist(), null.evidence.row_b.tolist(), strict=True))
    assert len(directed) == len(null.evidence)
    assert directed == {(b, a) for a, b in directed}
    assert len(directed) >= 2 * 25, "most of the 30 relatives are near"
    assert (null.place == null.evidence.row_a).all(), "all records are sampled, so a place is a record"


def test_records_of_one_file_that_share_a_key_count_even_if_their_codes_are_far_apart() -> None:
    people = np.arange(1, 300, 3)  # nobody with their relative
    file = random_file("a", people, 1, numbered=1.0)
    file.match_keys[ID].keys[1] = file.match_keys[ID].keys[0]
    pool = pool_records([file], schema(), 3)
    encodings = encodings_of(pool)
    null = compare_with_itself(pool, 0, encodings, comparisons_of(pool, encodings, 1), 0.99, seed=1)
    sides = (pool.row_of[side].tolist() for side in (null.evidence.row_a, null.evidence.row_b))
    assert sorted(zip(*sides, strict=True)) == [
        (0, 1),
        (1, 0),
    ]


@given(st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 1), st.floats(0, 5)), min_size=1, max_size=40))
def test_patterns_keep_every_pair_and_its_weight(pairs: list[tuple[int, int, float]]) -> None:
    levels, weight = np.array([pair[:2] for pair in pairs], np.int8), np.array([pair[2] for pair in pairs])
    patterns = count_patterns(levels, weight)
    expected = {pair[:2]: sum(p[2] for p in pairs if p[:2] == pair[:2]) for pair in pairs}
    found = {(row[0], row[1]): w for row, w in zip(patterns.levels.tolist(), patterns.weight.tolist(), strict=True)}
    assert found.keys() == expected.keys()
    assert all(abs(found[pattern] - expected[pattern]) < 1e-9 for pattern in expected)
    halves = pooled([count_patterns(levels[::2], weight[::2]), count_patterns(levels[1::2], weight[1::2])])
    assert np.allclose(halves.weight, patterns.weight)


def test_shares_leave_pairs_out_that_cannot_be_compared() -> None:
    patterns = count_patterns(np.array([[0], [1], [1], [1], [MISSING]], np.int8))
    assert shares_by_level(patterns, 0, 2).tolist() == [0.25, 0.75]
    assert shares_by_level(count_patterns(np.array([[MISSING]], np.int8)), 0, 2).tolist() == [0, 0]


PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), unique=True, max_size=30)


@given(PAIRS, st.randoms(use_true_random=False))
def test_links_in_rounds_are_those_of_going_through_the_pairs_one_by_one(pairs: list[tuple[int, int]], draw) -> None:  # type: ignore[no-untyped-def]
    score = np.array([draw.randint(0, 4) for _ in pairs], np.float64)
    a, b = (np.array([pair[side] for pair in pairs], np.uint32) for side in (0, 1))
    ranks = ranks_of(score, a, b)
    linked, left, right = [], set[int](), set[int]()
    for place in np.argsort(ranks).tolist():
        if a[place] not in left and b[place] not in right:
            linked.append(place)
            left.add(int(a[place]))
            right.add(int(b[place]))
    assert one_to_one(a, b, ranks).tolist() == sorted(linked)
    best = {
        record: min((r, p) for p, r in enumerate(ranks.tolist()) if a[p] == record)[1] for record in set(a.tolist())
    }
    assert best_of_each(a, ranks).tolist() == sorted(best.values())


def test_files_meet_as_the_agreement_lets_their_records_be_linked() -> None:
    pool = pool_records([random_file(name, np.arange(30), 1, numbered=1.0) for name in "abc"], schema(), 3)
    encodings = encodings_of(pool)
    comparisons = comparisons_of(pool_of(400), encodings_of(pool_of(400)), 1)
    one, other = (np.array(side, np.uint32) for side in zip(*combinations(range(90), 2), strict=True))
    wanted = WantedPairs.of_files(np.array([0, 30, 60, 90]), np.array([True, False, False]))
    kept = wanted.of_pairs(one, other)
    found = evidence_between(one[kept], other[kept], encodings, pool, comparisons)
    met = {meeting.files: meeting for meeting in meetings(wanted, found, np.array([True, False, False]))}
    assert {files: meeting.way for files, meeting in met.items()} == {
        (0, 0): "within",
        (0, 1): "many-to-one",
        (0, 2): "many-to-one",
        (1, 2): "one-to-one",
    }
    assert sum(len(meeting.pairs) for meeting in met.values()) == len(found)
    assert met[1, 2].sizes == (30, 30)


def test_of_settled_records_none_meets_another_settled_one() -> None:
    wanted = WantedPairs(
        np.array([0, 10, 30, 40, 60]),
        np.array([[0, 0, 1, 1], [0, 0, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]], np.bool_),
        np.array([0, 0, 1, 1]),
    )
    pool = pool_records([random_file(name, np.arange(30), 1) for name in "ab"], schema(), 3)
    one, other = (np.array(side, np.uint32) for side in zip(*combinations(range(60), 2), strict=True))
    kept = wanted.of_pairs(one, other)
    comparisons = comparisons_of(pool_of(400), encodings_of(pool_of(400)), 1)
    found = evidence_between(one[kept], other[kept], encodings_of(pool), pool, comparisons)
    sizes = sorted(meeting.sizes for meeting in meetings(wanted, found, np.zeros(2, np.bool_)))
    assert sizes == [(10, 10), (10, 20), (20, 10)]
