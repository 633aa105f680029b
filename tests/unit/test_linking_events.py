"""Each thing that may happen to a group or a handle from one wave to the next, and the reason that its event gives."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from linkage_core.linking.events import Event, EventKind, WaveOutcome, events_of, evidence_of, first_evidence
from linkage_core.linking.groups import FileGroups
from linkage_core.linking.registry import CORRECTED, NEW, UNCHANGED
from linkage_core.types import GroupId, Handle

A, B, C = (GroupId(bytes([number]) * 16) for number in range(1, 4))
ONE, TWO, THREE = (Handle(b"tax/" + bytes([number]) * 16) for number in range(1, 4))


def outcome(
    previous: Mapping[Handle, GroupId], now: Mapping[Handle, GroupId], *, complete: bool = False
) -> WaveOutcome:
    return WaveOutcome(previous, now, corrected=(), withdrawn=(), returned=(), evidence={}, complete=complete)


def test_what_stays_as_it_was_is_no_event() -> None:
    assert events_of(outcome({ONE: A, TWO: B}, {ONE: A, TWO: B})) == []
    assert events_of(outcome({ONE: A}, {ONE: A, TWO: A})) == []


def test_a_group_is_created_for_new_handles_or_by_a_split() -> None:
    assert events_of(outcome({}, {ONE: A, TWO: A})) == [Event(EventKind.CREATED, "new", A)]
    assert events_of(outcome({ONE: A, TWO: A}, {ONE: A, TWO: B}, complete=True)) == [
        Event(EventKind.CREATED, "split", B),
        Event(EventKind.SPLIT, "complete-wave", A, B),
    ]


def test_a_group_all_of_whose_handles_went_to_another_is_merged_by_what_linked_the_waves_rows() -> None:
    merged = replace(outcome({ONE: A, TWO: B}, {ONE: A, TWO: A, THREE: A}), evidence={A: "by-key/national-id"})
    assert events_of(merged) == [Event(EventKind.MERGED, "by-key/national-id", B, A)]
    assert events_of(replace(merged, evidence={}))[0].reason == "by-similarity"
    assert events_of(replace(merged, corrected=[TWO]))[0].reason == "correction"


def test_a_group_that_goes_into_two_others_is_split_twice() -> None:
    gone = outcome({ONE: A, TWO: B, THREE: C}, {ONE: A, TWO: A, THREE: C}, complete=True)
    assert [event.kind for event in events_of(gone)] == [EventKind.MERGED]
    four = Handle(b"border/" + bytes(16))
    both = outcome({ONE: A, TWO: B, four: B, THREE: C}, {ONE: A, TWO: A, four: C, THREE: C}, complete=True)
    assert events_of(both) == [
        Event(EventKind.SPLIT, "complete-wave", B, A),
        Event(EventKind.SPLIT, "complete-wave", B, C),
    ]


def test_a_part_that_a_correction_took_out_is_a_split_by_correction() -> None:
    split = replace(outcome({ONE: A, TWO: A, THREE: B}, {ONE: A, TWO: B, THREE: B}), corrected=[TWO])
    assert events_of(split) == [
        Event(EventKind.SPLIT, "correction", A, B),
        Event(EventKind.CORRECTED, "correction", B, handle=TWO),
    ]


def test_handles_are_withdrawn_by_a_complete_wave_or_a_correction_and_return_by_delivery() -> None:
    away = replace(outcome({ONE: A, TWO: B}, {ONE: A}, complete=True), withdrawn=[TWO])
    assert events_of(away) == [Event(EventKind.WITHDRAWN, "complete-wave", B, handle=TWO)]
    assert events_of(replace(away, complete=False))[0].reason == "correction"
    back = replace(outcome({ONE: A, TWO: B}, {ONE: A, TWO: B}), returned=[TWO])
    assert events_of(back) == [Event(EventKind.RETURNED, "delivery", B, handle=TWO)]


def test_evidence_is_the_first_pass_that_linked_one_of_the_waves_own_rows_else_similarity() -> None:
    ways = ("none", "national-id", "person", "similarity")
    file = FileGroups(
        group=np.zeros(5, np.uint32),
        linked_by=np.array([3, 2, 0, 1, 3], np.int16),
        score=np.zeros(5),
        weight=np.full(5, np.nan),
        quality_class=np.zeros(5, np.uint8),
    )
    change = np.array([NEW, CORRECTED, NEW, UNCHANGED, NEW], np.uint8)
    found = evidence_of([A, A, B, A, C], file, ways, change)
    assert found == {A: "by-key/person", C: "by-similarity"}
    other = {A: "by-key/national-id", C: "by-key/person"}
    assert first_evidence([found, other], ("national-id", "person")) == other
