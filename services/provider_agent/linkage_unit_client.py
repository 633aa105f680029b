"""What the agent asks of the linkage unit, and nothing else: M0 to M3 and M5. Uploads (M3) are a `TransferClient`'s."""

from collections.abc import Iterator

import grpc

from services.common.channel import DEADLINE_SECONDS, STREAM_DEADLINE_SECONDS, remote_errors
from services.provider_agent.transfer_client import TransferClient
from services.wire.convert import agreement as agreement_wire
from services.wire.convert import linkage_unit as wire
from services.wire.messages import KeyCheckState, SignedStatement
from services.wire.v1 import agreement_pb2_grpc, intake_pb2_grpc, mailbox_pb2_grpc, tokens_pb2_grpc

PEER = "the linkage unit"


class LinkageUnitClient(TransferClient):
    """The linkage unit at the end of a channel; every method raises what `remote_errors` raises."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._agreements = agreement_pb2_grpc.AgreementsStub(channel)
        self._mailbox = mailbox_pb2_grpc.MailboxStub(channel)
        self._intake = intake_pb2_grpc.IntakeStub(channel)
        self._tokens = tokens_pb2_grpc.TokensStub(channel)
        super().__init__(PEER, self._intake.BeginUpload, self._intake.PutChunks, self._intake.CommitUpload)

    def agreement_file(self) -> bytes:
        """Return the signed agreement under which the linkage unit works (M0)."""
        with remote_errors(PEER):
            answer = self._agreements.GetAgreement(agreement_wire.get_agreement_request(), timeout=DEADLINE_SECONDS)
        return agreement_wire.agreement_file(answer)

    def post_share(self, share: SignedStatement) -> None:
        """Leave a sealed share for another provider (M1)."""
        with remote_errors(PEER):
            self._mailbox.PostShare(wire.post_share_request_to_wire(share), timeout=DEADLINE_SECONDS)

    def fetch_shares(self) -> tuple[SignedStatement, ...]:
        """Return the shares that are addressed to the caller, unverified (M1)."""
        with remote_errors(PEER):
            answer = self._mailbox.FetchShares(wire.fetch_shares_request_to_wire(), timeout=DEADLINE_SECONDS)
        return wire.fetch_shares_response_from_wire(answer)

    def submit_key_check(self, key_check: SignedStatement) -> KeyCheckState:
        """Submit the key check, or the same one again to learn the state (M2)."""
        with remote_errors(PEER):
            answer = self._intake.SubmitKeyCheck(
                wire.submit_key_check_request_to_wire(key_check), timeout=DEADLINE_SECONDS
            )
        return wire.submit_key_check_response_from_wire(answer)

    def tokens(self, wave: str) -> Iterator[SignedStatement | bytes]:
        """Yield a wave's token batch: the signed header, then serialised chunks, unverified (M5)."""
        with remote_errors(PEER):
            for part in self._tokens.FetchTokens(
                wire.fetch_tokens_request_to_wire(wave), timeout=STREAM_DEADLINE_SECONDS
            ):
                yield wire.fetch_tokens_response_from_wire(part)
