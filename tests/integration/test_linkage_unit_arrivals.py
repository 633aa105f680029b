"""Chunks counted by the group: what the store counts is on disk, however a stream ends and whoever overtakes it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkage_core.errors import InputFault, Tampered
from linkage_core.types import PartyName
from services.common.errors import Conflict
from services.common.identity import Caller, Role
from services.common.sealed_frames import FrameFile
from services.linkage_unit import arrivals
from services.linkage_unit.content import SealedChunks
from services.linkage_unit.intake import read_chunk
from services.linkage_unit.project import Begin, Upload, UploadState
from services.linkage_unit.unit import LinkageUnit
from services.linkage_unit.uploading import put_chunks, stored_chunks
from services.wire.messages import Chunk
from tests.support.linkage import chunks_of, config_of, encode_people, opened
from tests.support.parties import Parties, make_parties

CALLER = Caller(Role.PROVIDER, PartyName("tax"))
CHUNKS = chunks_of(encode_people("tax", range(400)))
SIZE = len(CHUNKS[0])
ID = b"u" * 16


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


@pytest.fixture
def unit(parties: Parties, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LinkageUnit]:
    """A linkage unit with an upload of ten chunks begun, and groups of three chunks."""
    monkeypatch.setattr(arrivals, "GROUP_BYTES", 3 * SIZE)
    with opened(config_of(parties, tmp_path)) as unit:
        new = Upload(ID, unit.version, "w1", "tax", "key", b"manifest", 400, len(CHUNKS), 0, UploadState.OPEN)
        unit.uploads.begin(new, lambda *_: Begin.CREATE)
        yield unit


def numbered(number: int, content: bytes | None = None) -> Chunk:
    content = CHUNKS[number] if content is None else content
    return Chunk(ID, number, hashlib.sha256(content).digest(), content)


def counted(unit: LinkageUnit) -> list[bytes]:
    """What the store counts, as it lies on disk."""
    [upload] = unit.uploads.of_wave("w1")
    digests = unit.uploads.digests(ID)
    assert len(digests) == upload.next_chunk
    return list(stored_chunks(unit, upload, digests))


def files(unit: LinkageUnit) -> list[str]:
    return sorted(path.name for path in (unit.content.folder / "encodings" / ID.hex()).iterdir())


def test_a_whole_stream_is_on_disk_in_groups(unit: LinkageUnit) -> None:
    assert put_chunks(unit, CALLER, map(numbered, range(10))) == 10
    assert counted(unit) == CHUNKS
    assert [name.rpartition(".")[2] for name in files(unit)] == ["00000000", "00000003", "00000006", "00000009"]


def test_a_line_that_breaks_within_a_group_keeps_all_that_came_across(unit: LinkageUnit) -> None:
    def breaking() -> Iterator[Chunk]:
        yield from map(numbered, range(5))
        raise ConnectionError

    with pytest.raises(ConnectionError):
        put_chunks(unit, CALLER, breaking())
    assert counted(unit) == CHUNKS[:5]
    assert put_chunks(unit, CALLER, map(numbered, range(5, 10))) == 10
    assert counted(unit) == CHUNKS


def test_a_tampered_chunk_takes_none_of_those_before_it_along(unit: LinkageUnit) -> None:
    bad = Chunk(ID, 2, hashlib.sha256(CHUNKS[2]).digest(), CHUNKS[3])
    with pytest.raises(Tampered):
        put_chunks(unit, CALLER, [numbered(0), numbered(1), bad, numbered(3)])
    assert counted(unit) == CHUNKS[:2]


def test_a_chunk_sent_twice_in_one_stream_counts_once_and_not_with_another_content(unit: LinkageUnit) -> None:
    assert put_chunks(unit, CALLER, map(numbered, (0, 1, 0, 1, 2))) == 3
    with pytest.raises(Conflict, match="chunk 3 has already arrived with another content"):
        put_chunks(unit, CALLER, [numbered(3), numbered(3, CHUNKS[4])])
    assert counted(unit) == CHUNKS[:4]


def test_a_stream_that_another_one_overtakes_writes_over_nothing_and_learns_what_is_wanted(unit: LinkageUnit) -> None:
    def overtaken() -> Iterator[Chunk]:
        yield numbered(0)
        assert put_chunks(unit, CALLER, map(numbered, range(7))) == 7
        yield from map(numbered, range(1, 10))

    assert put_chunks(unit, CALLER, overtaken()) == 7
    assert counted(unit) == CHUNKS[:7]
    assert not [name for name in files(unit) if name.startswith(".")]
    assert put_chunks(unit, CALLER, map(numbered, range(7, 10))) == 10
    assert counted(unit) == CHUNKS


def test_an_overtaking_stream_with_other_contents_is_a_conflict(unit: LinkageUnit) -> None:
    def overtaken() -> Iterator[Chunk]:
        yield numbered(0)
        put_chunks(unit, CALLER, map(numbered, range(3)))
        yield numbered(1, CHUNKS[5])
        yield numbered(2)

    with pytest.raises(Conflict, match="chunk 1"):
        put_chunks(unit, CALLER, overtaken())
    assert counted(unit) == CHUNKS[:3]


def test_chunks_of_more_rows_than_the_manifest_states_are_refused_in_whatever_streams_they_come(
    unit: LinkageUnit,
) -> None:
    double = chunks_of(encode_people("tax", range(800)), rows_per_chunk=80)
    with pytest.raises(InputFault, match="chunk 5: more bytes came than the 400 rows"):
        put_chunks(unit, CALLER, map(numbered, range(10), double))
    assert counted(unit) == double[:5]
    for _ in range(2):
        with pytest.raises(InputFault, match="chunk 5: more bytes came than the 400 rows"):
            put_chunks(unit, CALLER, [numbered(5, double[5])])
    assert counted(unit) == double[:5]


def test_chunks_that_are_filled_up_with_what_is_no_row_are_refused(unit: LinkageUnit) -> None:
    filler = (15 << 3 | 2).to_bytes(1, "big") + b"\x80\x80\x40" + bytes(1 << 20)  # a field that nobody reads
    read_chunk(unit.agreement.document, CHUNKS[0] + filler)
    with pytest.raises(InputFault, match="chunk 0: more bytes came"):
        put_chunks(unit, CALLER, [numbered(0, CHUNKS[0] + filler)])
    assert unit.uploads.digests(ID) == []


def test_a_stream_that_outlives_its_upload_makes_no_key_anew_and_writes_no_row(
    unit: LinkageUnit, monkeypatch: pytest.MonkeyPatch
) -> None:
    [upload] = unit.uploads.of_wave("w1")
    sealed = unit.content.encodings(upload.agreement, upload.wave, upload.provider, upload.id)
    begin_group, begun_late = SealedChunks.begin_group, list[int]()

    def begin(chunks: SealedChunks, first: int) -> FrameFile:
        begun_late.append(first)
        return begin_group(chunks, first)

    def outliving() -> Iterator[Chunk]:
        yield from map(numbered, range(3))
        while put_chunks(unit, CALLER, map(numbered, range(10))) < 10:
            continue  # the one stream has overtaken the other
        assert unit.uploads.commit(ID)
        unit.content.destroy_encodings(upload.agreement, upload.wave, upload.provider)
        sealed.remove()
        unit.uploads.delete_content(ID)
        monkeypatch.setattr(SealedChunks, "begin_group", begin)
        yield from map(numbered, range(3, 10))

    with pytest.raises(Conflict, match="closed or was replaced"):
        put_chunks(unit, CALLER, outliving())
    assert begun_late == []
    assert not sealed.folder.exists()
    assert not unit.data_keys.has(sealed.key_name)


def test_a_group_that_cannot_be_written_is_not_counted(unit: LinkageUnit, monkeypatch: pytest.MonkeyPatch) -> None:
    keep, kept = FrameFile.keep, 0

    def full(file: FrameFile) -> None:
        nonlocal kept
        kept += 1
        if kept == 2:
            file.discard()
            raise OSError(28, "No space left on device")
        keep(file)

    monkeypatch.setattr(FrameFile, "keep", full)
    with pytest.raises(OSError, match="No space left"):
        put_chunks(unit, CALLER, map(numbered, range(10)))
    assert counted(unit) == CHUNKS[:3]
    monkeypatch.undo()
    assert put_chunks(unit, CALLER, map(numbered, range(3, 10))) == 10
    assert counted(unit) == CHUNKS


def test_a_group_taken_from_another_upload_or_place_does_not_open(unit: LinkageUnit) -> None:
    put_chunks(unit, CALLER, map(numbered, range(6)))
    folder = unit.content.folder / "encodings" / ID.hex()
    first, second = sorted(folder.iterdir())
    first.write_bytes(second.read_bytes())
    with pytest.raises(Tampered):
        counted(unit)
    first.unlink()
    with pytest.raises(Tampered, match="chunk 0 of 6"):
        counted(unit)
