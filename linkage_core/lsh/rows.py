"""The records of one CLK as tables take them, and which of their pairs are wanted."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.cost import WORD_BITS
from linkage_core.errors import InputFault
from linkage_core.lsh.kernels import HEAD_WORDS, facts_of

CROWD: Final = 1024
"""Rows that may share a code."""


@dataclass(frozen=True, slots=True, eq=False)
class CodedRows:
    """One CLK of all records, with what every table asks of it.

    `words` uint64 (rows, words), a row of zeros lacks the CLK; `ones` int64 (rows,), set bits; `contents` uint64
    (rows,), equal for equal codes; `crowded` bool (rows,), whether more than `CROWD` rows share the code.
    """

    words: NDArray[np.uint64]
    ones: NDArray[np.int64]
    contents: NDArray[np.uint64]
    crowded: NDArray[np.bool_]

    @classmethod
    def of(cls, words: NDArray[np.uint64]) -> "CodedRows":
        """Return the rows with their facts: 17 bytes a row more; `words` is not copied."""
        if words.shape[1] % HEAD_WORDS:
            raise InputFault(
                f"tables need CLKs of a multiple of {HEAD_WORDS * WORD_BITS} bits, not {words.shape[1] * WORD_BITS}; "
                "compare all pairs instead"
            )
        ones, contents = np.empty(len(words), np.int64), np.empty(len(words), np.uint64)
        facts_of(words, ones, contents)
        _, code_of, counts = np.unique(contents, return_inverse=True, return_counts=True)
        return cls(words, ones, contents, (counts > CROWD)[code_of] & (ones > 0))

    @property
    def length_bits(self) -> int:
        """The length of the CLK."""
        return int(self.words.shape[1]) * WORD_BITS

    def usable(self) -> NDArray[np.uint32]:
        """Return the rows that take part in tables, rising."""
        return np.flatnonzero((self.ones > 0) & ~self.crowded).astype(np.uint32)


@dataclass(frozen=True, slots=True, eq=False)
class WantedPairs:
    """Which pairs count: file f holds rows `first_row[f]` to before `first_row[f + 1]`, int64, (files + 1,).

    Pairs of two files always, pairs inside file f if `within[f]`, bool, (files,).
    """

    first_row: NDArray[np.int64]
    within: NDArray[np.bool_]

    def among(self, rows: NDArray[np.uint32]) -> int:
        """Return how many wanted pairs there are among some rows."""
        sizes: list[int] = np.histogram(rows, bins=self.first_row)[0].tolist()
        inside = sum(size * (size - 1) // 2 for size, wanted in zip(sizes, self.within, strict=True) if wanted)
        across = (sum(sizes) ** 2 - sum(size * size for size in sizes)) // 2
        return int(inside + across)
