"""One score for a candidate pair from its Dice in every CLK. Fellegi-Sunter weights are a second combination."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.candidates import Candidates
from linkage_core.comparing.pairwise import dice_of_pairs
from linkage_core.linking.files import ClkColumn
from linkage_core.schema import ClkSpec
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


def union_of(candidates: Sequence[Candidates]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the pairs (a, b) that at least one CLK proposed, each once, sorted by a, then b."""
    packed = [found.a.astype(np.uint64) << np.uint64(32) | found.b for found in candidates]
    pairs = np.unique(np.concatenate(packed)) if packed else np.zeros(0, np.uint64)
    return (pairs >> np.uint64(32)).astype(np.uint32), (pairs & np.uint64(0xFFFFFFFF)).astype(np.uint32)


def weighted_mean(
    a: NDArray[np.uint32], b: NDArray[np.uint32], clks: Mapping[ClkName, ClkColumn], specs: Sequence[ClkSpec]
) -> ScoredPairs:
    """Score pairs by the mean Dice, weighted by `ClkSpec.weight`, over the CLKs that both records have.

    A CLK that one of them lacks counts neither for nor against; a pair without a common CLK scores 0.
    """
    weighted = np.zeros(len(a), dtype=np.float64)
    weight = np.zeros(len(a), dtype=np.float64)
    for spec in specs:
        clk = clks[ClkName(spec.name)]
        comparable = np.flatnonzero(clk.present[a] & clk.present[b])
        weighted[comparable] += spec.weight * dice_of_pairs(clk.bits, a[comparable], b[comparable])
        weight[comparable] += spec.weight
    score = np.zeros(len(a), dtype=np.float64)
    np.divide(weighted, weight, out=score, where=weight > 0)
    return ScoredPairs(a, b, score.round(SCORE_DECIMALS))
