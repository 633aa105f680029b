"""Quantiles from a noisy histogram on public bins: a monotone distribution function, and a band that holds everywhere.

A quantile lies where the share below passes p. Whether it lies above the end of a bin depends on (1 − p)·(persons up to
there) − p·(persons beyond), whose noise is known. Its interval are the bins that the data, at simultaneous 95 % over
all ends of bins (Bonferroni), do not exclude: so it holds for all quantiles of a cell together.
"""

import itertools
import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

from disclosure.table import MILLION

MISS: Final = 0.05
STEPS: Final = 1000
"""Values are in thousandths of the unit."""


def quantile_estimates(
    histogram: Sequence[int], lows: Sequence[int], noise_sd_millionths: int, per_mille: Sequence[int]
) -> list[tuple[int | None, int, int | None] | None]:
    """Return value and both ends of the interval of each quantile, in thousandths of the unit.

    `histogram` (noisy) and `lows` (lowest value of each bin, rising; the last bin is open) have one item a bin. A value
    or an upper end in the open bin is None, which stands for *above its beginning*; a whole result is None where noise
    leaves no persons to take a quantile of.
    """
    noise_sd = noise_sd_millionths / MILLION
    up_to = list(itertools.accumulate(histogram))
    bins, total = len(lows), up_to[-1]
    z = NormalDist().inv_cdf(1 - MISS / (2 * max(1, bins - 1)))
    if total <= z * noise_sd * math.sqrt(bins):
        return [None for _ in per_mille]
    return [_quantile(up_to, lows, noise_sd, z, p / 1000) for p in per_mille]


def _quantile(
    up_to: Sequence[int], lows: Sequence[int], noise_sd: float, z: float, p: float
) -> tuple[int | None, int, int | None]:
    bins, total = len(lows), up_to[-1]

    def excess(end: int) -> float:
        """Persons up to the end of a bin beyond the share p of all."""
        return up_to[end] - p * total

    def reach(end: int) -> float:
        return z * noise_sd * math.sqrt((1 - p) ** 2 * (end + 1) + p**2 * (bins - end - 1))

    first = next((end for end in range(bins - 1) if excess(end) + reach(end) >= 0), bins - 1)
    last = next((end for end in range(bins - 1) if excess(end) - reach(end) >= 0), bins - 1)
    return (
        _within(up_to, lows, p * total),
        lows[first] * STEPS,
        lows[last + 1] * STEPS if last + 1 < bins else None,
    )


def _within(up_to: Sequence[int], lows: Sequence[int], wanted: float) -> int | None:
    """Return where the monotone distribution function passes a number of persons, straight within a bin."""
    rising = list(itertools.accumulate(up_to, max))
    place = next((place for place, persons in enumerate(rising) if persons >= wanted), len(lows) - 1)
    if place == len(lows) - 1:
        return None
    before = max(0, rising[place - 1]) if place else 0
    inside = (wanted - before) / (rising[place] - before) if rising[place] > before else 1.0
    return round((lows[place] + min(1.0, max(0.0, inside)) * (lows[place + 1] - lows[place])) * STEPS)
