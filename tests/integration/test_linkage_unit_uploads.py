"""Uploads to the linkage unit over real mTLS: resumed, attacked, refused."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from linkage_core.types import PartyName
from services.common.errors import Code, Conflict, Denied, NotReady, RemoteRefusal
from services.common.identity import Caller, Role
from services.linkage_unit.content import SealedChunks
from services.linkage_unit.unit import LinkageUnit
from services.linkage_unit.uploading import put_chunks, stored_chunks
from services.wire import messages
from services.wire.convert.signed import sign_message
from tests.support.linkage import (
    EncodedPeople,
    Provider,
    chunks_of,
    config_of,
    connected,
    encode_people,
    manifest_of,
    opened,
    served,
)
from tests.support.parties import LINKAGE_UNIT, Parties, make_parties

PEOPLE = range(100)


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


@pytest.fixture
def unit(parties: Parties, tmp_path: Path) -> Iterator[LinkageUnit]:
    with opened(config_of(parties, tmp_path)) as unit:
        yield unit


@pytest.fixture
def address(unit: LinkageUnit) -> Iterator[str]:
    with served(unit) as address:
        yield address


@pytest.fixture
def providers(parties: Parties, address: str) -> Iterator[dict[str, Provider]]:
    with connected(parties, address) as providers:
        yield providers


@pytest.fixture
def tax(providers: dict[str, Provider]) -> Provider:
    """A provider after the key checks of all agreed."""
    for provider in providers.values():
        provider.check()
    return providers["tax"]


@pytest.fixture
def file() -> EncodedPeople:
    return encode_people("tax", PEOPLE)


# ---------------------------------------------------------------------------------------------------- M3: uploads


def test_an_upload_goes_on_where_it_stopped(parties: Parties, tax: Provider, file: EncodedPeople) -> None:
    chunks = chunks_of(file)
    signed = tax.sign(manifest_of(parties, 100, chunks), "w1")
    state = tax.begin("attempt", signed)
    assert tax.put(state.transfer_id, chunks[:1]) == 1
    resumed = tax.begin("attempt", signed)
    assert resumed == replace(state, next_chunk=1)
    assert tax.put(state.transfer_id, chunks[1:], first=1) == 3
    assert tax.commit(state.transfer_id, manifest_of(parties, 100, chunks).root) == 100
    assert tax.begin("attempt", signed) == messages.TransferState(state.transfer_id, 3, True)
    assert tax.commit(state.transfer_id, manifest_of(parties, 100, chunks).root) == 100


def test_an_upload_survives_a_restart_of_the_linkage_unit(parties: Parties, tmp_path: Path) -> None:
    file = encode_people("tax", PEOPLE)
    chunks = chunks_of(file)
    config = config_of(parties, tmp_path)
    with opened(config) as unit, served(unit) as address, connected(parties, address) as providers:
        for provider in providers.values():
            provider.check()
        signed = providers["tax"].sign(manifest_of(parties, 100, chunks), "w1")
        state = providers["tax"].begin("attempt", signed)
        providers["tax"].put(state.transfer_id, chunks[:2])
    with opened(config) as unit, served(unit) as address, connected(parties, address) as providers:
        tax = providers["tax"]
        assert tax.begin("attempt", signed).next_chunk == 2
        assert tax.put(state.transfer_id, chunks[2:], first=2) == 3
        assert tax.commit(state.transfer_id, manifest_of(parties, 100, chunks).root) == 100


def test_a_chunk_sent_twice_counts_once_and_an_early_one_is_sent_back(
    parties: Parties, tax: Provider, file: EncodedPeople
) -> None:
    chunks = chunks_of(file)
    state = tax.begin("attempt", tax.sign(manifest_of(parties, 100, chunks), "w1"))
    assert tax.put(state.transfer_id, chunks[2:], first=2) == 0
    assert tax.put(state.transfer_id, [*chunks[:1]]) == 1
    assert tax.put(state.transfer_id, chunks) == 3


def test_a_tampered_chunk_is_refused_and_does_not_count(parties: Parties, tax: Provider, file: EncodedPeople) -> None:
    chunks = chunks_of(file)
    signed = tax.sign(manifest_of(parties, 100, chunks), "w1")
    state = tax.begin("attempt", signed)
    tampered = chunks[0][:-1] + bytes([chunks[0][-1] ^ 1])
    with pytest.raises(RemoteRefusal) as refusal:
        tax.put_raw([messages.Chunk(state.transfer_id, 0, hashlib.sha256(chunks[0]).digest(), tampered)])
    assert refusal.value.code is Code.TAMPERED
    assert tax.begin("attempt", signed).next_chunk == 0


def test_a_chunk_exchanged_with_its_digest_breaks_the_root(
    parties: Parties, tax: Provider, file: EncodedPeople
) -> None:
    chunks = chunks_of(file)
    state = tax.begin("attempt", tax.sign(manifest_of(parties, 100, chunks), "w1"))
    tax.put(state.transfer_id, [*chunks[:2], *chunks_of(encode_people("tax", range(200, 220)))])
    with pytest.raises(RemoteRefusal, match="root") as refusal:
        tax.commit(state.transfer_id, manifest_of(parties, 100, chunks).root)
    assert refusal.value.code is Code.TAMPERED


def test_a_commit_before_the_last_chunk_is_too_early(parties: Parties, tax: Provider, file: EncodedPeople) -> None:
    chunks = chunks_of(file)
    manifest = manifest_of(parties, 100, chunks)
    state = tax.begin("attempt", tax.sign(manifest, "w1"))
    tax.put(state.transfer_id, chunks[:2])
    with pytest.raises(NotReady, match="chunk 2 of 3"):
        tax.commit(state.transfer_id, manifest.root)


def test_a_chunk_of_another_shape_is_refused_by_its_columns(
    parties: Parties, tax: Provider, file: EncodedPeople
) -> None:
    chunks = chunks_of(file)
    state = tax.begin("attempt", tax.sign(manifest_of(parties, 100, chunks), "w1"))
    with pytest.raises(RemoteRefusal, match="clks") as refusal:
        tax.put(state.transfer_id, chunks_of(replace(file, bits={"names-year": file.bits["names-year"]})))
    assert refusal.value.code is Code.BAD_INPUT


def test_repeated_handles_do_not_become_a_file(parties: Parties, tax: Provider, file: EncodedPeople) -> None:
    doubled = replace(file, handles=file.handles[:16] + file.handles[:16] + file.handles[32:])
    chunks = chunks_of(doubled)
    manifest = manifest_of(parties, 100, chunks)
    state = tax.begin("attempt", tax.sign(manifest, "w1"))
    tax.put(state.transfer_id, chunks)
    with pytest.raises(RemoteRefusal, match="1 repeated handles"):
        tax.commit(state.transfer_id, manifest.root)


def test_an_upload_replayed_by_another_provider_is_refused(
    parties: Parties, providers: dict[str, Provider], tax: Provider, file: EncodedPeople
) -> None:
    chunks = chunks_of(file)
    signed = tax.sign(manifest_of(parties, 100, chunks), "w1")
    state = tax.begin("attempt", signed)
    with pytest.raises(RemoteRefusal) as refusal:
        providers["border"].begin("attempt", signed)
    assert refusal.value.code is Code.TAMPERED
    with pytest.raises(Denied):
        providers["border"].put(state.transfer_id, chunks)


def test_an_upload_replayed_in_another_wave_is_refused(parties: Parties, tax: Provider, file: EncodedPeople) -> None:
    signed = tax.sign(manifest_of(parties, 100, chunks_of(file)), "w1")
    context = parties.verified.context("w2")
    moved = replace(signed, statement=replace(signed.statement, context=context))
    with pytest.raises(RemoteRefusal) as refusal:
        tax.begin("attempt", moved)
    assert refusal.value.code is Code.TAMPERED


def test_an_unlisted_wave_is_refused_by_its_clause(parties: Parties, tax: Provider, file: EncodedPeople) -> None:
    with pytest.raises(RemoteRefusal, match="clause waves") as refusal:
        tax.begin("attempt", tax.sign(manifest_of(parties, 100, chunks_of(file)), "w9"))
    assert refusal.value.code is Code.REFUSED


def test_a_message_under_another_agreement_is_refused(parties: Parties, tax: Provider, file: EncodedPeople) -> None:
    context = replace(parties.verified.context("w1"), epoch=2)
    signed = sign_message(
        tax.keys.identity, PartyName("tax"), LINKAGE_UNIT, context, manifest_of(parties, 100, chunks_of(file))
    )
    with pytest.raises(RemoteRefusal, match="epoch") as refusal:
        tax.begin("attempt", signed)
    assert refusal.value.code is Code.TAMPERED


def test_an_encoding_under_another_secret_is_refused(parties: Parties, tax: Provider, file: EncodedPeople) -> None:
    manifest = manifest_of(parties, 100, chunks_of(file), key_check=b"x" * 16)
    with pytest.raises(RemoteRefusal, match="clause epoch"):
        tax.begin("attempt", tax.sign(manifest, "w1"))


def test_an_uncommitted_upload_gives_way_and_a_committed_one_never(
    parties: Parties, tax: Provider, file: EncodedPeople
) -> None:
    chunks = chunks_of(file)
    first = tax.begin("first", tax.sign(manifest_of(parties, 100, chunks), "w1"))
    tax.put(first.transfer_id, chunks[:1])
    again = encode_people("tax", range(90))
    tax.upload(again, key="second")
    with pytest.raises(Denied):
        tax.put(first.transfer_id, chunks[1:], first=1)
    with pytest.raises(RemoteRefusal) as refusal:
        tax.begin("third", tax.sign(manifest_of(parties, 100, chunks), "w1"))
    assert refusal.value.code is Code.CONFLICT


def test_an_upload_gives_way_while_a_stream_of_it_is_still_writing(
    parties: Parties, unit: LinkageUnit, tax: Provider, file: EncodedPeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = chunks_of(file)
    first = tax.begin("first", tax.sign(manifest_of(parties, 100, chunks), "w1"))
    tax.put(first.transfer_id, chunks[:1])
    folder = unit.content.folder / "encodings" / first.transfer_id.hex()
    rmdir = os.rmdir

    def emptied(path: str, **where: int) -> None:
        """Write, as the old stream would that has its turn, after the folder was emptied and before it goes."""
        if folder.exists() and unit.writing.acquire(blocking=False):
            (folder / ".group").write_bytes(b"rows")
            unit.writing.release()
        rmdir(path, **where)

    monkeypatch.setattr(os, "rmdir", emptied)
    again = chunks_of(encode_people("tax", range(90)))
    second = tax.begin("second", tax.sign(manifest_of(parties, 90, again), "w1"))
    assert second.next_chunk == 0
    assert not folder.exists()


def test_a_second_stream_of_an_upload_cannot_write_over_what_was_committed(
    parties: Parties, unit: LinkageUnit, tax: Provider, file: EncodedPeople
) -> None:
    chunks = chunks_of(file)
    manifest = manifest_of(parties, 100, chunks)
    state = tax.begin("attempt", tax.sign(manifest, "w1"))
    other = chunks_of(encode_people("tax", range(200, 240)))[0]

    def numbered(number: int, content: bytes) -> messages.Chunk:
        return messages.Chunk(state.transfer_id, number, hashlib.sha256(content).digest(), content)

    tax.put(state.transfer_id, chunks[:1])

    def stream() -> Iterator[messages.Chunk]:
        yield numbered(0, chunks[0])
        tax.put(state.transfer_id, chunks[1:], first=1)
        tax.commit(state.transfer_id, manifest.root)
        yield numbered(1, other)

    with pytest.raises(Conflict):
        put_chunks(unit, Caller(Role.PROVIDER, PartyName("tax")), stream())
    (upload,) = unit.uploads.of_wave("w1")
    assert list(stored_chunks(unit, upload, unit.uploads.digests(upload.id))) == chunks


def test_what_a_killed_process_left_of_a_group_goes_when_the_upload_is_committed(
    parties: Parties, unit: LinkageUnit, tax: Provider, file: EncodedPeople
) -> None:
    chunks = chunks_of(file)
    manifest = manifest_of(parties, 100, chunks)
    state = tax.begin("attempt", tax.sign(manifest, "w1"))
    tax.put(state.transfer_id, chunks)
    folder = unit.content.folder / "encodings" / state.transfer_id.hex()
    whole = set(folder.iterdir())
    (folder / f".{min(whole).name}.0011223344556677").write_bytes(b"half a group")
    tax.commit(state.transfer_id, manifest.root)
    assert set(folder.iterdir()) == whole


def test_a_committed_upload_is_in_the_audit_log_even_if_what_is_left_over_cannot_be_removed(
    parties: Parties, unit: LinkageUnit, tax: Provider, file: EncodedPeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = chunks_of(file)
    manifest = manifest_of(parties, 100, chunks)
    state = tax.begin("attempt", tax.sign(manifest, "w1"))
    tax.put(state.transfer_id, chunks)

    def fails(_: SealedChunks) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(SealedChunks, "remove_unfinished", fails)
    with pytest.raises(RemoteRefusal) as refusal:
        tax.commit(state.transfer_id, manifest.root)
    assert refusal.value.code is Code.INTERNAL
    assert tax.commit(state.transfer_id, manifest.root) == 100
    audit = (unit.content.folder.parent / "audit-serve.jsonl").read_text()
    assert audit.count('"upload committed"') == 1


def test_a_file_that_was_not_diffused_does_not_count(parties: Parties, tax: Provider, file: EncodedPeople) -> None:
    plain = np.packbits(np.random.default_rng(1).random((100, 256)) < 0.27, axis=1).tobytes()
    chunks = chunks_of(replace(file, bits=file.bits | {"names-day": plain}))
    manifest = manifest_of(parties, 100, chunks)
    signed = tax.sign(manifest, "w1")
    state = tax.begin("attempt", signed)
    tax.put(state.transfer_id, chunks)
    with pytest.raises(RemoteRefusal, match=r"CLK names-day: .* not encoded with t = 8") as refusal:
        tax.commit(state.transfer_id, manifest.root)
    assert refusal.value.code is Code.BAD_INPUT
    assert "encode the file anew" in str(refusal.value)
    assert not tax.begin("attempt", signed).committed


def test_a_file_without_rows_is_refused_before_a_chunk_is_taken(
    parties: Parties, tax: Provider, file: EncodedPeople
) -> None:
    with pytest.raises(RemoteRefusal, match=r"0 rows, at least 1 are agreed \(volume\.minimum_rows\)"):
        tax.begin("attempt", tax.sign(manifest_of(parties, 0, chunks_of(file)[:1]), "w1"))


def test_too_large_a_change_against_the_wave_before_is_refused(
    parties: Parties, tax: Provider, file: EncodedPeople
) -> None:
    tax.upload(file)
    with pytest.raises(RemoteRefusal, match=r"volume\.maximum_change_per_mille"):
        tax.upload(encode_people("tax", range(151)), wave="w2")
    tax.upload(encode_people("tax", range(150)), wave="w2")
