"""What the agent asks of the analysis service, and nothing else: M0 and M6."""

from collections.abc import Iterator

import grpc

from linkage_core.agreement.signatures import VerifiedAgreement
from services.common.channel import DEADLINE_SECONDS, STREAM_DEADLINE_SECONDS, remote_errors
from services.common.wave_keys import fetch_wave_keys
from services.provider_agent.transfer import sent_whole
from services.wire.convert import agreement as agreement_wire
from services.wire.convert import analysis as wire
from services.wire.messages import Chunk, SignedStatement, TransferState, WaveKeys
from services.wire.v1 import agreement_pb2_grpc, delivery_pb2_grpc

PEER = "the analysis service"


class AnalysisClient:
    """The analysis service at the end of a channel; every method raises what `remote_errors` raises."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self._agreements = agreement_pb2_grpc.AgreementsStub(channel)
        self._delivery = delivery_pb2_grpc.DeliveryStub(channel)

    def agreement_file(self) -> bytes:
        """Return the signed agreement under which the analysis service works (M0)."""
        with remote_errors(PEER):
            answer = self._agreements.GetAgreement(agreement_wire.get_agreement_request(), timeout=DEADLINE_SECONDS)
        return agreement_wire.agreement_file(answer)

    def wave_keys(self, agreement: VerifiedAgreement, wave: str) -> WaveKeys:
        """Return the wave's public keys, verified under the agreement's identity key."""
        return fetch_wave_keys(self._channel, agreement, wave)

    def begin(self, idempotency_key: str, manifest: SignedStatement) -> TransferState:
        """Begin a delivery, or learn where it stands (M6)."""
        with remote_errors(PEER):
            answer = self._delivery.BeginDelivery(
                wire.begin_delivery_request_to_wire(idempotency_key, manifest), timeout=DEADLINE_SECONDS
            )
        return wire.begin_delivery_response_from_wire(answer)

    def put(self, chunks: Iterator[Chunk]) -> int:
        """Stream sealed chunks and return which one is wanted next (M6)."""
        with sent_whole(chunks) as stream, remote_errors(PEER):
            answer = self._delivery.PutPayload(
                (wire.put_payload_request_to_wire(chunk) for chunk in stream), timeout=STREAM_DEADLINE_SECONDS
            )
        return wire.put_payload_response_from_wire(answer)

    def commit(self, commit: SignedStatement) -> int:
        """Close a delivery and return how many rows were received (M6)."""
        with remote_errors(PEER):
            answer = self._delivery.CommitDelivery(
                wire.commit_delivery_request_to_wire(commit), timeout=STREAM_DEADLINE_SECONDS
            )
        return wire.commit_delivery_response_from_wire(answer)
