"""Frequency classes: how common a row's name is in its file, told so coarsely that no class points at anybody.

Counted over the whole file, of the standardised value that the CLKs encode. Three rules keep a class from telling more
than it is for, each public, and each merges what is short of it into the *commoner* neighbour, so that a name never
passes for rarer than it is:

1. a bound below `LEAST_OCCURRENCES` rows is not in force: among names that occur once or twice chance decides;
2. a class holds at least `LEAST_CLASS_PER_MILLE` of the rows that have the variable;
3. a class holds at least `LEAST_CLASS_VALUES` distinct values, or the class of the commonest name would spell it.

A file that cannot keep them has no classes. A missing value has none either: class 0.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.schema import LEAST_CLASS_PER_MILLE, LEAST_CLASS_VALUES, FrequencyClasses

LEAST_OCCURRENCES: Final = 5
"""Rows that a bound must come to. Two people of one file who share a name have at least two; two of different files may
have one each. What is learnt inside files holds across them only where this does not matter."""

_PER_MILLION: Final = 1_000_000
_PER_MILLE: Final = 1000


class FrequencyCounter:
    """Counts one variable's values over a file, chunk by chunk; the values stay in it, in clear, until it goes."""

    def __init__(self, spec: FrequencyClasses, *, least_occurrences: int = LEAST_OCCURRENCES) -> None:
        self._bounds = spec.bounds_per_million
        self._least_occurrences = least_occurrences
        self._numbers: dict[str, int] = {"": 0}
        self._rows: list[NDArray[np.uint32]] = []

    def add(self, values: Sequence[str]) -> None:
        """Count a chunk's values, one a row, "" where missing."""
        numbers = self._numbers
        self._rows.append(np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.uint32))

    def classes(self) -> NDArray[np.uint8]:
        """Return the class of each row, in the order of the rows: uint8, from 1, the rarest; 0 for none."""
        rows = np.concatenate([np.zeros(0, np.uint32), *self._rows])
        counts = np.bincount(rows, minlength=len(self._numbers)).astype(np.int64)
        counts[0] = 0
        of_values = classes_of_counts(counts, self._bounds, self._least_occurrences)
        of_rows: NDArray[np.uint8] = of_values[rows]
        return of_rows


def classes_of_counts(
    counts: NDArray[np.int64], bounds_per_million: Sequence[int], least_occurrences: int = LEAST_OCCURRENCES
) -> NDArray[np.uint8]:
    """Return the class of each distinct value: uint8; 0 for a value that no row has, and where there are no classes.

    `counts`: int64, how many rows have each value. Follows from the counts alone, in whatever order they come.
    """
    total = int(counts.sum())
    bounds = np.array([bound * total for bound in bounds_per_million], dtype=np.float64) / _PER_MILLION
    label = 1 + np.searchsorted(bounds, counts, side="right")
    label = np.maximum(label, 1 + np.searchsorted(bounds, least_occurrences, side="left"))
    label[counts == 0] = 0
    made = np.zeros(len(counts), dtype=np.uint8)
    waiting: list[int] = []
    last = 0
    for commonest in range(1, len(bounds) + 2):
        waiting.append(commonest)
        gathered = np.isin(label, waiting)
        if not (label == commonest).any():
            continue
        if (
            counts[gathered].sum() * _PER_MILLE >= LEAST_CLASS_PER_MILLE * total
            and np.count_nonzero(gathered) >= LEAST_CLASS_VALUES
        ):
            made[gathered] = last = commonest
            waiting = []
    left = np.isin(label, waiting)
    if last and left.any():
        made[left | (made == last)] = int(label[left].max())
    return made
