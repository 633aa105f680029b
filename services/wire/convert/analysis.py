"""Requests and answers of the analysis service's intake: Delivery (M6, M7). `queries` holds those of M8.

Each call has four functions: `<call>_request_to_wire` and `<call>_response_from_wire` for the caller,
`<call>_request_from_wire` and `<call>_response_to_wire` for the analysis service. What is malformed raises `InputFault`
with the name of the field.
"""

from typing import Final

from linkage_core.errors import InputFault
from linkage_core.types import IDENTIFIER_BYTES
from services.wire import messages
from services.wire.convert.signed import signed_from_wire, signed_to_wire
from services.wire.v1 import delivery_pb2

DIGEST_BYTES: Final = 32
LONGEST_IDEMPOTENCY_KEY: Final = 64
"""Characters; a caller's own random name of an attempt, e.g. 32 hexadecimal digits."""


def get_wave_keys_request_to_wire(wave: str) -> delivery_pb2.GetWaveKeysRequest:
    """Write the request for the public keys of a wave."""
    return delivery_pb2.GetWaveKeysRequest(wave=wave)


def get_wave_keys_request_from_wire(wire: delivery_pb2.GetWaveKeysRequest) -> str:
    """Read which wave's public keys are asked for."""
    return wire.wave


def get_wave_keys_response_to_wire(keys: messages.SignedStatement) -> delivery_pb2.GetWaveKeysResponse:
    """Write the signed `WaveKeys`."""
    return delivery_pb2.GetWaveKeysResponse(keys=signed_to_wire(keys))


def get_wave_keys_response_from_wire(wire: delivery_pb2.GetWaveKeysResponse) -> messages.SignedStatement:
    """Read the signed `WaveKeys`; nothing is verified yet. Their recipient is empty: they are meant for all."""
    return signed_from_wire(wire.keys)


def begin_delivery_request_to_wire(
    idempotency_key: str, manifest: messages.SignedStatement
) -> delivery_pb2.BeginDeliveryRequest:
    """Write the begin of a delivery: the caller's name of this attempt and the signed `DeliveryManifest`."""
    return delivery_pb2.BeginDeliveryRequest(idempotency_key=idempotency_key, manifest=signed_to_wire(manifest))


def begin_delivery_request_from_wire(wire: delivery_pb2.BeginDeliveryRequest) -> tuple[str, messages.SignedStatement]:
    """Read the begin of a delivery: idempotency key and signed manifest, not yet verified."""
    if not 1 <= len(wire.idempotency_key) <= LONGEST_IDEMPOTENCY_KEY:
        raise InputFault(f"idempotency_key must have 1 to {LONGEST_IDEMPOTENCY_KEY} characters")
    return wire.idempotency_key, signed_from_wire(wire.manifest)


def begin_delivery_response_to_wire(state: messages.TransferState) -> delivery_pb2.BeginDeliveryResponse:
    """Write where a delivery stands."""
    return delivery_pb2.BeginDeliveryResponse(
        delivery_id=state.transfer_id, next_chunk=state.next_chunk, committed=state.committed
    )


def begin_delivery_response_from_wire(wire: delivery_pb2.BeginDeliveryResponse) -> messages.TransferState:
    """Read where a delivery stands."""
    _sized("delivery_id", wire.delivery_id, IDENTIFIER_BYTES)
    return messages.TransferState(wire.delivery_id, wire.next_chunk, wire.committed)


def put_payload_request_to_wire(chunk: messages.Chunk) -> delivery_pb2.PutPayloadRequest:
    """Write one chunk of a delivery's stream; its content is sealed for the analysis service's payload key."""
    return delivery_pb2.PutPayloadRequest(
        delivery_id=chunk.transfer_id, number=chunk.number, sha256=chunk.sha256, sealed=chunk.content
    )


def put_payload_request_from_wire(wire: delivery_pb2.PutPayloadRequest) -> messages.Chunk:
    """Read one chunk of a delivery's stream; its content is not yet compared with its digest, nor opened."""
    _sized("delivery_id", wire.delivery_id, IDENTIFIER_BYTES)
    _sized("sha256", wire.sha256, DIGEST_BYTES)
    return messages.Chunk(wire.delivery_id, wire.number, wire.sha256, wire.sealed)


def put_payload_response_to_wire(next_chunk: int) -> delivery_pb2.PutPayloadResponse:
    """Write which chunk is wanted next, after the stream."""
    return delivery_pb2.PutPayloadResponse(next_chunk=next_chunk)


def put_payload_response_from_wire(wire: delivery_pb2.PutPayloadResponse) -> int:
    """Read which chunk is wanted next; equal to the number of chunks when all are there."""
    return wire.next_chunk


def commit_delivery_request_to_wire(commit: messages.SignedStatement) -> delivery_pb2.CommitDeliveryRequest:
    """Write a signed `TransferCommit`."""
    return delivery_pb2.CommitDeliveryRequest(commit=signed_to_wire(commit))


def commit_delivery_request_from_wire(wire: delivery_pb2.CommitDeliveryRequest) -> messages.SignedStatement:
    """Read the signed commit of a request; nothing is verified yet."""
    return signed_from_wire(wire.commit)


def commit_delivery_response_to_wire(rows_received: int) -> delivery_pb2.CommitDeliveryResponse:
    """Write how many rows were received: never how many were kept, which would tell who was linked."""
    return delivery_pb2.CommitDeliveryResponse(rows_received=rows_received)


def commit_delivery_response_from_wire(wire: delivery_pb2.CommitDeliveryResponse) -> int:
    """Read how many rows were received."""
    return wire.rows_received


def _sized(field: str, value: bytes, expected: int) -> None:
    if len(value) != expected:
        raise InputFault(f"{field} must have {expected} bytes, got {len(value)}")
