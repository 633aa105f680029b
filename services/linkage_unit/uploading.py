"""M3: one encoded file per provider and wave, in chunks that survive an interruption on either side.

1. `begin_upload`: the manifest is judged, before a row is taken.
2. `put_chunks`: each chunk's digest and shape are checked; it is sealed and on disk before the store counts it,
   many together (`arrivals`).
3. `commit_upload`: all chunks are read back; root, count, distinctness and bits set decide whether the file counts.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from linkage_core.agreement.doors import Door
from linkage_core.errors import InputFault, Refused, Tampered
from services.common.errors import Conflict, Denied, NotReady
from services.common.identity import Caller
from services.linkage_unit.arrivals import Arrivals
from services.linkage_unit.content import SealedChunks
from services.linkage_unit.intake import judge_manifest, most_bytes, read_chunk
from services.linkage_unit.project import Begin, RunState, Upload, UploadState, agreed_key_check, judge_begin
from services.linkage_unit.row_checks import judge_rows
from services.linkage_unit.unit import LinkageUnit
from services.wire.convert.signed import open_message, signed_from_bytes, signed_to_bytes
from services.wire.messages import Chunk, SignedStatement, TransferCommit, TransferState, UploadManifest

UPLOAD_ID_BYTES = 16


def begin_upload(unit: LinkageUnit, caller: Caller, idempotency_key: str, signed: SignedStatement) -> TransferState:
    """Begin or resume the caller's upload of the wave that the manifest names."""
    document = unit.agreement.document
    unit.keeper.check_door(unit.agreement, Door.UPLOAD)
    wave = signed.statement.context.wave
    if wave not in {listed.name for listed in document.waves}:
        raise Refused("waves", "the agreement lists no wave of this name")
    manifest = open_message(
        signed,
        UploadManifest,
        sender=caller.name,
        sender_key=unit.agreement.identity_key(caller.name),
        recipient=unit.name,
        context=unit.agreement.context(wave),
    )
    checks = unit.mailbox.key_checks(unit.version)
    judge_manifest(
        document,
        manifest,
        agreed_key_check=agreed_key_check((p.name for p in document.providers), checks, caller.name),
        previous_rows=_previous_rows(unit, caller, wave),
        adds=document.wave(wave).kind == "incremental",
    )
    new = Upload(
        id=unit.random(UPLOAD_ID_BYTES),
        agreement=unit.version,
        wave=wave,
        provider=caller.name,
        idempotency_key=idempotency_key,
        manifest=signed_to_bytes(signed),
        row_count=manifest.row_count,
        chunk_count=manifest.chunk_count,
        next_chunk=0,
        state=UploadState.OPEN,
    )

    def decide(existing: Upload | None, run: RunState) -> Begin:
        return judge_begin(existing, idempotency_key=idempotency_key, manifest=new.manifest, run=run)

    decision, upload, replaced = unit.uploads.begin(new, decide)
    if replaced is not None:
        with unit.writing:  # a stream of it may still be at work
            _sealed(unit, replaced).remove()
    if decision is not Begin.RESUME:
        unit.audit.append("upload begun", party=caller.name, wave=wave, upload=upload.id.hex(), rows=upload.row_count)
    return upload.transfer


def put_chunks(unit: LinkageUnit, caller: Caller, chunks: Iterable[Chunk]) -> int:
    """Take a stream of chunks of one upload; returns the number of the chunk that is wanted next.

    A chunk that has arrived before is passed over; one that comes too early ends the stream, whose sender then goes on
    at the number returned. Raises `Tampered` for a content that does not fit its digest, and `Conflict` for any chunk
    of a committed upload: what is left of it depends on the run, which is not for providers. Raises `InputFault` as
    soon as the chunks of all streams come to more bytes than the rows that the manifest states. However the stream
    ends, the chunks that came before are kept.
    """
    unit.keeper.check_door(unit.agreement, Door.UPLOAD)
    stream = iter(chunks)
    first = next(stream, None)
    if first is None:
        raise InputFault("the stream held no chunk")
    with unit.writing:  # what the store counts and what lies on disk belong together
        upload = _own_upload(unit, caller, first.transfer_id)
        if upload.state is not UploadState.OPEN:
            raise Conflict("the upload is committed; nothing can be added to it")
        sealed = _sealed(unit, upload)
        room = most_bytes(unit.agreement.document, upload.row_count, upload.chunk_count)
        room -= sealed.bytes_of(upload.next_chunk)
    with Arrivals(unit, upload, sealed) as arrivals:
        for chunk in chain((first,), stream):
            if chunk.transfer_id != upload.id:
                raise InputFault("a stream holds the chunks of one upload")
            if hashlib.sha256(chunk.content).digest() != chunk.sha256:
                raise Tampered(f"chunk {chunk.number} does not fit its digest")
            if chunk.number >= upload.chunk_count:
                raise InputFault(f"chunk {chunk.number}: the manifest states {upload.chunk_count} chunks")
            if chunk.number > arrivals.expected:
                break
            if chunk.number < arrivals.expected:
                arrivals.require_same(chunk)
                continue
            read_chunk(unit.agreement.document, chunk.content)
            room -= len(chunk.content)
            if room < 0:
                raise InputFault(
                    f"chunk {chunk.number}: more bytes came than the {upload.row_count} rows of the manifest have; "
                    "encode the file anew with an agent that works as agreed"
                )
            if not arrivals.add(chunk):
                break
    return arrivals.wanted


def commit_upload(unit: LinkageUnit, caller: Caller, signed: SignedStatement) -> int:
    """Make the caller's upload count, if all of it is there as its manifest says; returns its number of rows."""
    unit.keeper.check_door(unit.agreement, Door.UPLOAD)
    wave = signed.statement.context.wave
    commit = open_message(
        signed,
        TransferCommit,
        sender=caller.name,
        sender_key=unit.agreement.identity_key(caller.name),
        recipient=unit.name,
        context=unit.agreement.context(wave),
    )
    upload = _own_upload(unit, caller, commit.transfer_id)
    if upload.wave != wave:
        raise Tampered("the commit is signed for another wave than the upload")
    manifest = _manifest_of(unit, upload)
    if commit.root != manifest.root:
        raise Tampered("the commit's root is not the manifest's")
    if upload.state is not UploadState.OPEN:
        return upload.row_count
    if upload.next_chunk < upload.chunk_count:
        raise NotReady(f"chunk {upload.next_chunk} of {upload.chunk_count} has not arrived")
    digests = unit.uploads.digests(upload.id)
    if hashlib.sha256(b"".join(digests)).digest() != manifest.root:
        raise Tampered("the chunks that arrived do not add up to the manifest's root")
    judge_rows(manifest, (read_chunk(unit.agreement.document, c) for c in stored_chunks(unit, upload, digests)))
    with unit.writing:
        if unit.uploads.commit(upload.id):
            unit.audit.append(
                "upload committed", party=caller.name, wave=wave, upload=upload.id.hex(), rows=upload.row_count
            )
        _sealed(unit, upload).remove_unfinished()
    return upload.row_count


def stored_chunks(unit: LinkageUnit, upload: Upload, digests: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the chunks of an upload in order; raises `Tampered` for one that is not what arrived."""
    contents = _sealed(unit, upload).read(len(digests))
    for number, (content, digest) in enumerate(zip(contents, digests, strict=True)):
        if hashlib.sha256(content).digest() != digest:
            raise Tampered(f"chunk {number} at rest is not the one that arrived")
        yield content


def _own_upload(unit: LinkageUnit, caller: Caller, upload_id: bytes) -> Upload:
    upload = unit.uploads.find(upload_id, caller.name)
    if upload is None:
        raise Denied("no upload of this caller")
    if upload.agreement != unit.version:
        raise Conflict("the upload was begun under another version of the agreement; begin it again")
    return upload


def _manifest_of(unit: LinkageUnit, upload: Upload) -> UploadManifest:
    signed = signed_from_bytes(upload.manifest)
    return open_message(
        signed,
        UploadManifest,
        sender=signed.statement.sender,
        sender_key=unit.agreement.identity_key(upload.provider),
        recipient=unit.name,
        context=unit.agreement.context(upload.wave),
    )


def _previous_rows(unit: LinkageUnit, caller: Caller, wave: str) -> int | None:
    """Rows of the provider's file in the nearest complete wave before, in the agreement's order."""
    listed = unit.agreement.document.waves
    place = [wave_listed.name for wave_listed in listed].index(wave)
    before = [earlier.name for earlier in listed[:place] if earlier.kind == "complete"]
    committed = [
        upload
        for upload in unit.uploads.of_provider(caller.name)
        if upload.wave in before and upload.state is not UploadState.OPEN
    ]
    newest = max(committed, key=lambda upload: before.index(upload.wave), default=None)
    return None if newest is None else newest.row_count


def _sealed(unit: LinkageUnit, upload: Upload) -> SealedChunks:
    return unit.content.encodings(upload.agreement, upload.wave, upload.provider, upload.id)
