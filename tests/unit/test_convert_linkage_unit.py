"""Requests and answers of the linkage unit survive the wire, and malformed ones are refused by field."""

import pytest

from linkage_core.crypto import signing
from linkage_core.crypto.secret import Secret
from linkage_core.crypto.signing import Context
from linkage_core.errors import InputFault
from linkage_core.types import AgreementHash, Lineage, PartyName
from services.wire import messages
from services.wire.convert import chunks, linkage_unit
from services.wire.convert.signed import sign_message
from services.wire.v1 import intake_pb2, tokens_pb2

CONTEXT = Context(Lineage(bytes(16)), AgreementHash(bytes(32)), 3, "2025")
KEY = Secret(b"\x01" * 32)
SIGNED = sign_message(KEY, PartyName("tax"), PartyName("nso"), CONTEXT, messages.SealedShare(b"sealed"))


def test_signed_requests_come_back_as_they_went() -> None:
    assert linkage_unit.post_share_request_from_wire(linkage_unit.post_share_request_to_wire(SIGNED)) == SIGNED
    assert (
        linkage_unit.submit_key_check_request_from_wire(linkage_unit.submit_key_check_request_to_wire(SIGNED)) == SIGNED
    )
    assert linkage_unit.commit_upload_request_from_wire(linkage_unit.commit_upload_request_to_wire(SIGNED)) == SIGNED
    begin = linkage_unit.begin_upload_request_to_wire("attempt", SIGNED)
    assert linkage_unit.begin_upload_request_from_wire(begin) == ("attempt", SIGNED)


def test_answers_come_back_as_they_went() -> None:
    state = messages.KeyCheckState(False, ("tax",), ("border",), ("register",))
    assert (
        linkage_unit.submit_key_check_response_from_wire(linkage_unit.submit_key_check_response_to_wire(state)) == state
    )
    transfer = messages.TransferState(b"i" * 16, 4, True)
    assert (
        linkage_unit.begin_upload_response_from_wire(linkage_unit.begin_upload_response_to_wire(transfer)) == transfer
    )
    shares = (SIGNED, SIGNED)
    assert linkage_unit.fetch_shares_response_from_wire(linkage_unit.fetch_shares_response_to_wire(shares)) == shares
    assert linkage_unit.put_chunks_response_from_wire(linkage_unit.put_chunks_response_to_wire(7)) == 7
    assert linkage_unit.commit_upload_response_from_wire(linkage_unit.commit_upload_response_to_wire(9)) == 9


def test_a_chunk_comes_back_as_it_went() -> None:
    chunk = messages.Chunk(b"i" * 16, 2, b"d" * 32, b"content")
    assert linkage_unit.put_chunks_request_from_wire(linkage_unit.put_chunks_request_to_wire(chunk)) == chunk


def test_a_token_stream_keeps_the_bytes_that_its_root_covers() -> None:
    chunk = chunks.token_chunk_to_bytes(messages.TokenChunk(b"r" * 32, b"t" * 96))
    assert linkage_unit.fetch_tokens_response_from_wire(linkage_unit.fetch_tokens_chunk_to_wire(chunk)) == chunk
    header = linkage_unit.fetch_tokens_header_to_wire(SIGNED)
    assert linkage_unit.fetch_tokens_response_from_wire(header) == SIGNED


def test_a_signature_of_the_sender_survives_the_wire() -> None:
    back = linkage_unit.post_share_request_from_wire(linkage_unit.post_share_request_to_wire(SIGNED))
    signing.verify(signing.public_of(KEY), back.statement.signed_bytes(), back.signature, "SealedShare")


@pytest.mark.parametrize(
    ("wire", "field"),
    [
        (intake_pb2.PutChunksRequest(upload_id=b"short", sha256=bytes(32)), "upload_id"),
        (intake_pb2.PutChunksRequest(upload_id=bytes(16), sha256=bytes(31)), "sha256"),
    ],
)
def test_a_malformed_chunk_is_refused_by_field(wire: intake_pb2.PutChunksRequest, field: str) -> None:
    with pytest.raises(InputFault, match=field):
        linkage_unit.put_chunks_request_from_wire(wire)


@pytest.mark.parametrize("key", ["", "k" * 65])
def test_an_idempotency_key_of_a_wrong_length_is_refused(key: str) -> None:
    with pytest.raises(InputFault, match="idempotency_key"):
        linkage_unit.begin_upload_request_from_wire(intake_pb2.BeginUploadRequest(idempotency_key=key))


def test_an_empty_part_of_a_token_stream_is_refused() -> None:
    with pytest.raises(InputFault, match="neither header nor chunk"):
        linkage_unit.fetch_tokens_response_from_wire(tokens_pb2.FetchTokensResponse())
