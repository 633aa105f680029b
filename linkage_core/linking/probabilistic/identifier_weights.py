"""What an identifier adds to the evidence of names and dates: afterwards, and by itself.

Whether a record has a number follows from its file and from who it is about, a citizen or a traveller. Pairs of
different people inside one file say nothing of that: in a register where everybody has one, *no number* would look like
a sign of a match. So weights and false-match rates are learnt as if nobody had identifiers, and a pair whose records
both have one is judged anew: its odds are multiplied by m / u of what the identifiers show. m is what links show that
were made without looking at it, u what near pairs of different people show; a missing one says nothing.

Given the names and dates of two records, their numbers depend on whether it is one person and on hardly anything else;
so the textbook's product is right here, as it is not between CLKs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.linking.probabilistic.evidence import AGREES, MISSING
from linkage_core.linking.probabilistic.patterns import Patterns
from linkage_core.linking.probabilistic.weights import Weights

DIFFERS: Final = 0

DOUBT: Final = 1e-6
"""Of any probability that an identifier revises: names and dates alone are never quite sure."""


@dataclass(frozen=True, slots=True, eq=False)
class IdentifierWeights:
    """Bits that each identifier adds to a pair's match weight; none where one of the two records lacks it.

    `places`: of the identifiers among the comparisons. `agree`, `differ`: float64, (identifiers,).
    """

    places: tuple[int, ...]
    agree: NDArray[np.float64]
    differ: NDArray[np.float64]

    def of(self, levels: NDArray[np.int8]) -> NDArray[np.float64]:
        """Return the bits of pairs, float64 (pairs,), from levels, int8 (pairs, comparisons)."""
        own = levels[:, list(self.places)]
        bits: NDArray[np.float64] = np.where(own == AGREES, self.agree, np.where(own == DIFFERS, self.differ, 0.0)).sum(
            axis=1
        )
        return bits

    def revise(self, probability: NDArray[np.float64], levels: NDArray[np.int8]) -> NDArray[np.float64]:
        """Return probabilities, float64 (pairs,), in the light of the pairs' identifiers; without any, as they were."""
        bits = self.of(levels)
        sure = np.clip(probability, DOUBT, 1 - DOUBT)
        odds = np.log(sure / (1 - sure)) + bits * np.log(2)
        revised: NDArray[np.float64] = np.where(bits == 0, probability, np.exp(-np.logaddexp(0, -odds)))
        return revised

    def joined(self, weights: Weights) -> Weights:
        """Return weights that were fitted without identifiers with these in their places."""
        levels, missing = list(weights.levels), weights.missing.copy()
        for place, agree, differ in zip(self.places, self.agree.tolist(), self.differ.tolist(), strict=True):
            levels[place], missing[place] = np.array([0.0, agree - differ]), -differ
        return Weights(tuple(levels), missing, weights.prior + float(self.differ.sum()))


def weigh_identifiers(links: Patterns, different: Patterns, places: Sequence[int]) -> IdentifierWeights:
    """Return what identifiers say, by patterns of links and of near pairs of different people, each with its weight.

    Where few pairs speak, shares stay near one half: as if one more pair of each kind had been seen.
    """
    agree, differ = np.zeros(len(places)), np.zeros(len(places))
    for at, place in enumerate(places):
        m, u = _agreeing(links, place), _agreeing(different, place)
        agree[at], differ[at] = np.log2(m / u), np.log2((1 - m) / (1 - u))
    return IdentifierWeights(tuple(places), np.maximum(agree, 0.0), np.minimum(differ, 0.0))


def without(levels: NDArray[np.int8], places: Sequence[int]) -> NDArray[np.int8]:
    """Return levels, int8 (pairs, comparisons), as if nobody had these identifiers."""
    levels = levels.copy()
    levels[:, list(places)] = MISSING
    return levels


def _agreeing(patterns: Patterns, place: int) -> float:
    level = patterns.levels[:, place]
    agrees, told = patterns.weight[level == AGREES].sum(), patterns.weight[level != MISSING].sum()
    return float((agrees + 1) / (told + 2))
