"""The model that an earlier wave learnt, for one that brings too few records to learn from.

What its weights say, how alike two records of one person are and how alike those of two, is the schema's and hardly the
wave's. How many links are false is the wave's own: it is counted anew, on its files and the registry's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from linkage_core.linking.probabilistic.evidence import Comparison
from linkage_core.linking.probabilistic.identifier_weights import IdentifierWeights
from linkage_core.linking.probabilistic.model import Finding, LinkageModel
from linkage_core.linking.probabilistic.weights import Weights

AGREES_ADDS: Final = 1
"""Place of an agreeing identifier's weight among its levels."""


@dataclass(frozen=True, slots=True)
class EarlierModel:
    """A model and the wave that learnt it, under the same linkage schema."""

    wave: str
    model: LinkageModel

    def comparisons(self) -> tuple[Comparison, ...]:
        """Return what is compared, with levels that begin where they did in that wave."""
        return tuple(
            Comparison(one.name, one.kind, one.edges, one.chance, one.spread, of_clk=one.of_clk)
            for one in self.model.comparisons
        )

    def weights(self, identifiers: Sequence[int]) -> Weights:
        """Return the weights as if nobody had an identifier; `identifiers`: their places among the comparisons."""
        numbers = self.identifier_weights(identifiers)
        levels = [np.array(one.weight) for one in self.model.comparisons]
        missing = np.array([one.missing_weight for one in self.model.comparisons])
        for place in identifiers:
            levels[place], missing[place] = np.zeros(len(levels[place])), 0.0
        return Weights(tuple(levels), missing, self.model.prior - float(numbers.differ.sum()))

    def identifier_weights(self, identifiers: Sequence[int]) -> IdentifierWeights:
        """Return what identifiers add to the weights."""
        of_identifiers = [self.model.comparisons[place] for place in identifiers]
        differ = np.array([-one.missing_weight for one in of_identifiers])
        agree = np.array([one.weight[AGREES_ADDS] for one in of_identifiers])
        return IdentifierWeights(tuple(identifiers), agree + differ, differ)

    def finding(self, providers: Sequence[str], records: int) -> Finding:
        """Return what a run that uses it tells."""
        return Finding(
            "earlier-weights",
            tuple(str(provider) for provider in providers),
            f"{records} new or corrected records are too few to learn weights from: those of wave {self.wave} were "
            "used; how many links are false was counted on this wave and the registry",
            "nothing; a wave with more new records, and every complete one, learns anew",
        )
