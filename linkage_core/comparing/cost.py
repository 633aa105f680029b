"""What comparing costs: the model by which an early exit is chosen. It decides speed only, never an exact result."""

from dataclasses import dataclass
from typing import Final

WORD_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class Cost:
    """Costs in words: the time in which one word of one pair is compared along with many others.

    `pair`: to see whether a pair survived its first words; `survivor`: to compare one survivor to its end.
    """

    pair: float
    survivor: float

    def of(self, words: int, survivors: float) -> float:
        """Return the cost of a pair whose first `words` words are compared, when a share of `survivors` goes on."""
        return words + self.pair + self.survivor * survivors


VECTORS: Final = Cost(pair=2.0, survivor=130.0)
"""Measured with vector registers of 512 bits."""

MATRIX_UNIT: Final = Cost(pair=3.0, survivor=180.0)
"""Measured with a matrix unit."""
