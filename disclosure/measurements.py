"""The noise: a discrete Gaussian on integer vectors under zero-concentrated differential privacy, built with OpenDP.

The only importer of opendp, which is asked for three things: to build a measurement, to price it by its own privacy
map, and to run it. Prices are rounded up to whole nano-rho, sensitivities come rounded up, and the standard deviation
is a whole number of millionths of a person, so that the price of a question is the same wherever it is computed.

Half-widths use the Gaussian quantile 1.959964, rounded up to whole persons: on integers that covers at least 95 %
(tests add up the exact distribution). OpenDP's own accuracy function takes minutes at large scales.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Protocol

# By module: `opendp.prelude` would load scikit-learn, pandas and polars wherever they are installed, in seconds.
from opendp.combinators import make_zCDP_to_approxDP
from opendp.domains import atom_domain, vector_domain
from opendp.measurements import then_gaussian
from opendp.metrics import l2_distance
from opendp.mod import enable_features

from disclosure.bounding import Block, ContributionBound
from disclosure.errors import PolicyRefused
from disclosure.query.questions import Accuracy
from disclosure.table import MILLION

enable_features("contrib")  # OpenDP's gate for constructors whose proofs are reviewed but not yet certified

BILLION: Final = 1_000_000_000
NORMAL_QUANTILE_BILLIONTHS: Final = 1_959_963_985
"""The 97.5 % quantile of the normal distribution, rounded up."""

LARGEST_NOISE_SD: Final = 10_000_000
"""Ceiling in persons, whatever the agreement says: noise beyond any country's tables."""


LARGEST_NUMBER: Final = 10**15
"""Ceiling of noise in any unit: far within 64-bit integers."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A priced measurement: the noise's standard deviation in each cell, for a bound, at a price."""

    noise_sd_millionths: int
    bound: ContributionBound
    nano_rho: int

    @property
    def half_width(self) -> int:
        """Half-width of a cell's 95 % interval, in persons."""
        return half_width(self.noise_sd_millionths)


class NoiseSource(Protocol):
    """Draws the noise of one release."""

    def add_noise(self, counts: Sequence[int], mechanism: Mechanism) -> tuple[int, ...]:
        """Return the counts with independent noise of the mechanism's standard deviation on each."""
        ...


class OpenDPNoise:
    """Noise from OpenDP's sampler, which takes its randomness from the operating system."""

    def add_noise(self, counts: Sequence[int], mechanism: Mechanism) -> tuple[int, ...]:
        """Draw once for the whole vector, with the very measurement that was priced."""
        return tuple(_measurement(mechanism.noise_sd_millionths)(list(counts)))


def mechanisms_for(accuracy: Accuracy, blocks: Sequence[Block], maximum_noise_sd: int) -> tuple[Mechanism, ...]:
    """Return for each block the cheapest mechanism of the wanted half-width, or the most precise of the wanted price.

    Several blocks share a price evenly; those that stand beside a count have a fixed multiple of its noise. The noise
    of amounts is measured against the ceiling in persons: divided by the largest amount of one person. Raises
    `PolicyRefused` if noise is above the agreement's `maximum_noise_sd` or the ceiling of all agreements, and for a
    half-width of a mean, which depends on how many persons are in a cell.
    """
    if sum(block.noise_factor == 1 for block in blocks) > 1 and accuracy.nano_rho is None:
        raise PolicyRefused(
            "accuracy", "the half-width of a mean depends on how many persons a cell has: give the price, nano_rho"
        )
    return tuple(
        _mechanism(accuracy, block, share, maximum_noise_sd)
        for block, share in zip(blocks, _shares(blocks), strict=True)
    )


def _shares(blocks: Sequence[Block]) -> tuple[Fraction, ...]:
    """Return each block's share of a price: an even one, or that of its multiple of the first block's noise."""
    if all(block.noise_factor == 1 for block in blocks):
        return (Fraction(1, len(blocks)),) * len(blocks)
    weights = [Fraction(block.bound.l2_squared, block.noise_factor**2) for block in blocks]
    return tuple(weight / sum(weights) for weight in weights)


def _mechanism(accuracy: Accuracy, block: Block, share: Fraction, maximum_noise_sd: int) -> Mechanism:
    bound = block.bound
    if accuracy.half_width is not None:
        noise_sd = block.noise_factor * accuracy.half_width * BILLION * MILLION // NORMAL_QUANTILE_BILLIONTHS
    else:
        price = math.floor((accuracy.nano_rho or 0) * share)
        if price < 1:
            raise PolicyRefused("accuracy", f"a price must be at least {math.ceil(1 / share)} nano-rho")
        noise_sd = _least_noise_sd(bound, price)
    largest = max(abs(bound.low), abs(bound.high)) * block.noise_factor
    if noise_sd > min(min(maximum_noise_sd, LARGEST_NOISE_SD) * largest, LARGEST_NUMBER) * MILLION:
        raise PolicyRefused(
            "budget.maximum_noise_sd",
            f"the answer would have a noise SD of {noise_sd // MILLION}; ask for more accuracy or fewer cells",
        )
    return Mechanism(noise_sd, bound, price_nano_rho(noise_sd, bound))


def price_nano_rho(noise_sd_millionths: int, bound: ContributionBound) -> int:
    """Return rho by OpenDP's privacy map at the bound's L2 sensitivity, in nano-rho, rounded up."""
    rho = _measurement(noise_sd_millionths).map(bound.l2)
    return math.ceil(Fraction(rho) * BILLION)


def epsilon_millionths(nano_rho: int, delta_e15: int) -> int:
    """Return the epsilon that so much rho implies at a delta, in millionths, rounded up.

    By OpenDP's own conversion of a zero-concentrated into an approximate guarantee: a way to read rho, no price.
    """
    measurement = _measurement(MILLION)
    distance = math.sqrt(2 * nano_rho / BILLION)
    while Fraction(measurement.map(distance)) * BILLION < nano_rho:
        distance = math.nextafter(distance, math.inf)
    converted: Any = make_zCDP_to_approxDP(measurement)
    profile = converted.map(distance)
    return math.ceil(Fraction(profile.epsilon(delta_e15 / 10**15)) * MILLION)


def half_width(noise_sd_millionths: int) -> int:
    """Return the half-width of a 95 % interval around a value with this noise, in persons, rounded up."""
    return -(-NORMAL_QUANTILE_BILLIONTHS * noise_sd_millionths // (BILLION * MILLION))


def summed_noise_sd(noise_sd_millionths: int, cells: int) -> int:
    """Return the standard deviation of a sum of independent cells (root of their number), in millionths, rounded up."""
    square = noise_sd_millionths**2 * cells
    root = math.isqrt(square)
    return root if root * root == square else root + 1


def _least_noise_sd(bound: ContributionBound, nano_rho: int) -> int:
    # rho = l2² / (2 sd²). OpenDP's map rounds up, so the exact root may cost one nano-rho too much: step over it.
    noise_sd = math.isqrt(bound.l2_squared * BILLION * MILLION**2 // (2 * nano_rho)) + 1
    while price_nano_rho(noise_sd, bound) > nano_rho:
        noise_sd += 1 + noise_sd // BILLION
    return noise_sd


def _measurement(noise_sd_millionths: int) -> Any:  # opendp's class has no useful static type
    space = vector_domain(atom_domain(T="i64")), l2_distance(T=float)
    return space >> then_gaussian(noise_sd_millionths / MILLION)
