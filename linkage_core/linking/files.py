"""What the linkage unit holds of one provider's upload: CLKs, match keys, frequency classes, row by row; nothing else.

No row id and no handle enters linking: both are random or keyed images that would only add a way to depend on them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from linkage_core.errors import InputFault
from linkage_core.schema import LinkageSchema
from linkage_core.types import IDENTIFIER_BYTES, ClkName, MatchKeyName, PartyName, VariableName

LARGEST_ROW_COUNT = 2**32 - 1
"""Rows of all files together: record numbers are uint32, as anonlink's solver wants them."""


@dataclass(frozen=True, slots=True, eq=False)
class ClkColumn:
    """One CLK of every row of a file.

    `bits`: uint8, (rows, length in bits / 8), bits packed as clkhash and bitarray pack them. `present`: bool, (rows,);
    what stands in `bits` for an absent CLK is never read.
    """

    bits: NDArray[np.uint8]
    present: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class MatchKeyColumn:
    """One match key of every row of a file: `keys` uint8, (rows, 16); `present` bool, (rows,)."""

    keys: NDArray[np.uint8]
    present: NDArray[np.bool_]

    def numbered(self) -> NDArray[np.int64]:
        """Return a number for each row's key, int64, (rows,): equal ones for equal keys, from 0 on; -1 without one."""
        rows = np.flatnonzero(self.present)
        halves = np.ascontiguousarray(self.keys[rows]).view("<u8").reshape(-1, 2)
        order = np.lexsort((halves[:, 1], halves[:, 0]))
        differs = (halves[order[1:]] != halves[order[:-1]]).any(axis=1)
        numbers = np.full(len(self.present), -1, dtype=np.int64)
        numbers[rows[order]] = np.concatenate([np.zeros(min(len(rows), 1), dtype=np.int64), np.cumsum(differs)])
        return numbers


@dataclass(frozen=True, slots=True, eq=False)
class KnownRows:
    """What the registry knows of each row of a file, in a wave that adds to it.

    `group`: int64, (rows,), of a *settled* row its group, numbered from 0 on over all files as sorted group ids are; -1
    for a row that is new or corrected, which this wave places. `was`: int64, (rows,), of a corrected row the group of
    its handle so far, else -1. `linked_by`: int16, (rows,), the pass that linked a settled row, else -1; `score`:
    float64, (rows,), the similarity that did, else 0. `in_wave`: bool, (rows,), whether the wave brought the row.
    """

    group: NDArray[np.int64]
    was: NDArray[np.int64]
    linked_by: NDArray[np.int16]
    score: NDArray[np.float64]
    in_wave: NDArray[np.bool_]

    @classmethod
    def of_new_rows(cls, rows: int) -> "KnownRows":
        """Return what is known of rows that are all new."""
        nothing = np.full(rows, -1, dtype=np.int64)
        return cls(nothing, nothing, nothing.astype(np.int16), np.zeros(rows), np.ones(rows, dtype=np.bool_))


@dataclass(frozen=True, slots=True, eq=False)
class EncodedFile:
    """One provider's encoded rows. Raises `InputFault` that names every column of a wrong shape or type.

    `known`: None for a file whose rows are all new, as every file of a complete wave's is. `frequency_classes`: how
    rare the value of a variable is, uint8, (rows,), 1 for the rarest; 0 for a row without one.
    """

    provider: PartyName
    row_count: int
    clks: Mapping[ClkName, ClkColumn]
    match_keys: Mapping[MatchKeyName, MatchKeyColumn]
    known: KnownRows | None = None
    frequency_classes: Mapping[VariableName, NDArray[np.uint8]] = field(default_factory=dict)

    @property
    def knowledge(self) -> KnownRows:
        """What the registry knows of the rows, be it nothing."""
        return self.known or KnownRows.of_new_rows(self.row_count)

    def __post_init__(self) -> None:
        faults = [*self._clk_faults(), *self._match_key_faults(), *self._class_faults(), *self._known_faults()]
        if faults:
            raise InputFault(f"the encoded file of {self.provider} is not well formed", tuple(faults))

    def _clk_faults(self) -> Iterator[str]:
        for name, clk in self.clks.items():
            if clk.bits.ndim != 2 or clk.bits.shape[0] != self.row_count or clk.bits.shape[1] % 8:
                yield f"CLK {name}: bits of shape {clk.bits.shape}, expected ({self.row_count}, a multiple of 8)"
            yield from self._faults_of_types(f"CLK {name}", clk.bits, clk.present)

    def _match_key_faults(self) -> Iterator[str]:
        for name, key in self.match_keys.items():
            if key.keys.shape != (self.row_count, IDENTIFIER_BYTES):
                yield f"match key {name}: shape {key.keys.shape}, expected ({self.row_count}, {IDENTIFIER_BYTES})"
            yield from self._faults_of_types(f"match key {name}", key.keys, key.present)

    def _class_faults(self) -> Iterator[str]:
        for name, classes in self.frequency_classes.items():
            if classes.dtype != np.uint8 or classes.shape != (self.row_count,):
                yield f"frequency class {name}: {classes.dtype} {classes.shape}, expected uint8 ({self.row_count},)"

    def _known_faults(self) -> Iterator[str]:
        for name in KnownRows.__slots__ if self.known is not None else ():
            shape = getattr(self.known, name).shape
            if shape != (self.row_count,):
                yield f"known rows: {name} of shape {shape}, expected ({self.row_count},)"

    def _faults_of_types(self, what: str, values: NDArray[np.uint8], present: NDArray[np.bool_]) -> Iterator[str]:
        if values.dtype != np.uint8:
            yield f"{what}: values of type {values.dtype}, expected uint8"
        if present.dtype != np.bool_ or present.shape != (self.row_count,):
            yield f"{what}: presence {present.dtype} {present.shape}, expected bool ({self.row_count},)"


def check_against_schema(files: tuple[EncodedFile, ...], schema: LinkageSchema) -> None:
    """Raise `InputFault`, with every fault, unless each file holds exactly the schema's columns."""
    faults: list[str] = []
    names = [file.provider for file in files]
    faults += [f"{name}: more than one file" for name in sorted({n for n in names if names.count(n) > 1})]
    if sum(file.row_count for file in files) > LARGEST_ROW_COUNT:
        faults.append(f"more than {LARGEST_ROW_COUNT} rows together")
    faults += [
        f"{file.provider}: no rows; upload its file, or link under an agreement without this provider"
        for file in files
        if not file.row_count
    ]
    lengths = {ClkName(clk.name): clk.length_bits for clk in schema.clks}
    keys = {MatchKeyName(key.name) for key in schema.match_keys}
    classes = {VariableName(item.variable): item.classes for item in schema.frequency_classes}
    for file in files:
        faults += _differences(f"{file.provider}: CLK", set(file.clks), set(lengths))
        faults += _differences(f"{file.provider}: match key", set(file.match_keys), keys)
        faults += _differences(f"{file.provider}: frequency class", set(file.frequency_classes), set(classes))
        for variable in file.frequency_classes.keys() & classes.keys():
            beyond = int((file.frequency_classes[variable] > classes[variable]).sum())
            if beyond:
                faults.append(
                    f"{file.provider}: frequency class {variable}: {beyond} rows beyond 0 to {classes[variable]}"
                )
        for name in file.clks.keys() & lengths.keys():
            length = 8 * file.clks[name].bits.shape[1]
            if length != lengths[name]:
                faults.append(f"{file.provider}: CLK {name} has {length} bits, expected {lengths[name]}")
    if faults:
        raise InputFault("the files do not fit the linkage schema", tuple(faults))


def _differences(
    what: str,
    found: set[ClkName] | set[MatchKeyName] | set[VariableName],
    wanted: set[ClkName] | set[MatchKeyName] | set[VariableName],
) -> list[str]:
    return [f"{what} {name} is missing" for name in sorted(wanted - found)] + [
        f"{what} {name} is not in the schema" for name in sorted(found - wanted)
    ]
