"""Simpler tables for readers: unreliable cells left out, figures rounded. Presentation, and never protection.

Tables are protected by their noise alone; leaving out or rounding noisy values protects nobody further, and costs
accuracy. So what it does to bias and coverage is reported beside, from the noise's standard deviation and nothing else.
Raw values are kept.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from disclosure.errors import QueryFault
from disclosure.post_selection import lifted_at_most, upper_tail
from disclosure.suppression import LARGEST_HALF_WIDTH_PER_MILLE

LARGEST_BASE: Final = 1_000
_SMOOTH: Final = 20
"""Noise of more standard deviations than this many bases: the rounding error is uniform to any precision shown."""
_REACH: Final = 8
"""Standard deviations beyond which a discrete Gaussian has no weight that counts."""


@dataclass(frozen=True, slots=True)
class SuppressionEffect:
    """What leaving out unreliable cells does to a cell whose true value is `truth`.

    `shown`: the probability that the cell is shown. Given that it is: `bias`, the mean of its value minus the truth,
    and `coverage`, how often its 95 % interval contains the truth.
    """

    truth: float
    shown: float
    bias: float
    coverage: float


@dataclass(frozen=True, slots=True)
class RoundingEffect:
    """What rounding to multiples of `base` does, at the true value where it does most.

    `largest_bias`: of the mean, in the unit. `added_sd`: of the rounding error by itself. `least_coverage`: of an
    interval of the released half-width put around the rounded value; the released interval keeps its own.
    """

    base: int
    largest_bias: float
    added_sd: float
    least_coverage: float


def suppression_effect(
    truth: float, noise_sd: float, half_width: float, minimum_cell_count: int = 0
) -> SuppressionEffect:
    """Return the effect on a count of leaving it out where it is unreliable (`suppression.is_unreliable`).

    A count is shown from a threshold on, so values that noise lifted are shown more often: small counts that are shown
    are too high, and their intervals reach farther down (`post_selection`). From the normal distribution, which the
    noise follows closely.
    """
    threshold = max(half_width * 1000 / LARGEST_HALF_WIDTH_PER_MILLE, minimum_cell_count)
    distance, reach = (threshold - truth) / noise_sd, half_width / noise_sd
    shown = upper_tail(distance)
    if shown == 0:
        return SuppressionEffect(truth, 0.0, math.nan, math.nan)
    density = math.exp(-(distance**2) / 2) / math.sqrt(2 * math.pi)
    lifted = max(lifted_at_most(shown), reach)
    inside = max(0.0, upper_tail(max(distance, -reach)) - upper_tail(lifted))
    return SuppressionEffect(truth, shown, noise_sd * density / shown, inside / shown)


def rounded(value: int, base: int) -> int:
    """Return the nearest multiple of a base; halves go to the even multiple, so that neither side is favoured."""
    _check_base(base)
    lower, rest = divmod(value, base)
    up = 2 * rest > base or (2 * rest == base and lower % 2 == 1)
    return (lower + up) * base


def rounding_effect(base: int, noise_sd: float, half_width: float) -> RoundingEffect:
    """Return the effect of rounding counts with this noise to multiples of a base.

    Raises `QueryFault` for a base outside 1 … `LARGEST_BASE`.
    """
    _check_base(base)
    added = math.sqrt((base**2 - 1) / 12)
    if noise_sd > _SMOOTH * base:
        spread = math.hypot(noise_sd, added)
        return RoundingEffect(base, 0.0, added, 1 - 2 * upper_tail(half_width / spread))
    reach = math.ceil(_REACH * noise_sd)
    noise = np.arange(-reach, reach + 1)
    weights = np.exp(-(noise**2) / (2 * noise_sd**2))
    weights /= weights.sum()
    biases, coverages = [], []
    for truth in range(2 * base):  # to and from the even multiple
        error = np.rint((truth + noise) / base) * base - truth
        biases.append(abs(float(weights @ error)))
        coverages.append(float(weights[np.abs(error) <= half_width].sum()))
    return RoundingEffect(base, max(biases), added, min(coverages))


def _check_base(base: int) -> None:
    if not 1 <= base <= LARGEST_BASE:
        raise QueryFault(f"a base of rounding is 1 to {LARGEST_BASE}, not {base}")
