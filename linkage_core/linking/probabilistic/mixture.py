"""The textbook model: a mixture of matches and non-matches by expectation maximisation (EM), comparisons independent.

It needs no file without duplicates, only patterns of candidate pairs; but where comparisons depend on each other it is
too sure, and where matches are rare it may call something else a match. So it is what the other model is compared with,
and what is left where there is nothing to learn from; its answers are checked for what cannot be.

Source: W. E. Winkler, Using the EM Algorithm for Weight Computation in the Fellegi–Sunter Model (1988).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.errors import Unfit
from linkage_core.linking.probabilistic.evidence import Comparison
from linkage_core.linking.probabilistic.patterns import Patterns
from linkage_core.linking.probabilistic.weights import Weights

MOST_STEPS: Final = 2000
CONVERGED: Final = 1e-7
SMALLEST_SHARE: Final = 1e-6
"""Pairs of a kind that a level is counted with at least: no level rules out anything."""


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """Shares of each comparison's levels among matches (`m`) and non-matches (`u`), and the share of matches."""

    m: tuple[NDArray[np.float64], ...]
    u: tuple[NDArray[np.float64], ...]
    matches: float
    steps: int

    def weights(self) -> Weights:
        """Return log2(m / u) of each level, and the prior odds in bits."""
        bits = tuple(np.log2(m / u) for m, u in zip(self.m, self.u, strict=True))
        prior = float(np.log2(self.matches / (1 - self.matches)))
        return Weights(
            tuple(b - b[0] for b in bits), np.array([-b[0] for b in bits]), prior + float(sum(b[0] for b in bits))
        )

    def probability(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of a match from match weights in bits, the prior included."""
        sure: NDArray[np.float64] = np.exp(-np.logaddexp(0, -weight * np.log(2)))
        return sure


def fit_mixture(
    comparisons: Sequence[Comparison], patterns: Patterns, start: NDArray[np.float64], most_matches: float
) -> Mixture:
    """Fit the mixture to patterns of candidate pairs; `start`: first guess of each pattern's probability to match.

    Raises `Unfit` if it does not converge, or finds more matches than there can be (`most_matches`).
    """
    weight = patterns.weight / patterns.weight.sum()
    sure = np.clip(start, 1e-6, 1 - 1e-6)
    share = 0.0
    for step in range(1, MOST_STEPS + 1):
        m = _shares(comparisons, patterns, weight * sure)
        u = _shares(comparisons, patterns, weight * (1 - sure))
        before, share = share, float(np.clip(weight @ sure, 1e-12, 1 - 1e-12))
        fitted = Mixture(m, u, share, step)
        sure = fitted.probability(fitted.weights().of(patterns.levels))
        if abs(share - before) < CONVERGED * share:
            break
    else:
        raise Unfit(
            f"the mixture of matches and non-matches did not converge in {MOST_STEPS} steps: the candidate pairs do "
            "not fall into two kinds. Raise matching.candidate_per_mille, or link with combination weighted-mean"
        )
    found = share * patterns.weight.sum()
    if found > most_matches:
        raise Unfit(
            f"the mixture finds {found:,.0f} matches where there can be {most_matches:,.0f} at most: it took something "
            "else for matches. Raise matching.candidate_per_mille, or link with combination weighted-mean"
        )
    return fitted


def _shares(
    comparisons: Sequence[Comparison], patterns: Patterns, weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], ...]:
    shares = []
    for place, comparison in enumerate(comparisons):
        levels = patterns.levels[:, place]
        present = levels >= 0
        counts = np.bincount(levels[present], weight[present], minlength=comparison.levels) + SMALLEST_SHARE
        shares.append(counts / counts.sum())
    return tuple(shares)
