"""The twin runs: one provider, the same file; partners who share all, half or none of its people. It must see the same.

The view of the provider `tax` is everything that it could look at: each message that it sends or gets, with order and
metadata, what its agent says, its files and its audit log. Randomness and clock are the test's. What is left to differ
are ciphertexts and what the services draw at random: they are replaced by their lengths. Row ids, their order in a
batch, nonces, counts, sizes and refusals are compared as they are.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from linkage_core.errors import Tampered
from linkage_core.tokens import TOKEN_BYTES
from services.analysis import intake as analysis_intake
from services.analysis.assembly import open_service
from services.common.errors import NotReady, RemoteRefusal, ServiceError
from services.linkage_unit import runner
from services.linkage_unit.batches import SealedBatch, seal_batch
from services.linkage_unit.unit import open_unit
from services.provider_agent import pipeline
from services.provider_agent.agent import Agent
from services.provider_agent.outbox import Record
from services.provider_agent.upload import own_manifest
from services.wire.convert.signed import signed_from_bytes
from services.wire.messages import UploadManifest
from tests.support import analysis, linkage
from tests.support.agents import Files, Office, write_files
from tests.support.parties import NOW, PROVIDERS, Parties, make_parties
from tests.support.provider_view import View, difference, visible
from tests.support.waves import World
from tests.support.wiretap import tapped_channels

WATCHED: Final = "tax"
ROWS: Final = 33
"""Of the watched file: a number of rows that no partner has, see `Dice`."""
PARTNER_ROWS: Final = {"register": 40, "border": 47}

PARTNERS: Final = ("all", "half", "none")
"""How many of the watched provider's people its partners know."""

BEFORE_DUE: Final = NOW.replace(month=5)
"""A moment at which the agreement is in force and the tokens of wave `w1` are not due."""


class Dice:
    """Repeatable randomness with a stream for each size: what one caller draws does not move what another one gets."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._drawn: Counter[int] = Counter()

    def __call__(self, size: int) -> bytes:
        self._drawn[size] += 1
        return hashlib.shake_256(b"%s %d %d" % (self._seed, size, self._drawn[size])).digest(size)


# ---------------------------------------------------------------------------------------- the world of the twins


@contextmanager
def twin_world(folder: Path, parties: Parties, partners: str, clock: Callable[[], Any]) -> Iterator[World]:
    """Start both services with repeatable randomness, and write all files; only the partners' people differ."""
    linkage_config = linkage.config_of(parties, folder / "linkage")
    analysis_config = analysis.config_of(parties, folder / "analysis")
    with ExitStack() as stack:
        unit = open_unit(linkage_config, "serve", clock, Dice("linkage unit"))
        stack.callback(unit.close)
        service = open_service(analysis_config, takes_into_force=True, clock=clock, random=Dice("analysis"))
        stack.callback(service.close)
        linkage_address = stack.enter_context(linkage.served(unit))
        analysis_address = stack.enter_context(analysis.served(service))
        offices = {
            name: Office(parties, name, folder / name, linkage_address, analysis_address, Dice(name))
            for name in PROVIDERS
        }
        for name, office in offices.items():
            write_files(office.folder, files_of(name, partners))
        yield World(folder, parties, unit, offices, analysis_address)


def files_of(name: str, partners: str) -> Files:
    """The watched provider knows people 0 to 32; partners know all of them, the first half, or none."""
    if name == WATCHED:
        return Files.of(name, ROWS)
    rows = PARTNER_ROWS[name]
    first = {"all": 0, "half": ROWS // 2, "none": 300}[partners]
    more = Files.of(name, first + rows)
    return replace(more, tables={table: lines[first:] for table, lines in more.tables.items()})


# ----------------------------------------------------------------------------------------------- a provider's view


def live(world: World, clock: Callable[[], Any], link: Callable[[], None]) -> View:
    """Let the watched provider take every step, too early and twice too, and probe; return its whole view."""
    view = View([])
    partners = [world.offices[name] for name in PROVIDERS if name != WATCHED]
    for _ in range(3):
        for office in partners:
            with office.agent(clock=clock) as agent:
                _quietly(lambda: pipeline.encode(agent))
        _act(world, clock, view, pipeline.encode)
    for office in partners:
        with office.agent(clock=clock) as agent:
            pipeline.upload(agent)
    _act(world, clock, view, pipeline.upload)
    _act(world, clock, view, pipeline.deliver)
    link()
    for step in (probe_uploads, pipeline.deliver, pipeline.deliver, probe_tokens, pipeline.upload):
        _act(world, clock, view, step)
    for office in partners:
        with office.agent(clock=clock) as agent:
            _quietly(lambda: pipeline.deliver(agent))
    _act(world, clock, view, pipeline.deliver)
    _look_at_files(world.offices[WATCHED].folder / "state", view)
    return view


def probe_uploads(agent: Agent) -> None:
    """Ask again, and for more than one may: each answer could depend on what has been linked."""
    manifest = signed_from_bytes(agent.outbox.read(Record.UPLOAD_MANIFEST))
    own = own_manifest(agent)
    another = UploadManifest(
        own.row_count + 1,
        own.chunk_count,
        bytes(32),
        own.key_check,
        own.schema_hash,
        own.standardisation_digest,
        own.clks,
    )
    with agent.linkage_unit() as unit:
        unit.fetch_shares()
        for key, signed in (
            ("first", manifest),
            ("second", agent.sign(agent.linkage_unit_name, another)),
            ("third", agent.sign(agent.linkage_unit_name, another, agent.agreement.context("w2"))),
        ):
            _refusable(lambda k=key, s=signed: unit.begin(k, s))  # type: ignore[misc] # bound now


def probe_tokens(agent: Agent) -> None:
    """Fetch tokens again, and those of waves that are not linked or do not exist."""
    with agent.linkage_unit() as unit:
        for wave in (agent.wave, "w2", "w77"):
            _refusable(lambda w=wave: list(unit.tokens(w)))  # type: ignore[misc] # bound now


def _refusable(call: Callable[[], object]) -> None:
    try:
        call()
    except (NotReady, RemoteRefusal):
        return


def _quietly(step: Callable[[], object]) -> None:
    try:
        step()
    except NotReady:
        return


def _act(world: World, clock: Callable[[], Any], view: View, step: Callable[[Agent], object]) -> None:
    """Let the watched provider's agent take a step, as a new process; note all that it hears and says."""
    with tapped_channels(lambda heard: view.note(visible(heard))), world.offices[WATCHED].agent(clock=clock) as agent:
        try:
            said = str(step(agent))
        except (ServiceError, Tampered) as error:
            said = f"{type(error).__name__}: {error}"
        view.note(f"{getattr(step, '__name__', '')} says {said}")


def _look_at_files(folder: Path, view: View) -> None:
    for path in sorted(folder.rglob("*")):
        size = path.stat().st_size if path.is_file() else "folder"
        view.note(f"file {path.relative_to(folder)}: {size}")
    for line in (folder / "audit.jsonl").read_text().splitlines():
        entry = json.loads(line)
        view.note(f"audit {entry['sequence']} {entry['time']} {entry['event']} {entry['fields']}")


# -------------------------------------------------------------------------------------------------------- the twins


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    """Rows without a partner are dropped after delivery: the harder case, since what is kept depends on the links."""
    return make_parties(tmp_path_factory.mktemp("parties"), unmatched_rows="drop")


def view_of(folder: Path, parties: Parties, partners: str, fate: str = "linked", due: bool = True) -> View:
    """Run one twin from the start; return what the watched provider saw. `fate`: linked, failed or not begun."""

    def clock() -> Any:
        return NOW if due else BEFORE_DUE

    with twin_world(folder / fate / partners, parties, partners, clock) as world:
        fates = {"linked": world.link, "failed": lambda: _fail(world), "not begun": lambda: None}
        return live(world, clock, fates[fate])


def _fail(world: World) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "link", _raise_tampered)
        with pytest.raises(Tampered):
            world.link()


def _raise_tampered(*_: object, **_options: object) -> None:
    raise Tampered("a run that failed")


@pytest.fixture(scope="module")
def views(parties: Parties, tmp_path_factory: pytest.TempPathFactory) -> dict[str, View]:
    folder = tmp_path_factory.mktemp("twins")
    return {partners: view_of(folder, parties, partners) for partners in PARTNERS}


@pytest.mark.parametrize("partners", PARTNERS[1:])
def test_a_providers_whole_view_is_the_same_whoever_its_partners_know(views: dict[str, View], partners: str) -> None:
    assert difference(views["all"], views[partners]) == []


def test_the_view_holds_every_kind_of_thing_that_a_provider_sees(views: dict[str, View]) -> None:
    text = "\n".join(views["all"].lines)
    for what in (
        "Mailbox/PostShare request",
        "Mailbox/FetchShares response",
        "Intake/SubmitKeyCheck response",
        "Intake/PutChunks request",
        "Intake/CommitUpload response",
        "Tokens/FetchTokens response",
        "Tokens/FetchTokens refusal",
        "Intake/BeginUpload refusal",
        "Delivery/PutPayload request",
        'Delivery/CommitDelivery response of 2: {"rows_received": 33}',
        "metadata: ",
        "row ids and tokens forgotten",
        "audit 1 ",
        "file audit.jsonl",
    ):
        assert what in text, what


def test_the_twins_did_differ_in_who_was_linked(parties: Parties, tmp_path: Path) -> None:
    linked = {}
    for partners in PARTNERS:
        with twin_world(tmp_path / partners, parties, partners, lambda: NOW) as world:
            world.upload_all()
            world.link()
            groups = world.unit.runs.registry()
            own = {group for (provider, _), group in groups.items() if provider == WATCHED}
            others = {group for (provider, _), group in groups.items() if provider != WATCHED}
            linked[partners] = len(own & others)
    assert linked["all"] == ROWS
    assert linked["none"] == 0
    assert 0 < linked["half"] < ROWS


def test_before_tokens_are_due_a_linked_run_a_failed_one_and_none_look_alike(parties: Parties, tmp_path: Path) -> None:
    cases = [("linked", "all"), ("linked", "none"), ("failed", "all"), ("not begun", "none")]
    first, *others = (view_of(tmp_path, parties, partners, fate, due=False) for fate, partners in cases)
    assert "no tokens to fetch" in "\n".join(first.lines)
    assert [difference(first, other) for other in others] == [[], [], []]


def test_once_tokens_are_due_a_failed_run_looks_like_one_that_has_not_begun(parties: Parties, tmp_path: Path) -> None:
    cases = [("failed", "all"), ("failed", "none"), ("not begun", "half")]
    first, *others = (view_of(tmp_path, parties, partners, fate) for fate, partners in cases)
    assert "no tokens to fetch" in "\n".join(first.lines)
    assert [difference(first, other) for other in others] == [[], []]


# ------------------------------------------------------------------------------- controls: leaks that it must find


def _only_linked_rows(*arguments: Any) -> SealedBatch:
    """A linkage unit that makes no token for a row without a partner."""
    agreement, wave, provider, key, row_ids, quality, pseudonyms, random = arguments
    linked = (quality > 0) | (provider != WATCHED)
    return seal_batch(agreement, wave, provider, key, row_ids[linked], quality[linked], pseudonyms[linked], random)


def _linked_rows_first(*arguments: Any) -> SealedBatch:
    """A linkage unit that shuffles, but puts rows with a partner first."""
    agreement, wave, provider, key, row_ids, quality, pseudonyms, random = arguments
    order = np.argsort(quality == 0, kind="stable")

    def no_shuffle(size: int) -> bytes:
        # `fresh_order` sorts by these draws: rising numbers leave the order as it is.
        if size != len(row_ids) * 16:
            return bytes(random(size))
        return b"".join(bytes(8) + number.to_bytes(8, "little") for number in range(len(row_ids)))

    return seal_batch(agreement, wave, provider, key, row_ids[order], quality[order], pseudonyms[order], no_shuffle)


def _counts_kept_rows(commit: Callable[..., int]) -> Callable[..., int]:
    """An analysis service that acknowledges the rows that it kept."""

    def leaky(intake: analysis_intake.Intake, provider: Any, signed: Any) -> int:
        received = commit(intake, provider, signed)
        if provider != WATCHED:
            return received
        parts = intake._parts
        files = parts.deliveries.files(signed.statement.context.wave)
        return sum(parts.payload.dataset(file).count_rows() for (name, _), file in files.items() if name == provider)

    return leaky


@pytest.mark.parametrize(
    ("leak", "pair"), [(_only_linked_rows, ("all", "none")), (_linked_rows_first, ("all", "half"))]
)
def test_the_comparison_finds_a_linkage_unit_that_leaks(
    parties: Parties, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leak: Callable[..., SealedBatch], pair: Any
) -> None:
    monkeypatch.setattr(runner, "seal_batch", leak)
    one, other = (view_of(tmp_path, parties, partners) for partners in pair)
    assert any("FetchTokens response" in line for line in difference(one, other))


def test_the_comparison_finds_an_analysis_service_that_leaks(
    parties: Parties, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysis_intake.Intake, "commit", _counts_kept_rows(analysis_intake.Intake.commit))
    one, other = (view_of(tmp_path, parties, partners) for partners in ("all", "none"))
    assert any("CommitDelivery response" in line for line in difference(one, other))


def test_the_comparison_finds_tokens_of_two_sizes(views: dict[str, View]) -> None:
    changed = [line.replace(f'"bytes": {ROWS * TOKEN_BYTES}', '"bytes": 1') for line in views["all"].lines]
    assert difference(views["all"], View(changed))
