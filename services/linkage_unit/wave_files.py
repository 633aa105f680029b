"""What a wave's linking is given: its files, beside the registry where the wave adds to it, and what they tell already.

A complete wave brings everybody: whoever is not in it is withdrawn. An incremental one leaves the others where they
are; if it corrects an earlier wave, the handles that came with that one and are not in the correction are withdrawn.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from linkage_core.agreement.clauses import Wave
from linkage_core.errors import Tampered
from linkage_core.linking.registry import (
    CORRECTED,
    RegisteredRows,
    WaveRows,
    added_rows,
    changed_rows,
    first_rows,
    handles_of,
)
from services.linkage_unit.loading import LoadedUpload
from services.linkage_unit.registry import comparable_registry, open_registry
from services.linkage_unit.store.history import RegistryKey
from services.linkage_unit.unit import LinkageUnit


@dataclass(frozen=True, slots=True, eq=False)
class WaveFiles:
    """`rows`: each provider's, in the order of uploads; and the handles to which something happened.

    `corrected` is None where nothing was kept to compare with: then nobody can tell.
    """

    rows: tuple[WaveRows, ...]
    absent: frozenset[RegistryKey]
    corrected: frozenset[RegistryKey] | None
    withdrawn: frozenset[RegistryKey]
    returned: frozenset[RegistryKey]

    def held(self) -> Iterator[list[RegistryKey]]:
        """Yield provider and handle of each row of each file: what the registry holds after the wave."""
        for part in self.rows:
            yield [(str(part.file.provider), handle) for handle in handles_of(part.handles)]

    def brought(self) -> Iterator[list[RegistryKey]]:
        """Yield provider and handle of each row that the wave itself brings, of each file."""
        for part, keys in zip(self.rows, self.held(), strict=True):
            yield keys[: part.brought]


def wave_files(
    unit: LinkageUnit, wave: Wave, uploads: Sequence[LoadedUpload], registry: Mapping[RegistryKey, bytes]
) -> WaveFiles:
    """Return what linking is given; `registry`: the group of every handle that it ever held.

    Raises `Tampered` where an incremental wave finds a registry whose parts do not belong together.
    """
    absent = frozenset(unit.history.withdrawn())
    brought = {(u.upload.provider, handle) for u in uploads for handle in handles_of(u.handles)}
    if wave.kind == "complete":
        kept = comparable_registry(unit)
        return WaveFiles(
            rows=tuple(first_rows(loaded.handles, loaded.file) for loaded in uploads),
            absent=absent,
            corrected=_corrected(uploads, kept) if kept or not registry else None,
            withdrawn=frozenset(registry.keys() - absent - brought),
            returned=frozenset(absent & brought),
        )
    kept = open_registry(unit)
    held = {(str(rows.file.provider), handle) for rows in kept for handle in handles_of(rows.handles)}
    if held != registry.keys() - absent:
        raise Tampered(
            "the registry and its sealed encodings are not of one state: one of them was restored from a backup; "
            "make the next wave complete"
        )
    leaving = _leaving(unit, wave) & held - brought
    rows = added_rows(
        [(loaded.handles, loaded.file) for loaded in uploads],
        [_without(part, leaving) for part in kept],
        registry,
        unit.agreement.document.matching.passes,
    )
    return WaveFiles(
        rows=rows,
        absent=absent,
        corrected=frozenset(_marked(rows)),
        withdrawn=frozenset(leaving),
        returned=frozenset(absent & brought),
    )


def _leaving(unit: LinkageUnit, wave: Wave) -> set[RegistryKey]:
    """Return the handles that a wave takes back unless it brings them itself."""
    corrected = None if wave.corrects is None else unit.runs.run(wave.corrects)
    return set() if corrected is None else unit.history.first_brought(corrected.version)


def _without(rows: RegisteredRows, leaving: set[RegistryKey]) -> RegisteredRows:
    if not leaving:
        return rows
    provider = str(rows.file.provider)
    return rows.without(np.array([(provider, handle) in leaving for handle in handles_of(rows.handles)], np.bool_))


def _marked(rows: Sequence[WaveRows]) -> Iterator[RegistryKey]:
    for part in rows:
        provider = str(part.file.provider)
        handles = part.handles[: part.brought][part.change == CORRECTED]
        yield from ((provider, handle) for handle in handles_of(handles))


def _corrected(uploads: Sequence[LoadedUpload], kept: Sequence[RegisteredRows]) -> frozenset[RegistryKey]:
    before = {rows.file.provider: rows for rows in kept}
    found: set[RegistryKey] = set()
    for loaded in uploads:
        if loaded.file.provider in before:
            change, _ = changed_rows(loaded.handles, loaded.file, before[loaded.file.provider])
            handles = handles_of(loaded.handles[change == CORRECTED])
            found |= {(loaded.upload.provider, handle) for handle in handles}
    return frozenset(found)
