"""Requests and answers of the linkage unit's services: Mailbox (M1), Intake (M2) and Tokens (M5).

Each call has four functions: `<call>_request_to_wire` and `<call>_response_from_wire` for the caller,
`<call>_request_from_wire` and `<call>_response_to_wire` for the linkage unit. What is malformed raises `InputFault`
with the name of the field. `transfer` holds what uploads (M3) say.
"""

from linkage_core.errors import InputFault
from services.wire import messages
from services.wire.convert.signed import signed_from_wire, signed_to_wire
from services.wire.v1 import intake_pb2, mailbox_pb2, tokens_pb2

# ---------------------------------------------------------------------------------------------------------- Mailbox, M1


def post_share_request_to_wire(share: messages.SignedStatement) -> mailbox_pb2.PostShareRequest:
    """Write a signed `SealedShare` for the mailbox."""
    return mailbox_pb2.PostShareRequest(share=signed_to_wire(share))


def post_share_request_from_wire(wire: mailbox_pb2.PostShareRequest) -> messages.SignedStatement:
    """Read the signed share of a request; nothing is verified yet."""
    return signed_from_wire(wire.share)


def post_share_response_to_wire() -> mailbox_pb2.PostShareResponse:
    """Write the answer to a posted share: it is stored, and says nothing else."""
    return mailbox_pb2.PostShareResponse()


def fetch_shares_request_to_wire() -> mailbox_pb2.FetchSharesRequest:
    """Write the request for the caller's shares: who asks is known from the certificate."""
    return mailbox_pb2.FetchSharesRequest()


def fetch_shares_response_to_wire(shares: tuple[messages.SignedStatement, ...]) -> mailbox_pb2.FetchSharesResponse:
    """Write the signed shares addressed to the caller."""
    return mailbox_pb2.FetchSharesResponse(shares=[signed_to_wire(share) for share in shares])


def fetch_shares_response_from_wire(wire: mailbox_pb2.FetchSharesResponse) -> tuple[messages.SignedStatement, ...]:
    """Read the signed shares of an answer; nothing is verified yet."""
    return tuple(signed_from_wire(share) for share in wire.shares)


# ----------------------------------------------------------------------------------------------------------- Intake, M2


def submit_key_check_request_to_wire(key_check: messages.SignedStatement) -> intake_pb2.SubmitKeyCheckRequest:
    """Write a signed `KeyCheck`."""
    return intake_pb2.SubmitKeyCheckRequest(key_check=signed_to_wire(key_check))


def submit_key_check_request_from_wire(wire: intake_pb2.SubmitKeyCheckRequest) -> messages.SignedStatement:
    """Read the signed key check of a request; nothing is verified yet."""
    return signed_from_wire(wire.key_check)


def submit_key_check_response_to_wire(state: messages.KeyCheckState) -> intake_pb2.SubmitKeyCheckResponse:
    """Write where the key checks stand."""
    return intake_pb2.SubmitKeyCheckResponse(
        agreed=state.agreed,
        waiting_for=state.waiting_for,
        key_check_differs_from=state.key_check_differs_from,
        canary_differs_from=state.canary_differs_from,
    )


def submit_key_check_response_from_wire(wire: intake_pb2.SubmitKeyCheckResponse) -> messages.KeyCheckState:
    """Read where the key checks stand."""
    return messages.KeyCheckState(
        wire.agreed,
        tuple(wire.waiting_for),
        tuple(wire.key_check_differs_from),
        tuple(wire.canary_differs_from),
    )


# ----------------------------------------------------------------------------------------------------------- Tokens, M5


def fetch_tokens_request_to_wire(wave: str) -> tokens_pb2.FetchTokensRequest:
    """Write the request for the caller's tokens of a wave."""
    return tokens_pb2.FetchTokensRequest(wave=wave)


def fetch_tokens_request_from_wire(wire: tokens_pb2.FetchTokensRequest) -> str:
    """Read which wave's tokens are asked for."""
    return wire.wave


def fetch_tokens_header_to_wire(header: messages.SignedStatement) -> tokens_pb2.FetchTokensResponse:
    """Write the first part of the stream: the signed `TokenBatchHeader`."""
    return tokens_pb2.FetchTokensResponse(header=signed_to_wire(header))


def fetch_tokens_chunk_to_wire(chunk: bytes) -> tokens_pb2.FetchTokensResponse:
    """Write a later part of the stream: a chunk as `chunks.token_chunk_to_bytes` serialised it."""
    return tokens_pb2.FetchTokensResponse(chunk=tokens_pb2.TokenChunk.FromString(chunk))


def fetch_tokens_response_from_wire(wire: tokens_pb2.FetchTokensResponse) -> messages.SignedStatement | bytes:
    """Read one part of the stream: the signed header (not yet verified), or a serialised chunk.

    A chunk comes back as the bytes over which the header's `root` was computed; `chunks.token_chunk_from_bytes`
    reads them.
    """
    part = wire.WhichOneof("part")
    if part == "header":
        return signed_from_wire(wire.header)
    if part == "chunk":
        return wire.chunk.SerializeToString(deterministic=True)
    raise InputFault("a part of a token stream is neither header nor chunk")
