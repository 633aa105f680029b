"""Encodings at rest: what a destroyed key sealed stays closed, and reading never makes a key."""

from pathlib import Path

import pytest

from linkage_core.errors import Tampered
from services.common.clock import system_random
from services.common.sealing import DataKeys, FileKeyEncryptionKey
from services.linkage_unit.content import SealedContent

UPLOAD = bytes(16)


@pytest.fixture
def content(tmp_path: Path) -> SealedContent:
    kek = FileKeyEncryptionKey.load_or_create(tmp_path / "kek", system_random)
    return SealedContent(tmp_path / "sealed", DataKeys(kek, tmp_path / "wraps", system_random), system_random)


def test_encodings_of_a_destroyed_key_cannot_be_read_and_no_key_takes_its_place(
    content: SealedContent, tmp_path: Path
) -> None:
    chunks = content.encodings("ab" * 32, "2026", "tax", UPLOAD)
    chunks.write([b"rows"])
    assert list(chunks.read(1)) == [b"rows"]
    content.destroy_encodings("ab" * 32, "2026", "tax")
    with pytest.raises(Tampered, match="destroyed"):
        list(chunks.read(1))
    assert list((tmp_path / "wraps").iterdir()) == []


def test_removed_chunks_are_gone_and_may_be_removed_again(content: SealedContent, tmp_path: Path) -> None:
    chunks = content.encodings("ab" * 32, "2026", "tax", UPLOAD)
    chunks.write([b"rows"])
    chunks.remove()
    chunks.remove()
    assert list((tmp_path / "sealed" / "encodings").iterdir()) == []


def test_an_unfinished_group_that_its_stream_removed_meanwhile_is_no_fault(
    content: SealedContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = content.encodings("ab" * 32, "2026", "tax", UPLOAD)
    group = chunks.begin_group(0)
    listed = list(chunks.folder.glob(".*"))
    group.discard()
    assert listed
    monkeypatch.setattr(Path, "glob", lambda *_: iter(listed))
    chunks.remove_unfinished()


def test_the_bytes_of_counted_chunks_are_known_from_their_files_alone(content: SealedContent) -> None:
    chunks = content.encodings("ab" * 32, "2026", "tax", UPLOAD)
    assert chunks.bytes_of(0) == 0
    for first, group in (
        (0, [b"a" * 100, b"b" * 50]),
        (2, [b"c" * 7]),
        (3, [b"kept, not counted: a process was killed"]),
    ):
        file = chunks.begin_group(first)
        for chunk in group:
            file.append(chunk)
        file.keep()
    unfinished = chunks.begin_group(3)
    unfinished.append(b"d" * 1000)
    assert chunks.bytes_of(3) == 157
    assert chunks.bytes_of(2) == 150
    assert chunks.bytes_of(0) == 0
    unfinished.discard()
