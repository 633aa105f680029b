"""What lies on disk opens under its own key, name and context only; a destroyed key takes it along."""

import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from linkage_core.crypto.secret import Secret
from linkage_core.errors import Tampered
from services.common.clock import system_random
from services.common.errors import ConfigurationFault
from services.common.sealing import DataKeys, FileKeyEncryptionKey, SealedFolder, open_bytes, seal_bytes

KEY = Secret(b"k" * 32)


@pytest.fixture
def kek(tmp_path: Path) -> FileKeyEncryptionKey:
    return FileKeyEncryptionKey.load_or_create(tmp_path / "keys" / "kek", system_random)


@pytest.fixture
def data_keys(tmp_path: Path, kek: FileKeyEncryptionKey) -> DataKeys:
    return DataKeys(kek, tmp_path / "wraps", system_random)


@pytest.fixture
def folder(tmp_path: Path) -> SealedFolder:
    return SealedFolder(tmp_path / "sealed", KEY, system_random)


def test_the_key_encryption_key_is_made_once_and_its_owners_alone(tmp_path: Path, kek: FileKeyEncryptionKey) -> None:
    path = tmp_path / "keys" / "kek"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    again = FileKeyEncryptionKey.load_or_create(path, system_random)
    assert path.read_bytes() == before
    assert again.unwrap(kek.wrap(KEY, "w1"), "w1") == KEY
    assert before.decode() not in repr(kek)


@pytest.mark.parametrize("open_to", [0o640, 0o604, 0o644, 0o620])
def test_a_key_encryption_key_that_others_can_reach_is_refused(
    tmp_path: Path, kek: FileKeyEncryptionKey, open_to: int
) -> None:
    (tmp_path / "keys" / "kek").chmod(open_to)
    with pytest.raises(ConfigurationFault, match="chmod 600"):
        FileKeyEncryptionKey.load_or_create(tmp_path / "keys" / "kek", system_random)


def test_a_wrap_opens_in_its_own_context_only(kek: FileKeyEncryptionKey, tmp_path: Path) -> None:
    wrapped = kek.wrap(KEY, "w1-clks")
    other = FileKeyEncryptionKey.load_or_create(tmp_path / "other", system_random)
    for unwrap, content, context in (
        (kek, wrapped, "w2-clks"),
        (other, wrapped, "w1-clks"),
        (kek, wrapped[:-1], "w1-clks"),
        (kek, b"", "w1-clks"),
        (kek, bytes([wrapped[0] ^ 1]) + wrapped[1:], "w1-clks"),
    ):
        with pytest.raises(Tampered):
            unwrap.unwrap(content, context)


def test_a_data_key_is_made_once_and_lies_wrapped(data_keys: DataKeys, tmp_path: Path) -> None:
    key = data_keys.open_or_create("w1-clks")
    assert data_keys.open_or_create("w1-clks") == data_keys.open("w1-clks") == key
    assert data_keys.open_or_create("w2-clks") != key
    assert stat.S_IMODE((tmp_path / "wraps").stat().st_mode) == 0o700
    for wrap in (tmp_path / "wraps").iterdir():
        assert key.reveal() not in wrap.read_bytes()
        assert stat.S_IMODE(wrap.stat().st_mode) == 0o600


class Interrupted:
    """A key-encryption key that does something else before it wraps."""

    def __init__(self, kek: FileKeyEncryptionKey, before: Callable[[], object]) -> None:
        self.kek = kek
        self.before = before

    def wrap(self, key: Secret, context: str) -> bytes:
        self.before()
        return self.kek.wrap(key, context)

    def unwrap(self, wrapped: bytes, context: str) -> Secret:
        return self.kek.unwrap(wrapped, context)


def test_threads_that_all_found_no_data_key_get_the_same_one(kek: FileKeyEncryptionKey, tmp_path: Path) -> None:
    threads = 8
    everybody_found_none = Barrier(threads)
    keys = DataKeys(Interrupted(kek, everybody_found_none.wait), tmp_path / "wraps", system_random)
    with ThreadPoolExecutor(threads) as pool:
        made = list(pool.map(keys.open_or_create, ["w1-clks"] * threads))
    assert all(key == made[0] for key in made)
    assert keys.open("w1-clks") == made[0]
    assert [path.name for path in (tmp_path / "wraps").iterdir()] == ["w1-clks.wrap"]


def test_a_data_key_that_another_process_made_meanwhile_is_not_replaced(
    kek: FileKeyEncryptionKey, data_keys: DataKeys, tmp_path: Path
) -> None:
    sealed: list[bytes] = []

    def other_process() -> None:
        sealed.append(seal_bytes(data_keys.open_or_create("w1-clks"), b"encodings", b"", system_random))

    slow = DataKeys(Interrupted(kek, other_process), tmp_path / "wraps", system_random)
    assert open_bytes(slow.open_or_create("w1-clks"), sealed[0], b"") == b"encodings"


def test_a_data_key_is_on_disk_before_it_is_used_also_by_one_that_found_it_there(
    data_keys: DataKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wraps = tmp_path / "wraps"
    flushed: list[tuple[str, bool]] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        what = "names" if os.fstat(descriptor).st_ino == wraps.stat().st_ino else "content"
        flushed.append((what, (wraps / "w1-clks.wrap").exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    data_keys.open_or_create("w1-clks")
    assert flushed == [("content", False), ("names", True)]
    # A process that was killed before it flushed the names leaves a key that only seems to be there.
    data_keys.open_or_create("w1-clks")
    assert flushed[2:] == [("names", True)]


def test_a_name_that_a_killed_process_left_of_a_destroyed_wrap_does_not_bring_it_back(
    data_keys: DataKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(Path, "unlink", lambda _: None)
        data_keys.open_or_create("w1-clks")
    wrapped = (tmp_path / "wraps" / "w1-clks.wrap").read_bytes()
    data_keys.destroy("w1-clks")
    (left,) = (tmp_path / "wraps").iterdir()
    assert left.name.startswith(".")
    assert left.read_bytes() != wrapped


def test_wraps_of_two_keys_swapped_do_not_open(data_keys: DataKeys, tmp_path: Path) -> None:
    data_keys.open_or_create("a")
    data_keys.open_or_create("b")
    a, b = tmp_path / "wraps" / "a.wrap", tmp_path / "wraps" / "b.wrap"
    (first, second) = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)
    for name in ("a", "b"):
        with pytest.raises(Tampered):
            data_keys.open(name)


def test_a_destroyed_key_is_gone_from_disk_and_what_it_sealed_stays_shut(data_keys: DataKeys, tmp_path: Path) -> None:
    sealed = seal_bytes(data_keys.open_or_create("w1-clks"), b"encodings", b"", system_random)
    assert data_keys.has("w1-clks")
    data_keys.destroy("w1-clks")
    assert not data_keys.has("w1-clks")
    assert list((tmp_path / "wraps").iterdir()) == []
    with pytest.raises(Tampered, match="destroyed"):
        data_keys.open("w1-clks")
    # A key made again under the name is another one.
    with pytest.raises(Tampered):
        open_bytes(data_keys.open_or_create("w1-clks"), sealed, b"")
    data_keys.destroy("never-there")


def test_a_destroyed_key_is_gone_from_the_medium_before_its_owner_goes_on(
    data_keys: DataKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_keys.open_or_create("w1-clks")
    wrap = tmp_path / "wraps" / "w1-clks.wrap"
    wrapped, place = wrap.read_bytes(), wrap.stat().st_ino
    flushed: list[tuple[bool, bytes | None]] = []

    def fsync(descriptor: int) -> None:
        inode = os.fstat(descriptor).st_ino
        flushed.append((inode == place, wrap.read_bytes() if wrap.exists() else None))

    monkeypatch.setattr(os, "fsync", fsync)
    data_keys.destroy("w1-clks")
    overwritten, removed = flushed
    # First the same blocks with other bytes, then the folder without the name.
    assert overwritten[0]
    assert overwritten[1] is not None
    assert len(overwritten[1]) == len(wrapped)
    assert overwritten[1] != wrapped
    assert removed == (False, None)


def test_a_secret_of_any_length_is_kept_under_a_name_and_replaced(data_keys: DataKeys) -> None:
    data_keys.keep("wave-key", Secret(b"p" * 96))
    data_keys.keep("wave-key", Secret(b"q" * 96))
    assert data_keys.open("wave-key") == Secret(b"q" * 96)


@pytest.mark.parametrize("name", ["", "../kek", "a/b", "A", ".hidden", "a\n", "a" * 202])
def test_a_name_that_could_leave_the_folder_is_refused(data_keys: DataKeys, name: str) -> None:
    for use in (data_keys.open_or_create, data_keys.open, data_keys.has, data_keys.destroy):
        with pytest.raises(ValueError, match="name has lower-case letters"):
            use(name)


@pytest.mark.parametrize("change", [0, 11, 12, 20, -1])
def test_a_changed_byte_of_sealed_bytes_is_found(change: int) -> None:
    sealed = bytearray(seal_bytes(KEY, b"some content", b"context", system_random))
    sealed[change] ^= 1
    with pytest.raises(Tampered):
        open_bytes(KEY, bytes(sealed), b"context")


@pytest.mark.parametrize("associated", [b"", b"contex", b"context2"])
def test_sealed_bytes_do_not_open_in_another_context(associated: bytes) -> None:
    sealed = seal_bytes(KEY, b"some content", b"context", system_random)
    assert open_bytes(KEY, sealed, b"context") == b"some content"
    with pytest.raises(Tampered):
        open_bytes(KEY, sealed, associated)
    with pytest.raises(Tampered):
        open_bytes(Secret(b"o" * 32), sealed, b"context")


def test_the_nonce_is_the_randomness_that_was_passed_in() -> None:
    assert seal_bytes(KEY, b"", b"", lambda length: b"n" * length)[:12] == b"n" * 12
    assert seal_bytes(KEY, b"x", b"", system_random) != seal_bytes(KEY, b"x", b"", system_random)


def test_files_lie_sealed_and_come_back_by_name(folder: SealedFolder, tmp_path: Path) -> None:
    folder.write("chunk-2", b"second canary")
    folder.write("chunk-1", b"first canary")
    folder.write("chunk-1", b"first canary again")
    assert folder.read("chunk-1") == b"first canary again"
    for path in (tmp_path / "sealed").iterdir():
        assert b"canary" not in path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_file_names_swapped_do_not_open(folder: SealedFolder, tmp_path: Path) -> None:
    folder.write("a", b"first")
    folder.write("b", b"second")
    a, b, aside = (tmp_path / "sealed" / name for name in ("a", "b", "aside"))
    a.rename(aside)
    b.rename(a)
    aside.rename(b)
    for name in ("a", "b"):
        with pytest.raises(Tampered):
            folder.read(name)


def test_a_file_of_another_folder_does_not_open(folder: SealedFolder, tmp_path: Path) -> None:
    other = SealedFolder(tmp_path / "other", Secret(b"o" * 32), system_random)
    other.write("a", b"first")
    (tmp_path / "sealed" / "a").write_bytes((tmp_path / "other" / "a").read_bytes())
    with pytest.raises(Tampered):
        folder.read("a")
