"""What both search kernels do alike: the bound that decides which pairs survive their first words, and their end."""

from typing import Final

import numpy as np

from linkage_core.native import inlined

NUMBER, COUNT, REST, LEAN = range(4)
"""Columns of facts about a row, int64 (rows, 4): its number, its set bits, those beyond the first words, and its lean.

The first words of two rows must have at least (lean + lean - slack) / 2048 bits in common: what a statistical exit
asks, in 1/1024 of a bit. Without one the slack is so large that this is below zero.
"""

LEAN_UNITS: Final = 1024
"""What a lean and a slack count a bit as."""

_LEAN_SHIFT: Final = 11
_ROUND_UP: Final = (1 << _LEAN_SHIFT) - 1
_NUMBER_BITS: Final = np.uint64(32)


@inlined
def least_in_common(needed: np.int64, most_rest: np.int64, leans: np.int64, slack: np.int64) -> np.int64:
    """Return how many bits the first words must share, at least, for a pair to be found.

    `needed` in all, of which `most_rest` at most can lie beyond the first words; `leans`: of both rows together.
    """
    return max(needed - most_rest, (leans - slack + _ROUND_UP) >> _LEAN_SHIFT)


@inlined
def stays(common: np.int64, leans: np.int64, slack: np.int64) -> bool:
    """Return whether the statistical exit lets a pair stay that has `common` bits in its first words."""
    return bool(common << _LEAN_SHIFT >= leans - slack)


@inlined
def as_pair(number: np.int64, other: np.int64, within: bool) -> np.uint64:
    """Return two numbers as number << 32 | number, the lower first if `within`."""
    if within and other < number:
        number, other = other, number
    return np.uint64(number) << _NUMBER_BITS | np.uint64(other)
