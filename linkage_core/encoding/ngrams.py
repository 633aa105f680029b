"""Tokens of texts, numbered: short n-grams by a kernel, everything else by clkhash's own splitting.

An n-gram of at most three code points is one 64-bit number (21 bits a code point); a positional one carries its place.
Numbers are those of one generation: `forget` begins anew. Tokens are parts of names in clear.
"""

from typing import Final, Protocol

import numpy as np
from clkhash.comparators import AbstractComparison, NgramComparison
from numpy.typing import NDArray

from linkage_core.encoding.texts import Texts
from linkage_core.native import inlined, kernel

LONGEST_PACKED: Final = 3
_CODE_BITS: Final = 21
_CODE_MASK: Final = (1 << _CODE_BITS) - 1
_FEWEST: Final = 1 << 10
_SLOTS_A_TOKEN: Final = 2

_ONE: Final = np.uint64(1)
_HALF: Final = np.uint64(32)
_SHIFT: Final = np.uint64(_CODE_BITS)
_SPACE: Final = np.uint64(ord(" "))
_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
_NUMBER: Final = np.uint64(0xFFFFFFFF)


class Tokens(Protocol):
    """Splits texts into tokens and numbers them from 0; a number keeps its token until `forget`."""

    @property
    def count(self) -> int:
        """How many tokens are known."""
        ...

    def of(self, texts: Texts) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Return the number of every token, in order, and where each text's tokens begin: int64, (texts + 1,)."""
        ...

    def spelled(self, number: int) -> str:
        """Return a token as clkhash spells it."""
        ...

    def forget(self) -> None:
        """Forget every token."""
        ...


def tokens_of(comparator: AbstractComparison) -> Tokens:
    """Return what splits texts as a comparison of clkhash does."""
    if isinstance(comparator, NgramComparison) and 1 <= comparator.n <= LONGEST_PACKED:
        return PackedNgrams(comparator.n, positional=bool(comparator.positional))
    return SpelledTokens(comparator)


class SpelledTokens:
    """Tokens as clkhash's own comparison gives them."""

    def __init__(self, comparator: AbstractComparison) -> None:
        self._comparator = comparator
        self.forget()

    def of(self, texts: Texts) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Return the number of every token, in order, and where each text's tokens begin."""
        numbers: list[int] = []
        starts = [0]
        for text in texts.strings():
            for token in self._comparator.tokenize(text):
                number = self._numbers.setdefault(token, len(self._spelled))
                if number == len(self._spelled):
                    self._spelled.append(token)
                numbers.append(number)
            starts.append(len(numbers))
        return np.array(numbers, dtype=np.uint32), np.array(starts, dtype=np.int64)

    @property
    def count(self) -> int:
        """How many tokens are known."""
        return len(self._spelled)

    def spelled(self, number: int) -> str:
        """Return a token as clkhash spells it."""
        return self._spelled[number]

    def forget(self) -> None:
        """Forget every token."""
        self._numbers: dict[str, int] = {}
        self._spelled: list[str] = []


class PackedNgrams:
    """N-grams of one to three code points, in a hash table with linear probing that grows as it fills."""

    def __init__(self, n: int, *, positional: bool) -> None:
        self._n = n
        self._shifts = [_CODE_BITS * place for place in reversed(range(n))]
        self._positional = positional
        self._count = 0
        self.forget()

    def of(self, texts: Texts) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Return the number of every token, in order, and where each text's tokens begin."""
        lengths = texts.lengths
        starts = np.zeros(len(texts) + 1, dtype=np.int64)
        np.cumsum(np.where(lengths > 0, lengths + self._n - 1, 0), out=starts[1:])
        numbers = np.empty(starts[-1], dtype=np.uint32)
        done = 0
        while done < len(texts):
            self._make_room(int(starts[done + 1] - starts[done]))
            done, self._count = map(int, number_ngrams(
                texts.codes, texts.starts, starts, self._n, self._positional,
                self._slots, self._ngrams, self._count, numbers, done,
            ))  # fmt: skip
        return numbers, starts

    @property
    def count(self) -> int:
        """How many tokens are known."""
        return self._count

    def spelled(self, number: int) -> str:
        """Return a token as clkhash spells it."""
        packed, place = self._ngrams[number].tolist()
        ngram = "".join([chr(packed >> shift & _CODE_MASK) for shift in self._shifts])
        return f"{place} {ngram}" if self._positional else ngram

    def forget(self) -> None:
        """Forget every token."""
        self._ngrams = np.zeros((_FEWEST, 2), dtype=np.uint64)
        self._slots = np.zeros((_FEWEST * _SLOTS_A_TOKEN, 2), dtype=np.uint64)
        self._count = 0

    def _make_room(self, tokens: int) -> None:
        capacity = len(self._ngrams)
        if self._count + tokens <= capacity:
            return
        while capacity < self._count + tokens:
            capacity *= 2
        ngrams = np.zeros((capacity, 2), dtype=np.uint64)
        ngrams[: self._count] = self._ngrams[: self._count]
        self._ngrams = ngrams
        self._slots = np.zeros((capacity * _SLOTS_A_TOKEN, 2), dtype=np.uint64)
        insert_ngrams(self._slots, ngrams, self._count)


@inlined
def slot_of(slots: NDArray[np.uint64], packed: np.uint64, place: np.uint64) -> np.uint64:
    """Return the slot of an n-gram, or the free slot where it would go.

    A slot is an n-gram, and its place in the upper and its number plus one in the lower half: 0 where it is free.
    """
    mask = np.uint64(slots.shape[0] - 1)
    mixed = (packed ^ (packed >> _HALF) ^ (place << _SHIFT)) * _FACTOR
    slot = (mixed ^ (mixed >> _HALF)) & mask
    while slots[slot, 1] != np.uint64(0) and (slots[slot, 0] != packed or slots[slot, 1] >> _HALF != place):
        slot = (slot + _ONE) & mask
    return slot


@kernel
def insert_ngrams(slots: NDArray[np.uint64], ngrams: NDArray[np.uint64], count: int) -> None:
    """Put the first `count` n-grams into empty slots."""
    for number in range(np.uint64(count)):
        packed, place = ngrams[number, 0], ngrams[number, 1]
        slot = slot_of(slots, packed, place)
        slots[slot, 0] = packed
        slots[slot, 1] = (place << _HALF) | (np.uint64(number) + _ONE)


@kernel
def number_ngrams(
    codes: NDArray[np.uint32],
    starts: NDArray[np.int64],
    token_starts: NDArray[np.int64],
    n: int,
    positional: bool,
    slots: NDArray[np.uint64],
    ngrams: NDArray[np.uint64],
    count: int,
    numbers: NDArray[np.uint32],
    done: int,
) -> tuple[np.int64, np.int64]:
    """Number the n-grams of the texts from `done` on, adding unknown ones, until one might not fit the table.

    A text is padded with n - 1 spaces at both ends; places count from 1. Returns how many texts are done, and how many
    n-grams are known; both of one type, since numba takes signed and unsigned together for a float.
    """
    room = np.uint64(ngrams.shape[0])
    known = np.uint64(count)
    keep = (_ONE << (_SHIFT * np.uint64(n))) - _ONE
    padding = np.uint64(0)
    for _ in range(n - 1):
        padding = (padding << _SHIFT) | _SPACE
    for text in range(np.uint64(done), np.uint64(starts.size - 1)):
        begin, end = np.uint64(token_starts[text]), np.uint64(token_starts[text + _ONE])
        tokens = end - begin
        if known + tokens > room:
            return np.int64(text), np.int64(known)
        first = np.uint64(starts[text])
        length = np.uint64(starts[text + _ONE]) - first
        packed = padding
        for offset in range(tokens):
            following = np.uint64(codes[first + offset]) if offset < length else _SPACE
            packed = ((packed << _SHIFT) | following) & keep
            place = offset + _ONE if positional else np.uint64(0)
            slot = slot_of(slots, packed, place)
            if slots[slot, 1] == np.uint64(0):
                slots[slot, 0] = packed
                slots[slot, 1] = (place << _HALF) | (known + _ONE)
                ngrams[known, 0] = packed
                ngrams[known, 1] = place
                known += _ONE
            numbers[begin + offset] = np.uint32((slots[slot, 1] & _NUMBER) - _ONE)
    return np.int64(starts.size - 1), np.int64(known)
