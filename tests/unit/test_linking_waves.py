import itertools
from collections.abc import Callable

import pytest

from linkage_core.errors import InputFault
from linkage_core.linking.waves import GroupChanges, inherit_groups
from linkage_core.types import GroupId, Handle


def handle(number: int) -> Handle:
    return Handle(number.to_bytes(16, "big"))


def group_id(number: int) -> GroupId:
    return GroupId(number.to_bytes(16, "big"))


def fresh(first: int = 1000) -> Callable[[], GroupId]:
    numbers = itertools.count(first)
    return lambda: group_id(next(numbers))


def test_the_first_wave_gives_every_group_an_id_of_its_own() -> None:
    result = inherit_groups({handle(1): 0, handle(2): 0, handle(3): 1}, {}, fresh())
    assert result.group_ids[handle(1)] == result.group_ids[handle(2)] != result.group_ids[handle(3)]
    assert result.changes == GroupChanges(kept=0, new=2, merged=0, split=0, gone=0)


def test_unchanged_groups_keep_their_ids_whatever_their_numbers_are_now() -> None:
    first = inherit_groups({handle(1): 0, handle(2): 0, handle(3): 1}, {}, fresh())
    second = inherit_groups({handle(1): 9, handle(2): 9, handle(3): 4}, first.group_ids, fresh(5000))
    assert second.group_ids == first.group_ids
    assert second.changes == GroupChanges(kept=2, new=0, merged=0, split=0, gone=0)


def test_a_new_record_of_a_known_person_takes_the_persons_id() -> None:
    previous = {handle(1): group_id(7)}
    result = inherit_groups({handle(1): 0, handle(2): 0}, previous, fresh())
    assert set(result.group_ids.values()) == {group_id(7)}


def test_merged_groups_take_the_id_that_most_handles_had() -> None:
    previous = {handle(1): group_id(7), handle(2): group_id(9), handle(3): group_id(9)}
    result = inherit_groups({handle(1): 0, handle(2): 0, handle(3): 0}, previous, fresh())
    assert set(result.group_ids.values()) == {group_id(9)}
    assert result.changes == GroupChanges(kept=1, new=0, merged=1, split=0, gone=0)


def test_ties_of_a_merge_go_to_the_smaller_id() -> None:
    previous = {handle(1): group_id(9), handle(2): group_id(7)}
    result = inherit_groups({handle(1): 0, handle(2): 0}, previous, fresh())
    assert set(result.group_ids.values()) == {group_id(7)}


def test_a_split_leaves_the_id_with_the_larger_part_only() -> None:
    previous = dict.fromkeys((handle(1), handle(2), handle(3)), group_id(7))
    result = inherit_groups({handle(1): 0, handle(2): 1, handle(3): 1}, previous, fresh())
    assert result.group_ids == {handle(1): group_id(1000), handle(2): group_id(7), handle(3): group_id(7)}
    assert result.changes == GroupChanges(kept=1, new=0, merged=0, split=1, gone=0)


def test_a_group_whose_first_claim_is_taken_falls_back_on_its_second() -> None:
    previous = {
        **dict.fromkeys((handle(1), handle(2), handle(3), handle(4), handle(5)), group_id(7)),
        handle(6): group_id(9),
    }
    now = {handle(1): 0, handle(2): 0, handle(3): 0, handle(4): 1, handle(5): 1, handle(6): 1}
    result = inherit_groups(now, previous, fresh())
    assert result.group_ids[handle(1)] == group_id(7)
    assert result.group_ids[handle(6)] == group_id(9)


def test_groups_that_did_not_come_again_are_counted() -> None:
    result = inherit_groups({handle(1): 0}, {handle(1): group_id(7), handle(2): group_id(9)}, fresh())
    assert result.changes.gone == 1


def test_a_source_of_ids_that_repeats_itself_is_refused() -> None:
    with pytest.raises(InputFault, match="repeated"):
        inherit_groups({handle(1): 0, handle(2): 1}, {}, lambda: group_id(1))
