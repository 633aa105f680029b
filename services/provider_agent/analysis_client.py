"""What the agent asks of the analysis service, and nothing else: M0 and M6. Deliveries are a `TransferClient`'s."""

import grpc

from linkage_core.agreement.signatures import VerifiedAgreement
from services.common.channel import DEADLINE_SECONDS, remote_errors
from services.common.wave_keys import fetch_wave_keys
from services.provider_agent.transfer_client import TransferClient
from services.wire.convert import agreement as agreement_wire
from services.wire.messages import WaveKeys
from services.wire.v1 import agreement_pb2_grpc, delivery_pb2_grpc

PEER = "the analysis service"


class AnalysisClient(TransferClient):
    """The analysis service at the end of a channel; every method raises what `remote_errors` raises."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self._agreements = agreement_pb2_grpc.AgreementsStub(channel)
        delivery = delivery_pb2_grpc.DeliveryStub(channel)
        super().__init__(PEER, delivery.BeginDelivery, delivery.PutPayload, delivery.CommitDelivery)

    def agreement_file(self) -> bytes:
        """Return the signed agreement under which the analysis service works (M0)."""
        with remote_errors(PEER):
            answer = self._agreements.GetAgreement(agreement_wire.get_agreement_request(), timeout=DEADLINE_SECONDS)
        return agreement_wire.agreement_file(answer)

    def wave_keys(self, agreement: VerifiedAgreement, wave: str) -> WaveKeys:
        """Return the wave's public keys, verified under the agreement's identity key."""
        return fetch_wave_keys(self._channel, agreement, wave)
