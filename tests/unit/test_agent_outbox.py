"""What the agent keeps on disk: frames that cannot be moved or cut, records that finish steps, a random order."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage_core.crypto.secret import Secret
from linkage_core.errors import Tampered
from services.common.clock import system_random
from services.common.sealed_frames import read_frames, write_frames
from services.common.sealing import DataKeys, FileKeyEncryptionKey
from services.provider_agent import shuffle as shuffle_module
from services.provider_agent.outbox import Artefact, Outbox, Record
from services.provider_agent.row_ids import read_way_back, way_back
from services.provider_agent.shuffle import ORDER, Shuffle, in_chunks, random_order

KEY = Secret(bytes(range(32)))
ROW = np.dtype([(ORDER, "u1", 16), ("value", "<i8")])


def outbox(folder: Path) -> Outbox:
    kek = FileKeyEncryptionKey.load_or_create(folder / "kek", system_random)
    return Outbox(folder / "wave", DataKeys(kek, folder / "wraps", system_random), "w1-test", system_random)


@given(st.lists(st.binary(max_size=200), max_size=12), st.integers(0, 12))
def test_frames_come_back_from_any_place_on(
    tmp_path_factory: pytest.TempPathFactory, frames: list[bytes], start: int
) -> None:
    path = tmp_path_factory.mktemp("frames") / "upload"
    assert write_frames(path, KEY, frames, system_random) == len(frames)
    assert list(read_frames(path, KEY, start)) == frames[start:]


def test_frames_that_are_changed_moved_cut_or_renamed_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    write_frames(path, KEY, [b"first frame", b"other frame"], system_random)
    whole = path.read_bytes()
    half = len(whole) // 2
    attacks = {
        "changed": whole[:20] + bytes([whole[20] ^ 1]) + whole[21:],
        "moved": whole[half:] + whole[:half],
        "cut": whole[:-1],
        "length": b"\xff" * 4 + whole[4:],
        "head": whole[: half + 2],
    }
    for content in attacks.values():
        path.write_bytes(content)
        with pytest.raises(Tampered):
            list(read_frames(path, KEY))
    renamed = tmp_path / "payload"
    renamed.write_bytes(whole)
    with pytest.raises(Tampered):
        list(read_frames(renamed, KEY))


def test_nothing_of_a_frame_is_on_disk_in_clear(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    box.fill(Artefact.ROWS, [b"Xqzcanary" * 5])
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"Xqzcanary" in path.read_bytes()]


def test_what_was_filled_outlives_the_process_and_what_was_forgotten_does_not(tmp_path: Path) -> None:
    outbox(tmp_path).fill(Artefact.UPLOAD, [b"one", b"two"])
    later = outbox(tmp_path)
    assert list(later.frames(Artefact.UPLOAD, 1)) == [b"two"]
    sealed = (tmp_path / "wave" / "upload").read_bytes()
    later.forget(Artefact.UPLOAD)
    (tmp_path / "wave" / "upload").write_bytes(sealed)  # a copy from elsewhere opens no more
    with pytest.raises(Tampered, match="destroyed"):
        list(outbox(tmp_path).frames(Artefact.UPLOAD))


def test_an_artefact_that_was_not_finished_is_not_there(tmp_path: Path) -> None:
    def killed() -> Iterator[bytes]:
        yield b"first"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        outbox(tmp_path).fill(Artefact.PAYLOAD, killed())
    again = outbox(tmp_path)
    assert not again.holds(Artefact.PAYLOAD)
    assert again.fill(Artefact.PAYLOAD, [b"whole"]) == 1
    assert list(again.frames(Artefact.PAYLOAD)) == [b"whole"]


def test_a_record_says_across_processes_that_a_step_is_done(tmp_path: Path) -> None:
    assert not outbox(tmp_path).has(Record.UPLOADED)
    outbox(tmp_path).write(Record.UPLOADED, b"40")
    assert outbox(tmp_path).read(Record.UPLOADED) == b"40"


def test_a_shuffle_gives_every_row_once_in_the_order_of_its_random_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shuffle_module, "BUCKET_ROWS", 50)
    with Shuffle(tmp_path / "spill", ROW, 1000, system_random) as shuffle:
        for start in range(0, 1000, 130):
            rows = np.zeros(min(130, 1000 - start), dtype=ROW)
            rows["value"] = np.arange(start, start + len(rows))
            rows[ORDER] = random_order(len(rows), system_random)
            shuffle.add(rows)
        assert len(list((tmp_path / "spill").iterdir())) == 20
        parts = list(in_chunks(shuffle.in_order(), 64))
    assert not (tmp_path / "spill").exists()
    assert [len(part) for part in parts] == [64] * 15 + [40]
    back = np.concatenate(parts)
    assert sorted(back["value"].tolist()) == list(range(1000))
    order = [row.tobytes() for row in back[ORDER]]
    assert order == sorted(order)


def test_a_shuffle_favours_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mean place of each of 4 rows over 600 shuffles; the standard error is .05, the bound five of them."""
    monkeypatch.setattr(shuffle_module, "BUCKET_ROWS", 2)
    generator = np.random.default_rng(7)
    places = np.zeros(4)
    for _ in range(600):
        with Shuffle(tmp_path / "spill", ROW, 4, generator.bytes) as shuffle:
            rows = np.zeros(4, dtype=ROW)
            rows["value"] = np.arange(4)
            rows[ORDER] = random_order(4, generator.bytes)
            shuffle.add(rows)
            places += np.argsort(np.concatenate(list(shuffle.in_order()))["value"])
    assert np.abs(places / 600 - 1.5).max() < 0.25


def test_a_shuffle_leaves_nothing_readable_behind_when_its_process_dies(tmp_path: Path) -> None:
    shuffle = Shuffle(tmp_path / "spill", ROW, 10, system_random)
    shuffle.__enter__()
    rows = np.zeros(10, dtype=ROW)
    rows["value"] = 0x434E5259
    rows[ORDER] = random_order(10, system_random)
    shuffle.add(rows)
    [path] = (tmp_path / "spill").iterdir()
    assert b"YRNC" not in path.read_bytes()
    with Shuffle(tmp_path / "spill", ROW, 10, system_random) as after:
        assert list(after.in_order()) == []


def test_the_way_back_is_sorted_by_handle_and_whole() -> None:
    handles, row_ids = system_random(16 * 300), system_random(16 * 300)
    back = read_way_back(way_back(handles, row_ids), 300)
    assert back.handles.tolist() == sorted(back.handles.tolist())
    pairs = {handles[n : n + 16]: row_ids[n : n + 16] for n in range(0, len(handles), 16)}
    for handle, row_id in zip(back.handles, back.row_ids, strict=True):
        assert pairs[bytes(handle).ljust(16, b"\x00")] == bytes(row_id).ljust(16, b"\x00")
    with pytest.raises(Tampered):
        read_way_back(way_back(handles, row_ids), 301)
