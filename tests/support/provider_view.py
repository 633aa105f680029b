"""What one provider sees of a wave, as lines to compare: everything but ciphertexts, of which the lengths remain."""

import json
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from linkage_core.tokens import TOKEN_BYTES
from services.wire.v1 import agreement_pb2, delivery_pb2, intake_pb2, mailbox_pb2, tokens_pb2
from tests.support.wiretap import Heard

_SEALED_FIELDS: Final = frozenset({"sealed", "sealed_batch_key", "signature", "batch_id", "token_key", "payload_key"})
"""Ciphertexts, signatures over them, public keys drawn by others."""
_DRAWN_IDS: Final = frozenset({"transfer_id", "idempotency_key"})
"""Drawn by a service; the idempotency key is a digest of a signature."""
_SERVICES: Final[dict[str, Any]] = {
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


def message_of(heard: Heard) -> Any:
    """Return a request or a response as the protobuf message that it is."""
    _, service, method = heard.method.split("/")
    descriptor = _SERVICES[service].methods_by_name[method]
    kind = descriptor.input_type if heard.part == "request" else descriptor.output_type
    return GetMessageClass(kind).FromString(heard.content)


def visible(heard: Heard) -> str:
    """Return a message as text, with ciphertexts replaced by their lengths."""
    if heard.part in ("refusal", "metadata"):
        return f"{heard.method} {heard.part}: {heard.content.decode()}"
    fields = _fields(message_of(heard), heard.method.rpartition("/")[2])
    return f"{heard.method} {heard.part} of {len(heard.content)}: {json.dumps(fields)}"


def _fields(message: Message, inside: str) -> dict[str, Any]:
    name = message.DESCRIPTOR.name
    return {field.name: _shown(name, inside, field.name, value, message) for field, value in message.ListFields()}


def _shown(owner: str, inside: str, name: str, value: Any, message: Message) -> Any:
    if isinstance(value, Message):
        return _fields(value, inside)
    if owner == "Signed" and name == "body":
        kind: str = message.type  # type: ignore[attr-defined] # a Signed has it
        body = GetMessageClass(Default().FindMessageTypeByName(f"symbolon.v1.{kind}"))
        return _fields(body.FromString(value), kind)
    if owner == "TokenChunk" and name == "tokens":
        tokens = np.frombuffer(value, dtype=np.uint8).reshape(-1, TOKEN_BYTES)
        return {"nonces": tokens[:, :12].tobytes().hex(), "bytes": len(value)}
    if name in _SEALED_FIELDS or name in _DRAWN_IDS or _over_ciphertext(inside, name):
        return f"{len(value)} bytes"
    if isinstance(value, bytes):
        return value.hex()
    return value if isinstance(value, str | int | bool) else [_item(item, inside) for item in value]


def _item(item: Any, inside: str) -> Any:
    return _fields(item, inside) if isinstance(item, Message) else item


def _over_ciphertext(inside: str, name: str) -> bool:
    """Sealed payload, and digests over it and over tokens."""
    if inside == "PutPayload":
        return name in ("content", "sha256")
    return name == "root" and inside in ("TokenBatchHeader", "DeliveryManifest", "TransferCommit")
