"""How far an interval reaches towards zero when its cell is read because its noisy value came out large.

A cell without the flag U is one whose value reached a threshold, and noise lifted some of those there: of cells whose
true value is far below, only they are seen, and 1.96 SD around them never cover (the winner's curse). So the end
towards zero is conditional: the least true value under which, of the cells that are read, 2.5 % come out as large.
With u the distance of the value from the threshold and t the reach, in SDs of the noise, and Q the upper tail of the
normal distribution, that is Q(t) / Q(t - u) = 0.025. The other end keeps 1.96. Among the cells that are read as among
all, intervals so miss on either side in at most 2.5 %.

Source: the conditional interval of selective inference (Zhong and Prentice 2008; Lee, Sun, Sun and Taylor 2016), with
the unconditional one joined to it. Decision 41 has the reasons and what was measured.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from disclosure.suppression import is_unreliable, least_reliable
from disclosure.table import MILLION

MISS: Final = 0.025
"""How often an interval may miss on one side."""

NORMAL_QUANTILE: Final = 1.959963985
"""The 97.5 % quantile of the normal distribution, rounded up: the reach of a value far from the threshold."""

FARTHEST: Final = 4.5
"""No interval reaches farther, in SDs: noise that lifts a cell by more comes up once in 300,000 cells."""

_STEPS_PER_SD: Final = 200
_NORMAL: Final = NormalDist()


def upper_tail(z: float) -> float:
    """Return the share of the normal distribution above z standard deviations."""
    return _NORMAL.cdf(-z)


def _distance(reach: float) -> float:
    """Return how far from the threshold a value lies whose interval reaches so far; both in SDs."""
    return reach - _NORMAL.inv_cdf(1 - upper_tail(reach) / MISS)


_REACHES: Final = tuple(
    step / _STEPS_PER_SD for step in range(int(FARTHEST * _STEPS_PER_SD), int(NORMAL_QUANTILE * _STEPS_PER_SD), -1)
)
_DISTANCES: Final = tuple(_distance(reach) for reach in _REACHES)


def reach_towards_zero(distance: float) -> float:
    """Return the reach of a value that lies so far beyond the threshold, both in SDs; at most 0.005 too far."""
    place = bisect_right(_DISTANCES, distance)
    return NORMAL_QUANTILE if place == len(_REACHES) else _REACHES[max(place - 1, 0)]


def lifted_at_most(shown: float) -> float:
    """Return by how many SDs noise lifts all but 2.5 % of the cells that are read, at most `FARTHEST`.

    `shown`: the share of such cells that is read, above 0.
    """
    return min(-_NORMAL.inv_cdf(MISS * shown), FARTHEST)


@dataclass(frozen=True, slots=True)
class Reading:
    """Which numbers of a noise are read by themselves, and the 95 % interval of each.

    `half_width` is that of a number by itself. A `signed` number, such as a balance or a sum, may be small or negative.
    """

    noise_sd_millionths: int
    half_width: int
    minimum_cell_count: int
    signed: bool = False

    def reads(self, value: int) -> bool:
        """Tell whether a noisy value is read by itself; otherwise its cell gets the flag U."""
        return not is_unreliable(value, self.half_width, self.minimum_cell_count, signed=self.signed)

    def reach_towards_zero(self, value: int) -> float:
        """Return how far the interval of a value reaches towards zero, in SDs: for the noise alone, unrounded."""
        if not self.reads(value):
            return NORMAL_QUANTILE
        least = least_reliable(self.half_width, 0 if self.signed else self.minimum_cell_count)
        return reach_towards_zero((abs(value) - least) * MILLION / self.noise_sd_millionths)

    def widening(self, value: int) -> float:
        """Return by how much the squared reach towards zero exceeds that of a value by itself, in squared steps."""
        reach, noise_sd = self.reach_towards_zero(value), self.noise_sd_millionths / MILLION
        return noise_sd**2 * (reach**2 - NORMAL_QUANTILE**2)

    def ends(self, value: int) -> tuple[int, int]:
        """Return both ends of the interval of a noisy value, in whole steps, rounded to the nearest."""
        reach = self.reach_towards_zero(value)
        inner = max(self.half_width, math.floor(reach * self.noise_sd_millionths / MILLION + 0.5))
        if self.signed and value < 0:
            return value - self.half_width, value + inner
        return value - inner, value + self.half_width
