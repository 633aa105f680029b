"""Precision and recall over all pairs of files together, from the estimates of each pair."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from linkage_core.linking.probabilistic.model import Interval, LinkageModel, MeetingQuality

NOTHING_WRONG: Final = Interval(1.0, 1.0, 1.0)
"""Of no links, or no matches: none of them is wrong."""


@dataclass(frozen=True, slots=True)
class Overall:
    """Links of all pairs of files, and what share of them is right and of all matches found."""

    links: int
    precision: Interval
    recall: Interval


def overall(model: LinkageModel) -> Overall:
    """Return the quality of all pairs of files together.

    Precision is weighted by links, recall by estimated matches. So are the ends of the intervals: as if all pairs were
    wrong in the same direction, hence wider than 95 % asks for.
    """
    meetings = model.meetings
    return Overall(
        links=sum(meeting.links for meeting in meetings),
        precision=_mean(meetings, lambda one: one.precision, lambda one: one.links),
        recall=_mean(meetings, lambda one: one.recall, lambda one: one.matches.estimate),
    )


def _mean(
    meetings: Sequence[MeetingQuality],
    of: Callable[[MeetingQuality], Interval],
    weight: Callable[[MeetingQuality], float],
) -> Interval:
    total = sum(weight(meeting) for meeting in meetings)
    if not total:
        return NOTHING_WRONG
    shares = [(of(meeting), weight(meeting) / total) for meeting in meetings]
    return Interval(
        estimate=sum(interval.estimate * share for interval, share in shares),
        low=sum(interval.low * share for interval, share in shares),
        high=min(sum(interval.high * share for interval, share in shares), 1.0),
    )
