"""Precision and recall of linkage groups against a known truth, in pairs. For simulations: real runs have no truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from linkage_core.errors import InputFault
from linkage_core.types import PartyName


@dataclass(frozen=True, slots=True)
class PairQuality:
    """Counts of pairs of rows: linked, truly of one person, and both."""

    linked: int
    true: int
    correct: int

    @property
    def precision(self) -> float:
        """Share of linked pairs that are true; 1 if none is linked."""
        return self.correct / self.linked if self.linked else 1.0

    @property
    def recall(self) -> float:
        """Share of true pairs that are linked; 1 if there are none."""
        return self.correct / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 if nothing linked is true."""
        both = self.linked + self.true
        return 2 * self.correct / both if both else 1.0


@dataclass(frozen=True, slots=True)
class LinkageQuality:
    """Quality over all pairs, and by pair of providers (in alphabetical order; a provider with itself: duplicates)."""

    overall: PairQuality
    by_providers: Mapping[tuple[PartyName, PartyName], PairQuality]


def assess(
    groups: Mapping[PartyName, NDArray[np.integer]], persons: Mapping[PartyName, NDArray[np.integer]]
) -> LinkageQuality:
    """Compare each row's linkage group with its true person; both (rows,) a provider, numbers shared by all providers.

    Raises `InputFault` if the two do not cover the same rows.
    """
    faults = tuple(
        f"{name}: {len(groups.get(name, ()))} rows with a group, {len(persons.get(name, ()))} with a person"
        for name in sorted(groups.keys() | persons.keys())
        if len(groups.get(name, ())) != len(persons.get(name, ()))
    )
    if faults:
        raise InputFault("groups and truth do not cover the same rows", faults)

    by_providers = {
        (one, other): _quality_between(groups[one], persons[one], groups[other], persons[other], same=one == other)
        for one, other in combinations_with_replacement(sorted(groups), 2)
    }
    overall = PairQuality(
        linked=sum(quality.linked for quality in by_providers.values()),
        true=sum(quality.true for quality in by_providers.values()),
        correct=sum(quality.correct for quality in by_providers.values()),
    )
    return LinkageQuality(overall, by_providers)


def _quality_between(
    groups: NDArray[np.integer],
    persons: NDArray[np.integer],
    other_groups: NDArray[np.integer],
    other_persons: NDArray[np.integer],
    *,
    same: bool,
) -> PairQuality:
    both = np.stack([groups, persons], axis=1).astype(np.int64)
    other_both = np.stack([other_groups, other_persons], axis=1).astype(np.int64)
    return PairQuality(
        linked=_common_pairs(both[:, :1], other_both[:, :1], same=same),
        true=_common_pairs(both[:, 1:], other_both[:, 1:], same=same),
        correct=_common_pairs(both, other_both, same=same),
    )


def _common_pairs(values: NDArray[np.int64], others: NDArray[np.int64], *, same: bool) -> int:
    """How many pairs of rows, one of each side (or two of the same), have equal values; (rows, columns) each."""
    _, inverse = np.unique(np.concatenate([values, others]), axis=0, return_inverse=True)
    kinds = int(inverse.max(initial=-1)) + 1
    counts = np.bincount(inverse[: len(values)], minlength=kinds)
    if same:
        return int((counts * (counts - 1) // 2).sum())
    return int((counts * np.bincount(inverse[len(values) :], minlength=kinds)).sum())
