import itertools

from hypothesis import given
from hypothesis import strategies as st

from linkage_core.linking.events import EventKind, WaveOutcome, events_of
from linkage_core.linking.waves import inherit_groups
from linkage_core.types import GroupId, Handle

HANDLES = [Handle(bytes([number]) * 16) for number in range(12)]
waves = st.dictionaries(st.sampled_from(HANDLES), st.integers(0, 5))


@given(waves, waves)
def test_two_handles_share_an_id_exactly_when_they_share_a_group(
    first: dict[Handle, int], second: dict[Handle, int]
) -> None:
    ids = (GroupId(number.to_bytes(16, "big")) for number in itertools.count())
    before = inherit_groups(first, {}, lambda: next(ids))
    after = inherit_groups(second, before.group_ids, lambda: next(ids))
    for one, other in itertools.combinations(second, 2):
        assert (second[one] == second[other]) == (after.group_ids[one] == after.group_ids[other])
    assert after.changes.kept + after.changes.new <= len(set(second.values()))


@given(waves, waves)
def test_every_handle_whose_group_changed_is_in_one_merge_or_split_and_every_new_id_was_created(
    first: dict[Handle, int], second: dict[Handle, int]
) -> None:
    ids = (GroupId(number.to_bytes(16, "big")) for number in itertools.count())
    before = inherit_groups(first, {}, lambda: next(ids)).group_ids
    after = inherit_groups(second, before, lambda: next(ids)).group_ids
    told = events_of(WaveOutcome(before, after, corrected=(), withdrawn=(), returned=(), evidence={}, complete=True))
    moves = {(event.group, event.into) for event in told if event.kind in (EventKind.MERGED, EventKind.SPLIT)}
    moved = {(before[handle], after[handle]) for handle in after if before.get(handle, after[handle]) != after[handle]}
    assert moves == moved
    assert len(told) == len({(event.kind, event.group, event.into) for event in told})
    created = {event.group for event in told if event.kind is EventKind.CREATED}
    assert created == set(after.values()) - set(before.values())
    merged = {event.group for event in told if event.kind is EventKind.MERGED}
    assert merged.isdisjoint(after.values())
