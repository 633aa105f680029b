"""Any single party stops everything under the agreement, over real mTLS; nobody else can, and nobody in its name."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from typer.testing import CliRunner

from linkage_core.agreement.doors import AgreementState
from linkage_core.agreement.signatures import VerifiedAgreement, verify_agreement
from linkage_core.types import PartyName
from services.cli.agreement import app
from services.cli.outcome import TRY_LATER, run
from services.common.access import AccessGuard
from services.common.agreements import AgreementKeeper, AgreementsServicer, is_party
from services.common.channel import open_channel, remote_errors
from services.common.errors import Code, Denied, RemoteRefusal
from services.common.identity import Caller, Role
from services.common.keystore import PartyKeys
from services.common.logs import get_log
from services.common.server import start_server
from services.wire.convert import agreement as convert
from services.wire.convert.signed import sign_message
from services.wire.messages import SignedStatement, SuspensionNotice, TransferCommit
from services.wire.v1 import agreement_pb2_grpc
from tests.support.parties import ANALYSIS, LINKAGE_UNIT, NOW, REALM, Parties, make_parties
from tests.support.stores import opened, url_of
from tests.support.transport import TIMEOUT_SECONDS

TAX, BORDER = PartyName("tax"), PartyName("border")


@dataclass(frozen=True, slots=True)
class Service:
    """One of the two services, as far as M0 goes."""

    role: Role
    name: PartyName
    keeper: AgreementKeeper
    address: str
    verified: VerifiedAgreement

    def state(self) -> AgreementState:
        return self.keeper.state(self.verified)


@dataclass(frozen=True, slots=True)
class World:
    parties: Parties
    linkage_unit: Service
    analysis: Service

    @contextmanager
    def stub(self, keys: PartyKeys, service: Service) -> Iterator[agreement_pb2_grpc.AgreementsStub]:
        with (
            open_channel(service.address, keys.transport, REALM, service.role, service.name) as channel,
            remote_errors(service.name),
        ):
            yield agreement_pb2_grpc.AgreementsStub(channel)

    def suspend(self, keys: PartyKeys, service: Service, notice: SignedStatement) -> None:
        with self.stub(keys, service) as stub:
            stub.SuspendAgreement(convert.suspend_request(notice), timeout=TIMEOUT_SECONDS)

    def notice(self, name: str, recipient: PartyName) -> SignedStatement:
        key = self.parties.keys[name].identity
        return sign_message(key, PartyName(name), recipient, self.parties.verified.context(), SuspensionNotice())


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    parties = make_parties(tmp_path / "parties")
    file = parties.agreement_file.read_bytes()
    services = []
    with ExitStack() as stack:
        for role, name in ((Role.LINKAGE_UNIT, LINKAGE_UNIT), (Role.ANALYSIS_SERVICE, ANALYSIS)):
            engine = stack.enter_context(opened(url_of("sqlite", request, _made(tmp_path / name)), tmp_path / name))
            keeper = AgreementKeeper(engine, lambda: NOW)
            services.append(_serve(stack, parties, keeper, keeper.adopt(file), role, name))
        yield World(parties, services[0], services[1])


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _serve(
    stack: ExitStack,
    parties: Parties,
    keeper: AgreementKeeper,
    verified: VerifiedAgreement,
    role: Role,
    name: PartyName,
) -> Service:
    def is_member(caller: Caller) -> bool:
        return caller.name == "ann" if caller.role is Role.ANALYST else is_party(verified, caller)

    def register(server: grpc.Server) -> None:
        servicer = AgreementsServicer(keeper, verified, name)
        agreement_pb2_grpc.add_AgreementsServicer_to_server(servicer, server)

    guard = AccessGuard(REALM, lambda: keeper.state(verified), is_member, get_log("test"))
    server, port = start_server("127.0.0.1:0", parties.keys[name].transport, guard, register)
    stack.callback(lambda: server.stop(None).wait())
    return Service(role, name, keeper, f"127.0.0.1:{port}", verified)


def test_everyone_reads_the_agreement_byte_for_byte(world: World) -> None:
    callers = [*world.parties.keys.values(), world.parties.stranger(Role.ANALYST, "ann")]
    for keys in callers:
        with world.stub(keys, world.linkage_unit) as stub:
            answer = stub.GetAgreement(convert.get_agreement_request(), timeout=TIMEOUT_SECONDS)
        file = convert.agreement_file(answer)
        assert file == world.parties.agreement_file.read_bytes()
        assert verify_agreement(file).hash == world.linkage_unit.verified.hash


@pytest.mark.parametrize("name", ["tax", "border", "register", LINKAGE_UNIT, ANALYSIS])
def test_any_single_party_suspends_at_either_service(world: World, name: str) -> None:
    for service in (world.linkage_unit, world.analysis):
        world.suspend(world.parties.keys[name], service, world.notice(name, service.name))
        assert service.state() is AgreementState.SUSPENDED
        assert service.keeper.suspended_by(service.verified) == {name}


def test_a_suspended_agreement_can_still_be_read_and_suspended_by_others(world: World) -> None:
    service = world.linkage_unit
    for name in ("tax", "border", "tax"):
        world.suspend(world.parties.keys[name], service, world.notice(name, service.name))
    assert service.keeper.suspended_by(service.verified) == {TAX, BORDER}
    with world.stub(world.parties.keys["tax"], service) as stub:
        assert convert.agreement_file(stub.GetAgreement(convert.get_agreement_request(), timeout=TIMEOUT_SECONDS))


def test_an_analyst_cannot_suspend_not_even_with_a_partys_notice(world: World) -> None:
    service = world.analysis
    with pytest.raises(Denied):
        world.suspend(world.parties.stranger(Role.ANALYST, "ann"), service, world.notice("tax", service.name))
    assert service.state() is AgreementState.IN_FORCE


def test_a_provider_of_no_agreement_cannot_suspend(world: World) -> None:
    service = world.linkage_unit
    with pytest.raises(Denied):
        world.suspend(world.parties.stranger(Role.PROVIDER, "customs"), service, world.notice("tax", service.name))
    assert service.state() is AgreementState.IN_FORCE


def tampered(world: World, keys: PartyKeys, notice: SignedStatement) -> None:
    with pytest.raises(RemoteRefusal) as refusal:
        world.suspend(keys, world.linkage_unit, notice)
    assert refusal.value.code is Code.TAMPERED
    assert world.linkage_unit.state() is AgreementState.IN_FORCE


def test_a_party_cannot_suspend_in_anothers_name(world: World) -> None:
    border = world.parties.keys["border"]
    tampered(world, border, world.notice("tax", LINKAGE_UNIT))
    forged = sign_message(border.identity, TAX, LINKAGE_UNIT, world.parties.verified.context(), SuspensionNotice())
    tampered(world, border, forged)
    tampered(world, world.parties.keys["tax"], forged)


def test_a_rogue_authority_that_certifies_a_party_anew_cannot_suspend(world: World) -> None:
    """Transport alone says who calls; the notice is believed only under the identity key of the agreement."""
    mallory = world.parties.stranger(Role.PROVIDER, "mallory")
    forged = sign_message(mallory.identity, TAX, LINKAGE_UNIT, world.parties.verified.context(), SuspensionNotice())
    tampered(world, world.parties.keys["tax"], forged)


def test_a_notice_to_the_other_service_is_not_accepted_here(world: World) -> None:
    tampered(world, world.parties.keys["tax"], world.notice("tax", ANALYSIS))


def test_a_notice_of_another_version_or_another_message_is_not_accepted(world: World) -> None:
    tax = world.parties.keys["tax"]
    context = world.parties.verified.context("w1")
    tampered(world, tax, sign_message(tax.identity, TAX, LINKAGE_UNIT, context, SuspensionNotice()))
    commit = TransferCommit(bytes(16), bytes(32))
    tampered(world, tax, sign_message(tax.identity, TAX, LINKAGE_UNIT, world.parties.verified.context(), commit))


def test_an_empty_request_suspends_nothing(world: World) -> None:
    tax, unit = world.parties.keys["tax"], world.linkage_unit
    with open_channel(unit.address, tax.transport, REALM, unit.role, unit.name) as channel:
        method = channel.unary_unary("/symbolon.v1.Agreements/SuspendAgreement", bytes, bytes)
        with pytest.raises(RemoteRefusal) as refusal, remote_errors("linkage"):
            method(b"", timeout=TIMEOUT_SECONDS)
    assert refusal.value.code is Code.BAD_INPUT
    assert world.linkage_unit.state() is AgreementState.IN_FORCE


def test_the_command_suspends_at_both_services(world: World) -> None:
    outcome = CliRunner().invoke(
        app,
        [
            "suspend",
            str(world.parties.agreement_file),
            *("--keys", str(world.parties.keys_folder("border"))),
            *("--linkage-unit", world.linkage_unit.address),
            *("--analysis", world.analysis.address),
        ],
        catch_exceptions=False,
    )
    assert outcome.exit_code == 0
    for service in (world.linkage_unit, world.analysis):
        assert service.keeper.suspended_by(service.verified) == {BORDER}


def test_a_service_that_does_not_answer_does_not_keep_the_other_from_being_told(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["suspend", str(world.parties.agreement_file), "--keys", str(world.parties.keys_folder("tax"))]
    with pytest.raises(SystemExit) as outcome:
        run(lambda: app([*arguments, "--linkage-unit", "127.0.0.1:1", "--analysis", world.analysis.address]))
    assert outcome.value.code == TRY_LATER
    assert world.analysis.keeper.suspended_by(world.analysis.verified) == {TAX}
    assert world.linkage_unit.state() is AgreementState.IN_FORCE
    said = capfd.readouterr().err
    assert "NOT suspended at linkage" in said
    assert "suspended at analysis" in said
