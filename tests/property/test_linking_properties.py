"""Properties of candidates, solving and the whole of linking, on small random encodings."""

import numpy as np
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


def groups_by_content(files: list[EncodedFile], seed: int) -> Groups:
    result = link(files, SCHEMA, MATCHING, seed)
    groups: Groups = [[] for _ in range(result.groups.group_count)]
    for file in files:
        for group, content in zip(result.groups.files[file.provider].group, contents(file), strict=True):
            groups[group].append((file.provider, content))
    return [sorted(group) for group in groups]


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(2, 24))
def test_the_order_of_rows_and_files_decides_nothing(draw: int, people: int) -> None:
    rng = np.random.default_rng(draw)
    files = random_files(rng, people)
    shuffled = [permuted(file, rng.permutation(file.row_count)) for file in reversed(files)]
    assert groups_by_content(shuffled, seed=3) == groups_by_content(files, seed=3)


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
