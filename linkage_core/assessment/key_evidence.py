"""What match keys and frequency classes alone tell a known-pair attacker: who a row cannot be.

Equal keys are equal values. So a row whose key a known row has is a person with that row's values; one whose key no
known row has is nobody with a known row's values; and a key occurs as often as the values do. A row of one frequency
class is nobody whose name is of another.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from linkage_core.assessment.known_pairs import Split


@dataclass(frozen=True, slots=True, eq=False)
class AttackedKey:
    """One match key of every row: `values` uint8, (rows, 16); `present` bool, (rows,).

    `clear`: what it encodes, one text a row; read where the key is present only.
    """

    name: str
    values: NDArray[np.uint8] = field(repr=False)
    present: NDArray[np.bool_] = field(repr=False)
    clear: Sequence[str] = field(repr=False)


def impossible(keys: Sequence[AttackedKey], classes: Sequence[NDArray[np.uint8]], split: Split) -> NDArray[np.bool_]:
    """Return which candidates an attacked row cannot be: bool, (attacked rows, candidates).

    `classes`: frequency classes of each row, uint8 (rows,), by variable. Who knows the population can count names too.
    """
    excluded = np.zeros((len(split.targets), len(split.candidates)), np.bool_)
    for numbers in classes:
        excluded |= numbers[split.targets][:, None] != numbers[split.candidates]
    for key in keys:
        of_rows, of_people = _evidence(key, split.known)
        excluded |= of_rows[split.targets][:, None] != of_people[split.candidates]
    return excluded


def _evidence(key: AttackedKey, known: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return what must be equal for a row to be a person: by the row's key, and by the person's values; int64 each.

    The number of the values if a known row has them; else minus how often they occur; 0 where the key is absent.
    """
    packed = np.ascontiguousarray(key.values).view(f"V{key.values.shape[1]}").ravel()
    codes = np.unique(packed, return_inverse=True)[1]
    numbers: dict[str, int] = {}
    values = np.array([numbers.setdefault(text, len(numbers)) for text in key.clear], dtype=np.int64)
    known = known[key.present[known]]
    evidence = []
    for numbered in (codes, values):
        meaning = -np.bincount(numbered[key.present], minlength=int(numbered.max(initial=0)) + 1)
        meaning[numbered[known]] = values[known] + 1
        evidence.append(np.where(key.present, meaning[numbered], 0))
    return evidence[0], evidence[1]
