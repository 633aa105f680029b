"""Match weights that allow for comparisons that depend on each other.

Textbook weights add log2(m / u) of each comparison as if they were independent. CLKs that share a variable are not:
they would count one agreement twice. So weights are fitted together, as the logistic regression that tells links from
pairs of different people by their levels (the discriminative form of the Fellegi–Sunter model: with independent
comparisons both are the same). Each level of a CLK adds to the level below it, never less than nothing: more alike
cannot mean less likely. A penalty draws to zero what few pairs speak for.

Source: I. P. Fellegi, A. B. Sunter, A Theory for Record Linkage, JASA 64 (1969); D. R. Cox's logistic form by Newton's
method, as in T. Hastie, R. Tibshirani, J. Friedman, The Elements of Statistical Learning, section 4.4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.errors import Unfit
from linkage_core.linking.probabilistic.evidence import MISSING, Comparison
from linkage_core.linking.probabilistic.patterns import Patterns

PENALTY: Final = 1.0
"""Of the squared weight, in nats, as if it were one pair's worth of doubt."""

MOST_STEPS: Final = 100
SMALL_STEP: Final = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """What each level of each comparison adds to a pair's match weight, in bits; the lowest level adds nothing.

    `levels`: float64, (levels,), a comparison; `missing`: float64, (comparisons,); `prior`: the weight, in bits, of a
    pair that agrees nowhere.
    """

    levels: tuple[NDArray[np.float64], ...]
    missing: NDArray[np.float64]
    prior: float

    def of(self, levels: NDArray[np.int8]) -> NDArray[np.float64]:
        """Return the match weight of pairs, float64 (pairs,), in bits, from levels, int8 (pairs, comparisons)."""
        total = np.full(len(levels), self.prior)
        for place, of_levels in enumerate(self.levels):
            table = np.append(of_levels, self.missing[place])  # a missing comparison's level, -1, is the last place
            total += table[levels[:, place]]
        return total


def fit_weights(comparisons: Sequence[Comparison], links: Patterns, different: Patterns) -> Weights:
    """Fit weights that tell patterns of `links` from those of pairs of `different` people, each with its weight.

    Where no pair of different people is near, one that agrees nowhere stands for all of them. Raises `Unfit` without
    links, and where Newton's method does not converge.
    """
    if not links.weight.sum() > 0:
        raise Unfit(
            "match weights need links beyond chance, and there are none: see whether the files hold the same people "
            "and were standardised alike, lower matching.candidate_per_mille, or link with combination weighted-mean"
        )
    if not different.weight.sum() > 0:
        different = Patterns(np.zeros((1, len(comparisons)), np.int8), np.ones(1))
    design = np.concatenate([_design(comparisons, links.levels), _design(comparisons, different.levels)])
    linked = np.concatenate([np.ones(len(links)), np.zeros(len(different))])
    weight = np.concatenate([links.weight, different.weight])
    ordered = _ordered_columns(comparisons)
    used = np.ones(design.shape[1], np.bool_)
    while True:
        fitted = np.zeros(design.shape[1])
        fitted[used] = _newton(design[:, used], linked, weight)
        falling = used & ordered & (fitted < 0)
        if not falling.any():
            return _as_weights(comparisons, fitted / np.log(2))
        used &= ~falling


def _design(comparisons: Sequence[Comparison], levels: NDArray[np.int8]) -> NDArray[np.float64]:
    """One column for all, then for each comparison one for reaching each level, and one for being missing."""
    columns = [np.ones(len(levels))]
    for place, comparison in enumerate(comparisons):
        columns += [(levels[:, place] >= level).astype(np.float64) for level in range(1, comparison.levels)]
        columns.append((levels[:, place] == MISSING).astype(np.float64))
    return np.stack(columns, axis=1)


def _ordered_columns(comparisons: Sequence[Comparison]) -> NDArray[np.bool_]:
    ordered = [False]
    for comparison in comparisons:
        ordered += [True] * (comparison.levels - 1) + [False]
    return np.array(ordered)


def _newton(
    design: NDArray[np.float64], linked: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    penalty = np.full(design.shape[1], PENALTY)
    penalty[0] = 1e-9
    fitted = np.zeros(design.shape[1])
    loss = _loss(design, linked, weight, penalty, fitted)
    for _ in range(MOST_STEPS):
        chance = _logistic(design @ fitted)
        slope = design.T @ (weight * (linked - chance)) - penalty * fitted
        curvature = (design * (weight * chance * (1 - chance))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, slope)
        while (after := _loss(design, linked, weight, penalty, fitted + step)) > loss + 1e-9 * abs(loss):
            step = step / 2
            if np.abs(step).max() < SMALL_STEP:
                break
        fitted, loss = fitted + step, after
        if np.abs(step).max() < SMALL_STEP:
            return fitted
    raise Unfit(f"match weights did not converge in {MOST_STEPS} steps; the comparisons contradict each other")


def _loss(
    design: NDArray[np.float64],
    linked: NDArray[np.float64],
    weight: NDArray[np.float64],
    penalty: NDArray[np.float64],
    fitted: NDArray[np.float64],
) -> float:
    linear = design @ fitted
    return float(weight @ (np.logaddexp(0, linear) - linked * linear) + penalty @ (fitted * fitted) / 2)


def _logistic(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = np.exp(-np.logaddexp(0, -linear))
    return result


def _as_weights(comparisons: Sequence[Comparison], fitted: NDArray[np.float64]) -> Weights:
    levels, missing, at = [], [], 1
    for comparison in comparisons:
        steps = comparison.levels - 1
        levels.append(np.concatenate([[0.0], np.cumsum(fitted[at : at + steps])]))
        missing.append(fitted[at + steps])
        at += steps + 1
    return Weights(tuple(levels), np.array(missing), float(fitted[0]))
