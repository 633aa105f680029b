"""Who gets through to which method, over real mTLS on loopback: deny by default, and all denials look alike."""

import threading
from collections.abc import Iterator

import grpc
import pytest

from linkage_core.agreement.doors import AgreementState
from services.common.access import ACCESS
from services.common.identity import Role
from services.common.keystore import TransportIdentity
from tests.support.parties import ANALYSIS, LINKAGE_UNIT, REALM, Parties, make_parties
from tests.support.transport import Answer, call, connected, issue, serving, wire_methods

UNKNOWN = "/symbolon.v1.Intake/DropEverything"
DENIED = Answer(grpc.StatusCode.PERMISSION_DENIED, "Not allowed.", (("symbolon-code", "denied"),), ())


class World:
    """One server of every method, and everyone who may come."""

    def __init__(self, parties: Parties, address: str, states: list[AgreementState]) -> None:
        self.parties = parties
        self.address = address
        self.states = states
        analyst = parties.stranger(Role.ANALYST, "ann").transport
        other_realm = f"spiffe://other.example/agreement/{REALM.agreement}/provider/tax"
        self.callers: dict[str, tuple[Role | None, TransportIdentity]] = {
            "a provider": (Role.PROVIDER, parties.keys["tax"].transport),
            "the linkage unit": (Role.LINKAGE_UNIT, parties.keys[LINKAGE_UNIT].transport),
            "the analysis service": (Role.ANALYSIS_SERVICE, parties.keys[ANALYSIS].transport),
            "an analyst on the roster": (Role.ANALYST, analyst),
            "an analyst not on the roster": (None, parties.stranger(Role.ANALYST, "mallory").transport),
            "a provider of no agreement": (None, parties.stranger(Role.PROVIDER, "customs").transport),
            "a provider that calls itself a service": (
                None,
                issue(parties, [REALM.spiffe_id(Role.ANALYSIS_SERVICE, "tax")]),
            ),
            "a certificate of two identities": (
                None,
                issue(parties, [REALM.spiffe_id(Role.PROVIDER, "tax"), REALM.spiffe_id(Role.PROVIDER, "border")]),
            ),
            "a certificate of no identity": (None, issue(parties, [], common_name="tax")),
            "an identity of another trust domain": (None, issue(parties, [other_realm])),
            "an identity of another agreement": (
                None,
                issue(parties, ["spiffe://test.example/agreement/large/provider/tax"]),
            ),
            "an identity of no role": (None, issue(parties, ["spiffe://test.example/agreement/small/root/tax"])),
            "an identity with a path behind it": (
                None,
                issue(parties, [REALM.spiffe_id(Role.PROVIDER, "tax") + "/admin"]),
            ),
        }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    parties = make_parties(tmp_path_factory.mktemp("parties"))
    states = [AgreementState.IN_FORCE]
    with serving(parties, state=lambda: states[0], analysts=["ann"]) as address:
        yield World(parties, address, states)


CALLERS = (
    "a provider",
    "the linkage unit",
    "the analysis service",
    "an analyst on the roster",
    "an analyst not on the roster",
    "a provider of no agreement",
    "a provider that calls itself a service",
    "a certificate of two identities",
    "a certificate of no identity",
    "an identity of another trust domain",
    "an identity of another agreement",
    "an identity of no role",
    "an identity with a path behind it",
)


def test_every_caller_of_the_world_is_tried(world: World) -> None:
    assert set(world.callers) == set(CALLERS)


@pytest.mark.parametrize("who", CALLERS)
def test_a_caller_gets_through_to_what_the_table_lists_and_to_nothing_else(world: World, who: str) -> None:
    role, identity = world.callers[who]
    with connected(world.address, identity) as channel:
        unknown = call(channel, UNKNOWN)
        answers = {method: call(channel, method) for method in [*wire_methods(), "/grpc.health.v1.Health/Check"]}
    assert unknown == DENIED
    for method, answer in answers.items():
        if role is not None and role in ACCESS[method][0]:
            assert answer.status is grpc.StatusCode.OK, method
        else:
            assert answer == unknown, method


@pytest.mark.parametrize(
    "requests",
    [(), (b"",), (b"\xff\xff",), (b"", b""), (b"\x0a" + b"\x7f" * 9,)],
    ids=["no message", "an empty one", "no protobuf", "two", "cut"],
)
def test_whatever_is_sent_unknown_and_forbidden_methods_answer_alike(world: World, requests: tuple[bytes, ...]) -> None:
    _, identity = world.callers["an analyst on the roster"]
    with connected(world.address, identity) as channel:
        answers = {
            method: call(channel, method, requests)
            for method in (
                UNKNOWN,
                "/unheard.of.Service/Method",
                "/grpc.health.v1.Health/Watch",
                "/symbolon.v1.Intake/BeginUpload",
                "/symbolon.v1.Intake/PutChunks",
                "/symbolon.v1.Tokens/FetchTokens",
            )
        }
    assert set(answers.values()) == {DENIED}


def test_a_message_over_the_limit_does_not_tell_a_forbidden_method_from_an_unknown_one(world: World) -> None:
    _, identity = world.callers["an analyst on the roster"]
    with connected(world.address, identity) as channel:
        large = (bytes(2 * 1024 * 1024 - 100),)
        assert call(channel, UNKNOWN, large) == call(channel, "/symbolon.v1.Intake/PutChunks", large) == DENIED


@pytest.mark.parametrize("method", [UNKNOWN, "/symbolon.v1.Intake/PutChunks", "/symbolon.v1.Intake/BeginUpload"])
def test_a_denied_caller_is_told_before_it_has_sent_anything(world: World, method: str) -> None:
    _, identity = world.callers["an analyst on the roster"]
    done = threading.Event()

    def never() -> Iterator[bytes]:
        done.wait()
        yield from ()

    with connected(world.address, identity) as channel:
        try:
            assert call(channel, method, never()) == DENIED
        finally:
            done.set()


@pytest.mark.parametrize(
    ("requests", "says"),
    [
        ((), "The request is not well formed: the call holds no request"),
        ((b"\xff",), "The request is not well formed: the request is not a message of the method's type"),
    ],
)
@pytest.mark.parametrize("method", ["/symbolon.v1.Intake/BeginUpload", "/symbolon.v1.Tokens/FetchTokens"])
def test_an_admitted_callers_malformed_request_is_told_as_such(
    world: World, method: str, requests: tuple[bytes, ...], says: str
) -> None:
    _, identity = world.callers["a provider"]
    with connected(world.address, identity) as channel:
        answer = call(channel, method, requests)
    assert (answer.status, answer.details) == (grpc.StatusCode.INVALID_ARGUMENT, says)


@pytest.mark.parametrize(
    ("state", "clause"),
    [
        (AgreementState.PENDING, "validity.valid_from"),
        (AgreementState.EXPIRED, "validity.valid_until"),
        (AgreementState.SUSPENDED, "suspension"),
    ],
)
def test_outside_its_time_parties_are_told_the_clause_and_others_nothing(
    world: World, state: AgreementState, clause: str
) -> None:
    world.states[0] = state
    try:
        with connected(world.address, world.parties.keys["tax"].transport) as channel:
            told = {method: call(channel, method) for method in wire_methods()}
        with connected(world.address, world.callers["a provider of no agreement"][1]) as channel:
            stranger = {method: call(channel, method) for method in wire_methods()}
    finally:
        world.states[0] = AgreementState.IN_FORCE
    for method, answer in told.items():
        roles, states = ACCESS[method]
        if Role.PROVIDER not in roles:
            assert answer == DENIED, method
        elif state in states:
            assert answer.status is grpc.StatusCode.OK, method
        else:
            assert answer.status is grpc.StatusCode.FAILED_PRECONDITION, method
            assert f"refused by clause {clause}:" in answer.details
            assert answer.trailing == (("symbolon-code", "refused"),)
    assert set(stranger.values()) == {DENIED}
