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
from services.wire.v1 import tokens_pb2

CONTEXT = Context(Lineage(bytes(16)), AgreementHash(bytes(32)), 3, "2025")
KEY = Secret(b"\x01" * 32)
SIGNED = sign_message(KEY, PartyName("tax"), PartyName("nso"), CONTEXT, messages.SealedShare(b"sealed"))


def test_signed_requests_come_back_as_they_went() -> None:
    assert linkage_unit.post_share_request_from_wire(linkage_unit.post_share_request_to_wire(SIGNED)) == SIGNED
    assert (
        linkage_unit.submit_key_check_request_from_wire(linkage_unit.submit_key_check_request_to_wire(SIGNED)) == SIGNED
    )


def test_answers_come_back_as_they_went() -> None:
    state = messages.KeyCheckState(False, ("tax",), ("border",), ("register",))
    assert (
        linkage_unit.submit_key_check_response_from_wire(linkage_unit.submit_key_check_response_to_wire(state)) == state
    )
    shares = (SIGNED, SIGNED)
    assert linkage_unit.fetch_shares_response_from_wire(linkage_unit.fetch_shares_response_to_wire(shares)) == shares


def test_a_token_stream_keeps_the_bytes_that_its_root_covers() -> None:
    chunk = chunks.token_chunk_to_bytes(messages.TokenChunk(b"r" * 32, b"t" * 96))
    assert linkage_unit.fetch_tokens_response_from_wire(linkage_unit.fetch_tokens_chunk_to_wire(chunk)) == chunk
    header = linkage_unit.fetch_tokens_header_to_wire(SIGNED)
    assert linkage_unit.fetch_tokens_response_from_wire(header) == SIGNED


def test_a_signature_of_the_sender_survives_the_wire() -> None:
    back = linkage_unit.post_share_request_from_wire(linkage_unit.post_share_request_to_wire(SIGNED))
    signing.verify(signing.public_of(KEY), back.statement.signed_bytes(), back.signature, "SealedShare")


def test_an_empty_part_of_a_token_stream_is_refused() -> None:
    with pytest.raises(InputFault, match="neither header nor chunk"):
        linkage_unit.fetch_tokens_response_from_wire(tokens_pb2.FetchTokensResponse())
