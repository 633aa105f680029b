"""The linkage unit over real mTLS: shares, key checks, who may call, and when."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from linkage_core.agreement.doors import Door
from linkage_core.errors import Refused
from linkage_core.types import PartyName
from services.common.channel import open_channel
from services.common.errors import Code, Denied, NotReady, RemoteRefusal
from services.common.identity import Role
from services.linkage_unit.unit import LinkageUnit
from services.wire import messages
from tests.support.linkage import (
    KEY_CHECK,
    EncodedPeople,
    Provider,
    chunks_of,
    config_of,
    connected,
    encode_people,
    manifest_of,
    opened,
    served,
)
from tests.support.parties import ANALYSIS, LINKAGE_UNIT, REALM, Parties, make_parties

PEOPLE = range(100)


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


@pytest.fixture
def unit(parties: Parties, tmp_path: Path) -> Iterator[LinkageUnit]:
    with opened(config_of(parties, tmp_path)) as unit:
        yield unit


@pytest.fixture
def address(unit: LinkageUnit) -> Iterator[str]:
    with served(unit) as address:
        yield address


@pytest.fixture
def providers(parties: Parties, address: str) -> Iterator[dict[str, Provider]]:
    with connected(parties, address) as providers:
        yield providers


@pytest.fixture
def tax(providers: dict[str, Provider]) -> Provider:
    """A provider after the key checks of all agreed."""
    for provider in providers.values():
        provider.check()
    return providers["tax"]


@pytest.fixture
def file() -> EncodedPeople:
    return encode_people("tax", PEOPLE)


def share_of(sender: Provider, recipient: str, sealed: bytes = b"sealed") -> messages.SignedStatement:
    return sender.sign(messages.SealedShare(sealed), recipient=recipient)


# ---------------------------------------------------------------------------------------------------------- M1: shares


def test_shares_reach_their_recipient_and_nobody_else(providers: dict[str, Provider]) -> None:
    share = share_of(providers["tax"], "border")
    providers["tax"].post(share)
    providers["tax"].post(share)
    assert providers["border"].shares() == (share,)
    assert providers["register"].shares() == ()


def test_a_second_different_share_of_the_epoch_contradicts(providers: dict[str, Provider]) -> None:
    providers["tax"].post(share_of(providers["tax"], "border"))
    with pytest.raises(RemoteRefusal) as refusal:
        providers["tax"].post(share_of(providers["tax"], "border", b"other"))
    assert refusal.value.code is Code.CONFLICT


def test_a_share_signed_by_another_provider_is_refused(providers: dict[str, Provider]) -> None:
    with pytest.raises(RemoteRefusal) as refusal:
        providers["tax"].post(share_of(providers["register"], "border"))
    assert refusal.value.code is Code.TAMPERED


@pytest.mark.parametrize("recipient", ["tax", LINKAGE_UNIT, ANALYSIS, "stranger"])
def test_a_share_goes_to_another_provider_only(providers: dict[str, Provider], recipient: str) -> None:
    with pytest.raises(RemoteRefusal) as refusal:
        providers["tax"].post(share_of(providers["tax"], recipient))
    assert refusal.value.code is Code.BAD_INPUT


def test_shares_are_deleted_once_all_key_checks_agree(providers: dict[str, Provider]) -> None:
    providers["tax"].post(share_of(providers["tax"], "border"))
    providers["tax"].check()
    providers["register"].check()
    assert len(providers["border"].shares()) == 1
    assert providers["border"].check().agreed
    assert providers["border"].shares() == ()


# ------------------------------------------------------------------------------------------------------- who may call


def test_another_role_is_denied_the_providers_calls(parties: Parties, address: str) -> None:
    impostor = Provider(parties, "tax", address, transport=parties.keys[ANALYSIS])
    with pytest.raises(Denied):
        impostor.shares()
    impostor.close()


def test_a_certified_stranger_is_denied(parties: Parties, address: str) -> None:
    stranger = parties.stranger(Role.PROVIDER, "customs")
    impostor = Provider(parties, "tax", address, transport=stranger)
    with pytest.raises(Denied):
        impostor.shares()
    impostor.close()


def test_a_provider_cannot_speak_for_another_one(parties: Parties, address: str) -> None:
    impostor = Provider(parties, "tax", address, transport=parties.keys["border"])
    with pytest.raises(RemoteRefusal) as refusal:
        impostor.check()
    assert refusal.value.code is Code.TAMPERED
    impostor.close()


# ------------------------------------------------------------------------------------------------------- M2: key checks


def test_uploads_wait_for_the_key_checks_of_all(
    parties: Parties, providers: dict[str, Provider], file: EncodedPeople
) -> None:
    tax = providers["tax"]
    assert tax.check().waiting_for == ("border", "register")
    with pytest.raises(NotReady):
        tax.begin("attempt", tax.sign(manifest_of(parties, 100, chunks_of(file)), "w1"))


def test_a_disagreeing_key_check_is_named_and_blocks_uploads(
    parties: Parties, providers: dict[str, Provider], file: EncodedPeople
) -> None:
    providers["border"].check(messages.KeyCheck(b"x" * 16, KEY_CHECK.canary_digest))
    providers["register"].check(messages.KeyCheck(KEY_CHECK.key_check, b"x" * 16))
    tax = providers["tax"]
    state = tax.check()
    assert (state.key_check_differs_from, state.canary_differs_from) == (("border",), ("register",))
    with pytest.raises(NotReady):
        tax.begin("attempt", tax.sign(manifest_of(parties, 100, chunks_of(file)), "w1"))
    providers["border"].check()
    assert providers["register"].check().agreed


# ------------------------------------------------------------------------------------------------------------ M5, M0


def test_unknown_unlinked_and_undue_waves_get_one_answer(tax: Provider, file: EncodedPeople) -> None:
    tax.upload(file)
    answers = []
    for wave in ("w1", "w2", "w9"):
        with pytest.raises(NotReady) as refusal:
            tax.tokens(wave)
        answers.append(str(refusal.value))
    assert len(set(answers)) == 1


@pytest.mark.parametrize(
    ("moment", "clause"),
    [
        (datetime(2025, 12, 31, 23, 59, tzinfo=UTC), r"validity\.valid_from"),
        (datetime(2036, 1, 1, tzinfo=UTC), r"validity\.valid_until"),
    ],
)
def test_outside_the_agreements_time_every_call_is_refused_by_its_clause(
    parties: Parties, tmp_path: Path, moment: datetime, clause: str
) -> None:
    config = config_of(parties, tmp_path / "elsewhere")
    with opened(config, lambda: moment) as unit, served(unit) as address, connected(parties, address) as providers:
        with pytest.raises(RemoteRefusal, match=clause):
            providers["tax"].check()
        with pytest.raises(Refused, match=clause):
            unit.keeper.check_door(unit.agreement, Door.MATCH)


def test_a_suspended_agreement_stops_an_upload_in_the_middle(
    parties: Parties, unit: LinkageUnit, tax: Provider, file: EncodedPeople
) -> None:
    chunks = chunks_of(file)
    state = tax.begin("attempt", tax.sign(manifest_of(parties, 100, chunks), "w1"))
    tax.put(state.transfer_id, chunks[:1])
    unit.keeper.suspend(unit.agreement, PartyName("border"), b"notice")
    with pytest.raises(RemoteRefusal, match="clause suspension"):
        tax.put(state.transfer_id, chunks[1:], first=1)


def test_rows_at_rest_are_sealed(parties: Parties, tax: Provider, file: EncodedPeople, tmp_path: Path) -> None:
    tax.upload(file)
    secrets = [file.handles[:16], file.row_ids[:16], file.bits["names-year"][:32]]
    for path in tmp_path.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert not any(secret in content for secret in secrets), path.name


def test_a_channel_to_the_linkage_unit_does_not_accept_another_server(parties: Parties, address: str) -> None:
    from services.common.channel import remote_errors
    from services.common.errors import Unavailable
    from services.wire.convert.linkage_unit import fetch_shares_request_to_wire
    from services.wire.v1 import mailbox_pb2_grpc

    channel = open_channel(address, parties.keys["tax"].transport, REALM, Role.ANALYSIS_SERVICE, ANALYSIS)
    with pytest.raises(Unavailable), remote_errors("the analysis service"):
        mailbox_pb2_grpc.MailboxStub(channel).FetchShares(fetch_shares_request_to_wire(), timeout=5)
    channel.close()
