"""The links of the final groups at one meeting of files, each with its probability and its quality class."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage_core.linking.probabilistic.run import Linked, Weighed


@dataclass(frozen=True, slots=True, eq=False)
class FinalLinks:
    """Pairs of records in one group. `probability`: float64, (links,), to be of one person; `quality_class`: uint8,
    (links,), the worse one of their records'."""

    probability: NDArray[np.float64]
    quality_class: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.probability)


def final_links(
    weighed: Weighed, one: Linked, group: NDArray[np.int64], quality_class: NDArray[np.uint8], least: float
) -> FinalLinks:
    """Return them; `group`, int64, and `quality_class`, uint8, of every record; `least`: probability that links.

    A pair that other records hold together, be it no candidate or one that falls short, is as likely as the others.
    """
    meeting = one.meeting
    first, second = _pairs_in_groups(group, meeting.sides, within=meeting.way == "within")
    evidence = weighed.evidence
    known = _packed(evidence.row_a[meeting.pairs], evidence.row_b[meeting.pairs])
    wanted = _packed(np.minimum(first, second), np.maximum(first, second))
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    probability = np.where(known[at] == wanted, weighed.probability[meeting.pairs][at], np.nan)
    held = ~(probability >= least)
    probability[held] = probability[~held].mean() if (~held).any() else least
    return FinalLinks(probability, np.maximum(quality_class[first], quality_class[second]))


def _pairs_in_groups(
    group: NDArray[np.int64], sides: tuple[range, range], *, within: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all pairs, one record of each side, in the same group."""
    one, other = (np.arange(side.start, side.stop) for side in sides)
    other = other[np.argsort(group[other], kind="stable")]
    sorted_groups = group[other]
    start = np.searchsorted(sorted_groups, group[one], side="left")
    partners = np.searchsorted(sorted_groups, group[one], side="right") - start
    first = np.repeat(one, partners)
    place = np.arange(len(first)) - np.repeat(np.cumsum(partners) - partners, partners)
    second = other[np.repeat(start, partners) + place]
    wanted = first < second if within else np.ones(len(first), np.bool_)
    return first[wanted], second[wanted]


def _packed(first: NDArray[np.integer], second: NDArray[np.integer]) -> NDArray[np.uint64]:
    return first.astype(np.uint64) << np.uint64(32) | second.astype(np.uint64)
