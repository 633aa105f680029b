"""The CLKs of all pooled records, as tasks read them: from memory, or from a store that workers elsewhere can open."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from linkage_core.types import ClkName

Words = NDArray[np.uint64]
"""CLKs of consecutive records, (records, length in bits / 64), little-endian words of the packed bytes, contiguous.

A record that lacks the CLK has zeros.
"""


class Encodings(Protocol):
    """What a task may read. Pickled for a task of another process, it holds a way to the data, not the data."""

    def words(self, clk: ClkName, start: int, stop: int) -> Words:
        """Return one CLK of the records from `start` to before `stop`; raises `Tampered` where a store was changed."""

    def __hash__(self) -> int:
        """Encodings that are equal read the same: a process keeps what it has made of them."""


@dataclass(frozen=True, slots=True, eq=False)
class EncodingsInMemory:
    """Encodings of this process; `by_clk` holds every record's words."""

    by_clk: Mapping[ClkName, Words]

    def words(self, clk: ClkName, start: int, stop: int) -> Words:
        """Return one CLK of the records from `start` to before `stop`, as a view."""
        return self.by_clk[clk][start:stop]


def as_words(bits: NDArray[np.uint8], present: NDArray[np.bool_]) -> Words:
    """Return packed CLKs, uint8 (records, bytes), as words, with zeros where `present` (bool, (records,)) is False."""
    words = np.ascontiguousarray(bits).view("<u8").astype(np.uint64, copy=False)
    return words if present.all() else np.where(present[:, None], words, np.uint64(0))
