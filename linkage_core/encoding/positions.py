"""Which bits each token sets: drawn once per token by BLAKE2b, as clkhash's `blakeHash` draws them."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.encoding.ngrams import Tokens
from linkage_core.native import kernel

DRAWS_A_DIGEST: Final = 32
MOST_DRAWS: Final = 1 << 22
"""Positions remembered before all are forgotten (8 MiB); those of one block of rows may exceed it."""

MOST_TOKENS: Final = 1 << 16

_FIRST_BITS_FIRST: Final = np.uint16(7)
_ONE: Final = np.uint64(1)
_WORD: Final = np.uint64(6)
_BIT: Final = np.uint64(63)


class Positions:
    """Remembers the positions of tokens in a filter of `filter_bits`, a power of two up to 65,536.

    A position is kept with its lowest three bits inverted: bit b of a filter, counted from the most significant bit of
    its first byte, is bit b ^ 7 of its little-endian words. Who sees it learns no name without the key.
    """

    def __init__(self, key: bytes, filter_bits: int, encoding: str, tokens: Tokens) -> None:
        self._key = key
        self._mask = np.uint16(filter_bits - 1)
        self._encoding = encoding
        self._tokens = tokens
        self.forget()

    @property
    def full(self) -> bool:
        """Whether so much is remembered that it should be forgotten before the next values come."""
        return self._tokens.count > MOST_TOKENS or self._used > MOST_DRAWS

    def forget(self) -> None:
        """Forget every position and every token."""
        self._tokens.forget()
        self.drawn = np.zeros(0, dtype=np.uint16)
        self.first = np.zeros(0, dtype=np.int64)
        self._enough = np.zeros(0, dtype=np.int64)
        self._used = 0

    def draw(self, wanted: NDArray[np.int64]) -> None:
        """Draw what is missing so that each token has as many positions as wanted: int64, (tokens,)."""
        new = len(wanted) - len(self.first)
        self.first = np.concatenate([self.first, np.zeros(new, dtype=np.int64)])
        self._enough = np.concatenate([self._enough, np.zeros(new, dtype=np.int64)])
        short = np.flatnonzero(wanted > self._enough)
        if not short.size:
            return
        digests = -(-wanted[short] // DRAWS_A_DIGEST)
        self._enough[short] = digests * DRAWS_A_DIGEST
        self.first[short] = self._used + np.concatenate([[0], np.cumsum(digests[:-1])]) * DRAWS_A_DIGEST
        self._append(self._digests(short.tolist(), digests.tolist()))

    def _digests(self, tokens: Sequence[int], digests: Sequence[int]) -> bytes:
        parts = []
        for token, count in zip(tokens, digests, strict=True):
            spelled = self._tokens.spelled(token).encode(self._encoding)
            for number in range(count):
                parts.append(blake2b(spelled, key=self._key, salt=b"%d" % number).digest())
        return b"".join(parts)

    def _append(self, digests: bytes) -> None:
        fresh = (np.frombuffer(digests, dtype=np.uint16) & self._mask) ^ _FIRST_BITS_FIRST
        used = self._used + len(fresh)
        if used > len(self.drawn):
            larger = np.empty(max(used, 2 * len(self.drawn)), dtype=np.uint16)
            larger[: self._used] = self.drawn[: self._used]
            self.drawn = larger
        self.drawn[self._used : used] = fresh
        self._used = used


@kernel
def count_positions(
    numbers: NDArray[np.uint32],
    starts: NDArray[np.int64],
    bits: int,
    per_feature: bool,
    wanted: NDArray[np.int64],
) -> None:
    """Raise `wanted` to the number of positions that each token needs for these values."""
    for value in range(np.uint64(starts.size - 1)):
        begin = np.uint64(starts[value])
        tokens = np.uint64(starts[value + _ONE]) - begin
        if tokens == np.uint64(0):
            continue
        share = np.uint64(bits) // tokens if per_feature else np.uint64(bits)
        rest = np.uint64(bits) % tokens if per_feature else np.uint64(0)
        for token in range(tokens):
            number = numbers[begin + token]
            wanted[number] = max(wanted[number], np.int64(share + (_ONE if token < rest else np.uint64(0))))


@kernel
def set_code_rows(
    numbers: NDArray[np.uint32],
    starts: NDArray[np.int64],
    bits: int,
    per_feature: bool,
    first: NDArray[np.int64],
    drawn: NDArray[np.uint16],
    rows: NDArray[np.uint64],
) -> None:
    """Write the code of each value into its row: the bits of all its tokens.

    Bits per token give every token as many; bits per feature are shared out, the first tokens getting one more.
    """
    for value in range(np.uint64(rows.shape[0])):
        for word in range(np.uint64(rows.shape[1])):
            rows[value, word] = np.uint64(0)
        begin = np.uint64(starts[value])
        tokens = np.uint64(starts[value + _ONE]) - begin
        if tokens == np.uint64(0):
            continue
        share = np.uint64(bits) // tokens if per_feature else np.uint64(bits)
        rest = np.uint64(bits) % tokens if per_feature else np.uint64(0)
        for token in range(tokens):
            from_here = np.uint64(first[numbers[begin + token]])
            for draw in range(share + (_ONE if token < rest else np.uint64(0))):
                position = np.uint64(drawn[from_here + draw])
                rows[value, position >> _WORD] |= _ONE << (position & _BIT)
