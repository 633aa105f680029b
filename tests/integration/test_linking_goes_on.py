"""A linkage run that is stopped in the middle of its search: what lies on disk, and how the next one goes on."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from linkage_core.errors import Tampered, Unfit
from linkage_core.searching import search as search_module
from linkage_core.searching.candidates import Found
from linkage_core.searching.cluster import RayEngine
from linkage_core.searching.encodings import Encodings
from linkage_core.searching.engine import Engine, LocalEngine
from linkage_core.searching.search import Search, Task
from services.linkage_unit.config import LinkageUnitConfig
from services.linkage_unit.estimating import estimate_wave
from services.linkage_unit.retention import delete_due_encodings
from services.linkage_unit.runner import link_wave
from services.linkage_unit.status import status_of
from services.linkage_unit.workspace import SealedEncodings, WorkerKeys
from tests.support.linkage import WaveKeyPair, config_of, connected, encode_people, opened, served
from tests.support.parties import Parties, make_parties
from tests.support.ray_cluster import ray_cluster

KEYS = WaveKeyPair.new()
PEOPLE = {"register": range(100), "border": range(50, 150), "tax": range(90, 170)}


@dataclass
class Watched:
    """An engine that notes what it ran, and can be stopped after some tasks."""

    stop_after: int | None = None
    ran: list[str] = field(default_factory=list)
    engine: Engine = field(default_factory=lambda: LocalEngine(2))
    read: list[type] = field(default_factory=list)

    def run(self, search: Search, tasks: Sequence[Task], encodings: Encodings) -> Generator[tuple[Task, Found]]:
        self.read.append(type(encodings))
        for task, found in self.engine.run(search, tasks, encodings):
            if len(self.ran) == self.stop_after:
                raise KeyboardInterrupt
            self.ran.append(task.id)
            yield task, found


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


@pytest.fixture
def config(parties: Parties, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LinkageUnitConfig:
    """A linkage unit that holds every file, and compares in small blocks."""
    monkeypatch.setattr(search_module, "BLOCK_ROWS", 25)
    config = config_of(parties, tmp_path)
    with opened(config) as unit, served(unit) as address, connected(parties, address) as providers:
        for provider in providers.values():
            provider.check()
        for name, numbers in PEOPLE.items():
            providers[name].upload(encode_people(name, numbers))
    return config


def link(config: LinkageUnitConfig, engine: Engine, worker_keys: WorkerKeys | None = None) -> dict[str, object]:
    """Link; returns the counts of the run's manifest."""
    with opened(config, process="link") as unit:
        link_wave(unit, "w1", lambda wave: KEYS.public, engine=engine, worker_keys=worker_keys)
        counts = status_of(unit).waves[0].counts
    assert counts is not None
    return dict(counts)


def findings(config: LinkageUnitConfig) -> list[Path]:
    return [path for path in (config.data / "sealed" / "search").rglob("*") if path.is_file()]


def test_a_stopped_search_goes_on_and_gives_what_an_undisturbed_one_gives(config: LinkageUnitConfig) -> None:
    first, second = Watched(stop_after=5), Watched()
    with pytest.raises(KeyboardInterrupt):
        link(config, first)
    assert sorted(path.name for path in findings(config)) == sorted(first.ran)
    counts = link(config, second)
    assert set(first.ran).isdisjoint(second.ran)
    assert len(first.ran) == 5
    assert len(second.ran) > 5
    assert counts["linkable_pairs"] == 50 + 60 + 10  # register and border, border and tax, register and tax


def test_a_cluster_takes_up_what_threads_began_and_reads_the_encodings_from_the_sealed_store(
    config: LinkageUnitConfig, tmp_path: Path
) -> None:
    first = Watched(stop_after=5)
    with pytest.raises(KeyboardInterrupt):
        link(config, first)
    worker_keys = WorkerKeys(config.key_encryption_key.absolute(), config.wraps.absolute())
    with ray_cluster(tmp_path) as address:
        second = Watched(engine=RayEngine(address))
        counts = link(config, second, worker_keys)
    assert set(first.ran).isdisjoint(second.ran)
    assert second.read == [SealedEncodings]
    assert counts["linkable_pairs"] == 50 + 60 + 10


def test_findings_are_gone_when_the_run_is_done(config: LinkageUnitConfig) -> None:
    link(config, Watched())
    assert not (config.data / "sealed" / "search" / "w1").exists()
    assert not list(config.wraps.glob("search.*"))


def test_findings_are_gone_with_the_encodings_when_the_agreement_is_over(config: LinkageUnitConfig) -> None:
    with pytest.raises(KeyboardInterrupt):
        link(config, Watched(stop_after=5))
    assert list(config.wraps.glob("search.*"))
    with opened(config, lambda: datetime(2040, 1, 1, tzinfo=UTC)) as unit:
        delete_due_encodings(unit)
    assert not (config.data / "sealed" / "search" / "w1").exists()
    assert not list(config.wraps.glob("search.*"))


def test_a_finding_that_was_changed_at_rest_stops_the_run(config: LinkageUnitConfig) -> None:
    with pytest.raises(KeyboardInterrupt):
        link(config, Watched(stop_after=5))
    changed = findings(config)[0]
    content = bytearray(changed.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    with pytest.raises(Tampered):
        link(config, Watched())


def test_an_estimate_of_the_wave_says_whether_it_fits_and_changes_nothing(config: LinkageUnitConfig) -> None:
    with opened(config) as unit:
        estimate = estimate_wave(unit, "w1", count(0, 0.5).__next__)
        assert unit.runs.run("w1") is None
    assert estimate.records == 100 + 100 + 80
    assert estimate.agreed in estimate.estimates
    assert 100 < estimate.agreed.candidates < 140
    estimate.require_fits(memory_bytes=2**40)
    with pytest.raises(Unfit, match="MiB of memory"):
        estimate.require_fits(memory_bytes=1)
    assert not (config.data / "sealed" / "search").exists()
