"""What a chunked transfer says, both ways: an upload (M3) to the linkage unit, a delivery (M6) to the analysis service.

Each message has two functions, `<message>_to_wire` and `<message>_from_wire`. What is malformed raises `InputFault`
with the name of the field.
"""

from typing import Final

from linkage_core.errors import InputFault
from linkage_core.types import IDENTIFIER_BYTES
from services.wire import messages
from services.wire.convert.signed import signed_from_wire, signed_to_wire
from services.wire.v1 import transfer_pb2

DIGEST_BYTES: Final = 32
LONGEST_IDEMPOTENCY_KEY: Final = 64
"""Characters; a caller's own random name of an attempt, e.g. 32 hexadecimal digits."""


def begin_transfer_to_wire(
    idempotency_key: str, manifest: messages.SignedStatement
) -> transfer_pb2.BeginTransferRequest:
    """Write the begin of a transfer: the caller's name of this attempt and the signed manifest of what it will send."""
    return transfer_pb2.BeginTransferRequest(idempotency_key=idempotency_key, manifest=signed_to_wire(manifest))


def begin_transfer_from_wire(wire: transfer_pb2.BeginTransferRequest) -> tuple[str, messages.SignedStatement]:
    """Read the begin of a transfer: idempotency key and signed manifest, not yet verified."""
    if not 1 <= len(wire.idempotency_key) <= LONGEST_IDEMPOTENCY_KEY:
        raise InputFault(f"idempotency_key must have 1 to {LONGEST_IDEMPOTENCY_KEY} characters")
    return wire.idempotency_key, signed_from_wire(wire.manifest)


def transfer_state_to_wire(state: messages.TransferState) -> transfer_pb2.TransferState:
    """Write where a transfer stands."""
    return transfer_pb2.TransferState(
        transfer_id=state.transfer_id, next_chunk=state.next_chunk, committed=state.committed
    )


def transfer_state_from_wire(wire: transfer_pb2.TransferState) -> messages.TransferState:
    """Read where a transfer stands."""
    _sized("transfer_id", wire.transfer_id, IDENTIFIER_BYTES)
    return messages.TransferState(wire.transfer_id, wire.next_chunk, wire.committed)


def transfer_chunk_to_wire(chunk: messages.Chunk) -> transfer_pb2.TransferChunk:
    """Write one chunk of a transfer's stream; in a delivery its content is sealed for the analysis service."""
    return transfer_pb2.TransferChunk(
        transfer_id=chunk.transfer_id, number=chunk.number, sha256=chunk.sha256, content=chunk.content
    )


def transfer_chunk_from_wire(wire: transfer_pb2.TransferChunk) -> messages.Chunk:
    """Read one chunk of a transfer's stream; its content is not yet compared with its digest, nor opened."""
    _sized("transfer_id", wire.transfer_id, IDENTIFIER_BYTES)
    _sized("sha256", wire.sha256, DIGEST_BYTES)
    return messages.Chunk(wire.transfer_id, wire.number, wire.sha256, wire.content)


def transfer_progress_to_wire(next_chunk: int) -> transfer_pb2.TransferProgress:
    """Write which chunk is wanted next, after the stream."""
    return transfer_pb2.TransferProgress(next_chunk=next_chunk)


def transfer_progress_from_wire(wire: transfer_pb2.TransferProgress) -> int:
    """Read which chunk is wanted next; equal to the number of chunks when all are there."""
    return wire.next_chunk


def commit_transfer_to_wire(commit: messages.SignedStatement) -> transfer_pb2.CommitTransferRequest:
    """Write a signed `TransferCommit`."""
    return transfer_pb2.CommitTransferRequest(commit=signed_to_wire(commit))


def commit_transfer_from_wire(wire: transfer_pb2.CommitTransferRequest) -> messages.SignedStatement:
    """Read the signed commit of a request; nothing is verified yet."""
    return signed_from_wire(wire.commit)


def transfer_receipt_to_wire(rows_received: int) -> transfer_pb2.TransferReceipt:
    """Write how many rows were received: never how many were kept, which would tell who was linked."""
    return transfer_pb2.TransferReceipt(rows_received=rows_received)


def transfer_receipt_from_wire(wire: transfer_pb2.TransferReceipt) -> int:
    """Read how many rows were received."""
    return wire.rows_received


def _sized(field: str, value: bytes, expected: int) -> None:
    if len(value) != expected:
        raise InputFault(f"{field} must have {expected} bytes, got {len(value)}")
