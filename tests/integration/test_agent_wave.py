"""A whole wave through real agents, linkage unit and analysis service over mTLS, and what can go wrong on the way."""

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from linkage_core.crypto.secret import Secret
from linkage_core.encoding.keys import handles
from linkage_core.errors import Refused, Tampered
from linkage_core.types import Handle, LocalId, VariableName
from services.common.errors import NotReady, Unavailable
from services.linkage_unit.loading import load_upload
from services.linkage_unit.registry import open_registry
from services.provider_agent import encode as encode_module
from services.provider_agent import pipeline, secret_exchange
from services.provider_agent.outbox import Artefact, Record
from services.provider_agent.upload import own_manifest
from services.provider_agent.upload import upload as send_upload
from services.wire.convert.chunks import encoded_chunk_from_bytes
from tests.support.agents import CANARIES, Files, Line, write_files
from tests.support.parties import NOW, schema_with_classes
from tests.support.waves import PEOPLE, World, running_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running_world(tmp_path) as running:
        yield running


def holds(folder: Path, content: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and content in path.read_bytes()]


def test_a_wave_goes_from_files_to_an_acknowledged_delivery_and_is_forgotten(world: World) -> None:
    with world.offices["register"].agent() as agent, pytest.raises(NotReady, match="shares of: border, tax"):
        pipeline.encode(agent)
    world.upload_all()
    with world.offices["tax"].agent() as agent, pytest.raises(NotReady, match="no tokens to fetch"):
        pipeline.deliver(agent)
    world.link()
    for office in world.offices.values():
        with office.agent() as agent:
            row_ids = b"".join(agent.outbox.frames(Artefact.ROWS))
            wraps = office.folder / "state" / "wraps"
            assert [path for path in wraps.iterdir() if "rows" in path.name]
            outcome = pipeline.deliver(agent)
            rows = 2 * PEOPLE if office.name == "register" else PEOPLE
            assert outcome.sentence.startswith(f"wave w1: {rows} payload rows delivered")
            assert all(pipeline.status(agent).values())
            for artefact in Artefact:
                assert not agent.outbox.holds(artefact)
                with pytest.raises(Tampered):
                    next(agent.outbox.frames(artefact))
            left = [path.name for path in wraps.iterdir()]
            assert len(left) == 1
            assert left[0].endswith("-secret.wrap")  # the agreement lists a second wave
            assert not holds(office.folder / "state", row_ids[:16])


def test_a_finished_step_says_so_and_does_nothing(world: World) -> None:
    world.upload_all()
    world.link()
    for office in world.offices.values():
        with office.agent() as agent:
            pipeline.deliver(agent)
            for step in (pipeline.encode, pipeline.upload, pipeline.deliver):
                assert not step(agent).did_something


def test_the_agents_audit_log_tells_the_steps_in_order(world: World) -> None:
    world.upload_all()
    world.link()
    office = world.offices["tax"]
    with office.agent() as agent:
        pipeline.deliver(agent)
        pipeline.deliver(agent)
    lines = (office.folder / "state" / "audit.jsonl").read_text().splitlines()
    events = [json.loads(line)["event"] for line in lines]
    assert events == ["encoded", "uploaded", "tokens received", "delivered", "row ids forgotten"]


def test_no_identifier_reaches_another_party_or_the_agents_own_state(world: World) -> None:
    world.upload_all()
    world.link()
    for office in world.offices.values():
        with office.agent() as agent:
            pipeline.deliver(agent)
        assert holds(office.folder, CANARIES[0].encode()) == [office.folder / "identities.csv"]
    for folder in ("linkage", "analysis"):
        assert not holds(world.folder / folder, CANARIES[0].encode())
        assert not holds(world.folder / folder, b"register-17")


def test_run_waits_for_the_others_and_goes_on(world: World) -> None:
    time = [NOW]
    said: list[str] = []

    def sleep(seconds: float) -> None:
        time[0] += timedelta(seconds=seconds)
        for name in ("border", "tax"):
            with world.offices[name].agent() as other:
                for step in (pipeline.encode, pipeline.upload):
                    try:
                        step(other)
                    except NotReady:
                        break
        try:
            world.link()
        except NotReady:
            return

    with world.offices["register"].agent(clock=lambda: time[0]) as agent:
        outcome = pipeline.run(agent, wait_seconds=600, sleep=sleep, say=said.append)
    assert "80 payload rows delivered" in outcome.sentence
    assert said[0] == "waiting for the shares of: border, tax"
    assert outcome.sentence not in said, "the command prints it"


def test_run_gives_up_when_the_wait_is_over(world: World) -> None:
    time = [NOW]

    def sleep(seconds: float) -> None:
        time[0] += timedelta(seconds=seconds)

    with world.offices["register"].agent(clock=lambda: time[0]) as agent, pytest.raises(NotReady):
        pipeline.run(agent, wait_seconds=20, sleep=sleep, say=lambda _: None)
    assert time[0] - NOW < timedelta(seconds=50)


def test_a_broken_upload_resumes_with_the_same_bytes_in_a_new_process(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encode_module, "CHUNK_ROWS", 7)
    world.encode_all()
    office = world.offices["register"]
    with office.agent() as agent:
        assert own_manifest(agent).chunk_count == 6
        prepared = [hashlib.sha256(chunk).digest() for chunk in agent.outbox.frames(Artefact.UPLOAD)]
        with agent.linkage_unit() as client, pytest.raises(Unavailable):
            send_upload(agent, Line(client, 2))
        assert not agent.outbox.has(Record.UPLOADED)
    with office.agent() as agent:
        with agent.linkage_unit() as client:
            line = Line(client, 99)
            assert send_upload(agent, line) == PEOPLE
        assert [chunk.number for chunk in line.sent] == [2, 3, 4, 5]
        assert [chunk.sha256 for chunk in line.sent] == prepared[2:]
    upload = world.unit.uploads.of_provider("register")[0]
    assert list(world.unit.uploads.digests(upload.id)) == prepared


def test_a_line_that_breaks_but_makes_progress_is_taken_up_in_the_same_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encode_module, "CHUNK_ROWS", 7)
    world.encode_all()
    with world.offices["register"].agent() as agent, agent.linkage_unit() as client:
        line = Line(client, 4)
        with pytest.raises(Unavailable):
            send_upload(agent, line)
        assert [chunk.number for chunk in line.sent] == [0, 1, 2, 3]


def test_the_upload_is_in_no_order_of_the_file(world: World) -> None:
    world.encode_all()
    orders = []
    for name in ("register", "border"):
        with world.offices[name].agent() as agent:
            key = agent.state.handle_key(agent.agreement)
            ids = [LocalId(f"{name}-{n}") for n in range(PEOPLE)]
            places = {handle.tobytes(): n for n, handle in enumerate(handles(key, ids))}
            [content] = agent.outbox.frames(Artefact.UPLOAD)
            schema = agent.agreement.document.linkage
            chunk = encoded_chunk_from_bytes(
                content,
                clk_bytes={clk.name: clk.length_bits // 8 for clk in schema.clks},
                match_keys={key.name for key in schema.match_keys},
                frequency_classes={},
            )
            found = [places[Handle(chunk.handles[n : n + 16])] for n in range(0, len(chunk.handles), 16)]
            assert sorted(found) == list(range(PEOPLE))
            orders.append(found)
    assert len({tuple(order) for order in [*orders, list(range(PEOPLE))]}) == 3


def test_an_encoding_that_was_killed_is_made_again_and_nothing_had_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = world.offices["tax"]
    monkeypatch.setattr("services.provider_agent.encode.signed_to_bytes", _killed)
    for name in ("register", "border", "tax", "register", "border", "tax"):
        with world.offices[name].agent() as agent:
            try:
                pipeline.encode(agent)
            except (NotReady, Killed):
                continue
    monkeypatch.undo()
    with office.agent() as agent:
        assert agent.outbox.holds(Artefact.UPLOAD)
        assert not pipeline.status(agent)["encode"]
        with pytest.raises(NotReady, match="not encoded yet"):
            pipeline.upload(agent)
    assert not world.unit.uploads.of_provider("tax")
    world.upload_all()
    assert world.unit.uploads.of_provider("tax")[0].row_count == PEOPLE


class Killed(BaseException):
    """Stands for the end of the process."""


def _killed(*_: object) -> bytes:
    raise Killed


def test_another_secret_stops_everyone_and_names_whose_differs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("register", "border"):
        with world.offices[name].agent() as agent, pytest.raises(NotReady):
            pipeline.encode(agent)
    monkeypatch.setattr(secret_exchange, "linkage_secret", lambda *_: Secret(bytes(32)))
    with world.offices["tax"].agent() as agent, pytest.raises(NotReady, match="key checks"):
        pipeline.encode(agent)
    monkeypatch.undo()
    with world.offices["border"].agent() as agent:
        with pytest.raises(Refused) as caught:
            pipeline.encode(agent)
        assert caught.value.clause == "epoch"
        assert "differs from that of tax" in str(caught.value)
        assert not agent.outbox.has(Record.UPLOAD_MANIFEST)


def test_another_standardisation_stops_the_upload_and_is_told_apart_from_another_secret(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("register", "border"):
        with world.offices[name].agent() as agent, pytest.raises(NotReady):
            pipeline.encode(agent)
    monkeypatch.setattr(secret_exchange, "canary_digest", lambda keys, schema: b"another-encoder!")
    with world.offices["tax"].agent() as agent, pytest.raises(NotReady, match="key checks"):
        pipeline.encode(agent)
    monkeypatch.undo()
    with world.offices["register"].agent() as agent:
        with pytest.raises(Refused) as caught:
            pipeline.encode(agent)
        assert caught.value.clause == "linkage.standardisation"
        assert "of tax" in str(caught.value)
        assert not agent.outbox.has(Record.UPLOAD_MANIFEST)


def test_frequency_classes_of_names_reach_the_linkage_unit_and_its_registry_with_their_rows(tmp_path: Path) -> None:
    names = [f"Rare{'abcdefghij'[n // 10]}{'klmnopqrst'[n % 10]}" for n in range(59)]
    names += [f"Common{'klmnopqrst'[n % 10]}" for n in range(60)]
    schema = schema_with_classes(45_000)
    clauses = {
        "linkage": schema.model_dump(mode="json"),
        "waves": [
            {"name": "w1", "tokens_not_before": "2026-06-01T00:00:00Z"},
            {"name": "w2", "kind": "incremental", "tokens_not_before": "2026-12-01T00:00:00Z"},
        ],
        "retention": {
            "clks_days": 0,
            "registry_days": 3650,
            "registry_encodings_until": "2027-12-31",
            "payload_days": 365,
        },
    }
    with running_world(tmp_path, **clauses) as world:
        for name, office in world.offices.items():
            files = Files.of(name, 120)
            for row, family in zip(files.tables["identities"], [*names, ""], strict=True):
                row[2] = family
            write_files(office.folder, files)
        world.upload_all()
        with world.offices["tax"].agent() as agent:
            key = agent.state.handle_key(agent.agreement)
        expected = dict(zip(map(bytes, handles(key, [LocalId(f"tax-{n}") for n in range(120)])), names, strict=False))
        [upload] = [upload for upload in world.unit.uploads.of_wave("w1") if upload.provider == "tax"]
        loaded = load_upload(world.unit, upload)
        world.link()
        [kept] = [rows for rows in open_registry(world.unit) if rows.file.provider == "tax"]
    for rows in (loaded, kept):
        classes = rows.file.frequency_classes[VariableName("family")].tolist()
        told = {expected.get(bytes(handle), ""): number for handle, number in zip(rows.handles, classes, strict=True)}
        assert told == {name: 2 if name.startswith("Common") else 1 for name in names} | {"": 0}
