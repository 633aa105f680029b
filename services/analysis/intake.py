"""From a provider's delivery to tables under synthetic keys (M6, M7), in numbered steps.

Begin   1. The agreement is in force, the wave is open.
        2. The provider signed the manifest; the linkage unit signed the batch of tokens, for this provider and wave.
        3. The agreement lists every table; the batch was not delivered before.
Put     4. Sealed chunks are kept as they come, each checked against its digest; a broken delivery resumes.
Commit  5. The chunks are those that the manifest announced.
        6. Open the batch key with tok_AS, each chunk with pay_AS, its tokens with the batch key.
        7. Check columns, types, bounds and rows per person; pseudonyms become synthetic keys, tokens are dropped.
        8. Write encrypted Parquet beside what counts; one transaction makes it count, and the sealed chunks go.

A stop anywhere leaves the delivery where it was: steps 6 to 8 are run again. The provider learns how many rows were
received; how many were kept depends on who was linked, and is told to nobody.
"""

import hashlib
import hmac
import threading
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from linkage_core.agreement.doors import Door
from linkage_core.agreement.signatures import VerifiedAgreement
from linkage_core.crypto import hpke
from linkage_core.crypto.secret import Secret
from linkage_core.errors import InputFault, Refused, Tampered
from linkage_core.pseudonyms import synthetic_keys
from linkage_core.tokens import TOKEN_BYTES, associated_data, open_tokens
from linkage_core.types import IDENTIFIER_BYTES, PartyName
from services.analysis.incoming import IncomingChunks
from services.analysis.intake_rules import Delivery, check_manifest, tables_of
from services.analysis.opening import TableOpener
from services.analysis.store.deliveries import DeliveryStore
from services.analysis.store.payload import PayloadStore, data_key_name
from services.analysis.wave_keys import WaveKeyring
from services.common.agreements import AgreementKeeper
from services.common.audit import AuditLog
from services.common.clock import Clock, RandomBytes
from services.common.errors import Conflict, Denied
from services.common.logs import Log
from services.wire import messages
from services.wire.convert.chunks import payload_chunk_from_bytes
from services.wire.convert.signed import open_message, signed_from_bytes, signed_to_bytes
from services.wire.seals import batch_key_info, payload_chunk_info

KEY_VERSION: Final = 1
"""Version of the synthetic keys; a later one re-keys a project without the linkage unit."""


Body = TypeVar("Body")


@dataclass(frozen=True, slots=True)
class IntakeParts:
    """What the intake works with."""

    agreement: VerifiedAgreement
    keeper: AgreementKeeper
    keyring: WaveKeyring
    deliveries: DeliveryStore
    payload: PayloadStore
    incoming: Path
    k_as: Secret
    clock: Clock
    random: RandomBytes
    audit: AuditLog
    log: Log


class Intake:
    """The Delivery service's decisions, behind its servicer."""

    def __init__(self, parts: IntakeParts) -> None:
        self._parts = parts
        self._incoming = IncomingChunks(parts.incoming)
        self._committing = threading.Lock()
        self._incoming.keep_only(parts.deliveries.open_ids())
        parts.payload.keep_only(parts.deliveries.all_files())

    def wave_keys(self, wave: str) -> messages.SignedStatement:
        """Return the signed public keys of a wave."""
        self._parts.keeper.check_door(self._parts.agreement, Door.DELIVER)
        return self._parts.keyring.public(self._parts.agreement, wave)

    def begin(
        self, provider: PartyName, idempotency_key: str, signed: messages.SignedStatement
    ) -> messages.TransferState:
        """Begin or resume a delivery; the same key and manifest get the same answer."""
        parts = self._parts
        # 1
        parts.keeper.check_door(parts.agreement, Door.DELIVER)
        wave = signed.statement.context.wave
        parts.agreement.document.wave(wave)
        # 2
        manifest, header = self._manifest_and_header(provider, wave, signed)
        # 3
        check_manifest(manifest, header, parts.agreement.document, provider)
        stored = signed_to_bytes(signed)
        wanted = Delivery(
            id=parts.random(IDENTIFIER_BYTES).hex(),
            provider=provider,
            wave=wave,
            idempotency_key=idempotency_key,
            manifest_digest=hashlib.sha256(stored).hexdigest(),
            manifest=stored,
            agreement=parts.agreement.hash.hex(),
            batch=header.batch_id.hex(),
            chunk_count=manifest.chunk_count,
            row_count=sum(statement.row_count for statement in manifest.tables),
            next_chunk=0,
            committed=False,
        )
        delivery, gave_way = parts.deliveries.begin(
            wanted, parts.clock().isoformat(), wave_closed=parts.keyring.is_closed(wave)
        )
        if gave_way is not None:
            self._incoming.remove(gave_way)
        if delivery is wanted:
            parts.audit.append("delivery-begun", party=provider, wave=wave, delivery=delivery.id)
        return messages.TransferState(bytes.fromhex(delivery.id), delivery.next_chunk, delivery.committed)

    def put(self, provider: PartyName, stream: Iterable[messages.Chunk]) -> int:
        """Keep the chunks of a stream, in order; returns the number of the chunk that is wanted next.

        A chunk that is there already is passed over if it is the same.
        """
        parts = self._parts
        parts.keeper.check_door(parts.agreement, Door.DELIVER)
        delivery: Delivery | None = None
        received: list[str] = []
        for chunk in stream:
            # 4
            if delivery is None or delivery.id != chunk.transfer_id.hex():
                delivery = self._own(provider, chunk.transfer_id)
                if delivery.committed:
                    raise Conflict("the delivery is committed; nothing can be added to it")
                received = parts.deliveries.digests(delivery.id)
            _check_chunk(chunk, delivery, received)
            if chunk.number == len(received):
                self._incoming.write(delivery.id, chunk.number, chunk.content)
                parts.deliveries.add_chunk(delivery.id, chunk.number, chunk.sha256.hex())
                received.append(chunk.sha256.hex())
        return len(received)

    def commit(self, provider: PartyName, signed: messages.SignedStatement) -> int:
        """Close a delivery; returns the rows received. A delivery that is committed gets the same answer again."""
        parts = self._parts
        parts.keeper.check_door(parts.agreement, Door.DELIVER)
        wave = signed.statement.context.wave
        commit = self._verified(signed, messages.TransferCommit, provider, wave)
        with self._committing:
            delivery = self._own(provider, commit.transfer_id)
            manifest, header = self._manifest_and_header(provider, delivery.wave, signed_from_bytes(delivery.manifest))
            if wave != delivery.wave or not hmac.compare_digest(commit.root, manifest.root):
                raise Tampered("the commit is of another wave or other chunks than the delivery's manifest")
            if delivery.committed:
                return delivery.row_count
            # 5
            digests = parts.deliveries.digests(delivery.id)
            if len(digests) != delivery.chunk_count:
                raise Conflict(f"{len(digests)} of {delivery.chunk_count} chunks are there; send the others first")
            if hashlib.sha256(b"".join(map(bytes.fromhex, digests))).digest() != manifest.root:
                raise Tampered("the chunks are not those that the manifest announced")
            # 6, 7, 8
            files = self._open_and_write(delivery, manifest, header, digests)
            for replaced in parts.deliveries.commit(delivery, files, parts.clock().isoformat()):
                parts.payload.remove(replaced)
            self._incoming.remove(delivery.id)
        parts.audit.append(
            "delivery-committed",
            party=provider,
            wave=wave,
            delivery=delivery.id,
            batch=delivery.batch,
            rows=delivery.row_count,
        )
        parts.log.info("delivery committed", party=provider, wave=wave, rows=delivery.row_count)
        return delivery.row_count

    def _open_and_write(
        self,
        delivery: Delivery,
        manifest: messages.DeliveryManifest,
        header: messages.TokenBatchHeader,
        digests: list[str],
    ) -> dict[str, str]:
        parts, agreement = self._parts, self._parts.agreement
        document, context, own = agreement.document, agreement.context(delivery.wave), self._own_name
        token_key, payload_key = parts.keyring.private(delivery.wave)
        linkage_unit = PartyName(document.linkage_unit.name)
        batch_key = Secret(
            hpke.open_sealed(token_key, header.sealed_batch_key, batch_key_info(linkage_unit, own, context))
        )
        associated = associated_data(context, document.project, delivery.provider, header.batch_id)

        def open_to_keys(tokens: bytes) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
            return _keys_of_tokens(batch_key, tokens, associated, parts.k_as)

        chunk_info = payload_chunk_info(delivery.provider, own, context)
        listed = tables_of(document, delivery.provider)
        with ExitStack() as stack:
            openers, writers, files = {}, {}, {}
            for name, table in sorted(listed.items()):
                openers[name] = opener = TableOpener(
                    table,
                    document.statistics,
                    open_tokens=open_to_keys,
                    batch_rows=header.row_count,
                    keep_class_0=document.unmatched_rows == "keep",
                )
                files[name] = f"{delivery.id}.{name}.parquet"
                key = data_key_name(document.lineage, delivery.wave, delivery.provider, name)
                writers[name] = stack.enter_context(parts.payload.writing(files[name], key, opener.schema))
            for number, digest in enumerate(digests):
                sealed = self._incoming.read(delivery.id, number)
                # Anyone can seal to pay_AS: what the provider signed is these bytes and no others.
                if hashlib.sha256(sealed).hexdigest() != digest:
                    raise Tampered(f"chunk {number} at rest is not the one that arrived")
                opened = hpke.open_sealed(payload_key, sealed, chunk_info)
                chunk = payload_chunk_from_bytes(opened, token_bytes=TOKEN_BYTES)
                if chunk.table not in listed:
                    raise Refused(
                        f"payload.{delivery.provider}.{chunk.table}", "the agreement does not list this table"
                    )
                rows = openers[chunk.table].open(chunk)
                if len(rows):
                    writers[chunk.table].write_table(rows)
            announced = {statement.table: statement.row_count for statement in manifest.tables}
            faults = [fault for name, opener in openers.items() for fault in opener.faults(announced[name])]
            if faults:
                raise InputFault(
                    "the delivery's rows are not what the agreement lists; nothing was kept", tuple(faults)
                )
        return files

    def _manifest_and_header(
        self, provider: PartyName, wave: str, signed: messages.SignedStatement
    ) -> tuple[messages.DeliveryManifest, messages.TokenBatchHeader]:
        manifest = self._verified(signed, messages.DeliveryManifest, provider, wave)
        linkage_unit = PartyName(self._parts.agreement.document.linkage_unit.name)
        header = open_message(
            manifest.token_batch,
            messages.TokenBatchHeader,
            sender=linkage_unit,
            sender_key=self._parts.agreement.identity_key(linkage_unit),
            recipient=provider,
            context=self._parts.agreement.context(wave),
        )
        return manifest, header

    def _verified(self, signed: messages.SignedStatement, expected: type[Body], provider: PartyName, wave: str) -> Body:
        return open_message(
            signed,
            expected,
            sender=provider,
            sender_key=self._parts.agreement.identity_key(provider),
            recipient=self._own_name,
            context=self._parts.agreement.context(wave),
        )

    def _own(self, provider: PartyName, transfer_id: bytes) -> Delivery:
        delivery = self._parts.deliveries.find(transfer_id.hex(), provider)
        if delivery is None:
            raise Denied("there is no such delivery of this provider")
        return delivery

    @property
    def _own_name(self) -> PartyName:
        return PartyName(self._parts.agreement.document.analysis_service.name)


def _check_chunk(chunk: messages.Chunk, delivery: Delivery, received: list[str]) -> None:
    if hashlib.sha256(chunk.content).digest() != chunk.sha256:
        raise Tampered(f"chunk {chunk.number} does not fit its digest")
    if chunk.number >= delivery.chunk_count:
        raise InputFault(f"chunk {chunk.number} is beyond the {delivery.chunk_count} that the manifest announced")
    if chunk.number > len(received):
        raise InputFault(f"chunk {chunk.number} came while chunk {len(received)} is wanted")
    if chunk.number < len(received) and received[chunk.number] != chunk.sha256.hex():
        raise Conflict(f"chunk {chunk.number} was received before with another content")


def _keys_of_tokens(
    batch_key: Secret, tokens: bytes, associated: bytes, k_as: Secret
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Open each distinct token once; return quality classes and synthetic keys, one a row. Pseudonyms are dropped."""
    rows = np.frombuffer(tokens, dtype=np.uint8).reshape(-1, TOKEN_BYTES)
    distinct, place = np.unique(rows, axis=0, return_inverse=True)
    quality, pseudonyms = open_tokens(batch_key, distinct.tobytes(), associated)
    keys = synthetic_keys(k_as, KEY_VERSION, pseudonyms)
    where = place.reshape(-1)
    return quality[where], keys[where]
