"""The records of one CLK as tables take them, and which of their pairs are wanted."""

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.cost import WORD_BITS
from linkage_core.errors import InputFault
from linkage_core.lsh.kernels import HEAD_WORDS, facts_of

SALT: Final = b"symbolon lsh contents v1"

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
    def of(cls, words: NDArray[np.uint64], seed: int) -> "CodedRows":
        """Return the rows with their facts: 17 bytes a row more; `words` is not copied.

        `seed`, 0 to 2^64 - 1, keys `contents`. Were it known before the codes are, a provider that knows the linkage
        secret could make codes that count as a person's, and so crowd that person out of every table.
        """
        if words.shape[1] % HEAD_WORDS:
            raise InputFault(
                f"tables need CLKs of a multiple of {HEAD_WORDS * WORD_BITS} bits, not {words.shape[1] * WORD_BITS}; "
                "agree on matching.least_search_recall_per_mille = 1000, which compares every pair"
            )
        ones, contents = np.empty(len(words), np.int64), np.empty(len(words), np.uint64)
        start, factor = np.frombuffer(hashlib.blake2b(SALT + seed.to_bytes(8, "big"), digest_size=16).digest(), "<u8")
        facts_of(words, np.uint64(start), np.uint64(factor | np.uint64(1)), ones, contents)
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
    """Which pairs count: part p holds rows `first_row[p]` to before `first_row[p + 1]`, int64, (parts + 1,).

    `counts`: bool, (parts, parts), symmetric, whether pairs of two parts count; on its diagonal, pairs inside a part.
    `file_of_part`: int64, (parts,), rising: a file may have a part of rows whose own pairs are settled.
    """

    first_row: NDArray[np.int64]
    counts: NDArray[np.bool_]
    file_of_part: NDArray[np.int64]

    @classmethod
    def of_files(cls, first_row: NDArray[np.int64], within: NDArray[np.bool_]) -> "WantedPairs":
        """Return pairs of any two files, and pairs inside file f if `within[f]`, bool, (files,)."""
        return cls(first_row, ~np.eye(len(within), dtype=np.bool_) | np.diag(within), np.arange(len(within)))

    def among(self, rows: NDArray[np.uint32]) -> int:
        """Return how many wanted pairs there are among some rows."""
        sizes: list[int] = np.histogram(rows, bins=self.first_row)[0].tolist()
        inside = sum(
            size * (size - 1) // 2 for size, wanted in zip(sizes, self.counts.diagonal(), strict=True) if wanted
        )
        across = sum(sizes[one] * sizes[other] for one, other in np.argwhere(np.triu(self.counts, 1)).tolist())
        return int(inside + across)

    def of_pairs(self, one: NDArray[np.uint32], other: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Return which pairs of rows count: bool, (pairs,); no row is a pair with itself."""
        wanted: NDArray[np.bool_] = self.counts[self.part_of(one), self.part_of(other)] & (one != other)
        return wanted

    def file_of(self, rows: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Return the file of each row."""
        return self.file_of_part[self.part_of(rows)]

    @property
    def files(self) -> int:
        """How many files there are."""
        return int(self.file_of_part.max(initial=-1)) + 1

    def part_of(self, rows: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Return the part of each row: int64, (rows,)."""
        return np.searchsorted(self.first_row, rows, side="right").astype(np.int64) - 1
