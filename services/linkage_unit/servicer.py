"""The linkage unit's gRPC methods: convert, call one function, convert back. Refusals are the interceptor's."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import grpc

from services.common.agreements import AgreementsServicer
from services.common.identity import Caller, caller_of, realm_of
from services.linkage_unit.fetching import fetch_tokens
from services.linkage_unit.mailbox import fetch_shares, post_share, submit_key_check
from services.linkage_unit.unit import LinkageUnit
from services.linkage_unit.uploading import begin_upload, commit_upload, put_chunks
from services.wire.convert import linkage_unit as convert
from services.wire.convert import transfer
from services.wire.v1 import agreement_pb2_grpc, intake_pb2_grpc, mailbox_pb2_grpc, tokens_pb2_grpc

if TYPE_CHECKING:
    from services.wire.v1 import intake_pb2, mailbox_pb2, tokens_pb2, transfer_pb2


class MailboxServicer(mailbox_pb2_grpc.MailboxServicer):
    """M1."""

    def __init__(self, unit: LinkageUnit) -> None:
        self._unit = unit

    def PostShare(
        self, request: "mailbox_pb2.PostShareRequest", context: grpc.ServicerContext
    ) -> "mailbox_pb2.PostShareResponse":
        """Store a share for another provider."""
        post_share(self._unit, _caller(self._unit, context), convert.post_share_request_from_wire(request))
        return convert.post_share_response_to_wire()

    def FetchShares(
        self, request: "mailbox_pb2.FetchSharesRequest", context: grpc.ServicerContext
    ) -> "mailbox_pb2.FetchSharesResponse":
        """Return the shares addressed to the caller."""
        return convert.fetch_shares_response_to_wire(fetch_shares(self._unit, _caller(self._unit, context)))


class IntakeServicer(intake_pb2_grpc.IntakeServicer):
    """M2 and M3."""

    def __init__(self, unit: LinkageUnit) -> None:
        self._unit = unit

    def SubmitKeyCheck(
        self, request: "intake_pb2.SubmitKeyCheckRequest", context: grpc.ServicerContext
    ) -> "intake_pb2.SubmitKeyCheckResponse":
        """Store a key check and tell where all stand."""
        signed = convert.submit_key_check_request_from_wire(request)
        return convert.submit_key_check_response_to_wire(
            submit_key_check(self._unit, _caller(self._unit, context), signed)
        )

    def BeginUpload(
        self, request: "transfer_pb2.BeginTransferRequest", context: grpc.ServicerContext
    ) -> "transfer_pb2.TransferState":
        """Begin or resume an upload."""
        key, manifest = transfer.begin_transfer_from_wire(request)
        return transfer.transfer_state_to_wire(begin_upload(self._unit, _caller(self._unit, context), key, manifest))

    def PutChunks(
        self, request_iterator: "Iterator[transfer_pb2.TransferChunk]", context: grpc.ServicerContext
    ) -> "transfer_pb2.TransferProgress":
        """Take chunks of an upload."""
        chunks = map(transfer.transfer_chunk_from_wire, request_iterator)
        return transfer.transfer_progress_to_wire(put_chunks(self._unit, _caller(self._unit, context), chunks))

    def CommitUpload(
        self, request: "transfer_pb2.CommitTransferRequest", context: grpc.ServicerContext
    ) -> "transfer_pb2.TransferReceipt":
        """Make an upload count."""
        signed = transfer.commit_transfer_from_wire(request)
        return transfer.transfer_receipt_to_wire(commit_upload(self._unit, _caller(self._unit, context), signed))


class TokensServicer(tokens_pb2_grpc.TokensServicer):
    """M5."""

    def __init__(self, unit: LinkageUnit) -> None:
        self._unit = unit

    def FetchTokens(
        self, request: "tokens_pb2.FetchTokensRequest", context: grpc.ServicerContext
    ) -> "Iterator[tokens_pb2.FetchTokensResponse]":
        """Stream the caller's tokens of a wave."""
        wave = convert.fetch_tokens_request_from_wire(request)
        for part in fetch_tokens(self._unit, _caller(self._unit, context), wave):
            if isinstance(part, bytes):
                yield convert.fetch_tokens_chunk_to_wire(part)
            else:
                yield convert.fetch_tokens_header_to_wire(part)


def register(unit: LinkageUnit, server: grpc.Server) -> None:
    """Add the linkage unit's services to a server."""
    agreements = AgreementsServicer(unit.keeper, unit.agreement, unit.name)
    agreement_pb2_grpc.add_AgreementsServicer_to_server(agreements, server)
    mailbox_pb2_grpc.add_MailboxServicer_to_server(MailboxServicer(unit), server)
    intake_pb2_grpc.add_IntakeServicer_to_server(IntakeServicer(unit), server)
    tokens_pb2_grpc.add_TokensServicer_to_server(TokensServicer(unit), server)


def _caller(unit: LinkageUnit, context: grpc.ServicerContext) -> Caller:
    return caller_of(context, realm_of(unit.agreement))
