"""What a linkage unit, a disk or a clock gone bad could try on a provider agent; each attempt is made, and fails."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from linkage_core.crypto import hpke
from linkage_core.crypto.signing import seal_info
from linkage_core.errors import InputFault, Refused, Tampered
from linkage_core.tokens import TOKEN_BYTES
from linkage_core.types import PartyName
from services.common.errors import NotReady, Unavailable
from services.provider_agent import delivery, pipeline
from services.provider_agent.encode import encode_wave
from services.provider_agent.outbox import Artefact, Record
from services.provider_agent.secret_exchange import exchange
from services.provider_agent.token_batch import fetch_tokens
from services.provider_agent.transfer import Root
from services.wire.convert.chunks import token_chunk_from_bytes, token_chunk_to_bytes
from services.wire.convert.signed import open_message, sign_message
from services.wire.messages import KeyCheckState, SealedShare, SignedStatement, TokenBatchHeader, TokenChunk
from tests.support.agents import Line
from tests.support.parties import LINKAGE_UNIT
from tests.support.waves import PEOPLE, World, running_world

Parts = list[SignedStatement | bytes]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running_world(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world in which the wave is linked and no token fetched yet."""
    with running_world(tmp_path_factory.mktemp("linked")) as running:
        running.upload_all()
        running.link()
        yield running


class Mailbox:
    """A linkage unit that hands out the shares it likes."""

    def __init__(self, *shares: SignedStatement) -> None:
        self._shares = shares

    def post_share(self, share: SignedStatement) -> None:
        return

    def fetch_shares(self) -> tuple[SignedStatement, ...]:
        return self._shares

    def submit_key_check(self, key_check: SignedStatement) -> KeyCheckState:
        raise AssertionError("a key check must not be sent")


def share(
    world: World, sender: str, *, signer: str = "", recipient: str = "register", wave: str = ""
) -> SignedStatement:
    agreement = world.parties.verified
    context = agreement.context(wave)
    party = agreement.document.party(recipient)
    sealed = hpke.seal(
        bytes.fromhex(party.wrap_key or ""),
        bytes(32),
        seal_info("SealedShare", PartyName(sender), PartyName(recipient), context),
    )
    key = world.parties.keys[signer or sender].identity
    return sign_message(key, PartyName(sender), PartyName(recipient), context, SealedShare(sealed))


def test_a_share_that_the_linkage_unit_made_up_is_refused(world: World) -> None:
    attempts = (
        [share(world, "border", signer=LINKAGE_UNIT), share(world, "tax")],
        [share(world, "border", recipient="tax"), share(world, "tax")],
        [share(world, "border", wave="w1"), share(world, "tax")],
        [share(world, "border"), share(world, "border"), share(world, "tax")],
        [replace(share(world, "border"), statement=share(world, "border").statement), share(world, "tax")],
    )
    with world.offices["register"].agent() as agent:
        for shares in attempts:
            with pytest.raises(Tampered):
                exchange(agent, Mailbox(*shares))  # type: ignore[arg-type]  # plays the linkage unit
        assert agent.epoch.secret() is None


def test_a_share_sealed_for_another_context_does_not_open(world: World) -> None:
    agreement = world.parties.verified
    wrap_key = bytes.fromhex(agreement.document.party("register").wrap_key or "")
    sealed = hpke.seal(
        wrap_key, bytes(32), seal_info("SealedShare", PartyName("tax"), PartyName("register"), agreement.context())
    )
    key = world.parties.keys["border"].identity
    moved = sign_message(key, PartyName("border"), PartyName("register"), agreement.context(), SealedShare(sealed))
    with world.offices["register"].agent() as agent, pytest.raises(Tampered, match="does not open"):
        exchange(agent, Mailbox(moved, share(world, "tax")))  # type: ignore[arg-type]  # plays the linkage unit


def batch(world: World, office: str) -> Parts:
    with world.offices[office].agent() as agent, agent.linkage_unit() as client:
        return list(client.tokens("w1"))


def resigned(world: World, parts: Parts, signer: str = LINKAGE_UNIT, **changes: object) -> Parts:
    """The batch under a header that somebody signs anew, over the chunks as they are now."""
    agreement = world.parties.verified
    assert isinstance(parts[0], SignedStatement)
    header = open_message(
        parts[0],
        TokenBatchHeader,
        sender=PartyName(LINKAGE_UNIT),
        sender_key=agreement.identity_key(LINKAGE_UNIT),
        recipient=PartyName("register"),
        context=agreement.context("w1"),
    )
    root = Root()
    for chunk in parts[1:]:
        assert isinstance(chunk, bytes)
        root.add(chunk)
    changed = replace(header, root=root.value(), chunk_count=root.chunks, **changes)  # type: ignore[arg-type]  # by name
    key = world.parties.keys[signer].identity
    recipient = PartyName("register")
    return [sign_message(key, LINKAGE_UNIT, recipient, agreement.context("w1"), changed), *parts[1:]]


def rows_of(parts: Parts) -> TokenChunk:
    assert isinstance(parts[1], bytes)
    return token_chunk_from_bytes(parts[1], token_bytes=TOKEN_BYTES)


def with_rows(parts: Parts, row_ids: bytes, tokens: bytes) -> Parts:
    return [parts[0], token_chunk_to_bytes(TokenChunk(row_ids, tokens))]


def _swapped(world: World, parts: Parts) -> Parts:
    chunk = rows_of(parts)
    tokens = chunk.tokens[TOKEN_BYTES : 2 * TOKEN_BYTES] + chunk.tokens[:TOKEN_BYTES] + chunk.tokens[2 * TOKEN_BYTES :]
    return with_rows(parts, chunk.row_ids, tokens)


def _one_less(world: World, parts: Parts) -> Parts:
    chunk = rows_of(parts)
    return resigned(world, with_rows(parts, chunk.row_ids[16:], chunk.tokens[TOKEN_BYTES:]))


def _one_twice(world: World, parts: Parts) -> Parts:
    chunk = rows_of(parts)
    return resigned(world, with_rows(parts, chunk.row_ids[:16] + chunk.row_ids[:-16], chunk.tokens))


def _one_of_a_stranger(world: World, parts: Parts) -> Parts:
    chunk = rows_of(parts)
    return resigned(world, with_rows(parts, bytes(16) + chunk.row_ids[16:], chunk.tokens))


def _of_another_provider(world: World, parts: Parts) -> Parts:
    return batch(world, "tax")


def _signed_by_another(world: World, parts: Parts) -> Parts:
    return resigned(world, parts, signer="tax")


def _for_fewer_rows(world: World, parts: Parts) -> Parts:
    return resigned(world, parts, row_count=PEOPLE - 1)


def _cut_short(world: World, parts: Parts) -> Parts:
    return parts[:1]


def _without_header(world: World, parts: Parts) -> Parts:
    return parts[1:]


@pytest.mark.parametrize(
    "attack",
    [
        _swapped,
        _one_less,
        _one_twice,
        _one_of_a_stranger,
        _of_another_provider,
        _signed_by_another,
        _for_fewer_rows,
        _cut_short,
        _without_header,
    ],
)
def test_a_token_batch_that_is_not_one_token_for_each_own_row_is_refused(
    linked: World, attack: Callable[[World, Parts], Parts]
) -> None:
    parts = attack(linked, batch(linked, "register"))
    with linked.offices["register"].agent() as agent:
        with pytest.raises((Tampered, InputFault)):
            fetch_tokens(agent, iter(parts))
        assert not agent.outbox.has(Record.TOKEN_HEADER)


def test_the_batch_as_it_was_made_is_accepted_after_every_attack(linked: World) -> None:
    parts = batch(linked, "register")
    with linked.offices["register"].agent() as agent:
        fetch_tokens(agent, iter(parts))
        assert agent.outbox.has(Record.TOKEN_HEADER)


def test_a_changed_outbox_is_not_sent(world: World) -> None:
    world.encode_all()
    office = world.offices["register"]
    [path] = (office.folder / "state" / "waves").glob("w1-*/upload")
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with office.agent() as agent, pytest.raises(Tampered, match="at rest does not open"):
        pipeline.upload(agent)
    assert world.unit.uploads.of_provider("register")[0].next_chunk == 0


def test_a_service_under_another_agreement_gets_nothing(world: World) -> None:
    agreement = world.parties.verified
    world.parties.amend(title="Small agreement, amended")
    assert world.parties.verified.hash != agreement.hash
    with world.offices["register"].agent() as agent, pytest.raises(Refused) as caught:
        pipeline.encode(agent)
    assert caught.value.clause == "version"
    assert not world.unit.mailbox.shares_to(agreement.hash.hex(), "border")


def test_an_expired_agreement_closes_every_door_of_the_agent(world: World) -> None:
    world.encode_all()
    late = datetime(2036, 1, 1, tzinfo=UTC)
    for name in ("register", "tax"):
        with world.offices[name].agent(clock=lambda: late) as agent:
            for step in (pipeline.check, pipeline.upload):
                with pytest.raises(Refused) as caught:
                    step(agent)
                assert caught.value.clause == "validity.valid_until"


def test_an_identities_file_that_changed_after_its_check_is_not_encoded(world: World) -> None:
    world.encode_all()
    office = world.offices["register"]
    with office.agent(wave="w2") as agent:
        checked = pipeline.check(agent)
        path = office.folder / "identities.csv"
        path.write_text(path.read_text().replace("Bojan", "Boyan"))
        with agent.linkage_unit() as client:
            keys = exchange(agent, client)
        with pytest.raises(InputFault, match=r"identities.csv changed while it was being read"):
            encode_wave(agent, keys, checked)
        assert not agent.outbox.has(Record.UPLOAD_MANIFEST)


def test_a_payload_row_that_went_bad_after_the_upload_stops_the_whole_delivery(world: World) -> None:
    world.upload_all()
    world.link()
    office = world.offices["register"]
    path = office.folder / "residence.csv"
    good = path.read_text()
    path.write_text(good + "register-999,2020-01-01,\n")
    with office.agent() as agent:
        with pytest.raises(InputFault, match="row 41, local id: is not in the identities file"):
            pipeline.deliver(agent)
        assert not agent.outbox.has(Record.DELIVERY_MANIFEST)
    path.write_text(good)
    with office.agent() as agent:
        assert "80 payload rows delivered" in pipeline.deliver(agent).sentence


def test_a_delivery_that_was_killed_on_the_way_goes_on_with_the_same_bytes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.upload_all()
    world.link()
    monkeypatch.setattr(delivery, "CHUNK_ROWS", 9)
    tokens = batch(world, "register")
    office = world.offices["register"]
    with office.agent() as agent, agent.analysis_service() as analysis:
        fetch_tokens(agent, iter(tokens))
        delivery.prepare(agent, analysis)
        prepared = list(agent.outbox.frames(Artefact.PAYLOAD))
        first = Line(analysis, 3)
        with pytest.raises(Unavailable):
            delivery.send(agent, first)
    with office.agent() as agent, agent.analysis_service() as analysis:
        second = Line(analysis, 99)
        assert delivery.send(agent, second) == 2 * PEOPLE
    assert [chunk.content for chunk in first.sent + second.sent] == prepared
    assert len(prepared) == 10
    with office.agent() as agent:
        assert "80 payload rows delivered" in pipeline.deliver(agent).sentence


def test_the_linkage_secret_is_deleted_once_every_wave_is_uploaded(world: World) -> None:
    world.upload_all()
    for office in world.offices.values():
        with office.agent() as agent:
            assert agent.epoch.secret() is not None
        with office.agent(wave="w2") as agent:
            pipeline.encode(agent)
            pipeline.upload(agent)
            assert agent.epoch.secret() is None
            assert agent.epoch.ended
            assert not [path for path in (office.folder / "state" / "wraps").iterdir() if "secret" in path.name]
    with world.offices["tax"].agent() as agent, agent.linkage_unit() as client, pytest.raises(Refused) as caught:
        exchange(agent, client)
    assert caught.value.clause == "epoch"


def test_one_folder_serves_one_agent_at_a_time(world: World) -> None:
    office = world.offices["register"]
    with office.agent(), pytest.raises(NotReady, match="another agent"), office.agent():
        pytest.fail("two agents in one folder")


def test_handles_stay_the_same_across_waves_and_row_ids_do_not(world: World) -> None:
    world.encode_all()
    pairs = {}
    for wave in ("w1", "w2"):
        with world.offices["register"].agent(wave=wave) as agent:
            pipeline.encode(agent)
            frames = b"".join(agent.outbox.frames(Artefact.ROWS))
            pairs[wave] = {frames[n : n + 16]: frames[n + 16 : n + 32] for n in range(0, len(frames), 32)}
    assert pairs["w1"].keys() == pairs["w2"].keys()
    assert not set(pairs["w1"].values()) & set(pairs["w2"].values())
