"""Leaving a pair after the first words of its CLKs: what that loses is computed beforehand, not found out.

Diffused CLKs are half full and unrelated ones agree in half of their bits, so no exact bound tells early that a pair
will not reach the threshold. But their bits are drawn by a key: the first words are a random sample of all bits, and
the number of differing bits among them is hypergeometric, given how many differ in all. So the share of the wanted
pairs that an exit keeps follows from the Dice of a sample of such pairs.
"""

from dataclasses import dataclass
from math import lgamma
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.cost import WORD_BITS, words_of_work

WORDS_AT_A_TIME: Final = 2


@dataclass(frozen=True, slots=True)
class StatisticalExit:
    """A pair is compared on only where its first `words` words of 64 bits differ in at most `most_apart` bits.

    `expected_recall`: share of the pairs at or above the threshold that it keeps, by `choose_exit`'s sample;
    `expected_survivors`: share of unrelated pairs that are compared to the end. A run's manifest states all four.
    """

    words: int
    most_apart: int
    expected_recall: float
    expected_survivors: float

    def describe(self) -> dict[str, str | int]:
        """Return the fields as a manifest states them: whole numbers, and shares with six decimals."""
        return {
            "exit_words": self.words,
            "exit_most_apart": self.most_apart,
            "exit_expected_recall": f"{self.expected_recall:.6f}",
            "exit_expected_survivors": f"{self.expected_survivors:.6f}",
        }


def choose_exit(
    dice_of_sample: NDArray[np.float64], threshold: float, length_bits: int, wanted_recall: float
) -> StatisticalExit | None:
    """Return the cheapest exit that keeps `wanted_recall` of pairs with Dice >= `threshold`; None if none is cheaper.

    `dice_of_sample` float64: the Dice of pairs of diffused CLKs of `length_bits`, drawn at random from those that the
    search shall find; values below `threshold` are left out. None also for an empty sample: nothing can be promised.
    """
    wanted = dice_of_sample[dice_of_sample >= threshold]
    if not len(wanted):
        return None
    apart, pairs = np.unique(np.rint(length_bits * (1 - wanted)).astype(np.int64), return_counts=True)
    best, least_work = None, words_of_work(length_bits // WORD_BITS, survivors=0.0)
    for words in range(WORDS_AT_A_TIME, length_bits // WORD_BITS, WORDS_AT_A_TIME):
        recall = pairs @ chance_within(apart, words * WORD_BITS, length_bits) / pairs.sum()
        most_apart = int(np.searchsorted(recall, wanted_recall))
        if most_apart == len(recall):
            continue
        survivors = float(chance_of_unrelated(words * WORD_BITS)[most_apart])
        work = words_of_work(words, survivors)
        if work < least_work:
            best, least_work = StatisticalExit(words, most_apart, float(recall[most_apart]), survivors), work
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
    chances: NDArray[np.float64] = np.cumsum(np.where(possible, np.exp(likely), 0.0), axis=1)
    return np.minimum(chances, 1.0)


def chance_of_unrelated(sampled_bits: int) -> NDArray[np.float64]:
    """Return P(at most c of `sampled_bits` differ) for unrelated CLKs, of which each bit differs half the time."""
    logs = np.array([lgamma(n + 1) for n in range(sampled_bits + 1)])
    chances: NDArray[np.float64] = np.exp(logs[-1] - logs - logs[::-1] - sampled_bits * np.log(2))
    return np.cumsum(chances)
