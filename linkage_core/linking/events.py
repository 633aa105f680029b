"""What happened to groups and handles from one wave to the next, as events with reasons: the registry's history.

Groups: *created*; *merged*, all of an earlier group into another one; *split*, a part of an earlier group into another
one. Handles: *corrected*, another encoding under the same handle; *withdrawn*; *returned*. That something stayed as it
was is no event. An event names groups and handles, never anything about a person; it stays with the linkage unit.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.linking.groups import BY_SIMILARITY, NOT_LINKED, FileGroups
from linkage_core.linking.registry import UNCHANGED
from linkage_core.types import GroupId, Handle

NEW: Final = "new"
"""Reason of a group whose handles had none before."""
SPLIT: Final = "split"
"""Reason of a group that was made for what left others."""
CORRECTION: Final = "correction"
COMPLETE_WAVE: Final = "complete-wave"
DELIVERY: Final = "delivery"
"""Reason of a handle's return: its provider delivers it again."""
BY: Final = "by-"
BY_KEY: Final = "by-key/"
"""What the way of a row's link is called in a reason."""


class EventKind(StrEnum):
    """What happened."""

    CREATED = "created"
    MERGED = "merged"
    SPLIT = "split"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `group`: the one it happened to; of a handle, its group now.

    `into`: of a merge or split, where handles of `group` went. `handle`: of an event of a handle.
    `reason`: `new`, `split`, `correction`, `complete-wave`, `delivery`, `by-similarity`, or `by-key/` and a match key.
    """

    kind: EventKind
    reason: str
    group: GroupId
    into: GroupId | None = None
    handle: Handle | None = None


@dataclass(frozen=True, slots=True)
class WaveOutcome:
    """One wave as its events are told from it.

    `previous`: the registry before, every handle that it ever held; `now`: every handle that it holds after the wave,
    with its group. `corrected`, `withdrawn` and `returned` are handles. `evidence`: how the wave's own rows were
    linked, by their group now (`evidence_of`); `complete`: whether everybody was linked anew.
    """

    previous: Mapping[Handle, GroupId]
    now: Mapping[Handle, GroupId]
    corrected: Collection[Handle]
    withdrawn: Collection[Handle]
    returned: Collection[Handle]
    evidence: Mapping[GroupId, str]
    complete: bool


def events_of(wave: WaveOutcome) -> list[Event]:
    """Return the wave's events, the same for the same wave: of groups first, by kind, then by group and handle."""
    return [*_created(wave), *_moves(wave), *_of_handles(wave)]


def evidence_of(
    groups: Sequence[GroupId], file: FileGroups, ways: Sequence[str], change: NDArray[np.uint8]
) -> dict[GroupId, str]:
    """Return for each group how a wave's rows were linked in it: by the first pass that linked one, or similarity.

    `groups`: of each row that the wave brings, the first of `file`; `ways`: as `LinkageGroups.ways`; `change`: as
    `registry.WaveRows` has it: unchanged rows are no evidence.
    """
    best: dict[GroupId, int] = {}
    placed = np.flatnonzero(change != UNCHANGED)
    for row, way in zip(placed.tolist(), file.linked_by[placed].tolist(), strict=True):
        if ways[way] != NOT_LINKED:
            best[groups[row]] = min(way, best.get(groups[row], way))
    return {group: BY + ways[way] if ways[way] == BY_SIMILARITY else BY_KEY + ways[way] for group, way in best.items()}


def first_evidence(parts: Sequence[Mapping[GroupId, str]], passes: Sequence[str]) -> dict[GroupId, str]:
    """Return the evidence of several files together: the earliest pass counts, similarity last."""
    rank = {BY_KEY + name: place for place, name in enumerate(passes)}
    merged: dict[GroupId, str] = {}
    for part in parts:
        for group, way in part.items():
            if group not in merged or rank.get(way, len(rank)) < rank.get(merged[group], len(rank)):
                merged[group] = way
    return merged


def _created(wave: WaveOutcome) -> Iterator[Event]:
    known = set(wave.previous.values())
    heirs = {group for handle, group in wave.now.items() if handle in wave.previous}
    for group in sorted(set(wave.now.values()) - known):
        yield Event(EventKind.CREATED, SPLIT if group in heirs else NEW, group)


def _moves(wave: WaveOutcome) -> Iterator[Event]:
    moved: dict[tuple[GroupId, GroupId], list[Handle]] = defaultdict(list)
    for handle, group in wave.now.items():
        earlier = wave.previous.get(handle, group)
        if earlier != group:
            moved[earlier, group].append(handle)
    remaining = set(wave.now.values())
    places: dict[GroupId, int] = defaultdict(int)
    for earlier, _ in moved:
        places[earlier] += 1
    corrected_now = {wave.now[handle] for handle in wave.corrected}
    corrected_before = {wave.previous[handle] for handle in wave.corrected}
    merges, splits = [], []
    for (earlier, group), _ in sorted(moved.items()):
        evidence = wave.evidence.get(group, BY + BY_SIMILARITY)
        if earlier in remaining or places[earlier] > 1:
            reason = COMPLETE_WAVE if wave.complete else evidence
            reason = CORRECTION if earlier in corrected_before else reason
            splits.append(Event(EventKind.SPLIT, reason, earlier, group))
        else:
            reason = CORRECTION if group in corrected_now else evidence
            merges.append(Event(EventKind.MERGED, reason, earlier, group))
    yield from merges
    yield from splits


def _of_handles(wave: WaveOutcome) -> Iterator[Event]:
    for handle in sorted(wave.corrected):
        yield Event(EventKind.CORRECTED, CORRECTION, wave.now[handle], handle=handle)
    for handle in sorted(wave.withdrawn):
        reason = COMPLETE_WAVE if wave.complete else CORRECTION
        yield Event(EventKind.WITHDRAWN, reason, wave.previous[handle], handle=handle)
    for handle in sorted(wave.returned):
        yield Event(EventKind.RETURNED, DELIVERY, wave.now[handle], handle=handle)
