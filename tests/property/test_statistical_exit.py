"""A statistical exit keeps what it says, on codes whose bits are random, and on diffused CLKs of invented people."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from linkage_core.comparing.dice import find_pairs, find_pairs_within
from linkage_core.comparing.pairwise import dice_of_pairs
from linkage_core.comparing.statistical_exit import StatisticalExit, chance_of_unrelated, chance_within, choose_exit
from linkage_core.errors import InputFault

LENGTH_BITS = 1024
THRESHOLD = 0.58

Words = NDArray[np.uint64]


def related(seed: int, pairs: int) -> tuple[Words, Words]:
    """Rows of random bits, and a partner of each that differs in a third to nearly a half of them."""
    rng = np.random.default_rng(seed)
    bits = rng.random((pairs, LENGTH_BITS)) < 0.5
    others = bits ^ (rng.random(bits.shape) < rng.uniform(0.3, 0.45, (pairs, 1)))
    return np.packbits(bits, axis=1).view(np.uint64), np.packbits(others, axis=1).view(np.uint64)


def sample_of(
    left: Words, right: Words, i: NDArray[np.uint32], j: NDArray[np.uint32]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    dice = dice_of_pairs(np.concatenate([left, right]), i, j + np.uint32(len(left)))
    both: NDArray[np.int64] = np.bitwise_count(left[i]).sum(axis=1, dtype=np.int64) + np.bitwise_count(right[j]).sum(
        axis=1, dtype=np.int64
    )
    return dice, both


@given(st.integers(0, 64), st.integers(0, 20))
def test_chances_are_those_of_drawing_without_putting_back(apart: int, sampled: int) -> None:
    chances = chance_within(np.array([apart]), sampled, 64)[0]
    total = 0.0
    for differing in range(sampled + 1):
        total += comb(apart, differing) * comb(64 - apart, sampled - differing) / comb(64, sampled)
        assert chances[differing] == pytest.approx(total, abs=1e-9)


@settings(max_examples=10)
@given(st.integers(0, 2**32), st.sampled_from([0.9, 0.99, 0.999]), st.booleans())
def test_measured_recall_lies_within_monte_carlo_error_of_the_computed_one(
    seed: int, wanted: float, matrix_unit: bool
) -> None:
    left, right = related(seed, 1500)
    exact = find_pairs(left, right, THRESHOLD)
    exit_early = choose_exit(*sample_of(left, right, *exact), THRESHOLD, LENGTH_BITS, wanted)
    assert exit_early is not None
    assert exit_early.expected_recall >= wanted
    kept = find_pairs(left, right, THRESHOLD, statistical_exit=exit_early, matrix_unit=matrix_unit)
    recall = len(kept[0]) / len(exact[0])
    error = np.sqrt(exit_early.expected_recall * (1 - exit_early.expected_recall) / len(exact[0]))
    assert abs(recall - exit_early.expected_recall) < 5 * error + 1 / len(exact[0])


def test_the_share_of_unrelated_pairs_that_survive_is_about_what_was_computed() -> None:
    rng = np.random.default_rng(5)
    a, b = (rng.integers(0, 2**64, (20_000, 16), dtype=np.uint64) for _ in range(2))
    for words, slack in ((4, 10), (8, 12), (10, 5)):
        apart = np.bitwise_count(a[:, :words] ^ b[:, :words]).sum(axis=1, dtype=np.int64)
        both = np.bitwise_count(a).sum(axis=1, dtype=np.int64) + np.bitwise_count(b).sum(axis=1, dtype=np.int64)
        survive = float((apart <= (1 - THRESHOLD) * both * words / 16 + slack).mean())
        assert survive == pytest.approx(chance_of_unrelated(THRESHOLD, slack, words * 64, LENGTH_BITS), abs=0.01)


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.integers(1, 15), st.integers(-30, 60), st.booleans())
def test_an_exit_never_adds_a_pair_and_does_not_depend_on_what_else_is_compared(
    seed: int, words: int, slack: int, matrix_unit: bool
) -> None:
    left, right = related(seed, 200)
    exit_early = StatisticalExit(words, slack, expected_recall=0.5, expected_survivors=0.5)
    found = set(zip(*find_pairs(left, right, 0.55, statistical_exit=exit_early, matrix_unit=matrix_unit), strict=True))
    assert found <= set(zip(*find_pairs(left, right, 0.55), strict=True))
    apart = find_pairs(left[50:90], right[30:], 0.55, statistical_exit=exit_early)
    assert set(zip(apart[0] + 50, apart[1] + 30, strict=True)) == {(i, j) for i, j in found if 50 <= i < 90 and j >= 30}


def test_within_a_block_an_exit_keeps_the_pairs_that_it_keeps_across() -> None:
    rows, _ = related(3, 300)
    rows[150:] ^= rows[:150] & np.uint64(0x1111_1111_1111_1111)
    exit_early = StatisticalExit(6, 4, expected_recall=0.5, expected_survivors=0.5)
    i, j = find_pairs(rows, rows, 0.5, statistical_exit=exit_early)
    within = find_pairs_within(rows, 0.5, statistical_exit=exit_early)
    assert len(within[0]) > 1000
    assert np.array_equal(np.stack(within), np.stack([i, j])[:, i < j])


def test_without_a_wanted_pair_in_the_sample_or_where_nothing_is_saved_there_is_no_exit() -> None:
    few = np.full(100, 1000, np.int64)
    assert choose_exit(np.zeros(0), np.zeros(0, np.int64), THRESHOLD, LENGTH_BITS, 0.99) is None
    assert choose_exit(np.full(100, 0.4), few, THRESHOLD, LENGTH_BITS, 0.99) is None
    assert choose_exit(np.full(100, 0.5), few, 0.5, LENGTH_BITS, 0.9999) is None, "unrelated pairs are as near"


def test_a_manifest_gets_all_that_the_exit_promises() -> None:
    described = StatisticalExit(8, -3, expected_recall=0.9912345678, expected_survivors=0.01).describe()
    assert described == {
        "exit_words": 8,
        "exit_slack_bits": -3,
        "exit_expected_recall": "0.991235",
        "exit_expected_survivors": "0.010000",
    }


@pytest.mark.parametrize("words", [0, 16, 20])
def test_an_exit_for_clks_of_another_length_is_refused(words: int) -> None:
    left, right = related(1, 4)
    with pytest.raises(InputFault, match="choose one for CLKs of this length"):
        find_pairs(left, right, 0.5, statistical_exit=StatisticalExit(words, 0, 1.0, 1.0))
