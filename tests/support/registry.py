"""A registry in memory: waves of small files, linked one after the other, and the group ids that handles keep."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from linkage_core.agreement.clauses import Matching
from linkage_core.linking.registry import RegisteredRows, WaveRows, added_rows, first_rows, handles_of
from linkage_core.linking.run import LinkageResult, link
from linkage_core.linking.waves import inherit_groups
from linkage_core.types import GroupId, Handle
from tests.support.encoded_rows import Row, encoded, matching, schema

People = Mapping[int, Row]
"""A provider's rows by the number of their local person."""


@dataclass
class Registry:
    """Group ids of (provider, number), after each wave."""

    clause: Matching = field(default_factory=matching)
    groups: dict[tuple[str, int], bytes] = field(default_factory=dict)
    results: list[LinkageResult] = field(default_factory=list)
    rows: list[WaveRows] = field(default_factory=list)
    kept: list[RegisteredRows] = field(default_factory=list)
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def complete(self, files: Mapping[str, People]) -> None:
        """Link files that replace all earlier ones."""
        self.kept = []
        self._link(
            [first_rows(handles(people), encoded(name, list(people.values()))) for name, people in files.items()]
        )

    def add(self, files: Mapping[str, People]) -> None:
        """Link files that add to the registry."""
        group_of = {(name, handle(number)): group for (name, number), group in self.groups.items()}
        brought = [(handles(people), encoded(name, list(people.values()))) for name, people in files.items()]
        self._link(added_rows(brought, self.kept, group_of, self.clause.passes))

    def together(self, *members: tuple[str, int]) -> bool:
        """Whether some (provider, number) share a group."""
        return len({self.groups[member] for member in members}) == 1

    def partition(self) -> set[frozenset[tuple[str, int]]]:
        """Return the groups as sets of their members."""
        found: dict[bytes, set[tuple[str, int]]] = {}
        for member, group in self.groups.items():
            found.setdefault(group, set()).add(member)
        return {frozenset(members) for members in found.values()}

    def _link(self, rows: Sequence[WaveRows]) -> None:
        result = link([part.file for part in rows], schema(), self.clause, seed=11)
        group_of = {}
        for part in rows:
            numbers = result.groups.files[part.file.provider].group.tolist()
            for name, number in zip(handles_of(part.handles), numbers, strict=True):
                group_of[Handle(part.file.provider.encode() + b"/" + name)] = number
        previous = {
            Handle(name.encode() + b"/" + handle(number)): GroupId(group)
            for (name, number), group in self.groups.items()
        }
        inherited = inherit_groups(group_of, previous, lambda: GroupId(next(self.ids).to_bytes(16, "big")))
        for name, group in inherited.group_ids.items():
            provider, _, own = bytes(name).partition(b"/")
            self.groups[provider.decode(), int.from_bytes(own, "big")] = group
        self.kept = [part.registered(result.groups.files[part.file.provider], result.groups.ways) for part in rows]
        self.results.append(result)
        self.rows = list(rows)


def handle(number: int) -> bytes:
    """Return the handle of a local person; none of these holds the byte that parts it from its provider."""
    return number.to_bytes(16, "big")


def handles(people: People) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    """Return a file's handles."""
    return np.frombuffer(b"".join(handle(number) for number in people), np.uint8).reshape(-1, 16)
