"""How far estimates may be off: draws of false links and of missed matches, from which 95 % intervals are read.

False links. What pairs of different people score is counted on a sample of one file or two: each draw takes one of the
files at random, so that where they disagree the interval spans both, and a chance that its counts leave possible. A
few false links more come of the fit itself: weights that were fitted to links take some pairs for matches that agree by
luck. Their number follows the number of weights, not the size of the files; it was measured on generated pairs.

Missed matches. Capture and recapture (A. Chao, Scandinavian Journal of Statistics 11, 1984): a match that hardly any
CLK shows hints at others that none does. It is counted on pairs of records that have all CLKs. Records that lack one
are missed more often; but what share of all pairs of records is complete is known, so complete matches tell how many
there are in all, if records of people in both files lack as much as the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.linking.probabilistic.false_matches import Chance, Way, linked_by_chance
from linkage_core.linking.probabilistic.model import Interval

DRAWS: Final = 2000

FITTED_FALSE: Final = 4.0
"""False links that the fit itself makes, on average."""
FITTED_SHAPE: Final = 1.5
"""Shape of their gamma distribution."""
CHANCE_SPREAD: Final = 0.2
"""Standard deviation of the logarithm of the chance that other people's records are close across two files, against
inside one."""

MISSED_SPREAD: Final = 0.9
"""Standard deviation of the logarithm of the number of missed matches around what recapture estimates."""
MISSED_PER_SINGLE: Final = 0.3
"""Matches that no CLK shows, for each that one alone does, where there are three CLKs or more: they share variables, so
that recapture alone is low where errors strike several of them, and high where they strike one."""


@dataclass(frozen=True, slots=True)
class Captures:
    """Links between records that have all CLKs: `links` of them, shown by one CLK alone or by two alone: `once`,
    `twice`, all counted with their probability. `below`: matches among them that the threshold leaves out.
    `clks`: how many there are. `complete`: the share of all pairs of records that have all CLKs."""

    links: float
    once: float
    twice: float
    below: float
    clks: int
    complete: float


def draw_false(
    scores: NDArray[np.float64],
    links: NDArray[np.int64],
    chance: Mapping[int, Chance],
    free: tuple[float, float],
    way: Way,
    random: np.random.Generator,
) -> NDArray[np.float64]:
    """Return draws of how many of the `links` of each score or more, which fall, are false: float64, (draws, scores).

    `free`: records of both sides that have no partner.
    """
    each = -(-DRAWS // len(chance))
    prior = 0.5 * links / links[-1:]
    expected = np.concatenate(
        [
            linked_by_chance(free, chance[file].draw_per_pair(scores, prior, each, random), way)
            for file in sorted(chance)
        ]
    )
    expected *= np.exp(CHANCE_SPREAD * random.standard_normal((len(expected), 1)))
    fitted = random.gamma(FITTED_SHAPE, FITTED_FALSE / FITTED_SHAPE, (len(expected), 1))
    reached = (expected + prior) / (expected[:, -1:] + 0.5)
    drawn: NDArray[np.float64] = random.poisson(expected + fitted * np.minimum(reached, 1)).astype(np.float64)
    return np.minimum(drawn, links)


def draw_matches(
    captures: Captures, links: float, false: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.float64]:
    """Return draws of how many pairs of one person there are, found or not; `false`: draws among the `links`."""
    draws = len(false)
    found = np.maximum(captures.links - false * captures.links / max(links, 1.0), 0.0)
    once, twice = np.maximum(captures.once - false / 2, 0.0) + 0.5, captures.twice + 0.5
    recaptured = (captures.clks - 1) / captures.clks * once**2 / (2 * twice)
    if captures.clks > 2:
        recaptured = np.sqrt(recaptured * MISSED_PER_SINGLE * once)
    missed = recaptured * np.exp(MISSED_SPREAD * random.standard_normal(draws))
    missed = missed + captures.below * random.uniform(0, 2, draws)
    matches = (found + missed) / captures.complete
    spread = np.sqrt(matches * (1 - captures.complete) / captures.complete)
    matches = matches + spread * random.standard_normal(draws)
    return np.maximum(matches, links - false)


def interval(draws: NDArray[np.float64], estimate: float | None = None) -> Interval:
    """Return the median of draws, or the estimate, with the ends between which 95 % of them lie; four decimals."""
    low, middle, high = np.quantile(draws, [0.025, 0.5, 0.975]).tolist()
    value = middle if estimate is None else estimate
    return Interval(round(value, 4), round(min(low, value), 4), round(max(high, value), 4))
