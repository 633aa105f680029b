"""Signed statements and the messages inside: one entry a type, so that a body is parsed only as what was signed."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from google.protobuf.message import DecodeError, Message

from linkage_core.crypto.secret import Secret
from linkage_core.crypto.signing import Context, Statement, sign, verify
from linkage_core.errors import InputFault, Tampered
from linkage_core.types import AgreementHash, Lineage, PartyName
from services.wire import messages
from services.wire.v1 import (
    agreement_pb2,
    common_pb2,
    delivery_pb2,
    intake_pb2,
    mailbox_pb2,
    queries_pb2,
    tokens_pb2,
    transfer_pb2,
)

_IDEMPOTENCY_KEY: Final = r"[A-Za-z0-9_-]{1,64}"


@dataclass(frozen=True, slots=True)
class _Body:
    """How one type of body is written and read."""

    wire: type[Message]
    fill: Callable[[Any], Message]
    read: Callable[[Any], Any]


def _upload_manifest(m: messages.UploadManifest) -> intake_pb2.UploadManifest:
    return intake_pb2.UploadManifest(
        row_count=m.row_count,
        chunk_count=m.chunk_count,
        root=m.root,
        key_check=m.key_check,
        schema_hash=m.schema_hash,
        standardisation_digest=m.standardisation_digest,
        clks=[
            intake_pb2.ClkStatement(
                name=c.name, length_bits=c.length_bits, diffusion_t=c.diffusion_t, fill_ppm=c.fill_ppm, d_ppm=c.d_ppm
            )
            for c in m.clks
        ],
    )


def _read_upload_manifest(m: intake_pb2.UploadManifest) -> messages.UploadManifest:
    clks = tuple(messages.ClkStatement(c.name, c.length_bits, c.diffusion_t, c.fill_ppm, c.d_ppm) for c in m.clks)
    return messages.UploadManifest(
        m.row_count, m.chunk_count, m.root, m.key_check, m.schema_hash, m.standardisation_digest, clks
    )


def _header(m: messages.TokenBatchHeader) -> tokens_pb2.TokenBatchHeader:
    return tokens_pb2.TokenBatchHeader(
        batch_id=m.batch_id,
        provider=m.provider,
        sealed_batch_key=m.sealed_batch_key,
        row_count=m.row_count,
        chunk_count=m.chunk_count,
        root=m.root,
    )


def _read_header(m: tokens_pb2.TokenBatchHeader) -> messages.TokenBatchHeader:
    return messages.TokenBatchHeader(m.batch_id, m.provider, m.sealed_batch_key, m.row_count, m.chunk_count, m.root)


def _delivery_manifest(m: messages.DeliveryManifest) -> delivery_pb2.DeliveryManifest:
    return delivery_pb2.DeliveryManifest(
        token_batch=signed_to_wire(m.token_batch),
        tables=[delivery_pb2.TableStatement(table=t.table, row_count=t.row_count) for t in m.tables],
        chunk_count=m.chunk_count,
        root=m.root,
    )


def _read_delivery_manifest(m: delivery_pb2.DeliveryManifest) -> messages.DeliveryManifest:
    tables = tuple(messages.TableStatement(t.table, t.row_count) for t in m.tables)
    return messages.DeliveryManifest(signed_from_wire(m.token_batch), tables, m.chunk_count, m.root)


def _read_question(m: queries_pb2.Question) -> messages.Question:
    if re.fullmatch(_IDEMPOTENCY_KEY, m.idempotency_key) is None:
        raise InputFault("idempotency_key must have 1 to 64 of the characters A-Z a-z 0-9 _ -")
    return messages.Question(m.query, m.idempotency_key)


_BODIES: Final[dict[type, _Body]] = {
    messages.SuspensionNotice: _Body(
        agreement_pb2.SuspensionNotice,
        lambda m: agreement_pb2.SuspensionNotice(),
        lambda w: messages.SuspensionNotice(),
    ),
    messages.SealedShare: _Body(
        mailbox_pb2.SealedShare,
        lambda m: mailbox_pb2.SealedShare(sealed=m.sealed),
        lambda w: messages.SealedShare(w.sealed),
    ),
    messages.KeyCheck: _Body(
        intake_pb2.KeyCheck,
        lambda m: intake_pb2.KeyCheck(key_check=m.key_check, canary_digest=m.canary_digest),
        lambda w: messages.KeyCheck(w.key_check, w.canary_digest),
    ),
    messages.UploadManifest: _Body(intake_pb2.UploadManifest, _upload_manifest, _read_upload_manifest),
    messages.TokenBatchHeader: _Body(tokens_pb2.TokenBatchHeader, _header, _read_header),
    messages.WaveKeys: _Body(
        delivery_pb2.WaveKeys,
        lambda m: delivery_pb2.WaveKeys(token_key=m.token_key, payload_key=m.payload_key),
        lambda w: messages.WaveKeys(w.token_key, w.payload_key),
    ),
    messages.DeliveryManifest: _Body(delivery_pb2.DeliveryManifest, _delivery_manifest, _read_delivery_manifest),
    messages.TransferCommit: _Body(
        transfer_pb2.TransferCommit,
        lambda m: transfer_pb2.TransferCommit(transfer_id=m.transfer_id, root=m.root),
        lambda w: messages.TransferCommit(w.transfer_id, w.root),
    ),
    messages.Question: _Body(
        queries_pb2.Question,
        lambda m: queries_pb2.Question(query=m.query, idempotency_key=m.idempotency_key),
        _read_question,
    ),
}

BODY_TYPES: Final[dict[str, type[Message]]] = {kind.__name__: body.wire for kind, body in _BODIES.items()}
"""Every type that may be signed, with its message class: tests walk what each role can receive through it."""

Body = TypeVar("Body")


def sign_message(
    key: Secret, sender: PartyName, recipient: PartyName, context: Context, message: object
) -> messages.SignedStatement:
    """Sign one of the protocol's messages from `sender` to `recipient` (empty: to all) in a context."""
    body = _BODIES[type(message)].fill(message).SerializeToString(deterministic=True)
    statement = Statement(type(message).__name__, sender, recipient, context, body)
    return messages.SignedStatement(statement, sign(key, statement.signed_bytes()))


def open_message(
    signed: messages.SignedStatement,
    expected: type[Body],
    *,
    sender: PartyName,
    sender_key: bytes,
    recipient: PartyName,
    context: Context,
) -> Body:
    """Verify a signed message against what is expected of it, and return its body.

    Raises `Tampered` if type, sender, recipient, context or signature differ from what is expected: a message recorded
    in another place cannot be replayed here.
    """
    statement = signed.statement
    differing = [
        name
        for name, got, wanted in (
            ("type", statement.type, expected.__name__),
            ("sender", statement.sender, sender),
            ("recipient", statement.recipient, recipient),
            ("lineage", statement.context.lineage, context.lineage),
            ("agreement", statement.context.agreement, context.agreement),
            ("epoch", statement.context.epoch, context.epoch),
            ("wave", statement.context.wave, context.wave),
        )
        if got != wanted
    ]
    if differing:
        raise Tampered(f"a signed {expected.__name__} is bound to another {', '.join(differing)}")
    verify(sender_key, statement.signed_bytes(), signed.signature, expected.__name__)
    entry = _BODIES[expected]
    wire = entry.wire()
    try:
        wire.ParseFromString(statement.body)
    except DecodeError:
        raise InputFault(f"the body of a signed {expected.__name__} is malformed") from None
    return cast(Body, entry.read(wire))


def signed_to_wire(signed: messages.SignedStatement) -> common_pb2.Signed:
    """Return the protobuf form of a signed statement."""
    s = signed.statement
    return common_pb2.Signed(
        type=s.type,
        sender=s.sender,
        recipient=s.recipient,
        context=common_pb2.Context(
            lineage=s.context.lineage, agreement_hash=s.context.agreement, epoch=s.context.epoch, wave=s.context.wave
        ),
        body=s.body,
        signature=signed.signature,
    )


def signed_from_wire(wire: common_pb2.Signed) -> messages.SignedStatement:
    """Return the value of a protobuf signed statement; nothing is verified yet."""
    c = wire.context
    context = Context(Lineage(c.lineage), AgreementHash(c.agreement_hash), c.epoch, c.wave)
    statement = Statement(wire.type, PartyName(wire.sender), PartyName(wire.recipient), context, wire.body)
    return messages.SignedStatement(statement, wire.signature)


def signed_to_bytes(signed: messages.SignedStatement) -> bytes:
    """Serialise a signed statement for a store or an outbox."""
    return signed_to_wire(signed).SerializeToString(deterministic=True)


def signed_from_bytes(stored: bytes) -> messages.SignedStatement:
    """Read back what `signed_to_bytes` wrote; raises `Tampered` if it is not a signed statement."""
    wire = common_pb2.Signed()
    try:
        wire.ParseFromString(stored)
    except DecodeError:
        raise Tampered("a stored signed statement is malformed") from None
    return signed_from_wire(wire)
