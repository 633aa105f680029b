"""What Dice unrelated diffused CLKs reach: about one half, as half of their bits are set, nearer in longer codes."""

import math
from statistics import NormalDist
from typing import Final

CHANCE: Final = 0.5
"""Mean Dice of unrelated diffused CLKs."""

CHANCE_SPREAD: Final = 0.6
"""Standard deviation of the Dice of unrelated diffused CLKs of n bits, times the square root of n: measured, .61 to .63
at 8,192 bits."""


def dice_above_chance(spreads: float, length_bits: int) -> float:
    """Return the Dice that lies so many standard deviations above chance, at most 1."""
    return min(CHANCE + spreads * CHANCE_SPREAD / math.sqrt(length_bits), 1.0)


def spreads_reached_by(share: float) -> float:
    """Return how many standard deviations above chance a `share`, 0 < share < 1, of unrelated pairs lies or more."""
    return -NormalDist().inv_cdf(share)
