"""Whatever a servicer raises reaches the peer as the catalogue says, comes back as such, and tells no more."""

from collections.abc import Callable, Iterator
from io import StringIO

import grpc
import pytest

from linkage_core import errors as core_errors
from services.common import errors
from services.common.channel import remote_errors
from services.common.errors import CATALOGUE, Code, public_message
from services.common.logs import configure_logs
from tests.support.parties import Parties, make_parties
from tests.support.transport import TIMEOUT_SECONDS, call, connected, serving

POST = "/symbolon.v1.Mailbox/PostShare"
PUT = "/symbolon.v1.Intake/PutChunks"
FETCH = "/symbolon.v1.Tokens/FetchTokens"
CANARY = "canary-4711"


class Foreign(Exception):
    """An error of a floor that only one role imports."""


RAISED: list[tuple[Exception, Code, type[Exception]]] = [
    (core_errors.InputFault(CANARY, ("field",)), Code.BAD_INPUT, errors.RemoteRefusal),
    (core_errors.Refused("volume", CANARY), Code.REFUSED, errors.RemoteRefusal),
    (core_errors.Tampered(CANARY), Code.TAMPERED, errors.RemoteRefusal),
    (core_errors.Unfit(CANARY), Code.UNFIT, errors.RemoteRefusal),
    (errors.NotReady(CANARY), Code.NOT_READY, errors.NotReady),
    (errors.Conflict(CANARY), Code.CONFLICT, errors.RemoteRefusal),
    (errors.Denied(CANARY), Code.DENIED, errors.Denied),
    (errors.Unavailable(CANARY), Code.UNAVAILABLE, errors.Unavailable),
    (errors.ConfigurationFault(CANARY), Code.INTERNAL, errors.RemoteRefusal),
    (errors.RemoteRefusal(Code.TAMPERED, CANARY), Code.INTERNAL, errors.RemoteRefusal),
    (Foreign(CANARY), Code.OVER_BUDGET, errors.RemoteRefusal),
    (LookupError(CANARY), Code.INTERNAL, errors.RemoteRefusal),
    (ZeroDivisionError(CANARY), Code.INTERNAL, errors.RemoteRefusal),
]


class World:
    """A server whose methods raise what a test puts in."""

    def __init__(self, parties: Parties) -> None:
        self.parties = parties
        self.raised: Exception = AssertionError("nothing was put in")
        self.log = StringIO()

    def fail(self, _: object, __: grpc.ServicerContext) -> object:
        raise self.raised

    def fail_late(self, _: object, __: grpc.ServicerContext) -> Iterator[object]:
        from services.wire.v1 import tokens_pb2

        yield tokens_pb2.FetchTokensResponse()
        raise self.raised


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(make_parties(tmp_path_factory.mktemp("parties")))


@pytest.fixture(scope="module")
def channel(world: World) -> Iterator[grpc.Channel]:
    configure_logs(world.log)
    behaviours: dict[str, Callable[[object, grpc.ServicerContext], object]] = {
        POST: world.fail,
        PUT: world.fail,
        FETCH: world.fail_late,
    }
    with (
        serving(world.parties, behaviours=behaviours, role_codes=((Foreign, Code.OVER_BUDGET),)) as address,
        connected(address, world.parties.keys["tax"].transport) as channel,
    ):
        yield channel
    configure_logs()


@pytest.mark.parametrize("method", [POST, PUT, FETCH], ids=["unary", "requests stream", "answers stream"])
@pytest.mark.parametrize(("raised", "code", "_back"), RAISED, ids=[f"{type(error).__name__}" for error, _, _ in RAISED])
def test_an_error_is_told_as_the_catalogue_says(
    world: World, channel: grpc.Channel, method: str, raised: Exception, code: Code, _back: type[Exception]
) -> None:
    world.raised = raised
    answer = call(channel, method)
    entry = CATALOGUE[code]
    assert answer.status is entry.status
    assert answer.trailing == (("symbolon-code", str(code)),)
    assert answer.details == public_message(raised, code)
    assert (CANARY in answer.details) == entry.detailed


@pytest.mark.parametrize(("raised", "code", "back"), RAISED, ids=[f"{type(error).__name__}" for error, _, _ in RAISED])
def test_an_error_comes_back_as_what_the_caller_can_act_on(
    world: World, channel: grpc.Channel, raised: Exception, code: Code, back: type[Exception]
) -> None:
    world.raised = raised
    with pytest.raises(back, match=r"^the linkage unit: ") as refusal, remote_errors("the linkage unit"):
        channel.unary_unary(POST, bytes, bytes)(b"", timeout=TIMEOUT_SECONDS)
    assert type(refusal.value) is back
    if isinstance(refusal.value, errors.RemoteRefusal):
        assert refusal.value.code is code


def test_the_log_of_a_failed_call_has_types_and_codes_and_no_message(world: World, channel: grpc.Channel) -> None:
    world.raised = LookupError(CANARY)
    call(channel, POST)
    call(channel, f"/symbolon.v1.Intake/{CANARY}")
    log = world.log.getvalue()
    assert '"error_type": "LookupError"' in log
    assert '"method": "unknown"' in log
    assert CANARY not in log
