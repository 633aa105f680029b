"""Intervals of cells that are read because they came out large hold what they promise, by the exact distribution."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from disclosure.measurements import half_width
from disclosure.post_selection import (
    FARTHEST,
    MISS,
    NORMAL_QUANTILE,
    Reading,
    lifted_at_most,
    reach_towards_zero,
    upper_tail,
)

MILLION = 1_000_000
SEEN = 2e-4
"""Cells that are read less often than this may owe it to noise of more than `FARTHEST` SDs."""


def shares(truth: int, reading: Reading) -> tuple[float, float, float, float]:
    """Return the share read, covered of all, missed below and missed above of those read; the discrete Gaussian's."""
    sd = reading.noise_sd_millionths / MILLION
    reach = int(9 * sd) + 12
    values = np.arange(truth - reach, truth + reach + 1)
    weights = np.exp(-((values - truth) ** 2) / (2 * sd**2))
    weights /= weights.sum()
    read = np.array([reading.reads(int(value)) for value in values])
    ends = np.array([reading.ends(int(value)) for value in values])
    low, high = ends[:, 0], ends[:, 1]
    covered = float(weights[(low <= truth) & (truth <= high)].sum())
    seen = float(weights[read].sum())
    if not seen:
        return 0.0, covered, 0.0, 0.0
    return seen, covered, weights[read & (truth < low)].sum() / seen, weights[read & (high < truth)].sum() / seen


@given(st.integers(400_000, 20 * MILLION), st.integers(0, 60), st.integers(0, 150))
def test_counts_that_are_read_are_covered_as_often_as_all(sd: int, minimum: int, truth: int) -> None:
    seen, covered, below, above = shares(truth, Reading(sd, half_width(sd), minimum))
    assert covered >= 0.95
    if seen > SEEN:
        assert below <= MISS + 5e-4
        assert above <= MISS


@given(st.integers(400_000, 20 * MILLION), st.integers(-150, 150))
def test_signed_numbers_that_are_read_are_covered_on_both_sides_of_zero(sd: int, truth: int) -> None:
    seen, covered, below, above = shares(truth, Reading(sd, half_width(sd), 0, signed=True))
    assert covered >= 0.95
    if seen > SEEN:
        assert below + above <= 2 * MISS + 5e-4


@pytest.mark.parametrize(("sd", "truth"), [(3, 6), (6, 10), (12, 30)])
def test_plain_intervals_of_cells_that_noise_lifted_do_not_cover(sd: int, truth: int) -> None:
    reading = Reading(sd * MILLION, half_width(sd * MILLION), 10)
    values = np.arange(truth, truth + 9 * sd)
    weights = np.exp(-((values - truth) ** 2) / (2 * sd**2))
    read = np.array([reading.reads(int(value)) for value in values])
    assert weights[read & (values - truth <= reading.half_width)].sum() / weights[read].sum() < 0.9
    assert shares(truth, reading)[2] <= MISS


def test_only_the_end_towards_zero_moves_and_far_from_the_threshold_none() -> None:
    reading = Reading(5 * MILLION, 10, 10)
    assert reading.ends(19) == (9, 29)  # not read: the interval of the noise
    assert reading.ends(20) == (20 - 23, 30)  # on the threshold: four and a half standard deviations
    assert reading.ends(30) == (18, 40)
    assert reading.ends(60) == (50, 70)
    signed = Reading(5 * MILLION, 10, 0, signed=True)
    assert signed.ends(-20) == (-30, 3)
    assert signed.ends(-60) == (-70, -50)


def test_a_value_on_the_threshold_reaches_farthest_and_reaches_fall_from_there() -> None:
    distances = np.linspace(0, 8, 400)
    reaches = [reach_towards_zero(distance) for distance in distances]
    assert reaches[0] == FARTHEST
    assert reaches == sorted(reaches, reverse=True)
    assert reaches[-1] == NORMAL_QUANTILE
    for distance, reach in zip(distances, reaches, strict=True):
        if NORMAL_QUANTILE < reach < FARTHEST:
            assert upper_tail(reach) / upper_tail(reach - distance) == pytest.approx(MISS, rel=0.02)


def test_how_far_noise_lifts_follows_from_the_share_that_is_read() -> None:
    assert lifted_at_most(1.0) == pytest.approx(NORMAL_QUANTILE, abs=1e-6)
    assert lifted_at_most(0.01) == pytest.approx(3.4808, abs=1e-3)
    assert lifted_at_most(1e-9) == FARTHEST
