"""The request and answer for a wave's public keys at the analysis service: of Delivery, what is no transfer.

`transfer` holds what deliveries (M6) say, `queries` what analysts ask (M8). Each side has its two functions:
`<call>_request_to_wire` and `<call>_response_from_wire` the caller, `<call>_request_from_wire` and
`<call>_response_to_wire` the analysis service.
"""

from services.wire import messages
from services.wire.convert.signed import signed_from_wire, signed_to_wire
from services.wire.v1 import delivery_pb2


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
