"""M4, the linking of one wave, in the operator's own process. The steps in order:

1. One run at a time: the caller holds the data folder's lock (`services.common.locks`), which dies with its process.
2. The agreement opens the door; every provider's file is committed.
3. The analysis service's keys of the wave, verified: without them no token could be sealed.
4. The run is recorded with its seed; a run that was killed or failed goes on under the same one.
5. Encodings are read back and linked; what the search has finished is kept, sealed, until the run is done.
6. Groups inherit their ids from the registry; new ones get fresh random ids, and each its pseudonym.
7. A batch of tokens for every provider, sealed, on disk.
8. One transaction makes registry, pseudonyms, batches and manifest visible together.
9. The search's findings are destroyed, and encodings that the agreement no longer allows.

Killed anywhere before step 8, it leaves nothing that anybody can see, and goes on with what its search had not
finished; after it, it only has step 9 to repeat.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.agreement.doors import Door
from linkage_core.errors import LinkageCoreError
from linkage_core.linking.groups import LinkageGroups
from linkage_core.linking.run import LinkageResult, Progress, link
from linkage_core.linking.waves import inherit_groups
from linkage_core.pseudonyms import group_pseudonyms, linkage_unit_key
from linkage_core.searching.engine import Engine
from linkage_core.tokens import QUALITY_CLASSES
from linkage_core.types import IDENTIFIER_BYTES, GroupId, Handle, PartyName
from services.common.errors import ServiceError
from services.linkage_unit.batches import seal_batch
from services.linkage_unit.loading import LoadedUpload, load_upload
from services.linkage_unit.project import RunState, require_all_committed
from services.linkage_unit.retention import delete_due_encodings
from services.linkage_unit.run_manifest import run_manifest, sign_run_manifest
from services.linkage_unit.store.runs import RegistryKey, Run, TokenBatch
from services.linkage_unit.unit import LinkageUnit
from services.linkage_unit.workspace import WorkerKeys
from services.wire.convert.signed import sign_message, signed_to_bytes
from services.wire.messages import WaveKeys

MASTER_KEY: Final = "group-pseudonyms"
"""Name of the key from which K_LU derives; it lies with the data, not with the wraps: it must outlive them."""

FetchKeys = Callable[[str], WaveKeys]
"""Returns the analysis service's verified keys of a wave."""


def link_wave(
    unit: LinkageUnit,
    wave: str,
    fetch_keys: FetchKeys,
    progress: Progress | None = None,
    *,
    engine: Engine | None = None,
    worker_keys: WorkerKeys | None = None,
) -> bool:
    """Link a wave and make its tokens; False if that had been done before.

    `engine` runs the search, by default on this process's threads; `worker_keys` for one whose workers are others.

    Raises `NotReady` while uploads are missing, `Refused` if the agreement shuts the door, and what linking raises;
    a run that failed may be run again.
    """
    # 1. One run at a time: the caller's lock.
    if unit.runs.state(wave) is RunState.READY:
        unit.workspace(wave).remove()
        delete_due_encodings(unit)
        return False

    # 2. The door, and every file.
    document = unit.agreement.document
    unit.keeper.check_door(unit.agreement, Door.MATCH)
    document.wave(wave)
    uploads = unit.uploads.of_wave(wave)
    require_all_committed((party.name for party in document.providers), uploads, unit.version)

    # 3. Keys to seal tokens to.
    keys = fetch_keys(wave)

    # 4. The run, with its seed.
    run = unit.runs.start(wave, unit.version, int.from_bytes(unit.random(8), "big"))
    unit.audit.append("linking started", wave=wave, version=run.version)
    try:
        linkage = partial(link, engine=engine, workspace=unit.workspace(wave, worker_keys))
        _link(unit, run, [load_upload(unit, upload) for upload in uploads], keys, linkage, progress)
    except (LinkageCoreError, ServiceError) as error:
        unit.runs.fail(wave, type(error).__name__)
        unit.audit.append("linking failed", wave=wave, error_type=type(error).__name__)
        raise
    unit.audit.append("tokens made", wave=wave, count=len(uploads))

    # 9. What is not needed any more.
    unit.workspace(wave).remove()
    delete_due_encodings(unit)
    return True


def _link(
    unit: LinkageUnit,
    run: Run,
    uploads: Sequence[LoadedUpload],
    keys: WaveKeys,
    linkage: Callable[..., LinkageResult],
    progress: Progress | None,
) -> None:
    document = unit.agreement.document

    # 5. Link.
    result = linkage([loaded.file for loaded in uploads], document.linkage, document.matching, run.seed, progress)

    # 6. Group ids and pseudonyms.
    registry = unit.runs.registry()
    inheritance = inherit_groups(
        _group_of(uploads, result.groups),
        {_global_handle(*key): GroupId(group_id) for key, group_id in registry.items()},
        lambda: GroupId(unit.random(IDENTIFIER_BYTES)),
    )
    group_ids: dict[RegistryKey, bytes] = {
        key: inheritance.group_ids[_global_handle(*key)] for loaded in uploads for key in _keys_of(loaded)
    }
    pseudonyms = _pseudonyms(unit, set(group_ids.values()), first=not registry)

    # 7. Tokens.
    unit.content.remove_tokens_except(unit.runs.batch_ids())
    batches = []
    for loaded in uploads:
        rows = b"".join(pseudonyms[group_ids[key]] for key in _keys_of(loaded))
        batches.append(
            _write_batch(
                unit,
                run.wave,
                loaded,
                keys.token_key,
                result.groups.files[loaded.file.provider].quality_class,
                np.frombuffer(rows, dtype=np.uint8).reshape(-1, IDENTIFIER_BYTES),
            )
        )

    # 8. Visible, all at once.
    manifest = run_manifest(
        unit.agreement,
        run,
        [(u.upload.provider, u.root, u.upload.row_count) for u in uploads],
        result,
        inheritance.changes,
        _classes(result.groups),
    )
    unit.runs.complete(
        run,
        project=document.project,
        changed={key: group_id for key, group_id in group_ids.items() if registry.get(key) != group_id},
        pseudonyms=pseudonyms,
        batches=batches,
        uploads={loaded.upload.provider: loaded.upload.id for loaded in uploads},
        manifest=sign_run_manifest(manifest, unit.agreement, run.wave, unit.name, unit.keys.identity),
    )


def _write_batch(
    unit: LinkageUnit,
    wave: str,
    loaded: LoadedUpload,
    token_key: bytes,
    quality: NDArray[np.uint8],
    pseudonyms: NDArray[np.uint8],
) -> TokenBatch:
    provider = PartyName(loaded.upload.provider)
    batch = seal_batch(unit.agreement, wave, provider, token_key, loaded.row_ids, quality, pseudonyms, unit.random)
    sealed = unit.content.tokens(unit.version, wave, provider, batch.header.batch_id)
    sealed.write(batch.chunks)
    header = sign_message(unit.keys.identity, unit.name, provider, unit.agreement.context(wave), batch.header)
    return TokenBatch(wave, provider, batch.header.batch_id, signed_to_bytes(header), len(batch.chunks))


def _keys_of(loaded: LoadedUpload) -> Iterator[RegistryKey]:
    """Yield provider and handle of each row, in order."""
    provider = loaded.upload.provider
    raw = loaded.handles.tobytes()
    for start in range(0, len(raw), IDENTIFIER_BYTES):
        yield provider, raw[start : start + IDENTIFIER_BYTES]


def _global_handle(provider: str, handle: bytes) -> Handle:
    """A handle with its provider: one that another provider copied or guessed would otherwise join its group."""
    return Handle(provider.encode() + b"/" + handle)


def _group_of(uploads: Sequence[LoadedUpload], groups: LinkageGroups) -> dict[Handle, int]:
    group_of = {}
    for loaded in uploads:
        numbers = groups.files[loaded.file.provider].group
        for key, number in zip(_keys_of(loaded), numbers.tolist(), strict=True):
            group_of[_global_handle(*key)] = number
    return group_of


def _pseudonyms(unit: LinkageUnit, group_ids: set[bytes], *, first: bool) -> dict[bytes, bytes]:
    """Return y of each group id, under the linkage unit's key for this lineage and project.

    Only the `first` run makes the master key. Raises `Tampered` if it is lost later: under a new one every person would
    silently become another.
    """
    document = unit.agreement.document
    master = unit.lasting_keys.open_or_create(MASTER_KEY) if first else unit.lasting_keys.open(MASTER_KEY)
    k_lu = linkage_unit_key(master, document.lineage_bytes, document.project)
    ordered = sorted(group_ids)
    rows = np.frombuffer(b"".join(ordered), dtype=np.uint8).reshape(-1, IDENTIFIER_BYTES)
    return dict(zip(ordered, (y.tobytes() for y in group_pseudonyms(k_lu, rows)), strict=True))


def _classes(groups: LinkageGroups) -> Mapping[str, Sequence[int]]:
    return {
        provider: np.bincount(file.quality_class, minlength=QUALITY_CLASSES).tolist()
        for provider, file in groups.files.items()
    }
