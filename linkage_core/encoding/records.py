"""What encoding returns: CLKs and match keys of a chunk of records, with what is absent marked as absent."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from linkage_core.types import ClkName, MatchKeyName


@dataclass(frozen=True, slots=True)
class Fill:
    """Set bits before diffusion, counted over encodings that are present; chunks add up to a file."""

    encodings: int
    set_bits: int
    length_bits: int

    @property
    def share(self) -> float:
        """Share of set bits, 0 if nothing was encoded."""
        return self.set_bits / (self.encodings * self.length_bits) if self.encodings else 0.0

    def __add__(self, other: "Fill") -> "Fill":
        if other.length_bits != self.length_bits:
            raise ValueError(f"fills of {self.length_bits} and {other.length_bits} bits cannot be added")
        return Fill(self.encodings + other.encodings, self.set_bits + other.set_bits, self.length_bits)


@dataclass(frozen=True, slots=True)
class EncodedClk:
    """One CLK of every record: `bits` uint8, (rows, length / 8), diffused, most significant bit first.

    `present` bool, (rows,): False where the record has fewer than two quasi-identifiers of this CLK; its bits are then
    zero and it must not be compared.
    """

    bits: NDArray[np.uint8] = field(repr=False)
    present: NDArray[np.bool_] = field(repr=False)
    fill: Fill


@dataclass(frozen=True, slots=True)
class EncodedMatchKey:
    """One match key of every record: `values` uint8, (rows, 16); zero where `present` (bool, (rows,)) is False."""

    values: NDArray[np.uint8] = field(repr=False)
    present: NDArray[np.bool_] = field(repr=False)


@dataclass(frozen=True, slots=True)
class EncodedRecords:
    """A chunk of encoded records, in the order in which they were given."""

    rows: int
    clks: Mapping[ClkName, EncodedClk]
    match_keys: Mapping[MatchKeyName, EncodedMatchKey]
