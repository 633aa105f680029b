"""The noise through its privacy map and its distribution: never through one draw."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from disclosure.bounding import Block, ContributionBound
from disclosure.errors import PolicyRefused
from disclosure.measurements import (
    BILLION,
    Mechanism,
    OpenDPNoise,
    half_width,
    mechanisms_for,
    price_nano_rho,
    summed_noise_sd,
)
from disclosure.query.questions import Accuracy
from disclosure.table import MILLION


def bound_of(cells: int) -> ContributionBound:
    return ContributionBound(cells, cells, truncates=False)


def mechanism_for(accuracy: Accuracy, bound: ContributionBound, maximum_noise_sd: int) -> Mechanism:
    return mechanisms_for(accuracy, (Block("count", 1, bound),), maximum_noise_sd)[0]


def exact_coverage(noise_sd: float, width: int) -> float:
    """P(|noise| <= width) of the discrete Gaussian, added up."""
    support = np.arange(-int(noise_sd * 12) - 20, int(noise_sd * 12) + 21)
    weights = np.exp(-(support**2) / (2 * noise_sd**2))
    return float(weights[np.abs(support) <= width].sum() / weights.sum())


@pytest.mark.parametrize("noise_sd", [0.3, 0.51, 0.6, 0.75, 1.0, 1.5, 2.5, 5.1, 6.3246, 20.4, 100.0, 999.9])
def test_half_widths_cover_at_least_95_percent_of_the_exact_distribution(noise_sd: float) -> None:
    width = half_width(int(noise_sd * MILLION))
    assert exact_coverage(noise_sd, width) >= 0.95
    assert width <= math.ceil(1.97 * noise_sd)


@given(wanted=st.integers(1, 10_000), cells=st.integers(1, 50))
def test_a_wanted_half_width_is_met_exactly(wanted: int, cells: int) -> None:
    mechanism = mechanism_for(Accuracy(half_width=wanted), bound_of(cells), 10_000)
    assert mechanism.half_width == wanted


@given(wanted=st.integers(1, 10**12), cells=st.integers(1, 1000))
def test_a_wanted_price_is_never_exceeded_and_nearly_used_up(wanted: int, cells: int) -> None:
    mechanism = mechanism_for(Accuracy(nano_rho=wanted), bound_of(cells), 10_000_000)
    assert mechanism.nano_rho <= wanted
    assert price_nano_rho(max(1, mechanism.noise_sd_millionths * 9999 // 10000), mechanism.bound) >= wanted


@given(noise_sd=st.integers(100_000, 10**13), cells=st.integers(1, 10_000))
def test_the_price_is_the_privacy_map_of_the_gaussian_rounded_up(noise_sd: int, cells: int) -> None:
    exact = Fraction(cells, 2) / Fraction(noise_sd, MILLION) ** 2 * BILLION
    price = price_nano_rho(noise_sd, bound_of(cells))
    assert exact <= price <= exact * (1 + Fraction(1, 10**12)) + 1


def test_four_cells_with_noise_of_6_3246_cost_rho_one_twentieth() -> None:
    assert price_nano_rho(6_324_600, bound_of(4)) == 49_999_294


def test_noise_above_the_agreements_ceiling_is_refused_by_clause() -> None:
    with pytest.raises(PolicyRefused, match=r"budget\.maximum_noise_sd"):
        mechanism_for(Accuracy(half_width=300), bound_of(1), 100)
    with pytest.raises(PolicyRefused, match=r"budget\.maximum_noise_sd"):
        mechanism_for(Accuracy(nano_rho=1), bound_of(1), 100)
    with pytest.raises(PolicyRefused, match=r"budget\.maximum_noise_sd"):
        mechanism_for(Accuracy(nano_rho=1), bound_of(10**9), 10**12)


def test_a_mean_shares_its_price_between_sum_and_count_and_takes_no_half_width() -> None:
    amounts = ContributionBound(2, 2 * 1_000**2, truncates=True, high=1_000)
    blocks = (Block("sum", 1, amounts), Block("count", 1, bound_of(2)))
    total, count = mechanisms_for(Accuracy(nano_rho=10_000_000), blocks, 100)
    assert total.nano_rho + count.nano_rho <= 10_000_000
    assert count.nano_rho > 4_999_000
    assert total.noise_sd_millionths == pytest.approx(1_000 * count.noise_sd_millionths, rel=1e-6)
    with pytest.raises(PolicyRefused, match="nano_rho"):
        mechanisms_for(Accuracy(half_width=10), blocks, 100)


def test_the_ceiling_of_noise_counts_in_persons_of_the_largest_amount() -> None:
    amounts = ContributionBound(1, 1_000**2, truncates=True, high=1_000)
    assert mechanism_for(Accuracy(half_width=190_000), amounts, 100).half_width == 190_000
    with pytest.raises(PolicyRefused, match=r"budget\.maximum_noise_sd"):
        mechanism_for(Accuracy(half_width=200_000), amounts, 100)


def test_the_noise_has_the_distribution_that_was_priced() -> None:
    # 200,000 draws; every tolerance is six standard errors or more of what it tests.
    count, noise_sd = 200_000, 6.3246
    mechanism = Mechanism(6_324_600, bound_of(4), 49_999_294)
    draws = np.array(OpenDPNoise().add_noise([1_000] * count, mechanism)) - 1_000
    assert abs(draws.mean()) < 6 * noise_sd / math.sqrt(count)
    assert abs(draws.var() / noise_sd**2 - 1) < 6 * math.sqrt(2 / count)
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 6 / math.sqrt(count)
    assert abs((np.abs(draws) <= 12).mean() - exact_coverage(noise_sd, 12)) < 6 * math.sqrt(0.25 / count)
    support = np.arange(-30, 31)
    weights = np.exp(-(support**2) / (2 * noise_sd**2))
    expected = weights / weights.sum()
    observed = np.array([(draws == value).mean() for value in support])
    assert np.abs(observed - expected).max() < 6 * math.sqrt(expected.max() / count)


def test_a_sum_of_cells_has_the_root_of_their_number_as_much_noise() -> None:
    assert summed_noise_sd(2_000_000, 9) == 6_000_000
    assert summed_noise_sd(1_000_000, 2) == 1_414_214
    mechanism = Mechanism(5_000_000, bound_of(1), 20_000_000)
    draws = np.array(OpenDPNoise().add_noise([0] * 90_000, mechanism)).reshape(-1, 9).sum(axis=1)
    assert abs(draws.std() / 15 - 1) < 6 / math.sqrt(2 * len(draws))


def test_counts_beyond_32_bits_are_noised_without_saturation() -> None:
    mechanism = Mechanism(1_000_000, bound_of(1), 500_000_000)
    (value,) = OpenDPNoise().add_noise([2**40], mechanism)
    assert abs(value - 2**40) < 100
