"""The analysis service's public keys of a wave: fetched over mTLS, believed only under its identity key.

A certificate authority gone bad could stand in for the analysis service on the wire; the signature by the key that the
agreement pins is what keeps batch keys and payload from being sealed to a stranger.
"""

import grpc

from linkage_core.agreement.signatures import VerifiedAgreement
from linkage_core.crypto.hpke import PUBLIC_KEY_BYTES
from linkage_core.errors import Tampered
from linkage_core.types import PartyName
from services.common.channel import DEADLINE_SECONDS, remote_errors
from services.wire.convert.analysis import get_wave_keys_request_to_wire, get_wave_keys_response_from_wire
from services.wire.convert.signed import open_message
from services.wire.messages import SignedStatement, WaveKeys
from services.wire.v1 import delivery_pb2_grpc

EVERYONE = PartyName("")
"""Recipient of a statement that is meant for all parties."""


def fetch_wave_keys(channel: grpc.Channel, agreement: VerifiedAgreement, wave: str) -> WaveKeys:
    """Ask the analysis service at the end of `channel` for a wave's keys, and verify its answer.

    Raises what `remote_errors` raises, and `Tampered` if the keys are not the analysis service's for this wave.
    """
    with remote_errors("the analysis service"):
        answer = delivery_pb2_grpc.DeliveryStub(channel).GetWaveKeys(
            get_wave_keys_request_to_wire(wave), timeout=DEADLINE_SECONDS
        )
    return verify_wave_keys(get_wave_keys_response_from_wire(answer), agreement, wave)


def verify_wave_keys(signed: SignedStatement, agreement: VerifiedAgreement, wave: str) -> WaveKeys:
    """Return the keys if the agreement's analysis service signed them, to all, for this agreement and wave."""
    analysis = PartyName(agreement.document.analysis_service.name)
    keys = open_message(
        signed,
        WaveKeys,
        sender=analysis,
        sender_key=agreement.identity_key(analysis),
        recipient=EVERYONE,
        context=agreement.context(wave),
    )
    if len(keys.token_key) != PUBLIC_KEY_BYTES or len(keys.payload_key) != PUBLIC_KEY_BYTES:
        raise Tampered(f"the keys of wave {wave} do not have {PUBLIC_KEY_BYTES} bytes each")
    return keys
