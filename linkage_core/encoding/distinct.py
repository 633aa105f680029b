"""The distinct values of one column, numbered: what is computed per value is computed once, whatever the rows.

It remembers at most `limit` values, at 24 bytes a value, and `MOST_CODES` code points of 4 bytes (longer rows that come
at a time are the one exception). When the next rows might not fit, everything is forgotten and numbering begins again
in another generation; what was derived by number is then void.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.encoding.texts import Texts, joined
from linkage_core.native import kernel

MOST_VALUES: Final = 1 << 16
MOST_CODES: Final = MOST_VALUES * 32
_SLOTS_A_VALUE: Final = 2
_ONE: Final = np.uint64(1)
_HALF: Final = np.uint64(32)
_MIX: Final = np.uint64(29)
_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
_NUMBER: Final = np.uint64(0xFFFFFFFF)


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
        self._slots = np.zeros(limit * _SLOTS_A_VALUE, dtype=np.uint64)
        self._starts = np.zeros(limit + 1, dtype=np.int64)
        self._codes = np.empty(0, dtype=np.uint32)

    def number(self, column: Sequence[str]) -> NDArray[np.uint32]:
        """Return the number of each row's value, uint32; more rows at a time than `limit` are a `ValueError`."""
        if len(column) > self._limit:
            raise ValueError(f"at most {self._limit} rows are numbered at a time, not {len(column)}")
        numbers = np.empty(len(column), dtype=np.uint32)
        if not column:
            return numbers
        codes, ends = joined(column)
        self._make_room(len(column), len(codes))
        self.count = int(number_values(codes, ends, self._slots, self._codes, self._starts, self.count, numbers))
        return numbers

    def since(self, number: int) -> Texts:
        """Return the values from a number on, in the order of their numbers."""
        starts = self._starts[number : self.count + 1]
        return Texts(self._codes[starts[0] : starts[-1]], starts - starts[0])

    def forget(self) -> None:
        """Forget every value and begin another generation."""
        self._codes[: self._starts[self.count]] = 0
        self._slots[:] = 0
        self.generation += 1
        self.count = 0

    def _make_room(self, values: int, codes: int) -> None:
        if self.count + values > self._limit or self._starts[self.count] + codes > max(MOST_CODES, len(self._codes)):
            self.forget()
        used = int(self._starts[self.count])
        if used + codes > len(self._codes):
            larger = np.empty(max(used + codes, min(2 * len(self._codes), MOST_CODES)), dtype=np.uint32)
            larger[:used] = self._codes[:used]
            self._codes[:used] = 0
            self._codes = larger


@kernel
def number_values(
    codes: NDArray[np.uint32],
    ends: NDArray[np.int64],
    slots: NDArray[np.uint64],
    known: NDArray[np.uint32],
    starts: NDArray[np.int64],
    count: int,
    numbers: NDArray[np.uint32],
) -> int:
    """Write the number of each value into `numbers`, adding unknown ones to `slots`, `known` and `starts`.

    Value i is `codes[ends[i - 1] + 1 : ends[i]]`. A slot is 0, or the upper half of a value's mixed code points and its
    number plus one; equal halves are compared to the last code point. Returns how many values are known now.
    """
    mask = np.uint64(slots.size - 1)
    following = np.uint64(count)
    used = np.uint64(starts[following])
    begin = np.uint64(0)
    for row in range(ends.size):
        end = np.uint64(ends[row])
        length = end - begin
        mixed = (length + _ONE) * _FACTOR
        place = begin
        while place + _ONE < end:
            mixed = (mixed ^ (np.uint64(codes[place]) | (np.uint64(codes[place + _ONE]) << _HALF))) * _FACTOR
            mixed ^= mixed >> _MIX
            place += _ONE + _ONE
        if place < end:
            mixed = (mixed ^ np.uint64(codes[place])) * _FACTOR
        mixed ^= mixed >> _HALF
        mixed *= _FACTOR
        slot = (mixed ^ (mixed >> _MIX)) & mask
        upper = mixed >> _HALF
        number = following
        while slots[slot] != np.uint64(0):
            entry = slots[slot]
            if entry >> _HALF == upper:
                candidate = (entry & _NUMBER) - _ONE
                first = np.uint64(starts[candidate])
                if np.uint64(starts[candidate + _ONE]) - first == length:
                    same = np.uint64(0)
                    while same < length and known[first + same] == codes[begin + same]:
                        same += _ONE
                    if same == length:
                        number = candidate
                        break
            slot = (slot + _ONE) & mask
        if number == following:
            slots[slot] = (upper << _HALF) | (following + _ONE)
            for offset in range(length):
                known[used + np.uint64(offset)] = codes[begin + np.uint64(offset)]
            used += length
            following += _ONE
            starts[following] = np.int64(used)
        numbers[row] = np.uint32(number)
        begin = end + _ONE
    return int(following)
