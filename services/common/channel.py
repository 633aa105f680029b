"""The client's side of a connection: mTLS to one named server, and errors as the catalogue names them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import grpc

from services.common.errors import Code, Denied, NotReady, RemoteRefusal, Unavailable
from services.common.identity import Realm, Role
from services.common.keystore import TransportIdentity

MAXIMUM_MESSAGE_BYTES: Final = 2 * 1024 * 1024
"""One chunk with its frame, in either direction; a larger message is a mistake or an attack."""
DEADLINE_SECONDS: Final = 60.0
"""For one short call."""
STREAM_DEADLINE_SECONDS: Final = 6 * 3600.0
"""For one stream of chunks of a whole file, and for the call that closes it: the other side works through the file."""


def open_channel(address: str, identity: TransportIdentity, realm: Realm, role: Role, name: str) -> grpc.Channel:
    """Open a channel to `host:port` and insist that the server there is the party `name` in `role` of the realm."""
    credentials = grpc.ssl_channel_credentials(identity.authority, identity.private_key, identity.certificate)
    return grpc.secure_channel(
        address,
        credentials,
        options=(
            ("grpc.ssl_target_name_override", realm.server_name(role, name)),
            ("grpc.max_receive_message_length", MAXIMUM_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAXIMUM_MESSAGE_BYTES),
        ),
    )


@contextmanager
def remote_errors(peer: str) -> Iterator[None]:
    """Turn a failed call to `peer` into `NotReady`, `Denied`, `Unavailable` or `RemoteRefusal`."""
    try:
        yield
    except grpc.RpcError as error:
        if not isinstance(error, grpc.Call):
            raise Unavailable(f"{peer} could not be called") from None
        metadata = {str(key): value for key, value in error.trailing_metadata() or ()}
        message = f"{peer}: {error.details()}"
        try:
            code = Code(str(metadata.get("symbolon-code")))
        except ValueError:
            raise Unavailable(f"{peer} did not answer ({error.code().name}): {error.details()}") from None
        if code is Code.NOT_READY:
            raise NotReady(message) from None
        if code is Code.DENIED:
            raise Denied(message) from None
        if code is Code.UNAVAILABLE:
            raise Unavailable(message) from None
        raise RemoteRefusal(code, message) from None
