"""An incremental wave's files: what the wave brings, beside what the registry keeps of everybody else.

A provider's file then holds the rows that the wave brought, in their order, and after them the rows of all other
handles that the registry knows of that provider. Each brought row is *new* (an unknown handle), *unchanged* (its
handle's encoding is the registry's, to the bit) or *corrected* (the handle is known, the encoding is another one).
Unchanged rows and rows of the registry are settled: they keep their group and are not compared with each other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.errors import InputFault
from linkage_core.linking.deterministic import NO_PASS
from linkage_core.linking.files import ClkColumn, EncodedFile, KnownRows, MatchKeyColumn
from linkage_core.linking.groups import FileGroups
from linkage_core.types import IDENTIFIER_BYTES

NEW: Final = 0
UNCHANGED: Final = 1
CORRECTED: Final = 2


@dataclass(frozen=True, slots=True, eq=False)
class RegisteredRows:
    """The newest row of every handle of one provider, as the registry keeps it between waves.

    `handles` uint8, (rows, 16), each once; `file`: their encodings, in that order. `way`: int16, (rows,), place in
    `ways` of what linked the row; `score`: float64, (rows,), how well; both as `groups.FileGroups` has them.
    """

    handles: NDArray[np.uint8]
    file: EncodedFile
    ways: tuple[str, ...]
    way: NDArray[np.int16]
    score: NDArray[np.float64]

    def without(self, leaving: NDArray[np.bool_]) -> "RegisteredRows":
        """Return all rows but those marked, bool (rows,)."""
        rows = np.flatnonzero(~leaving)
        return RegisteredRows(self.handles[rows], _taken(self.file, rows), self.ways, self.way[rows], self.score[rows])


@dataclass(frozen=True, slots=True, eq=False)
class WaveRows:
    """One provider's file of an incremental wave: `file` holds the rows of `handles`, uint8 (rows, 16).

    The first `brought` rows are the wave's own, in its order; `change`: uint8, (brought,), `NEW`, `UNCHANGED` or
    `CORRECTED`.
    """

    handles: NDArray[np.uint8]
    file: EncodedFile
    brought: int
    change: NDArray[np.uint8]

    def registered(self, groups: FileGroups, ways: tuple[str, ...]) -> RegisteredRows:
        """Return what the registry keeps of these rows, given the groups that linking found for `file`."""
        return RegisteredRows(self.handles, self.file, ways, groups.linked_by, groups.score)


def first_rows(handles: NDArray[np.uint8], file: EncodedFile) -> WaveRows:
    """Return a file of a complete wave, all of whose rows the wave brings and links anew."""
    return WaveRows(handles, file, file.row_count, np.full(file.row_count, NEW, dtype=np.uint8))


def added_rows(
    brought: Sequence[tuple[NDArray[np.uint8], EncodedFile]],
    registered: Sequence[RegisteredRows],
    group_of: Mapping[tuple[str, bytes], bytes],
    passes: Sequence[str],
) -> tuple[WaveRows, ...]:
    """Return each provider's file of an incremental wave, in the order of `brought`.

    `brought`: handles and file of each provider; `registered`: what the registry keeps, of some or all of them;
    `group_of`: the registry's group of each (provider, handle); `passes`: the agreement's, in order. Raises
    `InputFault` where the registry's parts do not belong together.
    """
    kept = {rows.file.provider: rows for rows in registered}
    unknown = sorted(kept.keys() - {file.provider for _, file in brought})
    if unknown:
        raise InputFault(f"the registry has rows of {', '.join(unknown)}, which brings no file in this wave")
    numbers = {group: number for number, group in enumerate(sorted(set(group_of.values())))}
    return tuple(
        _added(handles, file, kept[file.provider], _groups(kept[file.provider], group_of, numbers), passes)
        if file.provider in kept and len(kept[file.provider].handles)
        else first_rows(handles, file)
        for handles, file in brought
    )


def changed_rows(
    handles: NDArray[np.uint8], file: EncodedFile, registered: RegisteredRows
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return for each row of a file how it relates to the registry, uint8, and its row there, int64, -1 for a new one.

    Both (rows,); what stands where a CLK or key is absent does not count as a difference.
    """
    place = _places(handles, registered.handles)
    known = np.flatnonzero(place >= 0)
    change = np.full(len(handles), NEW, dtype=np.uint8)
    same = np.ones(len(known), dtype=np.bool_)
    for now, before in _columns(file, registered.file):
        same &= _equal(now, before, known, place[known])
    change[known] = np.where(same, UNCHANGED, CORRECTED)
    return change, place


def _added(
    handles: NDArray[np.uint8],
    file: EncodedFile,
    registered: RegisteredRows,
    group: NDArray[np.int64],
    passes: Sequence[str],
) -> WaveRows:
    change, place = changed_rows(handles, file, registered)
    others = np.ones(len(registered.handles), dtype=np.bool_)
    others[place[place >= 0]] = False
    staying = np.flatnonzero(others)
    linked_by = _passes_of(registered, passes)
    own = KnownRows(
        group=np.where(change == UNCHANGED, group[place], -1),
        was=np.where(change == CORRECTED, group[place], -1),
        linked_by=np.where(change == UNCHANGED, linked_by[place], NO_PASS).astype(np.int16),
        score=np.where(change == UNCHANGED, registered.score[place], 0.0),
        in_wave=np.ones(len(handles), dtype=np.bool_),
    )
    rest = KnownRows(
        group=group[staying],
        was=np.full(len(staying), -1, dtype=np.int64),
        linked_by=linked_by[staying],
        score=registered.score[staying],
        in_wave=np.zeros(len(staying), dtype=np.bool_),
    )
    known = KnownRows(*(np.concatenate([getattr(own, n), getattr(rest, n)]) for n in KnownRows.__slots__))
    return WaveRows(
        handles=np.concatenate([handles, registered.handles[staying]]),
        file=_joined(_with_kept_classes(file, registered.file, change, place), _taken(registered.file, staying), known),
        brought=len(handles),
        change=change,
    )


def _groups(
    registered: RegisteredRows, group_of: Mapping[tuple[str, bytes], bytes], numbers: Mapping[bytes, int]
) -> NDArray[np.int64]:
    provider = str(registered.file.provider)
    groups = [group_of.get((provider, handle)) for handle in handles_of(registered.handles)]
    missing = groups.count(None)
    if missing:
        raise InputFault(f"the registry keeps {missing} rows of {provider} whose handles have no group")
    return np.array([numbers[group] for group in groups if group is not None], dtype=np.int64)


def handles_of(handles: NDArray[np.uint8]) -> Iterator[bytes]:
    """Yield handles, uint8 (rows, 16), one by one."""
    raw = handles.tobytes()
    return (raw[start : start + IDENTIFIER_BYTES] for start in range(0, len(raw), IDENTIFIER_BYTES))


def _passes_of(registered: RegisteredRows, passes: Sequence[str]) -> NDArray[np.int16]:
    """Return the pass that linked each row, -1 for none, similarity, or a pass that the agreement has no more."""
    numbers = [passes.index(way) if way in passes else NO_PASS for way in registered.ways]
    return np.array(numbers, dtype=np.int16)[registered.way]


def _places(handles: NDArray[np.uint8], among: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the row of each handle `among` the registry's, -1 for one that is not there."""
    known = np.ascontiguousarray(among).view("V16").reshape(-1)
    asked = np.ascontiguousarray(handles).view("V16").reshape(-1)
    _, first, number = np.unique(np.concatenate([known, asked]), return_index=True, return_inverse=True)
    place = first[number[len(known) :]]
    return np.where(place < len(known), place, -1).astype(np.int64)


Column = tuple[NDArray[np.uint8], NDArray[np.bool_]]
"""Values and presence."""


def _columns(file: EncodedFile, other: EncodedFile) -> Iterator[tuple[Column, Column]]:
    for clk, bits in file.clks.items():
        yield (bits.bits, bits.present), (other.clks[clk].bits, other.clks[clk].present)
    for name, keys in file.match_keys.items():
        yield (keys.keys, keys.present), (other.match_keys[name].keys, other.match_keys[name].present)


def _equal(now: Column, before: Column, rows: NDArray[np.intp], places: NDArray[np.int64]) -> NDArray[np.bool_]:
    present = now[1][rows]
    same = (now[0][rows] == before[0][places]).all(axis=1)
    equal: NDArray[np.bool_] = (present == before[1][places]) & (same | ~present)
    return equal


def _taken(file: EncodedFile, rows: NDArray[np.intp]) -> EncodedFile:
    return EncodedFile(
        file.provider,
        len(rows),
        {name: ClkColumn(column.bits[rows], column.present[rows]) for name, column in file.clks.items()},
        {name: MatchKeyColumn(column.keys[rows], column.present[rows]) for name, column in file.match_keys.items()},
        frequency_classes={name: column[rows] for name, column in file.frequency_classes.items()},
    )


def _with_kept_classes(
    file: EncodedFile, registered: EncodedFile, change: NDArray[np.uint8], place: NDArray[np.int64]
) -> EncodedFile:
    """Return the file with the registry's frequency classes in unchanged rows.

    Classes are counted over a file, and a wave's changes alone say little of how common a name is.
    """
    return replace(
        file,
        frequency_classes={
            name: np.where(change == UNCHANGED, registered.frequency_classes[name][place], classes)
            for name, classes in file.frequency_classes.items()
        },
    )


def _joined(file: EncodedFile, rest: EncodedFile, known: KnownRows) -> EncodedFile:
    clks, keys = {}, {}
    for name, clk in file.clks.items():
        more = rest.clks[name]
        clks[name] = ClkColumn(np.concatenate([clk.bits, more.bits]), np.concatenate([clk.present, more.present]))
    for key_name, key in file.match_keys.items():
        other = rest.match_keys[key_name]
        keys[key_name] = MatchKeyColumn(
            np.concatenate([key.keys, other.keys]), np.concatenate([key.present, other.present])
        )
    classes = {
        name: np.concatenate([column, rest.frequency_classes[name]]) for name, column in file.frequency_classes.items()
    }
    return EncodedFile(file.provider, file.row_count + rest.row_count, clks, keys, known, classes)
