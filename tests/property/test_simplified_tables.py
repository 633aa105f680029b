"""Suppression and rounding as presentation: what they are said to do to bias and coverage is what they do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from disclosure.errors import QueryFault
from disclosure.post_selection import Reading
from disclosure.simplification import LARGEST_BASE, rounded, rounding_effect, suppression_effect

SD, HALF_WIDTH, MINIMUM = 5.0, 10, 12
DRAWS = 200_000  # the Monte Carlo error of a share is 0.1 %, of a mean 0.01 standard deviations


@pytest.mark.parametrize("truth", [8, 15, 20, 24, 40, 100])
def test_suppression_shows_lifted_values_more_often_as_it_says(truth: int) -> None:
    values = truth + np.rint(np.random.default_rng(truth).normal(0, SD, DRAWS)).astype(int)
    reading = Reading(int(SD * 1_000_000), HALF_WIDTH, MINIMUM)
    shown = values[[reading.reads(int(value)) for value in values]]
    ends = np.array([reading.ends(int(value)) for value in shown])
    found = suppression_effect(truth, SD, HALF_WIDTH, MINIMUM)
    assert found.shown == pytest.approx(len(shown) / DRAWS, abs=0.05)
    if found.shown > 0.01:
        assert found.bias == pytest.approx(shown.mean() - truth, abs=0.6)
        covered = (ends[:, 0] <= truth) & (truth <= ends[:, 1])
        assert found.coverage == pytest.approx(covered.mean(), abs=0.03)


def test_suppression_biases_small_cells_most_and_large_ones_not_at_all() -> None:
    biases = [suppression_effect(truth, SD, HALF_WIDTH).bias for truth in (5, 10, 20, 30, 60, 200)]
    assert biases == sorted(biases, reverse=True)
    assert biases[-1] == pytest.approx(0, abs=1e-9)
    assert suppression_effect(200, SD, HALF_WIDTH).coverage == pytest.approx(0.9545, abs=1e-4)
    assert suppression_effect(5, SD, HALF_WIDTH).coverage > 0.95, "the interval knows that noise lifted the value"


@given(st.integers(-(10**9), 10**9), st.integers(1, LARGEST_BASE))
def test_a_rounded_value_is_the_nearest_multiple_and_signs_are_alike(value: int, base: int) -> None:
    found = rounded(value, base)
    assert found % base == 0
    assert abs(found - value) * 2 <= base
    assert rounded(-value, base) == -found


@pytest.mark.parametrize(("base", "sd"), [(3, 1.0), (5, 2.0), (10, 2.0), (10, 5.1), (100, 30.0)])
def test_rounding_does_to_bias_and_coverage_what_it_says(base: int, sd: float) -> None:
    half_width = int(np.ceil(1.96 * sd))
    found = rounding_effect(base, sd, half_width)
    draws = np.random.default_rng(base)
    for truth in range(0, 2 * base, max(1, base // 5)):
        values = truth + np.rint(draws.normal(0, sd, 40_000))
        error = np.rint(values / base) * base - truth
        assert abs(error.mean()) <= found.largest_bias + 4 * error.std() / 200
        assert (np.abs(error) <= half_width).mean() >= found.least_coverage - 0.02


def test_rounding_far_below_the_noise_changes_little_and_far_above_it_much() -> None:
    fine = rounding_effect(5, 200.0, 392)
    assert fine.largest_bias == 0
    assert fine.least_coverage == pytest.approx(0.95, abs=1e-3)
    coarse = rounding_effect(100, 5.0, 10)
    assert coarse.largest_bias > 35
    assert coarse.least_coverage < 0.01
    with pytest.raises(QueryFault, match="1 to 1000"):
        rounding_effect(0, 5.0, 10)
