"""One score for a candidate pair from its Dice in every CLK. Fellegi-Sunter weights are a second combination."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.schema import ClkSpec
from linkage_core.searching.candidates import Candidates
from linkage_core.types import ClkName

SCORE_DECIMALS: Final = 9
"""Scores are rounded, so that a mean that is exactly at a threshold is not lost to the order of additions."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoredPairs:
    """Pairs of record numbers, `a` < `b` (uint32), each once, with their score (float64, 0 to 1)."""

    a: NDArray[np.uint32]
    b: NDArray[np.uint32]
    score: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.score)

    def take(self, kept: NDArray[np.bool_]) -> "ScoredPairs":
        """Return the pairs marked in `kept`, bool (pairs,)."""
        return ScoredPairs(self.a[kept], self.b[kept], self.score[kept])


def joined(parts: Sequence[ScoredPairs]) -> ScoredPairs:
    """Return the pairs of all parts, sorted by a, then b; no pair may be in two parts."""
    if not parts:
        return ScoredPairs(np.zeros(0, np.uint32), np.zeros(0, np.uint32), np.zeros(0, np.float64))
    a = np.concatenate([part.a for part in parts])
    b = np.concatenate([part.b for part in parts])
    order = np.lexsort((b, a))
    return ScoredPairs(a[order], b[order], np.concatenate([part.score for part in parts])[order])


def weighted_mean(candidates: Candidates, specs: Sequence[ClkSpec]) -> ScoredPairs:
    """Score pairs by the mean Dice, weighted by `ClkSpec.weight`, over the CLKs that both records have.

    A CLK that one of them lacks counts neither for nor against; a pair without a common CLK scores 0.
    """
    dice = np.stack([candidates.dice[ClkName(spec.name)] for spec in specs], axis=1)
    return ScoredPairs(candidates.row_a, candidates.row_b, mean_of_dice(dice, [spec.weight for spec in specs]))


def mean_of_dice(dice: NDArray[np.float64], weights: Sequence[int]) -> NDArray[np.float64]:
    """Return the weighted mean of each row of `dice`, float64 (pairs, CLKs), over what is a number; 0 without any."""
    weighted = np.zeros(len(dice), dtype=np.float64)
    weight = np.zeros(len(dice), dtype=np.float64)
    for column, own_weight in zip(dice.T, weights, strict=True):
        comparable = ~np.isnan(column)
        weighted[comparable] += own_weight * column[comparable]
        weight[comparable] += own_weight
    score = np.zeros(len(dice), dtype=np.float64)
    np.divide(weighted, weight, out=score, where=weight > 0)
    return score.round(SCORE_DECIMALS)
