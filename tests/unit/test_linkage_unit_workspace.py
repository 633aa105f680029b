"""What a linkage run keeps between attempts: sealed, bound to its search, destroyed at its end."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from linkage_core.errors import Tampered
from linkage_core.searching.candidates import Candidates, Found
from linkage_core.searching.encodings import EncodingsInMemory
from linkage_core.types import ClkName
from services.common.clock import system_random
from services.common.errors import ConfigurationFault
from services.common.sealing import DataKeys, FileKeyEncryptionKey
from services.linkage_unit import workspace as workspace_module
from services.linkage_unit.workspace import RunWorkspace, SealedEncodings, WorkerKeys

CLKS = (ClkName("names"), ClkName("places"))


@pytest.fixture
def workspace(tmp_path: Path) -> RunWorkspace:
    worker_keys = WorkerKeys(tmp_path / "kek", tmp_path / "wraps")
    kek = FileKeyEncryptionKey.load_or_create(worker_keys.key_encryption_key, system_random)
    return RunWorkspace(
        tmp_path / "sealed", DataKeys(kek, worker_keys.wraps, system_random), system_random, "2025", worker_keys
    )


def found(row: int) -> Found:
    pair = np.array([row], np.uint32), np.array([row + 1], np.uint32)
    return Found(Candidates(*pair, {CLKS[0]: np.array([0.75])}))


def encodings() -> EncodingsInMemory:
    rng = np.random.default_rng(1)
    return EncodingsInMemory({clk: rng.integers(0, 2**64, (100, 16), dtype=np.uint64) for clk in CLKS})


def files(workspace: RunWorkspace) -> list[Path]:
    return [path for path in workspace.sealed_files.rglob("*") if path.is_file()]


def test_findings_of_a_search_are_there_for_its_next_attempt(workspace: RunWorkspace) -> None:
    workspace.finished("a").write("pairs.1.2", found(7))
    again = workspace.finished("a")
    assert again.ids() == {"pairs.1.2"}
    assert again.read("pairs.1.2").candidates.row_a.tolist() == [7]


def test_findings_of_another_search_are_dropped(workspace: RunWorkspace) -> None:
    workspace.finished("a").write("pairs.1.2", found(7))
    assert workspace.finished("b").ids() == set()
    assert workspace.finished("a").ids() == set()


def test_a_finding_of_an_earlier_search_does_not_open_as_one_of_the_present(workspace: RunWorkspace) -> None:
    earlier = workspace.finished("a")
    earlier.write("pairs.1.2", found(7))
    kept = (earlier.folder / "pairs.1.2").read_bytes()
    present = workspace.finished("b")
    (present.folder / "pairs.1.2").write_bytes(kept)
    with pytest.raises(Tampered):
        present.read("pairs.1.2")


def test_a_worker_without_the_mounted_key_is_told_and_makes_none(workspace: RunWorkspace) -> None:
    published = workspace.publish("a", encodings())
    assert isinstance(published, SealedEncodings)
    published.worker_keys.key_encryption_key.unlink()
    with pytest.raises(ConfigurationFault, match="mount it"):
        published.words(CLKS[0], 0, 100)
    assert not published.worker_keys.key_encryption_key.exists()


def test_neither_findings_nor_encodings_lie_on_disk_in_clear(workspace: RunWorkspace) -> None:
    plain = encodings()
    workspace.publish("a", plain)
    workspace.finished("a").write("pairs.1.2", found(7))
    content = b"".join(path.read_bytes() for path in files(workspace))
    assert found(7).to_bytes()[:40] not in content
    assert all(words.tobytes()[:16] not in content for words in plain.by_clk.values())


def test_a_finding_under_another_tasks_name_does_not_open(workspace: RunWorkspace) -> None:
    kept = workspace.finished("a")
    kept.write("pairs.1.2", found(7))
    (kept.folder / "pairs.1.2").rename(kept.folder / "pairs.3.4")
    with pytest.raises(Tampered):
        kept.read("pairs.3.4")


def test_any_stretch_of_published_encodings_is_what_was_published(
    workspace: RunWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace_module, "BLOCK_ROWS", 16)
    plain = encodings()
    published = workspace.publish("a", plain)
    for clk in CLKS:
        for start, stop in ((0, 100), (0, 1), (15, 17), (16, 32), (31, 97), (99, 100)):
            assert np.array_equal(published.words(clk, start, stop), plain.words(clk, start, stop))


def test_what_a_worker_is_sent_holds_paths_and_no_encoding(workspace: RunWorkspace) -> None:
    plain = encodings()
    published = workspace.publish("a", plain)
    assert isinstance(published, SealedEncodings)
    published.words(CLKS[0], 0, 100)
    sent = pickle.dumps(published)
    assert len(sent) < 1000
    assert np.array_equal(pickle.loads(sent).words(CLKS[0], 3, 9), plain.words(CLKS[0], 3, 9))


def test_threads_of_this_process_read_the_encodings_as_they_are(workspace: RunWorkspace) -> None:
    plain = encodings()
    alone = RunWorkspace(workspace.sealed_files, workspace.keys, workspace.random, workspace.wave)
    assert alone.publish("a", plain) is plain
    assert files(workspace) == []


def test_a_removed_workspace_stays_closed_even_to_who_kept_its_files(workspace: RunWorkspace) -> None:
    kept = workspace.finished("a")
    kept.write("pairs.1.2", found(7))
    published = workspace.publish("a", encodings())
    copy = {path: path.read_bytes() for path in files(workspace)}
    workspace.remove()
    assert files(workspace) == []
    for path, content in copy.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with pytest.raises(Tampered):
        published.words(CLKS[0], 0, 100)
    with pytest.raises(Tampered):
        workspace.finished("a").read("pairs.1.2")
