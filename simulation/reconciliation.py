"""Agencies that know one person under two local ids, or two persons under one, and find it out later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simulation.identifiers import Numbers
from simulation.people import Population
from simulation.yearly import Known

_TWICE_SHARE: Final = 0.003
"""Persons whom an agency knows under two local ids at first."""
_UNSEEN_SHARE: Final = 0.004
"""Of those who do not head a household: those whom an agency takes for its head at first."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Confusion:
    """Whom one agency confuses, one element a person; deliveries count from 0, and beyond the last one means never."""

    twice: Mask
    merged_in: Numbers
    """The delivery in which the second local id is given up."""
    unseen: Mask
    split_in: Numbers
    """The delivery from which the person has a local id of its own."""


def draw_confusion(people: Population, deliveries: int, rng: np.random.Generator) -> Confusion:
    """Draw whom an agency confuses, and until when."""
    count = len(people)
    heads = people.head == np.arange(count)
    return Confusion(
        twice=rng.random(count) < _TWICE_SHARE,
        merged_in=rng.integers(1, deliveries + 1, count),
        unseen=~heads & (rng.random(count) < _UNSEEN_SHARE),
        split_in=rng.integers(1, deliveries + 1, count),
    )


@dataclass(frozen=True, slots=True)
class Settled:
    """What an agency makes of the identities that it could deliver in a year."""

    kept: Mask
    """Which identities it delivers."""
    stands_for: pa.Table
    """Columns `person` and `local_id`: persons who are behind the local id of another."""
    found: pa.Table
    """Columns `local_id`, `other_local_id`, `kind`: what it found out since the last delivery."""

    @staticmethod
    def nothing(known: Known, held: Mask) -> Settled:
        """Of an agency that confuses nobody."""
        return Settled(held, known.stands_for().slice(0, 0), _found([]))


def settle(known: Known, held: Mask, held_before: Mask, confusion: Confusion, head: Numbers, delivery: int) -> Settled:
    """Decide what an agency delivers.

    `held` masks the identities that it has for the year, `held_before` those for the year before; `head` is the head of
    each person's household; `delivery` counts from 0.
    """
    person = known.person
    first_row = np.full(len(head), -1)
    first_row[person[::-1]] = np.arange(len(person))[::-1]
    own_first = first_row[person]
    second = own_first != np.arange(len(person))
    given_up = second & (confusion.merged_in[person] <= delivery)
    heads = first_row[head[person]]
    head_is_held = (heads >= 0) & held[heads]
    confused = confusion.unseen[person] & ~second & head_is_held
    behind = held & confused & (confusion.split_in[person] > delivery)
    kept = held & ~given_up & ~behind

    local_ids = known.identities["local_id"].to_pylist()
    due = second & (confusion.merged_in[person] == delivery)
    merged = np.flatnonzero(due & held & held_before & kept[own_first])
    due = confused & (confusion.split_in[person] == delivery)
    split = np.flatnonzero(due & kept & held_before & held_before[heads])
    rows = np.flatnonzero(behind)
    return Settled(
        kept=kept,
        stands_for=pa.table(
            {
                "person": pa.array(person[rows]),
                "local_id": pa.array([local_ids[row] for row in heads[rows].tolist()], type=pa.string()),
            }
        ),
        found=_found(
            [(local_ids[row], local_ids[own_first[row]], "merge") for row in merged.tolist()]
            + [(local_ids[heads[row]], local_ids[row], "split") for row in split.tolist()]
        ),
    )


def _found(rows: list[tuple[str, str, str]]) -> pa.Table:
    columns = zip(*sorted(rows), strict=True) if rows else ((), (), ())
    names = ("local_id", "other_local_id", "kind")
    return pa.table({n: pa.array(list(values), type=pa.string()) for n, values in zip(names, columns, strict=True)})
