"""Group ids over waves: handles inherit them, so that a person keeps the same pseudonym.

Rows are new in every wave; a handle is a provider's own, stable name for a local person. The registry maps handles to
group ids and is the linkage unit's alone.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from linkage_core.errors import InputFault
from linkage_core.types import GroupId, Handle


@dataclass(frozen=True, slots=True)
class GroupChanges:
    """How this wave's groups came from the last one's, in groups.

    `kept`: has the id of an earlier group. `new`: none of its handles had an id. `merged`: handles of two or more
    earlier groups (they count as kept too, if the id was free). `split`: earlier groups whose handles are now in two or
    more groups. `gone`: earlier groups none of whose handles came again.
    """

    kept: int
    new: int
    merged: int
    split: int
    gone: int


@dataclass(frozen=True, slots=True)
class Inheritance:
    """The registry's next version: every handle of the wave with its group id."""

    group_ids: Mapping[Handle, GroupId]
    changes: GroupChanges


def inherit_groups(
    group_of: Mapping[Handle, int],
    previous: Mapping[Handle, GroupId],
    new_group_id: Callable[[], GroupId],
    absent: Collection[Handle] = (),
) -> Inheritance:
    """Give each group of this wave the earlier group id that most of its handles had, each id at most once.

    `group_of`: every handle that the registry holds after the wave and its group's number; `previous`: the registry
    before, empty for the first wave; `absent`: its handles that had been withdrawn; `new_group_id` returns 16 fresh
    random bytes. Claims are served by falling number of handles, ties by the smaller group id, then by the group's
    smallest handle; a group whose claims are all taken gets a new id. Raises `InputFault` if `new_group_id` repeats
    itself.
    """
    members: dict[int, list[Handle]] = defaultdict(list)
    for handle in sorted(group_of):
        members[group_of[handle]].append(handle)

    claims = sorted(
        (-count, earlier, handles[0], number)
        for number, handles in members.items()
        for earlier, count in Counter(previous[handle] for handle in handles if handle in previous).items()
    )
    chosen: dict[int, GroupId] = {}
    taken: set[GroupId] = set()
    for _, earlier, _, number in claims:
        if number not in chosen and earlier not in taken:
            chosen[number] = earlier
            taken.add(earlier)

    used = set(previous.values())
    for number in sorted(members, key=lambda number: members[number][0]):
        if number not in chosen:
            chosen[number] = new_group_id()
            if chosen[number] in used:
                raise InputFault("the source of new group ids repeated an id that is in use")
            used.add(chosen[number])

    group_ids = {handle: chosen[number] for handle, number in group_of.items()}
    return Inheritance(group_ids, _changes(members, chosen, previous, frozenset(absent)))


def _changes(
    members: Mapping[int, list[Handle]],
    chosen: Mapping[int, GroupId],
    previous: Mapping[Handle, GroupId],
    absent: frozenset[Handle],
) -> GroupChanges:
    earlier_of = {number: {previous[h] for h in handles if h in previous} for number, handles in members.items()}
    heirs = Counter(earlier for ids in earlier_of.values() for earlier in ids)
    return GroupChanges(
        kept=sum(chosen[number] in ids for number, ids in earlier_of.items()),
        new=sum(not ids for ids in earlier_of.values()),
        merged=sum(len(ids) > 1 for ids in earlier_of.values()),
        split=sum(count > 1 for count in heirs.values()),
        gone=len({group for handle, group in previous.items() if handle not in absent} - heirs.keys()),
    )
