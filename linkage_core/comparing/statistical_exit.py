"""Leaving a pair after the first words of its CLKs: what that loses is computed beforehand, not found out.

Diffused CLKs are half full and unrelated ones agree in half of their bits, so no exact bound tells early that a pair
will not reach the threshold. But their bits are drawn by a key: the first words are a random sample of all bits, and
the number of differing bits among them is hypergeometric, given how many differ in all. So the share of the wanted
pairs that an exit keeps follows from the Dice of a sample of such pairs.
"""

from bisect import bisect_left
from dataclasses import dataclass
from functools import partial
from math import erf, lgamma, sqrt

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.cost import VECTORS, WORD_BITS


@dataclass(frozen=True, slots=True)
class StatisticalExit:
    """A pair is compared to its end only if its first `words` words of 64 bits differ little enough.

    That is, in at most `slack_bits` bits more than (1 - threshold) * (a + b) * words / all words: what a pair at the
    threshold, with a and b set bits, differs in on average. Whether a pair is found depends on that pair alone.
    `expected_recall`: share of the pairs at or above the threshold that it keeps, by `choose_exit`'s sample;
    `expected_survivors`: share of unrelated pairs that are compared to their end. A run's manifest states all four.
    """

    words: int
    slack_bits: int
    expected_recall: float
    expected_survivors: float

    def describe(self) -> dict[str, str | int]:
        """Return the fields as a manifest states them: whole numbers, and shares with six decimals."""
        return {
            "exit_words": self.words,
            "exit_slack_bits": self.slack_bits,
            "exit_expected_recall": f"{self.expected_recall:.6f}",
            "exit_expected_survivors": f"{self.expected_survivors:.6f}",
        }


def choose_exit(
    dice_of_sample: NDArray[np.float64],
    set_bits_of_sample: NDArray[np.int64],
    threshold: float,
    length_bits: int,
    wanted_recall: float,
) -> StatisticalExit | None:
    """Return the cheapest exit that keeps `wanted_recall` of pairs with Dice >= `threshold`; None if none is cheaper.

    The sample: pairs of diffused CLKs of `length_bits`, drawn at random from those that the search shall find, each
    with its Dice (float64) and the set bits of both CLKs together (int64); pairs below `threshold` are left out. None
    also for an empty sample: nothing can be promised. The same on every machine.
    """
    wanted = dice_of_sample >= threshold
    if not wanted.any():
        return None
    dice, both = dice_of_sample[wanted], set_bits_of_sample[wanted]
    apart, row = np.unique(np.rint((1 - dice) * both).astype(np.int64), return_inverse=True)
    best, least_work = None, VECTORS.of(length_bits // WORD_BITS, survivors=0.0)
    for words in range(1, length_bits // WORD_BITS):
        sampled = words * WORD_BITS
        chances = chance_within(apart, sampled, length_bits)
        allowed = np.floor((1 - threshold) * both * sampled / length_bits).astype(np.int64)
        recall = partial(_mean_chance, chances, row, allowed)
        slacks = range(-sampled, sampled + 1)
        least = bisect_left(slacks, wanted_recall, key=recall)
        if least == len(slacks):
            continue
        survivors = chance_of_unrelated(threshold, slacks[least], sampled, length_bits)
        work = VECTORS.of(words, survivors)
        if work < least_work:
            best = StatisticalExit(words, slacks[least], recall(slacks[least]), survivors)
            least_work = work
    return best


def chance_within(apart: NDArray[np.int64], sampled_bits: int, length_bits: int) -> NDArray[np.float64]:
    """Return P(at most c of `sampled_bits` differ | `apart` of `length_bits` differ): float64 (apart, c from 0 on)."""
    within = np.arange(sampled_bits + 1)
    beyond = apart[:, None] - within
    outside = length_bits - sampled_bits - beyond
    possible = (beyond >= 0) & (outside >= 0)
    logs = np.array([lgamma(n + 1) for n in range(length_bits + 1)])
    ways = logs[length_bits] - logs[apart] - logs[length_bits - apart]
    rest = length_bits - sampled_bits
    likely = (
        logs[sampled_bits] - logs[within] - logs[sampled_bits - within]
        + logs[rest] - logs[np.where(possible, beyond, 0)] - logs[np.where(possible, outside, 0)]
        - ways[:, None]
    )  # fmt: skip
    chances: NDArray[np.float64] = np.cumsum(np.exp(np.where(possible, likely, -np.inf)), axis=1)
    return np.minimum(chances, 1.0)


def _mean_chance(chances: NDArray[np.float64], row: NDArray[np.int64], allowed: NDArray[np.int64], slack: int) -> float:
    """Return the mean over pairs of the chance that at most `allowed + slack` bits differ; it rises with the slack."""
    bits = allowed + slack
    return float(np.where(bits < 0, 0.0, chances[row, np.clip(bits, 0, chances.shape[1] - 1)]).mean())


def chance_of_unrelated(threshold: float, slack_bits: int, sampled_bits: int, length_bits: int) -> float:
    """Return about how likely an unrelated pair survives: half of its bits differ, whatever the CLKs' set bits are.

    Those are binomial, half of the bits, and shift what is allowed; the difference of both is nearly normal.
    """
    share = (1 - threshold) * sampled_bits / length_bits
    excess = sampled_bits / 2 - share * length_bits - slack_bits
    deviation = sqrt(sampled_bits / 4 + share * share * length_bits / 2)
    return (1 + erf(-excess / deviation / sqrt(2))) / 2
