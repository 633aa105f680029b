"""A serving process that is killed at each step between reservation and answer, on both stores.

Never a release without its charge, never noise twice for one reservation, and the next process goes on from there.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

from disclosure.entries import Entry
from services.analysis.config import AnalysisConfig
from services.analysis.store.anchor import AnchorFile
from services.analysis.store.ledger import SqlLedger
from services.analysis.store.tables import MIGRATIONS
from services.common.clock import system_clock
from services.common.database import open_database
from services.common.errors import Code, RemoteRefusal, Unavailable
from services.common.keystore import PartyKeys
from services.wire.convert.queries import Answer
from tests.support.analysis import asking, config_of, deliver_all, deliverers, enrol, opened, served
from tests.support.lives import Lives
from tests.support.parties import ANALYSIS, Parties, make_parties
from tests.support.stores import url_of

_STORE = "services.analysis.store"


class Death(NamedTuple):
    """Where a process dies, and what its question has left in the ledger by then."""

    step: str
    point: str
    left: tuple[str, ...]
    store: bool = False
    """Whether the store decides what is left, so that both kinds of store have to be tried."""


RESERVED, RELEASED = ("RESERVED",), ("RESERVED", "RELEASED")
# The first anchoring of a life is that of its start, and a life answers a retry before it dies of its own question.
DEATHS = (
    Death("reservation not committed", f"after {_STORE}.ledger:decide_reservation 1", (), store=True),
    Death("reserved, not anchored", f"before {_STORE}.anchor:AnchorFile.advance 2", RESERVED, store=True),
    Death("anchored", f"after {_STORE}.anchor:AnchorFile.advance 2", RESERVED),
    Death("counted", f"after {_STORE}.cells:DuckCells.count 1", RESERVED),
    Death("before noise", "before disclosure.measurements:OpenDPNoise.add_noise 1", RESERVED),
    Death("noise drawn", "after disclosure.measurements:OpenDPNoise.add_noise 1", RESERVED, store=True),
    Death("before record", f"before {_STORE}.ledger:SqlLedger.record 1", RESERVED),
    Death("record not committed", f"after {_STORE}.ledger:decide_recording 1", RESERVED, store=True),
    Death("recorded, not anchored", f"before {_STORE}.anchor:AnchorFile.advance 3", RELEASED, store=True),
    Death("before the answer", "before services.wire.convert.queries:run_query_response_to_wire 2", RELEASED),
)


@dataclass
class World:
    """A service's folders and store, whose processes die, and the analyst who asks them."""

    parties: Parties
    config: AnalysisConfig
    file: Path
    ana: PartyKeys
    lives: Lives
    address: str = field(default="", init=False)

    @property
    def trace(self) -> Path:
        return self.file.with_name("trace")

    def begin(self, *point: str) -> None:
        self.address = self.lives.begin(("analysis", "serve", "--config", str(self.file)), self.trace, *point)

    def ask(self, day: int) -> Answer:
        """Ask a question of its own each day, always under the same key."""
        question = {"measure": "stock", "at": f"2023-02-{day:02}", "accuracy": {"nano_rho": 1_000_000}}
        with asking(self.parties, self.ana, self.address) as analysis:
            return analysis.answer(question, idempotency_key=f"day-{day}")

    def entries(self) -> tuple[Entry, ...]:
        """The ledger as it is on disk, verified against the anchor as it is on disk."""
        engine = open_database(self.config.database_url, MIGRATIONS)
        anchor = AnchorFile(self.config.anchor, self.parties.keys[ANALYSIS].identity)
        try:
            return tuple(SqlLedger(engine, anchor, "migration").entries(self.parties.verified.document.lineage))
        finally:
            engine.dispose()

    def draws(self) -> int:
        return self.trace.read_text().splitlines().count("noise") if self.trace.exists() else 0


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lives]:
    lives = Lives(tmp_path_factory.mktemp("lives") / "log")
    yield lives
    lives.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, lives: Lives, tmp_path: Path) -> World:
    parties = make_parties(
        tmp_path / "parties",
        validity={"valid_from": "2000-01-01", "valid_until": "2999-12-31"},
        retention={"clks_days": 0, "registry_days": 300_000, "payload_days": 300_000},
    )
    config = config_of(parties, tmp_path, database=url_of(request.param, request, tmp_path), answer_step_seconds=0)
    file = tmp_path / "analysis.toml"
    settings = config.model_dump(mode="json", exclude_none=True)
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    ana = enrol(parties, config, "ana")["ana"]
    with opened(config, clock=system_clock) as service, served(service) as address:
        with deliverers(parties, address) as providers:
            deliver_all(providers)
        world = World(parties, config, file, ana, lives)
        world.address = address
        assert world.ask(1).charged
    return world


def retried(world: World, day: int, left: tuple[str, ...]) -> None:
    """Ask again under the same key what a process died of: its outcome, and nothing more is charged."""
    before = world.entries()
    if left == RELEASED:
        answer = world.ask(day)
        assert not answer.charged
        assert answer.release.release_id == before[-1].release_id
    else:
        with pytest.raises(RemoteRefusal) as refused:
            world.ask(day)
        assert refused.value.code is Code.RELEASE_FAILED
    assert world.entries() == before


def test_a_process_that_dies_at_any_step_neither_loses_a_charge_nor_draws_twice_for_one(world: World) -> None:
    on_sqlite = world.config.database_url.startswith("sqlite")
    before, day = world.entries(), 2
    last: tuple[str, ...] = ()
    for death in (death for death in DEATHS if on_sqlite or death.store):
        world.begin(death.point)
        if last:
            retried(world, day, last)
            day += 1
        with pytest.raises(Unavailable):
            world.ask(day)
        assert world.lives.ended() == -9, death.step
        entries = world.entries()
        assert entries[: len(before)] == before, death.step
        assert tuple(entry.kind for entry in entries[len(before) :]) == death.left, death.step
        # The first question was asked before anything was noted.
        assert world.draws() <= sum(entry.kind == "RESERVED" for entry in entries) - 1, death.step
        before, last = entries, death.left

    world.begin()
    retried(world, day, last)
    answer = world.ask(day + 1)
    assert answer.charged
    assert world.lives.end() == 0
    entries = world.entries()
    spent = sum(entry.nano_rho for entry in entries if entry.kind == "RESERVED")
    assert answer.budget.total - answer.budget.total_left == spent
    # Each draw came after a reservation that had returned, and none has two.
    noted = world.trace.read_text().splitlines()
    for place, word in enumerate(noted):
        assert word != "noise" or noted[place - 1] == "reserved"
        assert word != "recorded" or noted[place - 1] == "noise"
