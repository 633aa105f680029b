"""What a transfer says goes over the wire and comes back the same; what is malformed is told by its field."""

import pytest

from linkage_core.crypto.secret import Secret
from linkage_core.crypto.signing import Context
from linkage_core.errors import InputFault
from linkage_core.types import AgreementHash, Lineage, PartyName
from services.wire import messages
from services.wire.convert import transfer
from services.wire.convert.signed import sign_message
from services.wire.v1 import transfer_pb2

CONTEXT = Context(Lineage(b"l" * 16), AgreementHash(b"a" * 32), 1, "w1")
SIGNED = sign_message(
    Secret(bytes(32)), PartyName("tax"), PartyName("analysis"), CONTEXT, messages.TransferCommit(b"i" * 16, b"r" * 32)
)


@pytest.mark.parametrize("key", ["k", "k" * 64])
def test_a_begin_comes_back_as_it_went(key: str) -> None:
    assert transfer.begin_transfer_from_wire(transfer.begin_transfer_to_wire(key, SIGNED)) == (key, SIGNED)


def test_a_commit_comes_back_as_it_went() -> None:
    assert transfer.commit_transfer_from_wire(transfer.commit_transfer_to_wire(SIGNED)) == SIGNED


@pytest.mark.parametrize("committed", [False, True])
def test_a_state_comes_back_as_it_went(committed: bool) -> None:
    state = messages.TransferState(b"i" * 16, 4, committed)
    assert transfer.transfer_state_from_wire(transfer.transfer_state_to_wire(state)) == state


def test_a_chunk_comes_back_as_it_went() -> None:
    chunk = messages.Chunk(b"i" * 16, 3, b"d" * 32, b"content")
    assert transfer.transfer_chunk_from_wire(transfer.transfer_chunk_to_wire(chunk)) == chunk


def test_what_is_wanted_next_and_what_was_received_come_back_as_they_went() -> None:
    assert transfer.transfer_progress_from_wire(transfer.transfer_progress_to_wire(5)) == 5
    assert transfer.transfer_receipt_from_wire(transfer.transfer_receipt_to_wire(9)) == 9


@pytest.mark.parametrize("key", ["", "k" * 65])
def test_an_idempotency_key_of_a_wrong_length_is_refused(key: str) -> None:
    with pytest.raises(InputFault, match="idempotency_key"):
        transfer.begin_transfer_from_wire(transfer_pb2.BeginTransferRequest(idempotency_key=key))


@pytest.mark.parametrize("length", [0, 15, 17, 32])
def test_a_transfer_id_of_a_wrong_length_is_refused_in_a_state_and_in_a_chunk(length: int) -> None:
    with pytest.raises(InputFault, match="transfer_id"):
        transfer.transfer_state_from_wire(transfer_pb2.TransferState(transfer_id=bytes(length)))
    with pytest.raises(InputFault, match="transfer_id"):
        transfer.transfer_chunk_from_wire(transfer_pb2.TransferChunk(transfer_id=bytes(length), sha256=bytes(32)))


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_digest_of_a_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(InputFault, match="sha256"):
        transfer.transfer_chunk_from_wire(transfer_pb2.TransferChunk(transfer_id=bytes(16), sha256=bytes(length)))
