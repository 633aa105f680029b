"""Distinct patterns of levels with their counts: models are fitted to them, not to pairs one by one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Patterns:
    """`levels`: int8, (patterns, comparisons), each pattern once, sorted. `weight`: float64, (patterns,), pairs."""

    levels: NDArray[np.int8]
    weight: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.weight)


def count_patterns(levels: NDArray[np.int8], weight: NDArray[np.float64] | float = 1.0) -> Patterns:
    """Return the patterns of pairs, int8 (pairs, comparisons), each pair counted with its weight."""
    weights = np.broadcast_to(np.asarray(weight, np.float64), len(levels))
    if not len(levels):
        return Patterns(levels.reshape(0, levels.shape[1]), np.zeros(0))
    rows = np.ascontiguousarray(levels).view(f"V{levels.shape[1]}").reshape(-1)
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    counts: NDArray[np.float64] = np.bincount(inverse, weights=weights, minlength=len(first)).astype(np.float64)
    return Patterns(levels[first], counts)


def pooled(parts: Sequence[Patterns]) -> Patterns:
    """Return the patterns of all parts together."""
    return count_patterns(np.concatenate([part.levels for part in parts]), np.concatenate([p.weight for p in parts]))


def shares_by_level(patterns: Patterns, comparison: int, levels: int) -> NDArray[np.float64]:
    """Return which share of the pairs that can be compared has each level: float64, (levels,), zeros without any."""
    present = patterns.levels[:, comparison] >= 0
    counted = np.bincount(patterns.levels[present, comparison], patterns.weight[present], minlength=levels)
    counts: NDArray[np.float64] = counted.astype(np.float64)
    total = counts.sum()
    shares: NDArray[np.float64] = counts / total if total > 0 else counts
    return shares
