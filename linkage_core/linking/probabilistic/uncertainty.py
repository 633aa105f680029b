"""How far estimates may be off: draws of false links and of missed matches, from which 95 % intervals are read.

False links. What pairs of different people score is counted on a sample of one file or two: each draw takes one of the
files at random, so that where they disagree the interval spans both, and a chance that its counts leave possible. A
few false links more come of the fit itself: weights that were fitted to links take some pairs for matches that agree by
luck. Their number follows the number of weights, not the size of the files; it was measured on generated pairs.

Missed matches. In the manner of capture and recapture (A. Chao, Scandinavian Journal of Statistics 11, 1984): a match
that one CLK alone shows hints at others that none does. CLKs are not independent, so Chao's bound does not serve: it is
too low where errors are many and too high where they are few. But one more error loses such a match, and how often
links have errors is known. It is counted on pairs of records that have all CLKs. Records that lack one are missed more
often; but what share of all pairs of records is complete is known, so complete matches tell how many there are in all,
if records of people in both files lack as much as the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.linking.probabilistic.anchored import AnchorCounts
from linkage_core.linking.probabilistic.false_matches import Chance, Way, linked_by_chance
from linkage_core.linking.probabilistic.model import Interval
from linkage_core.linking.probabilistic.run import NOISE

DRAWS: Final = 2000

FITTED_FALSE: Final = 0.08
"""False links that the fit itself makes, on average, for each weight that is fitted."""
FITTED_SHAPE: Final = 1.2
"""Shape of their gamma distribution."""
CHANCE_SPREAD: Final = 0.2
"""Standard deviation of the logarithm of the chance that other people's records are close across two files, against
inside one."""

RELATIVES: Final = 0.05
"""Share of links that may join relatives or namesakes where only the noise of codes is known."""

MISSED_PER_ONCE: Final = 2.5
"""Matches missed for each that one CLK alone shows, times the share of links with errors: errors come together."""
MISSED_SPREAD: Final = 0.9
"""Standard deviation of the logarithm of the number of missed matches around that estimate."""


@dataclass(frozen=True, slots=True)
class Captures:
    """`links` between records that have all CLKs: shown by one CLK alone, `once`; not by all of them, `partly`.

    `complete`: the share of all pairs of records that have all CLKs.
    """

    links: float
    once: float
    partly: float
    complete: float


def draw_false(
    scores: NDArray[np.float64],
    links: NDArray[np.int64],
    chance: Mapping[int, Chance],
    free: tuple[float, float],
    taken: float,
    way: Way,
    weights: float,
    kept: int,
    random: np.random.Generator,
) -> NDArray[np.float64]:
    """Return draws of how many of the `links` of each score or more, which fall, are false: float64, (draws, scores).

    `free`: records of both sides that may be linked falsely; `taken`: the share of pairs of them whose record of the
    second side has a partner. `weights`: how many were fitted, to links of which `kept` count.
    """
    if not len(scores):
        return np.zeros((DRAWS, 0))
    each = -(-DRAWS // len(chance))
    settled = int(np.searchsorted(links, kept)) if kept else len(links) - 1
    prior = np.minimum(0.5 * links / links[settled], 0.5)
    expected = np.concatenate(
        [
            linked_by_chance(free, chance[file].draw_per_pair(scores, prior, each, random), way)
            for file in sorted(chance)
        ]
    )
    # A record that has a partner may be free for another one, or the solver may keep that one out.
    expected *= 1 - taken * random.uniform(0, 1, (len(expected), 1))
    expected *= np.exp(CHANCE_SPREAD * random.standard_normal((len(expected), 1)))
    weights = 0.0 if NOISE in chance else weights
    fitted = random.gamma(FITTED_SHAPE, weights * FITTED_FALSE / FITTED_SHAPE, (len(expected), 1))
    reached = (expected + prior) / (expected[:, settled, None] + 0.5)
    if NOISE in chance:
        expected += RELATIVES * links * random.uniform(0, 1, (len(expected), 1)) ** 2
    drawn: NDArray[np.float64] = random.poisson(expected + fitted * np.minimum(reached, 1)).astype(np.float64)
    return np.minimum(drawn, links)


def draw_matches(
    captures: Captures, links: float, false: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.float64]:
    """Return draws of how many pairs of one person there are, found or not; `false`: draws among the `links`."""
    draws = len(false)
    found = np.maximum(captures.links - false * captures.links / max(links, 1.0), 0.0)
    # What a few links show says little: counts leave a gamma distribution, shares a beta distribution (flat priors).
    once = random.gamma(np.maximum(captures.once - false / 4, captures.once / 2) + 1)
    with_errors = random.beta(captures.partly + 1, captures.links - captures.partly + 1, draws)
    missed = MISSED_PER_ONCE * once * with_errors
    missed *= np.exp(MISSED_SPREAD * random.standard_normal(draws))
    matches = (found + missed) / captures.complete
    spread = np.sqrt(matches * (1 - captures.complete) / captures.complete)
    matches = matches + spread * random.standard_normal(draws)
    return np.maximum(matches, links - false)


def draw_repeated(repeated: float, draws: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Return draws of how many matches are those of further rows about a person who is linked already: all missed.

    `repeated`: records that have an equal in their file. Half of those are further rows, and as many again may have an
    error and so no equal; but of how many the person is in the other file nobody knows, perhaps of none.
    """
    return repeated * random.uniform(0, 1, draws) ** 2


def draw_anchored_matches(
    anchors: AnchorCounts, links: int, false: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.float64]:
    """Return draws of all pairs of one person, by the share of anchored ones that other evidence finds.

    `links` hold all anchored pairs; `false`: draws of how many of them are. Of the others the same share was found.
    """
    found = random.beta(anchors.linked + 0.5, anchors.pairs - anchors.linked + 0.5, len(false))
    others = np.maximum(links - anchors.pairs - false, 0.0)
    matches: NDArray[np.float64] = links - false + others * (1 - found) / found
    return matches


def within_bounds(
    matches: NDArray[np.float64], least: NDArray[np.float64], most: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """Return draws of matches between what is found and what can be; a draw of more than can be says nothing but that.

    Anything between the two is then as likely.
    """
    anything = least + np.maximum(most - least, 0.0) * random.uniform(0, 1, len(matches))
    return np.maximum(np.where(matches > most, anything, matches), least)


def interval(draws: NDArray[np.float64], estimate: float | None = None) -> Interval:
    """Return the median of draws, or the estimate, with the ends between which 95 % of them lie; four decimals."""
    low, middle, high = np.quantile(draws, [0.025, 0.5, 0.975]).tolist()
    value = middle if estimate is None else estimate
    return Interval(round(value, 4), round(min(low, value), 4), round(max(high, value), 4))
