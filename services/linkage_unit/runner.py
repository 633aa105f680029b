"""M4, the linking of one wave, in the operator's own process. The steps in order:

1. One run at a time: the caller holds the data folder's lock (`services.common.locks`), which dies with its process.
2. The agreement opens the door; every provider's file is committed.
3. The analysis service's keys of the wave, verified: without them no token could be sealed.
4. The run is recorded with its seed; a run that was killed or failed goes on under the same one.
5. Encodings are read back, those of the registry too where the wave adds to it, and linked; what the search has
   finished is kept, sealed, until the run is done.
6. Groups inherit their ids from the registry; new ones get fresh random ids, and each its pseudonym. What happened to
   groups and handles becomes events.
7. A batch of tokens for every provider, and the registry's encodings if they may be kept: sealed, on disk.
8. One transaction makes registry, events, pseudonyms, batches, manifest and model visible together.
9. The search's findings are destroyed, and encodings that the agreement no longer allows or that new ones replace.

Killed anywhere before step 8, it leaves nothing that anybody can see, and goes on with what its search had not
finished; after it, it only has step 9 to repeat.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.agreement.document import Agreement
from linkage_core.agreement.doors import Door
from linkage_core.errors import LinkageCoreError
from linkage_core.linking.events import Event, WaveOutcome, events_of, evidence_of, first_evidence
from linkage_core.linking.groups import LinkageGroups
from linkage_core.linking.run import LinkageResult, Progress, link
from linkage_core.linking.waves import inherit_groups
from linkage_core.pseudonyms import group_pseudonyms, linkage_unit_key
from linkage_core.searching.engine import Engine
from linkage_core.tokens import QUALITY_CLASSES
from linkage_core.types import IDENTIFIER_BYTES, GroupId, Handle, PartyName
from services.common.errors import ServiceError
from services.linkage_unit.batches import seal_batch
from services.linkage_unit.changes import changes_of
from services.linkage_unit.earlier_model import earlier_model
from services.linkage_unit.loading import LoadedUpload, load_upload
from services.linkage_unit.project import RunState, require_all_committed
from services.linkage_unit.quality.stored import model_bytes
from services.linkage_unit.registry import (
    delete_due_registry,
    keep_registry,
    may_keep_registry,
    remove_unfinished_snapshots,
    require_registry,
)
from services.linkage_unit.retention import delete_due_encodings
from services.linkage_unit.run_manifest import run_manifest, sign_run_manifest
from services.linkage_unit.store.history import RegistryKey
from services.linkage_unit.store.runs import Run, TokenBatch
from services.linkage_unit.unit import LinkageUnit
from services.linkage_unit.wave_files import WaveFiles, wave_files
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
    delete_due_registry(unit)
    if document.wave(wave).kind == "incremental":
        require_registry(unit, document.wave(wave))
    uploads = unit.uploads.of_wave(wave)
    require_all_committed((party.name for party in document.providers), uploads, unit.version)

    # 3. Keys to seal tokens to.
    keys = fetch_keys(wave)

    # 4. The run, with its seed.
    run = unit.runs.start(wave, unit.version, int.from_bytes(unit.random(8), "big"))
    unit.audit.append("linking started", wave=wave, version=run.version)
    try:
        linkage = partial(link, engine=engine, workspace=unit.workspace(wave, worker_keys), earlier=earlier_model(unit))
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
    registry = unit.runs.registry()
    files = wave_files(unit, document.wave(run.wave), uploads, registry)
    result = linkage([rows.file for rows in files.rows], document.linkage, document.matching, run.seed, progress)

    # 6. Group ids, what happened to them, and pseudonyms.
    previous = {_global_handle(*key): GroupId(group_id) for key, group_id in registry.items()}
    absent = {_global_handle(*key) for key in files.absent}
    inheritance = inherit_groups(
        _group_of(files, result.groups), previous, lambda: GroupId(unit.random(IDENTIFIER_BYTES)), absent
    )
    group_ids: dict[RegistryKey, GroupId] = {
        key: inheritance.group_ids[_global_handle(*key)] for keys in files.held() for key in keys
    }
    events = _events(document, run.wave, files, result.groups, previous, group_ids)
    pseudonyms = _pseudonyms(unit, set(group_ids.values()), first=not registry)

    # 7. Tokens.
    unit.content.remove_tokens_except(unit.runs.batch_ids())
    batches = []
    for loaded, keys_brought in zip(uploads, files.brought(), strict=True):
        rows = b"".join(pseudonyms[group_ids[key]] for key in keys_brought)
        batches.append(
            _write_batch(
                unit,
                run.wave,
                loaded,
                keys.token_key,
                result.groups.files[loaded.file.provider].quality_class[: len(keys_brought)],
                np.frombuffer(rows, dtype=np.uint8).reshape(-1, IDENTIFIER_BYTES),
            )
        )

    remove_unfinished_snapshots(unit)
    ways = result.groups.ways
    registered = [rows.registered(result.groups.files[rows.file.provider], ways) for rows in files.rows]
    kept = keep_registry(unit, run.version, registered) if may_keep_registry(unit) else []

    # 8. Visible, all at once.
    model = None if result.model is None else model_bytes(result.model)
    manifest = run_manifest(
        unit.agreement,
        run,
        [(u.upload.provider, u.root, u.upload.row_count) for u in uploads],
        result,
        changes_of(files, registry, inheritance.changes),
        _classes(files, result.groups),
        model,
    )
    unit.runs.complete(
        run,
        project=document.project,
        changed={key: group_id for key, group_id in group_ids.items() if registry.get(key) != group_id},
        pseudonyms=pseudonyms,
        batches=batches,
        uploads={loaded.upload.provider: loaded.upload.id for loaded in uploads},
        manifest=sign_run_manifest(manifest, unit.agreement, run.wave, unit.name, unit.keys.identity),
        model=model,
        events=events,
        kept=kept,
    )
    if kept:
        unit.audit.append("registry encodings kept", wave=run.wave, rows=sum(part.row_count for part in kept))


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


def _global_handle(provider: str, handle: bytes) -> Handle:
    """A handle with its provider: one that another provider copied or guessed would otherwise join its group."""
    return Handle(provider.encode() + b"/" + handle)


def _group_of(files: WaveFiles, groups: LinkageGroups) -> dict[Handle, int]:
    group_of = {}
    for rows, keys in zip(files.rows, files.held(), strict=True):
        numbers = groups.files[rows.file.provider].group
        for key, number in zip(keys, numbers.tolist(), strict=True):
            group_of[_global_handle(*key)] = number
    return group_of


def _events(
    document: Agreement,
    wave: str,
    files: WaveFiles,
    groups: LinkageGroups,
    previous: Mapping[Handle, GroupId],
    group_ids: Mapping[RegistryKey, GroupId],
) -> list[tuple[Event, RegistryKey | None]]:
    """Return what happened, each event with the provider and handle that it names."""
    evidence = [
        evidence_of([group_ids[key] for key in keys], groups.files[rows.file.provider], groups.ways, rows.change)
        for rows, keys in zip(files.rows, files.brought(), strict=True)
    ]
    named = {_global_handle(*key): key for key in (*group_ids, *files.withdrawn)}
    events = events_of(
        WaveOutcome(
            previous=previous,
            now={_global_handle(*key): group for key, group in group_ids.items()},
            corrected={_global_handle(*key) for key in files.corrected or ()},
            withdrawn={_global_handle(*key) for key in files.withdrawn},
            returned={_global_handle(*key) for key in files.returned},
            evidence=first_evidence(evidence, document.matching.passes),
            complete=document.wave(wave).kind == "complete",
        )
    )
    return [(event, None if event.handle is None else named[event.handle]) for event in events]


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


def _classes(files: WaveFiles, groups: LinkageGroups) -> Mapping[str, Sequence[int]]:
    """Return how many of the wave's rows are in each class."""
    return {
        rows.file.provider: np.bincount(
            groups.files[rows.file.provider].quality_class[: rows.brought], minlength=QUALITY_CLASSES
        ).tolist()
        for rows in files.rows
    }
