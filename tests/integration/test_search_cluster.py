"""The same search on a real Ray of two nodes: same candidates, lost workers, tampered stores."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from linkage_core.errors import Tampered, Unfit
from linkage_core.lsh.plan import LshPlan
from linkage_core.searching import search as search_module
from linkage_core.searching.cluster import RayEngine
from linkage_core.searching.encodings import Encodings, EncodingsInMemory, Words
from linkage_core.searching.search import Span
from linkage_core.types import ClkName
from services.common.clock import system_random
from services.common.sealing import DataKeys, FileKeyEncryptionKey
from services.linkage_unit.workspace import RunWorkspace, WorkerKeys
from tests.support.ray_cluster import ray_cluster
from tests.support.searches import all_pairs, findings, in_memory, pairs

ROWS = 20_000
SPANS = [Span(0, ROWS // 2, within=False), Span(ROWS // 2, ROWS, within=True)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ray_cluster(tmp_path_factory.mktemp("ray")) as address:
        yield address


@pytest.fixture(scope="module")
def encodings() -> EncodingsInMemory:
    rng = np.random.default_rng(3)
    clks = [rng.integers(0, 256, (ROWS, 128), dtype=np.uint8) for _ in range(2)]
    for bits in clks:
        bits[ROWS // 2 :: 7] = bits[: len(bits[ROWS // 2 :: 7])]
    return in_memory(*clks)


@pytest.fixture
def workspace(tmp_path: Path) -> RunWorkspace:
    worker_keys = WorkerKeys(tmp_path / "kek", tmp_path / "wraps")
    kek = FileKeyEncryptionKey.load_or_create(worker_keys.key_encryption_key, system_random)
    keys = DataKeys(kek, worker_keys.wraps, system_random)
    return RunWorkspace(tmp_path / "sealed", keys, system_random, "2025", worker_keys)


@dataclass(frozen=True)
class DeadlyEncodings:
    """Encodings whose reader is killed in the middle of a task, as often as `lives` says."""

    encodings: Encodings
    folder: Path
    lives: int

    def words(self, clk: ClkName, start: int, stop: int) -> Words:
        words = self.encodings.words(clk, start, stop)
        if clk != "main" and len(list(self.folder.iterdir())) < self.lives:
            (self.folder / str(os.getpid())).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return words


def test_workers_of_a_cluster_find_what_threads_find_also_when_one_is_killed_in_mid_run(
    encodings: EncodingsInMemory, workspace: RunWorkspace, tmp_path: Path, cluster: str
) -> None:
    search = all_pairs(encodings, SPANS, 0.6)
    expected = findings(search, encodings)
    assert len(pairs(expected)) > 1000
    killed = tmp_path / "killed"
    killed.mkdir()
    deadly = DeadlyEncodings(workspace.publish("search", encodings), killed, lives=1)
    found = findings(search, deadly, engine=RayEngine(cluster), finished=workspace.finished("search"))
    assert len(list(killed.iterdir())) == 1
    assert int(next(killed.iterdir()).name) != os.getpid()
    assert [part.to_bytes() for part in found] == [part.to_bytes() for part in expected]


def test_a_task_that_kills_every_worker_ends_the_run_with_advice(
    encodings: EncodingsInMemory,
    workspace: RunWorkspace,
    tmp_path: Path,
    cluster: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search_module, "BLOCK_ROWS", ROWS)
    killed = tmp_path / "killed"
    killed.mkdir()
    deadly = DeadlyEncodings(workspace.publish("search", encodings), killed, lives=10**6)
    with pytest.raises(Unfit, match="give them more memory"):
        findings(all_pairs(encodings, SPANS[1:], 0.6), deadly, engine=RayEngine(cluster))


def test_a_changed_file_of_the_store_stops_the_run_on_the_worker_that_reads_it(
    encodings: EncodingsInMemory, workspace: RunWorkspace, cluster: str
) -> None:
    published = workspace.publish("search", encodings)
    for path in (workspace.sealed_files / "search" / "2025" / "search" / "encodings").iterdir():
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    with pytest.raises(Tampered):
        findings(all_pairs(encodings, SPANS, 0.6), published, engine=RayEngine(cluster))


def test_tables_are_looked_up_by_workers_as_by_threads(
    encodings: EncodingsInMemory, workspace: RunWorkspace, cluster: str
) -> None:
    plan = LshPlan(
        seed=5,
        bits=(10, 10),
        tables=(6, 5),
        most_in_head=(110, 110),
        expected_recall=1.0,
        expected_recall_of_linkable=1.0,
        cost_of_exact=1.0,
    )
    search = replace(all_pairs(encodings, SPANS, 0.6), plan=plan)
    expected = findings(search, encodings)
    found = findings(search, workspace.publish("search", encodings), engine=RayEngine(cluster))
    assert len(pairs(expected)) > 1000
    assert [part.to_bytes() for part in found] == [part.to_bytes() for part in expected]


def test_an_address_where_no_cluster_answers_is_told(workspace: RunWorkspace) -> None:
    encodings = in_memory(np.zeros((2, 128), np.uint8))
    published = workspace.publish("search", encodings)
    with pytest.raises(Unfit, match=r"127\.0\.0\.1:1"):
        findings(all_pairs(encodings, [Span(0, 2, within=True)], 0.6), published, engine=RayEngine("127.0.0.1:1"))


def test_encodings_of_this_process_are_never_handed_to_a_cluster() -> None:
    encodings = in_memory(np.zeros((2, 128), np.uint8))
    with pytest.raises(TypeError, match="publish them first"):
        findings(all_pairs(encodings, [Span(0, 2, within=True)], 0.6), encodings, engine=RayEngine("127.0.0.1:1"))
