"""Properties of the comparison kernels: the pairs and Dice of anonlink's Python definition, whatever the way there."""

import numpy as np
from anonlink.similarities import dice_coefficient_python
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from linkage_core.comparing import dice as dice_module
from linkage_core.comparing import early_exit
from linkage_core.comparing.dice import find_pairs, find_pairs_within, least_common_bits
from linkage_core.comparing.pairwise import dice_of_pairs
from linkage_core.comparing.similarity import as_bitarrays, dice_of_kernel
from linkage_core.comparing.statistical_exit import StatisticalExit

Words = NDArray[np.uint64]
Found = list[tuple[int, int]]

WIDTHS = st.sampled_from([1, 2, 3, 8, 16, 19])
THRESHOLDS = st.one_of(st.integers(1, 1000).map(lambda n: n / 1000), st.floats(0.01, 1.0))


def related_codes(draw: int, rows: int, words: int, fill: float) -> tuple[Words, Words]:
    """Two blocks whose codes are noisy copies of few originals, some of them empty, some equal."""
    rng = np.random.default_rng(draw)
    originals = rng.random((max(rows // 4, 1), words * 64)) < fill
    blocks = []
    for _ in range(2):
        bits = originals[rng.integers(0, len(originals), rows)]
        bits = np.where(rng.random((rows, 1)) < 0.9, bits ^ (rng.random(bits.shape) < rng.choice([0, 0.05, 0.2])), 0)
        blocks.append(np.packbits(bits.astype(np.bool_), axis=1).view(np.uint64))
    return blocks[0], blocks[1]


def as_bytes(words: Words) -> NDArray[np.uint8]:
    return words.view(np.uint8)


def by_definition(left: Words, right: Words, threshold: float) -> Found:
    datasets = (as_bitarrays(as_bytes(left)), as_bitarrays(as_bytes(right)))
    _, (i, j) = dice_coefficient_python(datasets, threshold, k=None)
    return sorted(zip(i, j, strict=True))


def as_list(pairs: tuple[NDArray[np.uint32], NDArray[np.uint32]]) -> Found:
    return list(zip(pairs[0].tolist(), pairs[1].tolist(), strict=True))


@given(st.integers(0, 2**32), st.integers(0, 40), WIDTHS, st.sampled_from([0.1, 0.3, 0.5]), THRESHOLDS, st.booleans())
def test_all_pairs_are_those_of_the_definition_sorted(
    draw: int, rows: int, words: int, fill: float, threshold: float, matrix_unit: bool
) -> None:
    left, right = related_codes(draw, rows, words, fill)
    assert as_list(find_pairs(left, right, threshold, matrix_unit=matrix_unit)) == by_definition(left, right, threshold)
    within = [(i, j) for i, j in by_definition(left, left, threshold) if i < j]
    assert as_list(find_pairs_within(left, threshold, matrix_unit=matrix_unit)) == within


@settings(max_examples=25)
@given(
    st.integers(0, 2**32), st.integers(130, 300), st.sampled_from([0.1, 0.3, 0.5]), st.integers(300, 950), st.booleans()
)
def test_an_exact_early_exit_and_full_buffers_lose_nothing(
    draw: int, rows: int, fill: float, threshold_per_mille: int, matrix_unit: bool
) -> None:
    left, right = related_codes(draw, rows, 16, fill)
    threshold = threshold_per_mille / 1000
    plainly = (
        find_pairs(left, right, threshold, matrix_unit=matrix_unit),
        find_pairs_within(right, threshold, matrix_unit=matrix_unit),
    )
    worth, buffer = early_exit.WORTH_SAMPLING, dice_module.BUFFER_PAIRS
    early_exit.WORTH_SAMPLING, dice_module.BUFFER_PAIRS = 0, 1024  # type: ignore[misc] # for one comparison
    try:
        early = (
            find_pairs(left, right, threshold, matrix_unit=matrix_unit),
            find_pairs_within(right, threshold, matrix_unit=matrix_unit),
        )
    finally:
        early_exit.WORTH_SAMPLING, dice_module.BUFFER_PAIRS = worth, buffer  # type: ignore[misc] # as it was
    assert [as_list(pairs) for pairs in early] == [as_list(pairs) for pairs in plainly]


@given(st.floats(1e-6, 1.0), st.integers(1, 40))
@example(0.8, 16)
@example(0.998, 16)
def test_the_table_of_common_bits_has_the_boundary_of_a_float_division(threshold: float, words: int) -> None:
    table = least_common_bits(threshold, words * 64)
    for both in range(1, len(table)):
        common = int(table[both])
        assert common >= 1
        assert 2 * common / both >= threshold
        assert common == 1 or 2 * (common - 1) / both < threshold


@given(
    st.integers(0, 2**32),
    st.integers(0, 25),
    st.sampled_from([1, 3, 16]),
    st.one_of(THRESHOLDS, st.sampled_from([0.0, -1.0, 1.5])),
    st.one_of(st.none(), st.integers(0, 30)),
)
def test_with_anonlinks_signature_it_returns_what_anonlinks_python_dice_returns(
    draw: int, rows: int, words: int, threshold: float, k: int | None
) -> None:
    left, right = (as_bitarrays(as_bytes(block)) for block in related_codes(draw, rows, words, 0.3))
    ours, theirs = (f((left, right), threshold, k=k) for f in (dice_of_kernel(), dice_coefficient_python))
    assert ours == theirs
    assert [part.typecode for part in (ours[0], *ours[1])] == ["d", "I", "I"]


@given(st.integers(0, 2**32), st.integers(1, 30), WIDTHS)
def test_dice_of_pairs_is_the_definition_to_the_bit(draw: int, rows: int, words: int) -> None:
    left, right = related_codes(draw, rows, words, 0.4)
    similarities, (i, j) = dice_coefficient_python((as_bitarrays(as_bytes(left)), as_bitarrays(as_bytes(right))), 0.0)
    ours = dice_of_pairs(
        np.concatenate([left, right]), np.array(i, np.uint32), np.array(j, np.uint32) + np.uint32(rows)
    )
    assert ours.tolist() == list(similarities)


@given(st.integers(0, 2**32), st.sampled_from([2, 4, 8, 14]), st.integers(-20, 60), st.floats(0.05, 0.9), st.booleans())
def test_a_statistical_exit_keeps_exactly_the_pairs_whose_first_words_differ_little(
    draw: int, first: int, slack: int, threshold: float, matrix_unit: bool
) -> None:
    left, right = related_codes(draw, 40, 16, 0.5)
    exit_early = StatisticalExit(first, slack, expected_recall=0.5, expected_survivors=0.5)
    apart = np.bitwise_count(left[:, None, :first] ^ right[None, :, :first]).sum(axis=2, dtype=np.int64)
    both = np.bitwise_count(left).sum(axis=1)[:, None] + np.bitwise_count(right).sum(axis=1, dtype=np.int64)
    beyond = apart - slack - (1 - threshold) * both * first / 16
    found = as_list(find_pairs(left, right, threshold, statistical_exit=exit_early, matrix_unit=matrix_unit))
    defined = by_definition(left, right, threshold)
    assert set(found) <= set(defined)
    rounding = 0.01  # the kernel counts in 1024ths of a bit
    assert all(beyond[pair] > -rounding for pair in set(defined) - set(found))
    assert all(beyond[pair] < rounding for pair in found)
