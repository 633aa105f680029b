"""TLS lets in whom the agreement's authority certified, and identity is the one SPIFFE URI, never a common name."""

from collections.abc import Iterator
from datetime import timedelta

import grpc
import pytest

from linkage_core.agreement.doors import AgreementState
from services.common.access import AccessGuard
from services.common.certificates import create_authority
from services.common.channel import MAXIMUM_MESSAGE_BYTES, open_channel, remote_errors
from services.common.clock import system_clock
from services.common.errors import ConfigurationFault, Unavailable
from services.common.identity import Role
from services.common.keystore import TransportIdentity
from services.common.logs import get_log
from services.common.server import start_server
from tests.support.parties import ANALYSIS, LINKAGE_UNIT, REALM, Parties, issue_keys, make_parties
from tests.support.transport import TIMEOUT_SECONDS, Answer, call, connected, issue, serving

POST = "/symbolon.v1.Mailbox/PostShare"
ASK = "/symbolon.v1.Queries/PreviewQuery"


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


@pytest.fixture(scope="module")
def address(parties: Parties) -> Iterator[str]:
    with serving(parties, analysts=["ann"]) as address:
        yield address


def answer(address: str, identity: TransportIdentity, method: str = POST) -> Answer:
    with connected(address, identity) as channel:
        return call(channel, method)


def never_reached(answer: Answer) -> bool:
    """The call ended in the handshake: the server's interceptor, which sets the trailing code, never saw it."""
    return answer.status is grpc.StatusCode.UNAVAILABLE and answer.trailing == ()


def test_a_party_of_the_agreement_connects(parties: Parties, address: str) -> None:
    assert answer(address, parties.keys["tax"].transport).status is grpc.StatusCode.OK


def test_a_certificate_of_two_identities_connects_and_is_nobody(parties: Parties, address: str) -> None:
    both = issue(parties, [REALM.spiffe_id(Role.PROVIDER, "tax"), REALM.spiffe_id(Role.ANALYST, "ann")])
    for method in (POST, ASK):
        found = answer(address, both, method)
        assert found.status is grpc.StatusCode.PERMISSION_DENIED
        assert found.trailing == (("symbolon-code", "denied"),)


def test_a_common_name_says_nothing(parties: Parties, address: str) -> None:
    stranger = REALM.spiffe_id(Role.PROVIDER, "customs")
    named = issue(parties, [stranger], common_name=REALM.spiffe_id(Role.PROVIDER, "tax"))
    assert answer(address, named).status is grpc.StatusCode.PERMISSION_DENIED
    honest = issue(parties, [REALM.spiffe_id(Role.PROVIDER, "tax")], common_name="customs")
    assert answer(address, honest).status is grpc.StatusCode.OK


def test_a_header_says_nothing(parties: Parties, address: str) -> None:
    claims = (("x-spiffe-id", REALM.spiffe_id(Role.PROVIDER, "tax")), ("role", "provider"))
    with connected(address, parties.stranger(Role.ANALYST, "mallory").transport) as channel:
        stub = channel.unary_unary(POST, bytes, bytes)
        with pytest.raises(grpc.RpcError) as refusal:
            stub(b"", timeout=TIMEOUT_SECONDS, metadata=claims)
    assert isinstance(refusal.value, grpc.Call)
    assert refusal.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_a_certificate_of_another_authority_does_not_connect(
    parties: Parties, address: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    key, certificate = create_authority("test authority", system_clock())
    forged = issue_keys(tmp_path_factory.mktemp("forged") / "tax", Role.PROVIDER, "tax", key, certificate).transport
    # The attacker knows the server's authority, and shows a chain of its own.
    impostor = TransportIdentity(forged.certificate, forged.private_key, parties.authority_certificate)
    assert never_reached(answer(address, impostor))


@pytest.mark.parametrize("days", [-10, 10], ids=["expired", "not yet valid"])
def test_a_certificate_outside_its_days_does_not_connect(parties: Parties, address: str, days: int) -> None:
    moment = system_clock() + timedelta(days=days)
    old = issue(parties, [REALM.spiffe_id(Role.PROVIDER, "tax")], now=moment)
    assert never_reached(answer(address, old))


def test_a_certificate_without_its_private_key_does_not_connect(parties: Parties, address: str) -> None:
    tax, border = parties.keys["tax"].transport, parties.keys["border"].transport
    stolen = TransportIdentity(tax.certificate, border.private_key, tax.authority)
    assert never_reached(answer(address, stolen))


@pytest.mark.parametrize("secure", [True, False], ids=["TLS", "plain text"])
def test_a_client_without_a_certificate_does_not_connect(parties: Parties, address: str, secure: bool) -> None:
    name = ("grpc.ssl_target_name_override", REALM.server_name(Role.LINKAGE_UNIT, LINKAGE_UNIT))
    credentials = grpc.ssl_channel_credentials(parties.authority_certificate)
    with grpc.secure_channel(address, credentials, [name]) if secure else grpc.insecure_channel(address) as channel:
        assert never_reached(call(channel, POST))


@pytest.mark.parametrize(
    ("role", "name"), [(Role.ANALYSIS_SERVICE, ANALYSIS), (Role.LINKAGE_UNIT, "other"), (Role.PROVIDER, "tax")]
)
def test_a_client_does_not_talk_to_a_server_of_another_name(
    parties: Parties, address: str, role: Role, name: str
) -> None:
    with open_channel(address, parties.keys["tax"].transport, REALM, role, name) as channel:
        assert never_reached(call(channel, POST))


def test_a_server_of_another_authority_is_not_believed(
    parties: Parties, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rogue = make_parties(tmp_path_factory.mktemp("rogue"))
    with serving(rogue) as address:
        assert never_reached(answer(address, parties.keys["tax"].transport))


def test_a_peer_that_is_not_there_is_unavailable(parties: Parties) -> None:
    with connected("127.0.0.1:1", parties.keys["tax"].transport) as channel:
        stub = channel.unary_unary(POST, bytes, bytes)
        with pytest.raises(Unavailable, match="the linkage unit did not answer"), remote_errors("the linkage unit"):
            stub(b"", timeout=TIMEOUT_SECONDS)


def test_a_message_over_the_limit_does_not_reach_a_method_and_one_below_does(parties: Parties, address: str) -> None:
    with connected(address, parties.keys["tax"].transport) as channel:
        put = channel.stream_unary("/symbolon.v1.Intake/PutChunks", bytes, bytes)
        # Field 4, bytes: a chunk's content in a request that is well formed.
        fits = b"\x22" + varint(MAXIMUM_MESSAGE_BYTES - 100) + bytes(MAXIMUM_MESSAGE_BYTES - 100)
        assert put(iter([fits]), timeout=TIMEOUT_SECONDS) == b""
    name = ("grpc.ssl_target_name_override", REALM.server_name(Role.LINKAGE_UNIT, LINKAGE_UNIT))
    tax = parties.keys["tax"].transport
    credentials = grpc.ssl_channel_credentials(tax.authority, tax.private_key, tax.certificate)
    # A client of its own making, which does not keep to the limit when it sends.
    with grpc.secure_channel(address, credentials, [name, ("grpc.max_send_message_length", -1)]) as channel:
        large = b"\x22" + varint(MAXIMUM_MESSAGE_BYTES) + bytes(MAXIMUM_MESSAGE_BYTES)
        found = call(channel, "/symbolon.v1.Intake/PutChunks", [large])
    assert found.status is grpc.StatusCode.RESOURCE_EXHAUSTED


def varint(value: int) -> bytes:
    """A length as protobuf writes it."""
    groups = b""
    while value > 127:
        groups += bytes([value & 127 | 128])
        value >>= 7
    return groups + bytes([value])


@pytest.mark.parametrize("listen", ["taken", "192.0.2.1:0", "nonsense"])
def test_an_address_that_cannot_be_listened_on_is_a_fault_of_the_configuration(
    parties: Parties, address: str, listen: str
) -> None:
    guard = AccessGuard(REALM, lambda: AgreementState.IN_FORCE, lambda _: True, get_log("test"))
    with pytest.raises(ConfigurationFault, match="cannot listen on"):
        start_server(
            address if listen == "taken" else listen, parties.keys[LINKAGE_UNIT].transport, guard, lambda _: None
        )
