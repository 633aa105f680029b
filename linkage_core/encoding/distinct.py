"""The distinct values of one column, numbered: what is computed per value is computed once, whatever the rows.

It remembers at most `limit` values, at 24 bytes a value, and `MOST_BYTES` of their UTF-8 (longer rows that come at a
time are the one exception). When the next rows might not fit, everything is forgotten and numbering begins again in
another generation; what was derived by number is then void. A column whose values hardly repeat, as addresses, is
forgotten after every block: remembering it would only take memory.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.encoding.texts import Texts, texts_of_utf8
from linkage_core.native import inlined, kernel, trailing_zeros

MOST_VALUES: Final = 1 << 16
MOST_BYTES: Final = MOST_VALUES * 32

_ONE_REPEATS_IN: Final = 32
_FEWEST_JUDGED: Final = 1 << 12
"""A column hardly repeats if of a block of so many rows fewer than one in 32 has a value that was there before."""

_SLOTS_A_VALUE: Final = 2
_USUAL_SEPARATOR: Final = b"\n"
_IMPOSSIBLE: Final = b"\xff"
"""A byte that no UTF-8 text holds: parts values of which one holds the usual separator."""

_PADDING: Final = bytes(8)
"""Kernels read words of eight bytes, the last one beyond the end."""

_ONE: Final = np.uint64(1)
_HALF: Final = np.uint64(32)
_MIX: Final = np.uint64(29)
_WORD: Final = np.uint64(8)
_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
_NUMBER: Final = np.uint64(0xFFFFFFFF)
_LOWEST_BITS: Final = np.uint64(0x0101010101010101)
_HIGHEST_BITS: Final = np.uint64(0x8080808080808080)


class DistinctValues:
    """Numbers the values of one column in the order in which they first occur, from 0 in each generation.

    Names in clear stay in it until `forget`.
    """

    def __init__(self, limit: int = MOST_VALUES) -> None:
        if limit < 1 or limit & (limit - 1):
            raise ValueError(f"a memo must hold a power of two of values, not {limit}")
        self.generation = 0
        self.count = 0
        self._limit = limit
        self._room = limit
        self._hardly_repeats = False
        self._slots = np.zeros(limit * _SLOTS_A_VALUE, dtype=np.uint64)
        self._starts = np.zeros(limit + 1, dtype=np.int64)
        self._utf8 = np.zeros(len(_PADDING), dtype=np.uint8)

    def number(self, column: Sequence[str]) -> NDArray[np.uint32]:
        """Return the number of each row's value, uint32; more rows at a time than `limit` are a `ValueError`."""
        if len(column) > self._limit:
            raise ValueError(f"at most {self._limit} rows are numbered at a time, not {len(column)}")
        numbers = np.empty(len(column), dtype=np.uint32)
        if not column:
            return numbers
        joined, separator = _joined(column)
        self._make_room(len(column), len(joined))
        slots, before = self._slots[: self._room * _SLOTS_A_VALUE], self.count
        self.count = int(number_values(joined, separator, slots, self._utf8, self._starts, before, numbers))
        repeated = len(column) - (self.count - before)
        self._hardly_repeats = len(column) >= _FEWEST_JUDGED and repeated * _ONE_REPEATS_IN < len(column)
        return numbers

    def since(self, number: int) -> Texts:
        """Return the values from a number on, in the order of their numbers."""
        starts = self._starts[number : self.count + 1]
        return texts_of_utf8(self._utf8[starts[0] : starts[-1]], starts - starts[0])

    def forget(self) -> None:
        """Forget every value and begin another generation."""
        self._utf8[: self._starts[self.count]] = 0
        self._slots[: self._room * _SLOTS_A_VALUE] = 0
        self.generation += 1
        self.count = 0

    def _make_room(self, values: int, size: int) -> None:
        needed = int(self._starts[self.count]) + size
        full = self.count + values > self._room or needed > max(MOST_BYTES, len(self._utf8))
        if full or self._hardly_repeats:
            self.forget()
            self._room = 1 << (values - 1).bit_length() if self._hardly_repeats else self._limit
        used = int(self._starts[self.count])
        if used + size > len(self._utf8):
            larger = np.zeros(max(used + size, min(2 * len(self._utf8), MOST_BYTES)), dtype=np.uint8)
            larger[:used] = self._utf8[:used]
            self._utf8[:used] = 0
            self._utf8 = larger


def _joined(column: Sequence[str]) -> tuple[NDArray[np.uint8], np.uint64]:
    """Return the column's UTF-8, a separator after each value and padding at the end; and the separator."""
    quick = ("\n".join(column) + "\n").encode("utf-8", "surrogatepass") + _PADDING
    joined = np.frombuffer(quick, dtype=np.uint8)
    if np.count_nonzero(joined == _USUAL_SEPARATOR[0]) == len(column):
        return joined, np.uint64(_USUAL_SEPARATOR[0])
    values = (value.encode("utf-8", "surrogatepass") for value in column)
    safe = _IMPOSSIBLE.join([*values, _PADDING])
    return np.frombuffer(safe, dtype=np.uint8), np.uint64(_IMPOSSIBLE[0])


@inlined
def word_at(utf8: NDArray[np.uint8], place: np.uint64) -> np.uint64:
    """Return eight bytes, the first one lowest."""
    word = np.uint64(utf8[place])
    word |= np.uint64(utf8[place + np.uint64(1)]) << np.uint64(8)
    word |= np.uint64(utf8[place + np.uint64(2)]) << np.uint64(16)
    word |= np.uint64(utf8[place + np.uint64(3)]) << np.uint64(24)
    word |= np.uint64(utf8[place + np.uint64(4)]) << np.uint64(32)
    word |= np.uint64(utf8[place + np.uint64(5)]) << np.uint64(40)
    word |= np.uint64(utf8[place + np.uint64(6)]) << np.uint64(48)
    word |= np.uint64(utf8[place + np.uint64(7)]) << np.uint64(56)
    return word


@inlined
def same(
    utf8: NDArray[np.uint8], begin: np.uint64, known: NDArray[np.uint8], first: np.uint64, size: np.uint64
) -> bool:
    """Whether `size` bytes are the same in both."""
    done = np.uint64(0)
    while done + _WORD <= size:
        if word_at(utf8, begin + done) != word_at(known, first + done):
            return False
        done += _WORD
    half = (_WORD - (size - done)) << np.uint64(2)
    unlike = ((word_at(utf8, begin + done) ^ word_at(known, first + done)) << half) << half
    return bool(unlike == np.uint64(0))


@kernel
def number_values(
    utf8: NDArray[np.uint8],
    separator: np.uint64,
    slots: NDArray[np.uint64],
    known: NDArray[np.uint8],
    starts: NDArray[np.int64],
    count: int,
    numbers: NDArray[np.uint32],
) -> int:
    """Write the number of each value into `numbers`, adding unknown ones to `slots`, `known` and `starts`.

    Values are followed by the separator, all by eight bytes of padding. A slot is 0, or the upper half of a value's
    mixed bytes and its number plus one; equal halves are compared to the last byte. Returns how many values are known
    now. The separator is found as the lowest zero byte: A. Mycroft's test, exact for the lowest one.
    """
    mask = np.uint64(slots.size - 1)
    separators = separator * _LOWEST_BITS
    following = np.uint64(count)
    used = np.uint64(starts[following])
    begin = np.uint64(0)
    for row in range(np.uint64(numbers.size)):
        mixed = _FACTOR
        end = begin
        while True:
            word = word_at(utf8, end)
            unlike = word ^ separators
            found = (unlike - _LOWEST_BITS) & ~unlike & _HIGHEST_BITS
            if found != np.uint64(0):
                break
            mixed = (mixed ^ word) * _FACTOR
            mixed ^= mixed >> _MIX
            end += _WORD
        rest = trailing_zeros(found) >> np.uint64(3)
        half = (_WORD - rest) << np.uint64(2)
        end += rest
        size = end - begin
        mixed = (mixed ^ ((word << half) << half) ^ size) * _FACTOR
        mixed = (mixed ^ (mixed >> _HALF)) * _FACTOR
        upper = mixed >> _HALF
        slot = (mixed ^ (mixed >> _MIX)) & mask
        number = following
        while slots[slot] != np.uint64(0):
            entry = slots[slot]
            candidate = (entry & _NUMBER) - _ONE
            first = np.uint64(starts[candidate])
            if (
                entry >> _HALF == upper
                and np.uint64(starts[candidate + _ONE]) - first == size
                and same(utf8, begin, known, first, size)
            ):
                number = candidate
                break
            slot = (slot + _ONE) & mask
        if number == following:
            slots[slot] = (upper << _HALF) | (following + _ONE)
            for offset in range(size):
                known[used + offset] = utf8[begin + offset]
            used += size
            following += _ONE
            starts[following] = np.int64(used)
        numbers[row] = np.uint32(number)
        begin = end + _ONE
    return int(following)
