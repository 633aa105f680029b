"""Transport as an attacker may meet it: certificates that the product never issues, and a server of every method.

The server's methods answer with an empty message of their type: what is tried is who gets through to them.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

import services.wire.v1
from linkage_core.agreement.doors import AgreementState
from services.common.access import AccessGuard
from services.common.agreements import is_party
from services.common.channel import open_channel
from services.common.clock import system_clock
from services.common.errors import Codes
from services.common.identity import Caller, Role
from services.common.keystore import TransportIdentity
from services.common.logs import get_log
from services.common.server import start_server
from tests.support.parties import LINKAGE_UNIT, REALM, Parties

TIMEOUT_SECONDS: Final = 20.0
"""Far beyond what a loopback call takes: a call that waits so long hangs."""


def wire_services() -> tuple[ServiceDescriptor, ...]:
    """Every service of every proto file."""
    names = [name for _, name, _ in pkgutil.iter_modules(services.wire.v1.__path__) if name.endswith("_pb2")]
    modules = [importlib.import_module(f"services.wire.v1.{name}") for name in sorted(names)]
    return tuple(service for module in modules for service in module.DESCRIPTOR.services_by_name.values())


def wire_methods() -> dict[str, MethodDescriptor]:
    """Every method of every proto file by its full name on the wire."""
    return {f"/{s.full_name}/{m.name}": m for s in wire_services() for m in s.methods}


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that a caller sees of the end of a call."""

    status: grpc.StatusCode
    details: str
    trailing: tuple[tuple[str, str | bytes], ...]
    initial: tuple[tuple[str, str | bytes], ...]


def issue(
    parties: Parties,
    uris: Sequence[str],
    *,
    common_name: str = "",
    server_name: str = "nobody.test.example",
    now: datetime | None = None,
) -> TransportIdentity:
    """Return a certificate of the parties' own authority with any names, valid from `now` for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    authority_key = serialization.load_pem_private_key(parties.authority_key, None)
    assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
    authority = x509.load_pem_x509_certificate(parties.authority_certificate)
    start = (now or system_clock()) - timedelta(minutes=5)
    names = [*(x509.UniformResourceIdentifier(uri) for uri in uris), x509.DNSName(server_name)]
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(attributes))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return TransportIdentity(
        certificate.public_bytes(serialization.Encoding.PEM), private, parties.authority_certificate
    )


@contextmanager
def serving(
    parties: Parties,
    *,
    state: Callable[[], AgreementState] = lambda: AgreementState.IN_FORCE,
    analysts: Sequence[str] = (),
    behaviours: Mapping[str, Callable[[Any, grpc.ServicerContext], Any]] | None = None,
    role_codes: Codes = (),
) -> Iterator[str]:
    """Serve every method of the protocol on loopback as the linkage unit; yields the address.

    `behaviours` replace the empty answer of some methods (full name); `analysts` are the roster.
    """
    verified = parties.verified
    replaced = behaviours or {}

    def is_member(caller: Caller) -> bool:
        return caller.name in analysts if caller.role is Role.ANALYST else is_party(verified, caller)

    def register(server: grpc.Server) -> None:
        for service in wire_services():
            handlers = {m.name: _handler(m, replaced.get(f"/{service.full_name}/{m.name}")) for m in service.methods}
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))

    guard = AccessGuard(REALM, state, is_member, get_log("test"), role_codes)
    server, port = start_server("127.0.0.1:0", parties.keys[LINKAGE_UNIT].transport, guard, register)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def _handler(method: MethodDescriptor, behaviour: Callable[[Any, grpc.ServicerContext], Any] | None) -> Any:
    request, answer = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
    make = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
    }[method.client_streaming, method.server_streaming]

    def empty(requests: Any, context: grpc.ServicerContext) -> Any:
        if method.client_streaming:
            list(requests)
        return iter([answer()]) if method.server_streaming else answer()

    return make(
        behaviour or empty, request_deserializer=request.FromString, response_serializer=lambda m: m.SerializeToString()
    )


@contextmanager
def connected(address: str, identity: TransportIdentity) -> Iterator[grpc.Channel]:
    """A channel to the linkage unit at an address."""
    with open_channel(address, identity, REALM, Role.LINKAGE_UNIT, LINKAGE_UNIT) as channel:
        yield channel


def call(channel: grpc.Channel, method: str, requests: Iterator[bytes] | Sequence[bytes] = (b"",)) -> Answer:
    """Call a method with raw request bytes, in the one way that is every way on the wire: a stream each way."""
    stream = channel.stream_stream(method, bytes, bytes)(iter(requests), timeout=TIMEOUT_SECONDS)
    with suppress(grpc.RpcError):  # it is the stream itself, whose end is looked at below
        list(stream)
    return Answer(
        stream.code(),
        stream.details(),
        tuple((key, value) for key, value in stream.trailing_metadata()),
        tuple((key, value) for key, value in stream.initial_metadata()),
    )
