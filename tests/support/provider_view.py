"""What one provider sees of a wave, as lines to compare: everything but ciphertexts, of which the lengths remain."""

import json
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from google.protobuf.message import Message

from linkage_core.tokens import TOKEN_BYTES
from services.wire.v1 import agreement_pb2, common_pb2, delivery_pb2, intake_pb2, mailbox_pb2, tokens_pb2
from tests.support.wiretap import Heard

_SEALED_FIELDS: Final = frozenset({"sealed", "sealed_batch_key", "signature", "batch_id", "token_key", "payload_key"})
"""Ciphertexts, signatures over them, public keys drawn by others."""
_DRAWN_IDS: Final = frozenset({"upload_id", "delivery_id", "transfer_id", "idempotency_key"})
"""Drawn by a service; the idempotency key is a digest of a signature."""
_BODIES: Final[dict[str, type[Message]]] = {
    "SealedShare": mailbox_pb2.SealedShare,
    "KeyCheck": intake_pb2.KeyCheck,
    "UploadManifest": intake_pb2.UploadManifest,
    "TransferCommit": common_pb2.TransferCommit,
    "TokenBatchHeader": tokens_pb2.TokenBatchHeader,
    "DeliveryManifest": delivery_pb2.DeliveryManifest,
    "WaveKeys": delivery_pb2.WaveKeys,
}
_MESSAGES: Final[dict[str, Any]] = {
    service.full_name: service
    for module in (agreement_pb2, mailbox_pb2, intake_pb2, tokens_pb2, delivery_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
}


@dataclass(slots=True)
class View:
    """What one provider sees, in order."""

    lines: list[str]

    def note(self, what: str) -> None:
        self.lines.append(what)


def difference(one: View, other: View) -> list[str]:
    """Return the lines in which two views differ, cut to what one can read."""
    pairs = zip(one.lines, other.lines, strict=False)
    found = [f"{a[:200]} ≠ {b[:200]}" for a, b in pairs if a != b]
    return [*found, f"{len(one.lines)} ≠ {len(other.lines)} lines"] if len(one.lines) != len(other.lines) else found


def visible(heard: Heard) -> str:
    """Return a message as text, with ciphertexts replaced by their lengths."""
    if heard.part in ("refusal", "metadata"):
        return f"{heard.method} {heard.part}: {heard.content.decode()}"
    _, service, method = heard.method.split("/")
    descriptor = _MESSAGES[service].methods_by_name[method]
    kind = descriptor.input_type if heard.part == "request" else descriptor.output_type
    message = kind._concrete_class.FromString(heard.content)
    return f"{heard.method} {heard.part} of {len(heard.content)}: {json.dumps(_fields(message, ''))}"


def _fields(message: Message, inside: str) -> dict[str, Any]:
    name = message.DESCRIPTOR.name
    return {field.name: _shown(name, inside, field.name, value, message) for field, value in message.ListFields()}


def _shown(owner: str, inside: str, name: str, value: Any, message: Message) -> Any:
    if isinstance(value, Message):
        return _fields(value, inside)
    if owner == "Signed" and name == "body":
        kind = message.type  # type: ignore[attr-defined] # a Signed has it
        return _fields(_BODIES[kind].FromString(value), kind)
    if owner == "TokenChunk" and name == "tokens":
        tokens = np.frombuffer(value, dtype=np.uint8).reshape(-1, TOKEN_BYTES)
        return {"nonces": tokens[:, :12].tobytes().hex(), "bytes": len(value)}
    if name in _SEALED_FIELDS or name in _DRAWN_IDS or _over_ciphertext(owner, inside, name):
        return f"{len(value)} bytes"
    if isinstance(value, bytes):
        return value.hex()
    return value if isinstance(value, str | int | bool) else [_item(item, inside) for item in value]


def _item(item: Any, inside: str) -> Any:
    return _fields(item, inside) if isinstance(item, Message) else item


def _over_ciphertext(owner: str, inside: str, name: str) -> bool:
    """A digest over ciphertext is one: of sealed payload, and of tokens."""
    if owner == "PutPayloadRequest":
        return name == "sha256"
    return name == "root" and inside in ("TokenBatchHeader", "DeliveryManifest", "TransferCommit")
