"""One side of a comparison, laid out for the kernels: rows of a kind side by side, in blocks with common bounds."""

from dataclasses import dataclass
from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.instructions import WORD_STEP
from linkage_core.comparing.kernels import count_set_bits
from linkage_core.comparing.survivors import COUNT, LEAN, LEAN_UNITS, NUMBER, REST

CACHE_LINE_BYTES: Final = 64

COUNTS_ALIKE: Final = 4
"""Rows whose counts of set bits differ by less are sorted by their set bits beyond the first words."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Rows that have the CLK, and what the kernels know of them.

    `rows` uint64 (rows, words), words and rows filled up with zeros to whole steps and blocks; `facts` int64 (rows, 4),
    see `survivors`, those of rows that fill up like the last real one's; `bounds` int64 (blocks, 3): of a block's rows
    the least set bits, the most beyond the first words, the least lean.
    """

    rows: NDArray[np.uint64]
    facts: NDArray[np.int64]
    bounds: NDArray[np.int64]

    def tiles(self, columns: int) -> NDArray[np.uint64]:
        """Return the rows word by word, in tiles of so many: uint64 (tiles, words, columns)."""
        words = self.rows.shape[1]
        tiles = aligned((len(self.rows) // columns, words, columns))
        tiles[:] = self.rows.reshape(-1, columns, words).transpose(0, 2, 1)
        return tiles


def aligned(shape: tuple[int, ...]) -> NDArray[np.uint64]:
    """Return zeros, uint64, that begin at a whole cache line: reading vectors across two lines costs a quarter."""
    size = 8 * prod(shape)
    memory = np.zeros(size + CACHE_LINE_BYTES, np.uint8)
    start = -memory.ctypes.data % CACHE_LINE_BYTES
    return memory[start : start + size].view(np.uint64).reshape(shape)


def lay_out(words: NDArray[np.uint64], first: int, share: float, block: int) -> Side:
    """Return those of some rows, uint64 (rows, words), that are not empty, in blocks of `block` rows with near bounds.

    `first`: words after which a pair may be left; `share` of their set bits in which two rows may differ there, on
    average, under a statistical exit; 0 without one.
    """
    counts, in_first = count_set_bits(words, np.uint64(first))
    rest = counts - in_first
    lean = (
        LEAN_UNITS * in_first - np.rint(LEAN_UNITS * share * counts).astype(np.int64) if share else np.zeros_like(rest)
    )
    present = np.flatnonzero(counts)
    span = int(counts.max(initial=0)) + 1
    alike = (lean * span + counts // COUNTS_ALIKE) * span + rest
    order = present[np.argsort(alike[present])]

    size = -(-len(order) // block) * block
    rows = aligned((size, -(-words.shape[1] // WORD_STEP) * WORD_STEP))
    rows[: len(order), : words.shape[1]] = words[order]
    facts = np.empty((size, 4), np.int64)
    for column, values in ((NUMBER, order), (COUNT, counts[order]), (REST, rest[order]), (LEAN, lean[order])):
        facts[: len(order), column] = values
    facts[len(order) :] = facts[len(order) - 1 : len(order)]

    blocks = facts.reshape(-1, block, 4)
    bounds = [blocks[:, :, COUNT].min(axis=1), blocks[:, :, REST].max(axis=1), blocks[:, :, LEAN].min(axis=1)]
    return Side(rows, facts, np.stack(bounds, axis=1))
