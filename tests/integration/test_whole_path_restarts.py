"""The whole path on machines whose power fails again and again: every process is killed at every step, and goes on.

Services and commands are real processes that SIGKILL themselves at a chosen point; what they had not written down is
lost. In between agents take steps, each from what is on disk. The result is that of an undisturbed run.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from services.common import files, sealing
from services.common.errors import NotReady, Unavailable
from services.linkage_unit.config import load
from services.linkage_unit.service import status
from services.provider_agent import outbox as outbox_module
from services.provider_agent import pipeline
from services.provider_agent.agent import Agent
from services.provider_agent.outbox import Record
from services.provider_agent.pipeline import Outcome
from services.wire.convert.queries import Answer
from tests.support.mortal import UPLOAD_CHUNK_ROWS
from tests.support.parties import LINKAGE_UNIT, PROVIDERS
from tests.support.premises import PEOPLE, WAVE, Premises, premises
from tests.support.provider_view import message_of
from tests.support.waves import PEOPLE as FEW
from tests.support.waves import World, running_world
from tests.support.wiretap import Heard, heard_in

QUESTION: Final = {"measure": "stock", "at": "2022-07-01", "by": ["sex"], "accuracy": {"half_width": 50}}
FILE_CHUNKS: Final = -(-PEOPLE // UPLOAD_CHUNK_ROWS)

_UNIT: Final = "services.linkage_unit"
_STORE: Final = "services.analysis.store"
_AGENT: Final = "services.provider_agent"


@dataclass(slots=True)
class Survived:
    """What came out in the end, and what was seen on the way."""

    sentences: dict[str, str] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    service_deaths: int = 0
    command_deaths: int = 0


# ------------------------------------------------------------------------------------------ the path, with every death


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory) -> Survived:
    """One wave from files to a released table, in which everything dies everywhere."""
    found = Survived()
    with premises(tmp_path_factory.mktemp("whole-path")) as world:
        world.analysis.start()
        _shares_and_key_checks(world, found)
        _uploads(world, found)
        _linking(world, found)
        _deliveries(world, found)
        _questions(world, found)
        found.heard = [*world.heard, *heard_in(world.tap)]
        found.service_deaths = world.linkage.deaths + world.analysis.deaths
    return found


def _shares_and_key_checks(world: Premises, found: Survived) -> None:
    world.linkage.start(f"after {_UNIT}.store.mailbox:MailboxStore.put_share 2")
    _breaks(world, "register", pipeline.encode)
    world.linkage.dies()

    world.linkage.start(f"after {_UNIT}.store.mailbox:MailboxStore.put_key_check 1")
    _killed(world, found, "border", ("agent", "encode"), f"after {_AGENT}.secret_exchange:_post_shares 1")
    for provider in ("register", "border"):
        with pytest.raises(NotReady, match="shares"):
            world.step(provider, pipeline.encode)
    _breaks(world, "tax", pipeline.encode)
    world.linkage.dies()


def _uploads(world: Premises, found: Survived) -> None:
    # The second chunk lies there, uncounted.
    world.linkage.start("after services.common.sealed_frames:FrameFile.keep 2")
    for provider in ("tax", "register"):
        with pytest.raises(NotReady, match="key checks"):
            world.step(provider, pipeline.encode)
    for provider in ("border", "register"):
        world.step(provider, pipeline.encode)
    _killed(world, found, "tax", ("agent", "encode"), f"before {_AGENT}.encode:signed_to_bytes 1")
    world.step("tax", pipeline.encode)
    _breaks(world, "register", pipeline.upload)
    world.linkage.dies()

    world.linkage.start(f"after {_UNIT}.store.uploads:UploadStore.add_chunks 2")
    _breaks(world, "register", pipeline.upload)
    world.linkage.dies()

    world.linkage.start(f"after {_UNIT}.store.uploads:UploadStore.commit 1")  # the acknowledgement is lost
    _breaks(world, "register", pipeline.upload)
    world.linkage.dies()

    world.linkage.start()
    world.step("register", pipeline.upload)
    _killed(world, found, "tax", ("agent", "upload"), f"after {_AGENT}.pipeline:send_upload 1")
    for provider in ("tax", "border"):
        world.step(provider, pipeline.upload)
    world.linkage.kill()


def _linking(world: Premises, found: Survived) -> None:
    link = ("linkage-unit", "link", "--wave", WAVE)
    _killed(world, found, LINKAGE_UNIT, link, f"before {_UNIT}.runner:sign_run_manifest 1")
    world.analysis.kill()
    world.analysis.start(f"after {_STORE}.deliveries:DeliveryStore.add_chunk 2")
    _killed(world, found, LINKAGE_UNIT, link, f"after {_UNIT}.store.runs:RunStore.complete 1")
    assert world.command(LINKAGE_UNIT, *link) == 0
    [wave] = status(load(world.folder / LINKAGE_UNIT / "config.toml")).waves
    found.counts = {"state": wave.state, **wave.counts}


def _deliveries(world: Premises, found: Survived) -> None:
    world.linkage.start(f"after {_UNIT}.content:SealedChunks.read 1")  # in the middle of a stream of tokens
    _breaks(world, "register", pipeline.deliver)
    world.linkage.dies()

    world.linkage.start()
    for point in (f"after {_AGENT}.pipeline:fetch_tokens 1", f"before {_AGENT}.delivery:signed_to_bytes 1"):
        _killed(world, found, "border", ("agent", "deliver"), point)

    for point in (
        f"before {_STORE}.deliveries:DeliveryStore.commit 1",
        f"after {_STORE}.deliveries:DeliveryStore.commit 1",
        f"after {_STORE}.ledger:SqlLedger.reserve 1",
    ):
        _breaks(world, "register", pipeline.deliver)
        world.analysis.dies()
        world.analysis.start(point)

    _killed(world, found, "border", ("agent", "deliver"), f"after {_AGENT}.pipeline:send 1")
    found.sentences = {provider: world.step(provider, pipeline.deliver).sentence for provider in PROVIDERS}


def _questions(world: Premises, found: Survived) -> None:
    with pytest.raises(Unavailable):
        world.ask(QUESTION)  # the charge is on disk, the noise was never drawn
    world.analysis.dies()
    world.analysis.start(f"after {_STORE}.ledger:SqlLedger.record 1")
    with pytest.raises(Unavailable):
        world.ask(QUESTION)  # released and recorded, and the answer is lost
    world.analysis.dies()
    world.analysis.start()
    found.answers.append(world.ask(QUESTION))
    world.analysis.kill()
    world.analysis.start()
    found.answers += [world.ask(QUESTION) for _ in range(2)]


def _breaks(world: Premises, provider: str, step: Callable[[Agent], Outcome]) -> None:
    with pytest.raises(Unavailable):
        world.step(provider, step)


def _killed(world: Premises, found: Survived, party: str, command: Sequence[str], point: str) -> None:
    assert world.command(party, *command, point=point) == -9
    found.command_deaths += 1


# -------------------------------------------------------------------------------------------------------- what came out


def test_every_row_of_every_provider_arrives_once_after_all(survived: Survived) -> None:
    rows = {"register": 2 * PEOPLE, "border": PEOPLE, "tax": PEOPLE}
    assert survived.sentences == {
        provider: f"wave {WAVE}: {rows[provider]:,} payload rows delivered, row ids and tokens forgotten"
        for provider in PROVIDERS
    }
    assert (survived.service_deaths, survived.command_deaths) == (14, 8)


def test_the_links_are_those_of_an_undisturbed_run(survived: Survived) -> None:
    assert survived.counts["state"] == "ready"
    assert survived.counts["groups"] == PEOPLE


def test_an_upload_goes_on_at_the_first_chunk_that_was_not_on_disk(survived: Survived) -> None:
    answers = [message_of(h) for h in _answers(survived, "BeginUpload")]
    # Three broken attempts and a whole one of the first provider: 1 chunk counted, then 3, then all and committed.
    assert [(a.next_chunk, a.committed) for a in answers[:4]] == [
        (0, False),
        (1, False),
        (3, False),
        (FILE_CHUNKS, True),
    ]
    sent = [message_of(h) for h in _requests(survived, "PutChunks")]
    first = [chunk for chunk in sent if chunk.transfer_id == answers[0].transfer_id]
    assert len({(chunk.number, chunk.sha256) for chunk in first}) == FILE_CHUNKS
    assert {answer.transfer_id for answer in answers[:4]} == {answers[0].transfer_id}


def test_a_delivery_goes_on_at_the_first_chunk_that_was_not_on_disk(survived: Survived) -> None:
    answers = [message_of(h) for h in _answers(survived, "BeginDelivery")]
    wanted = [(a.next_chunk, a.committed) for a in answers[:4]]
    chunks = wanted[2][0]
    assert wanted == [(0, False), (2, False), (chunks, False), (chunks, True)]
    assert chunks > 2


def test_a_released_table_is_the_same_and_free_after_any_restart(survived: Survived) -> None:
    first, *later = survived.answers
    assert not first.charged
    for answer in later:
        assert answer.release == first.release
        assert answer.budget == first.budget
        assert not answer.charged


def test_a_charge_whose_answer_was_never_drawn_stays_charged(survived: Survived) -> None:
    """Nobody can tell a crash from an analyst who would like to ask again: each draw of noise has its own price."""
    budget, release = survived.answers[-1].budget, survived.answers[-1].release
    assert budget.total - budget.total_left == 2 * release.nano_rho


def test_the_table_has_the_cells_of_an_undisturbed_run(survived: Survived) -> None:
    release = survived.answers[0].release
    assert [cell.coordinates[-1] for cell in release.cells] == ["f", "m", "unknown"]
    for value in release.noised[0].values[:2]:
        assert abs(value - PEOPLE // 2) < 4 * 50


def _answers(survived: Survived, method: str) -> list[Heard]:
    return [h for h in survived.heard if h.method.endswith(f"/{method}") and h.part == "response"]


def _requests(survived: Survived, method: str) -> list[Heard]:
    return [h for h in survived.heard if h.method.endswith(f"/{method}") and h.part == "request"]


# ----------------------------------------------------------------------------------- an agent that dies at every write


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running_world(tmp_path) as running:
        yield running


@contextmanager
def dying_at(number: int, folder: Path) -> Iterator[None]:
    """Kill the agent of `folder` just before or just after one of its durable writes: the `number`-th such moment."""
    moments = count(1)

    def mortal(write: Callable[[Path, bytes], None]) -> Callable[[Path, bytes], None]:
        def written(path: Path, content: bytes) -> None:
            if folder not in path.parents:
                write(path, content)
                return
            if next(moments) == number:
                raise Killed
            write(path, content)
            if next(moments) == number:
                raise Killed

        return written

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbox_module, "write_durably", mortal(files.write_durably))
        patch.setattr(sealing, "write_durably", mortal(files.write_durably))
        patch.setattr(sealing, "create_durably", mortal(files.create_durably))
        yield


def test_an_agent_that_dies_before_and_after_each_of_its_writes_delivers_once(world: World) -> None:
    office = world.offices["tax"]
    deaths = {"encode": 0, "upload": 0, "deliver": 0}

    def insist(step: Callable[[Agent], Outcome]) -> Outcome:
        """Take a step in many lives; one that left no further record is followed by one that lasts a write longer."""
        number, records = 1, _records(office.folder)
        while True:
            try:
                with dying_at(number, office.folder), office.agent() as agent:
                    return step(agent)
            except Killed:
                deaths[step.__name__] += 1
            except NotReady:
                _others_encode(world)
            before, records = records, _records(office.folder)
            number = number + 1 if records == before else 1

    insist(pipeline.encode)
    _others_upload(world)
    insist(pipeline.upload)
    [upload] = world.unit.uploads.of_provider("tax")
    world.link()
    insist(pipeline.deliver)
    assert upload.row_count == FEW
    assert all(number >= 6 for number in deaths.values()), deaths
    with office.agent() as agent:
        assert all(pipeline.status(agent).values())
        assert agent.outbox.read(Record.DELIVERED) == str(FEW).encode()
    lines = [json.loads(line) for line in (office.folder / "state" / "audit.jsonl").read_text().splitlines()]
    assert {line["event"] for line in lines} >= {"encoded", "uploaded", "delivered", "row ids forgotten"}


def _records(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*.record")}


def _others_encode(world: World) -> None:
    for name in ("register", "border"):
        with world.offices[name].agent() as agent:
            try:
                pipeline.encode(agent)
            except NotReady:
                continue


def _others_upload(world: World) -> None:
    _others_encode(world)
    for name in ("register", "border"):
        with world.offices[name].agent() as agent:
            pipeline.upload(agent)
