"""The registry's encodings between waves: the newest of every handle, sealed, as long as the agreement says.

Every run that may keep them writes all of them anew, as a *snapshot*: a folder of its own under a data key of its own.
The transaction that makes the run visible makes the snapshot count, and the one before is destroyed, key first. So the
encodings of a handle that was withdrawn or corrected are gone with the next snapshot, and a run that was killed leaves
one that nobody refers to, which the next process of the linkage unit destroys.

Whoever holds these and the linkage secret can break them by a dictionary: they are the reason for the clause.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage_core.agreement.clauses import Wave
from linkage_core.agreement.doors import state_of
from linkage_core.errors import Refused, Tampered
from linkage_core.linking.files import ClkColumn, EncodedFile, MatchKeyColumn
from linkage_core.linking.registry import RegisteredRows
from linkage_core.types import ClkName, MatchKeyName, PartyName, VariableName
from services.common.sealed_frames import read_frames, write_frames
from services.linkage_unit.project import RunState, registry_encodings_may_be_kept
from services.linkage_unit.store.history import KeptEncodings
from services.linkage_unit.unit import LinkageUnit

BLOCK_ROWS: Final = 16_384
"""Rows of a sealed block: 9 MiB for four CLKs of 1,024 bits."""
SNAPSHOT_BYTES: Final = 16
_CLK, _KEY, _CLASS, _WAYS = "clk/", "key/", "class/", b"ways"


def may_keep_registry(unit: LinkageUnit) -> bool:
    """Tell whether the agreement lets the linkage unit keep the registry's encodings now."""
    document, now = unit.agreement.document, unit.clock()
    # A suspended agreement ends on its day like any other: nobody has more reason to keep what it can no longer use.
    return registry_encodings_may_be_kept(document.retention, state_of(document, now, frozenset()), now)


def require_registry(unit: LinkageUnit, wave: Wave) -> None:
    """Return if a wave that adds to the registry may be linked now; raises `Refused`, with what to change."""
    document = unit.agreement.document
    kept = unit.history.kept_encodings()
    if not may_keep_registry(unit):
        raise Refused(
            "retention.registry_encodings_until",
            "its day is over and the registry's encodings are destroyed: make the wave complete",
        )
    if not kept:
        raise Refused(
            f"waves.{wave.name}.kind",
            "no wave was linked that left encodings of the registry: link one first, or make this wave complete",
        )
    if kept[0].epoch != document.epoch:
        raise Refused(
            "epoch",
            f"the registry's encodings are of epoch {kept[0].epoch}, and those of epoch {document.epoch} cannot be "
            "compared with them: make the wave complete",
        )
    order = [listed.name for listed in document.waves]
    for later in order[order.index(wave.name) + 1 :]:
        if unit.runs.state(later) is RunState.READY:
            raise Refused(f"waves.{wave.name}.kind", f"wave {later}, which comes later, is linked: it cannot add to it")
    if wave.corrects is not None and unit.runs.state(wave.corrects) is not RunState.READY:
        raise Refused(f"waves.{wave.name}.corrects", f"wave {wave.corrects} is not linked; correct its files there")


def keep_registry(unit: LinkageUnit, version: int, rows: Sequence[RegisteredRows]) -> list[KeptEncodings]:
    """Seal a snapshot, on disk before this returns; it counts once the store refers to what is returned."""
    snapshot = unit.random(SNAPSHOT_BYTES)
    folder = _folder(unit, snapshot)
    folder.mkdir(parents=True, mode=0o700)
    key = unit.data_keys.open_or_create(_key_name(snapshot))
    kept = []
    for part in rows:
        blocks = [_to_bytes(part, start, start + BLOCK_ROWS) for start in range(0, len(part.handles), BLOCK_ROWS)]
        write_frames(folder / part.file.provider, key, blocks, unit.random)
        kept.append(
            KeptEncodings(
                version=version,
                provider=part.file.provider,
                snapshot=snapshot,
                epoch=unit.agreement.document.epoch,
                row_count=len(part.handles),
                root=_root(blocks),
            )
        )
    return kept


def open_registry(unit: LinkageUnit) -> tuple[RegisteredRows, ...]:
    """Return the encodings that the store refers to, by provider; none where it refers to none.

    Raises `Tampered`, with what to do, if they are not there or not what was sealed: a state that was restored from
    a backup has no keys to them.
    """
    rows = []
    for kept in unit.history.kept_encodings():
        path = _folder(unit, kept.snapshot) / kept.provider
        if not path.exists() or not unit.data_keys.has(_key_name(kept.snapshot)):
            raise Tampered(
                f"the registry's encodings of {kept.provider} are not there: a state was restored, or they were "
                "destroyed; make the next wave complete"
            )
        blocks = list(read_frames(path, unit.data_keys.open(_key_name(kept.snapshot))))
        if _root(blocks) != kept.root:
            raise Tampered(f"the registry's encodings of {kept.provider} are not those that its last run left")
        rows.append(_from_bytes(PartyName(kept.provider), blocks))
    return tuple(rows)


def comparable_registry(unit: LinkageUnit) -> tuple[RegisteredRows, ...]:
    """Return what a complete wave may compare its rows with, to tell corrected ones: nothing if it is not there."""
    kept = unit.history.kept_encodings()
    there = all(unit.data_keys.has(_key_name(part.snapshot)) and _folder(unit, part.snapshot).exists() for part in kept)
    if not there or not may_keep_registry(unit) or any(k.epoch != unit.agreement.document.epoch for k in kept):
        return ()
    return open_registry(unit)


def delete_due_registry(unit: LinkageUnit) -> None:
    """Destroy all snapshots if the agreement no longer allows any, else those that a newer one has replaced."""
    if may_keep_registry(unit):
        older = unit.history.older_snapshots()
        for snapshot in older:
            _destroy(unit, snapshot.hex())
        newest = unit.history.kept_encodings()
        unit.history.forget_encodings(before=newest[0].version if newest else None)
        return
    there = _snapshots(unit)
    for name in there:
        _destroy(unit, name)
    if unit.history.forget_encodings() or there:
        unit.audit.append("registry encodings deleted")


def remove_unfinished_snapshots(unit: LinkageUnit) -> None:
    """Destroy what killed runs left: snapshots that the store does not refer to. Only for the process that links."""
    staying = {kept.snapshot.hex() for kept in unit.history.kept_encodings()}
    for name in _snapshots(unit):
        if name not in staying:
            _destroy(unit, name)


def _snapshots(unit: LinkageUnit) -> list[str]:
    folder = unit.content.folder / "registry"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def _destroy(unit: LinkageUnit, name: str) -> None:
    """The key goes first: a crash in between leaves files that nobody can open."""
    unit.data_keys.destroy(f"registry.{name}")
    shutil.rmtree(unit.content.folder / "registry" / name, ignore_errors=True)


def _folder(unit: LinkageUnit, snapshot: bytes) -> Path:
    return unit.content.folder / "registry" / snapshot.hex()


def _key_name(snapshot: bytes) -> str:
    return f"registry.{snapshot.hex()}"


def _root(blocks: Sequence[bytes]) -> bytes:
    return hashlib.sha256(b"".join(hashlib.sha256(block).digest() for block in blocks)).digest()


def _to_bytes(rows: RegisteredRows, start: int, stop: int) -> bytes:
    """Return some rows as an Arrow IPC file; what stands where a CLK or key is absent is left out."""
    part = slice(start, stop)
    columns: dict[str, Any] = {
        "handle": _binary(rows.handles[part]),
        "way": rows.way[part],
        "score": rows.score[part],
    }
    columns |= {f"{_CLK}{n}": _binary(c.bits[part], c.present[part]) for n, c in rows.file.clks.items()}
    columns |= {f"{_KEY}{n}": _binary(k.keys[part], k.present[part]) for n, k in rows.file.match_keys.items()}
    columns |= {f"{_CLASS}{n}": c[part] for n, c in rows.file.frequency_classes.items()}
    table = pa.table(columns).replace_schema_metadata({_WAYS: json.dumps(rows.ways)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _from_bytes(provider: PartyName, blocks: Sequence[bytes]) -> RegisteredRows:
    table = pa.concat_tables(pa.ipc.open_file(pa.py_buffer(block)).read_all() for block in blocks).combine_chunks()
    names = table.column_names
    clks = {
        ClkName(name.removeprefix(_CLK)): ClkColumn(*_values(table.column(name)))
        for name in names
        if name.startswith(_CLK)
    }
    keys = {
        MatchKeyName(name.removeprefix(_KEY)): MatchKeyColumn(*_values(table.column(name)))
        for name in names
        if name.startswith(_KEY)
    }
    classes = {
        VariableName(name.removeprefix(_CLASS)): table.column(name).to_numpy()
        for name in names
        if name.startswith(_CLASS)
    }
    return RegisteredRows(
        handles=_values(table.column("handle"))[0],
        file=EncodedFile(provider, table.num_rows, clks, keys, frequency_classes=classes),
        ways=tuple(json.loads(table.schema.metadata[_WAYS])),
        way=table.column("way").to_numpy(),
        score=table.column("score").to_numpy(),
    )


def _binary(values: NDArray[np.uint8], present: NDArray[np.bool_] | None = None) -> Any:
    """Return rows of bytes as an Arrow column, null and zeroed where not present."""
    if present is not None:
        values = values * present[:, None]
    there = None if present is None else pa.py_buffer(np.packbits(present, bitorder="little").tobytes())
    kind = pa.binary(values.shape[1])
    return pa.FixedSizeBinaryArray.from_buffers(kind, len(values), [there, pa.py_buffer(np.ascontiguousarray(values))])


def _values(column: Any) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    array = pa.concat_arrays(column.chunks)
    width = array.type.byte_width
    start = array.offset * width
    raw = np.frombuffer(array.buffers()[1], np.uint8)[start : start + len(array) * width]
    return raw.reshape(len(array), width), np.asarray(array.is_valid())
