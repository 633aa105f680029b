"""Properties of candidates, solving and the whole of linking, on small random encodings."""

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
import pytest
from anonlink.similarities import dice_coefficient_python
from anonlink.solving import greedy_solve_python
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from linkage_core.agreement.clauses import Matching
from linkage_core.comparing.similarity import as_bitarrays
from linkage_core.linking.files import ClkColumn, EncodedFile, KnownRows, MatchKeyColumn
from linkage_core.linking.pool import RecordPool
from linkage_core.linking.run import link
from linkage_core.linking.scoring import ScoredPairs
from linkage_core.linking.solving import solve
from linkage_core.schema import ClkSpec, LinkageSchema, MatchKeySpec, QuasiIdentifier, Standardisation, Variable
from linkage_core.searching.search import Span
from linkage_core.types import ClkName, MatchKeyName, PartyName
from tests.support.searches import CLK, all_pairs, findings, in_memory, pairs

LENGTH_BITS = 128

SCHEMA = LinkageSchema(
    standardisation=Standardisation(version=1, digest="0" * 64),
    quasi_identifiers=(QuasiIdentifier(name="a", kind="given-name"), QuasiIdentifier(name="b", kind="date")),
    variables=(Variable(name="ab", of=("a", "b"), form="value"),),
    match_keys=(MatchKeySpec(name="key", variables=("ab",), entropy_bits=40, max_occurrences=5),),
    clks=tuple(
        ClkSpec(
            name=name,
            clkhash={"version": 3, "clkConfig": {"l": LENGTH_BITS}, "features": [{"identifier": "ab"}]},
            diffusion_t=8,
            weight=weight,
        )
        for name, weight in (("one", 1), ("two", 3))
    ),
)

MATCHING = Matching(
    passes=("key",),
    candidate_per_mille=600,
    link_per_mille=620,
    sources_with_duplicates=("border",),
    maximum_candidates_per_record=1000,
    high_quality_per_mille=900,
    minimum_class_count=1,
)

TO_SPINE = MATCHING.model_copy(update={"spine": "register"})

PROVIDERS = ("border", "register", "tax")

Groups = list[list[tuple[str, bytes]]]


def random_files(rng: np.random.Generator, people: int) -> list[EncodedFile]:
    """Three files over the same people: flipped bits, missing CLKs, some equal match keys, many equal scores."""
    originals = {name: rng.random((people, LENGTH_BITS)) < 0.5 for name in ("one", "two")}
    files = []
    for provider in PROVIDERS:
        persons = rng.integers(0, people, people if provider == "border" else people // 2)
        if provider != "border":
            persons = rng.permutation(people)[: len(persons)]
        rows = len(persons)
        clks = {}
        for name, bits in originals.items():
            flipped = bits[persons] ^ (rng.random((rows, LENGTH_BITS)) < rng.choice([0.0, 0.1, 0.2], (rows, 1)))
            clks[ClkName(name)] = ClkColumn(np.packbits(flipped, axis=1), rng.random(rows) < 0.9)
        keys = np.zeros((rows, 16), np.uint8)
        keys[:, 0] = persons % 7
        files.append(
            EncodedFile(
                PartyName(provider), rows, clks, {MatchKeyName("key"): MatchKeyColumn(keys, rng.random(rows) < 0.3)}
            )
        )
    return files


def permuted(file: EncodedFile, order: NDArray[np.intp]) -> EncodedFile:
    return EncodedFile(
        file.provider,
        file.row_count,
        {name: ClkColumn(clk.bits[order], clk.present[order]) for name, clk in file.clks.items()},
        {name: MatchKeyColumn(key.keys[order], key.present[order]) for name, key in file.match_keys.items()},
    )


def contents(file: EncodedFile) -> list[bytes]:
    """What each row holds: rows of one file with equal content cannot be told apart."""
    columns = [np.concatenate([c.bits * c.present[:, None], c.present[:, None]], axis=1) for c in file.clks.values()]
    columns += [
        np.concatenate([k.keys * k.present[:, None], k.present[:, None]], axis=1) for k in file.match_keys.values()
    ]
    return [row.tobytes() for row in np.concatenate(columns, axis=1)]


def groups_by_content(files: list[EncodedFile], seed: int, matching: Matching = MATCHING) -> Groups:
    result = link(files, SCHEMA, matching, seed)
    groups: Groups = [[] for _ in range(result.groups.group_count)]
    for file in files:
        for group, content in zip(result.groups.files[file.provider].group, contents(file), strict=True):
            groups[group].append((file.provider, content))
    return [sorted(group) for group in groups]


@pytest.mark.parametrize("matching", [MATCHING, TO_SPINE])
@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(2, 24))
def test_the_order_of_rows_and_files_decides_nothing(matching: Matching, draw: int, people: int) -> None:
    rng = np.random.default_rng(draw)
    files = random_files(rng, people)
    shuffled = [permuted(file, rng.permutation(file.row_count)) for file in reversed(files)]
    assert groups_by_content(shuffled, 3, matching) == groups_by_content(files, 3, matching)


def ten_files(
    rng: np.random.Generator, people: int, rows: int, errors: float
) -> tuple[list[EncodedFile], list[NDArray[np.int64]]]:
    """Ten files of some of the people, no match keys, with a share of flipped bits; and the person of each row."""
    originals = {name: rng.random((people, LENGTH_BITS)) < 0.5 for name in ("one", "two")}
    persons = [rng.permutation(people)[:rows] for _ in range(10)]
    present, no_keys = np.ones(rows, np.bool_), MatchKeyColumn(np.zeros((rows, 16), np.uint8), np.zeros(rows, np.bool_))

    def clk(bits: NDArray[np.bool_]) -> ClkColumn:
        return ClkColumn(np.packbits(bits ^ (rng.random(bits.shape) < errors), axis=1), present)

    files = [
        EncodedFile(
            PartyName(f"party-{number}"),
            rows,
            {ClkName(name): clk(bits[persons[number]]) for name, bits in originals.items()},
            {MatchKeyName("key"): no_keys},
        )
        for number in range(10)
    ]
    return files, persons


@settings(max_examples=4, deadline=None)
@given(st.permutations(range(10)), st.integers(0, 2**32))
def test_ten_files_in_any_order_become_the_people_of_the_truth(order: list[int], draw: int) -> None:
    files, persons = ten_files(np.random.default_rng(5), people=400, rows=300, errors=0.03)
    rows = [np.random.default_rng([draw, number]).permutation(300) for number in range(10)]
    clause = MATCHING.model_copy(update={"candidate_per_mille": 800, "link_per_mille": 800})
    result = link([permuted(files[number], rows[number]) for number in order], SCHEMA, clause, seed=3)
    person = np.concatenate([persons[number][rows[number]] for number in range(10)])
    group = np.concatenate([result.groups.files[PartyName(f"party-{number}")].group for number in range(10)])
    pairs = np.unique(np.stack([person, group], axis=1), axis=0)
    assert len(pairs) == len(np.unique(person)) == result.groups.group_count


@settings(max_examples=3, deadline=None)
@given(st.permutations(range(10)), st.integers(0, 2**32))
def test_ten_files_whose_links_are_often_false_are_grouped_alike_in_any_order(order: list[int], draw: int) -> None:
    files, _ = ten_files(np.random.default_rng(6), people=80, rows=60, errors=0.2)
    rng = np.random.default_rng(draw)
    shuffled = [permuted(files[number], rng.permutation(60)) for number in order]
    found = groups_by_content(files, seed=3)
    assert sorted(groups_by_content(shuffled, seed=3)) == sorted(found)
    for group in found:
        assert len({provider for provider, _ in group}) == len(group), "each file holds a person once"


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(2, 24))
def test_a_group_holds_one_spine_record_and_a_file_without_duplicates_once(draw: int, people: int) -> None:
    groups = groups_by_content(random_files(np.random.default_rng(draw), people), 3, TO_SPINE)
    for members in groups:
        providers = [provider for provider, _ in members]
        assert providers.count("register") == 1 or len(members) == 1
        assert providers.count("tax") <= 1


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_links_to_a_spine_are_those_of_a_plain_loop_over_pairs(draw: int, count: int) -> None:
    rng = np.random.default_rng(draw)
    spine, sizes = 6, (6, 8, 8)
    pool = pool_of(sizes, has_spine=True)
    ends = np.unique(np.stack([rng.integers(0, spine, count), rng.integers(spine, sum(sizes), count)], axis=1), axis=0)
    pairs = scored(ends, rng)
    solved = solve(pairs, np.arange(pool.size, dtype=np.int64), pool, np.array([False, True, False]))

    spine_of: dict[int, int] = {}
    taken: set[int] = set()
    for score, a, b in sorted(zip((-pairs.score).tolist(), pairs.a.tolist(), pairs.b.tolist(), strict=True)):
        one_to_one = pool.file_of[b] == 2
        if b not in spine_of and not (one_to_one and a in taken):
            spine_of[b] = a
            taken |= {a} if one_to_one else set()
            assert solved.score[b] == -score
    assert solved.group.tolist() == [spine_of.get(record, record) for record in range(pool.size)]


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_each_tie_is_the_best_pair_inside_the_group_that_keys_did_not_make(draw: int, count: int) -> None:
    rng = np.random.default_rng(draw)
    pool = pool_of((8, 8), has_spine=False)
    ends = np.unique(np.sort(rng.integers(0, pool.size, (count, 2)), axis=1), axis=0)
    pairs = scored(ends[ends[:, 0] < ends[:, 1]], rng)
    by_key = np.arange(pool.size, dtype=np.int64)
    by_key[[8, 9]] = [0, 1]
    solved = solve(pairs, by_key, pool, np.array([True, True]))
    for record in range(pool.size):
        ties = [
            (-pairs.score[place], pairs.a[place], pairs.b[place], place)
            for place in range(len(pairs))
            if solved.group[pairs.a[place]] == solved.group[pairs.b[place]]
            and by_key[pairs.a[place]] != by_key[pairs.b[place]]
            and by_key[record] in (by_key[pairs.a[place]], by_key[pairs.b[place]])
        ]
        assert solved.tie[record] == (min(ties)[3] if ties else -1)
        joined_by_similarity = len(set(by_key[solved.group == solved.group[record]].tolist())) > 1
        assert (solved.tie[record] >= 0) == joined_by_similarity


@given(st.integers(0, 2**32), st.integers(1, 90))
def test_groups_are_those_of_plain_loops_over_anonlinks_python_reference(draw: int, count: int) -> None:
    rng = np.random.default_rng(draw)
    pool = pool_of((7, 4, 4), has_spine=False)
    allowed = np.array([True, False, False])
    ends = np.unique(np.sort(rng.integers(0, pool.size, (count, 2)), axis=1), axis=0)
    file_a, file_b = pool.file_of[ends[:, 0]], pool.file_of[ends[:, 1]]
    pairs = scored(ends[(ends[:, 0] < ends[:, 1]) & ((file_a != file_b) | allowed[file_a])], rng)
    by_key = np.arange(pool.size, dtype=np.int64)
    by_key[[8, 12]] = [0, 1]

    known = dict(zip(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True), pairs.score.tolist(), strict=True))
    nodes = [{record for record in range(pool.size) if by_key[record] == node} for node in sorted(set(by_key.tolist()))]

    def best(one: set[int], other: set[int]) -> float | None:
        """The best score of a pair across two nodes; None where no pair is, or a file forbids them to join."""
        across = [tuple(sorted(pair)) for pair in product(one, other)]
        for file in range(3):
            inside = [pair for pair in across if set(pool.file_of[list(pair)].tolist()) == {file}]
            if inside and (not allowed[file] or 3 * sum(pair in known for pair in inside) < len(inside)):
                return None
        return max((known[a, b] for a, b in across if (a, b) in known), default=None)

    while True:
        nodes.sort(key=min)
        tied = [(a, b, best(nodes[a], nodes[b])) for a, b in combinations(range(len(nodes)), 2)]
        order = sorted((-score, a, b) for a, b, score in tied if score is not None)
        if not order:
            break
        zeros = [0] * len(order)
        joins = greedy_solve_python(
            ([-score for score, _, _ in order], (zeros, zeros), ([a for _, a, _ in order], [b for _, _, b in order]))
        )
        for members in joins:
            places = sorted(int(place) for _, place in members)
            nodes[places[0]] = set().union(*(nodes[place] for place in places))
            for place in places[1:]:
                nodes[place] = set()
        nodes = [node for node in nodes if node]

    solved = solve(pairs, by_key, pool, allowed)
    assert {frozenset(np.flatnonzero(solved.group == group).tolist()) for group in solved.group} == {
        frozenset(node) for node in nodes
    }


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_any_monotone_score_gives_the_same_groups(draw: int, count: int) -> None:
    rng = np.random.default_rng(draw)
    pool = pool_of((6, 6, 6), has_spine=False)
    ends = np.unique(np.sort(rng.integers(0, pool.size, (count, 2)), axis=1), axis=0)
    pairs = scored(ends[ends[:, 0] < ends[:, 1]], rng)
    weights = ScoredPairs(pairs.a, pairs.b, 40 * pairs.score - 30)
    alone, allowed = np.arange(pool.size, dtype=np.int64), np.array([True, False, False])
    by_score, by_weight = (solve(scores, alone, pool, allowed) for scores in (pairs, weights))
    assert by_score.group.tolist() == by_weight.group.tolist()
    assert by_score.tie.tolist() == by_weight.tie.tolist()


def pool_of(sizes: Sequence[int], *, has_spine: bool) -> RecordPool:
    """Records without content in files of these sizes."""
    first = tuple(int(number) for number in np.cumsum([0, *sizes]))
    file_of = np.repeat(np.arange(len(sizes), dtype=np.uint32), sizes)
    providers = tuple(PartyName(f"p{number}") for number in range(len(sizes)))
    known, row_of = KnownRows.of_new_rows(first[-1]), np.zeros(first[-1], np.uint32)
    return RecordPool(providers, first, file_of, row_of, {}, {}, b"", known, has_spine)


def scored(ends: NDArray[np.int64], rng: np.random.Generator) -> ScoredPairs:
    """Pairs with scores of which many are equal."""
    return ScoredPairs(
        ends[:, 0].astype(np.uint32), ends[:, 1].astype(np.uint32), rng.choice([0.6, 0.7, 0.8], len(ends))
    )


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(2, 24))
def test_no_group_holds_two_records_of_a_file_without_duplicates(draw: int, people: int) -> None:
    files = random_files(np.random.default_rng(draw), people)
    result = link(files, SCHEMA, MATCHING, seed=3)
    for provider in ("register", "tax"):
        groups = result.groups.files[PartyName(provider)].group
        assert len(np.unique(groups)) == len(groups)


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(2, 24))
def test_a_row_has_a_class_above_zero_exactly_when_it_is_linked(draw: int, people: int) -> None:
    result = link(random_files(np.random.default_rng(draw), people), SCHEMA, MATCHING, seed=3)
    files = result.groups.files.values()
    sizes = np.bincount(np.concatenate([file.group for file in files]), minlength=result.groups.group_count)
    for file in files:
        assert np.array_equal(file.quality_class > 0, sizes[file.group] > 1)
        assert np.array_equal(file.linked_by > 0, sizes[file.group] > 1)
        assert np.all(file.score[file.quality_class == 0] == 0)


@given(st.integers(0, 2**32), st.integers(1, 1000), st.sampled_from([8, 16, 128]))
def test_candidates_are_those_of_anonlinks_python_reference(draw: int, threshold_per_mille: int, width: int) -> None:
    rng = np.random.default_rng(draw)
    bits = np.packbits(rng.random((14, 8 * width)) < rng.random((14, 1)), axis=1)
    threshold = threshold_per_mille / 1000
    encodings = in_memory(bits)
    search = all_pairs(encodings, [Span(0, 6, within=False), Span(6, 14, within=False)], threshold)
    (found,) = findings(search, encodings)
    clks = as_bitarrays(bits)
    dice, (first, second) = dice_coefficient_python((clks[:6], clks[6:]), threshold, k=None)
    expected = {(a, b + 6): value for value, a, b in zip(dice, first, second, strict=True)}
    assert dict(zip(pairs([found]), found.candidates.dice[CLK].tolist(), strict=True)) == expected


@given(st.integers(0, 2**32), st.integers(1, 40))
def test_one_round_of_solving_is_anonlinks_python_reference(draw: int, count: int) -> None:
    rng = np.random.default_rng(draw)
    size = 12
    ends = np.unique(np.sort(rng.integers(0, size, (count, 2)), axis=1), axis=0)
    ends = ends[ends[:, 0] < ends[:, 1]]
    pairs = ScoredPairs(
        ends[:, 0].astype(np.uint32), ends[:, 1].astype(np.uint32), rng.choice([0.6, 0.7, 0.8], len(ends))
    )
    file_of = np.arange(size, dtype=np.uint32)  # every record a file of its own: nothing forbids a join
    pool = RecordPool(
        providers=tuple(PartyName(f"p{number}") for number in range(size)),
        first=tuple(range(size + 1)),
        file_of=file_of,
        row_of=file_of,
        clks={},
        match_keys={},
        digest=b"",
        known=KnownRows.of_new_rows(size),
    )
    solved = solve(pairs, np.arange(size, dtype=np.int64), pool, np.zeros(size, np.bool_))

    order = sorted(range(len(pairs)), key=lambda i: (-pairs.score[i], pairs.a[i], pairs.b[i]))
    zeros = [0] * len(order)
    reference = greedy_solve_python(
        ([pairs.score[i] for i in order], (zeros, zeros), ([pairs.a[i] for i in order], [pairs.b[i] for i in order]))
    )
    for members in reference:
        records = [int(number) for _, number in members]
        assert len(set(solved.group[records].tolist())) == 1, "later rounds only add to the groups of the first"
    if solved.rounds <= 1:
        grouped = {int(number) for members in reference for _, number in members}
        assert np.count_nonzero(np.bincount(solved.group, minlength=size)[solved.group] > 1) == len(grouped)
