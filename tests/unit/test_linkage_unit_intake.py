"""What may enter: a manifest that breaks a clause is refused by that clause, rows that break the manifest by count."""

from dataclasses import replace

import pytest

from linkage_core.agreement.document import Agreement
from linkage_core.errors import InputFault, Refused
from services.linkage_unit.intake import judge_manifest, most_bytes, read_chunk
from services.wire.convert.chunks import encoded_chunk_to_bytes
from services.wire.messages import ClkColumn, EncodedChunk, MatchKeyColumn, UploadManifest
from tests.support.linkage import KEY_CHECK, chunks_of, clk_statement, encode_people, manifest_of
from tests.support.parties import Parties, make_parties

EMPTY = EncodedChunk(
    b"", b"", dict.fromkeys(("names-year", "names-day"), ClkColumn(b"", b"")), {"names-date": MatchKeyColumn(b"", b"")}
)
VOLUME = {"minimum_rows": 10, "maximum_rows": 1000, "maximum_change_per_mille": 100}


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"), volume=VOLUME)


@pytest.fixture(scope="module")
def agreement(parties: Parties) -> Agreement:
    return parties.verified.document


@pytest.fixture(scope="module")
def manifest(parties: Parties) -> UploadManifest:
    return manifest_of(parties, 100, chunks_of(encode_people("tax", range(100))))


def judge(agreement: Agreement, manifest: UploadManifest, previous: int | None = None) -> None:
    judge_manifest(agreement, manifest, agreed_key_check=KEY_CHECK.key_check, previous_rows=previous)


def test_a_manifest_that_keeps_every_clause_may_enter(agreement: Agreement, manifest: UploadManifest) -> None:
    judge(agreement, manifest)
    judge(agreement, manifest, previous=91)


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({"schema_hash": bytes(32)}, "linkage"),
        ({"standardisation_digest": bytes(32)}, "linkage.standardisation.digest"),
        ({"key_check": bytes(16)}, "epoch"),
        ({"row_count": 9}, "volume.minimum_rows"),
        ({"row_count": 1001}, "volume.maximum_rows"),
        ({"clks": (clk_statement("names-year"),)}, "linkage.clks"),
        ({"clks": (clk_statement("names-year"),) * 2}, "linkage.clks"),
    ],
)
def test_a_manifest_is_refused_by_the_clause_it_breaks(
    agreement: Agreement, manifest: UploadManifest, changes: dict[str, object], clause: str
) -> None:
    with pytest.raises(Refused) as refused:
        judge(agreement, replace(manifest, **changes))  # type: ignore[arg-type] # the test's table is not typed by field
    assert refused.value.clause == clause


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({"diffusion_t": 7}, "hardening.minimum_t"),
        ({"length_bits": 128}, "hardening.minimum_length_bits"),
        ({"fill_ppm": 99_999}, "hardening.lowest_fill_per_mille"),
        ({"fill_ppm": 400_001}, "hardening.highest_fill_per_mille"),
        ({"d_ppm": 50_001}, "hardening.maximum_d_ppm"),
        ({"d_ppm": 1}, "hardening.maximum_d_ppm"),
        ({"fill_ppm": 2**32 - 1, "diffusion_t": 2**32 - 1, "d_ppm": 2**32 - 1}, "hardening.minimum_t"),
    ],
)
def test_a_weak_or_misstated_encoding_is_refused(
    agreement: Agreement, manifest: UploadManifest, changes: dict[str, int], clause: str
) -> None:
    weak = replace(clk_statement("names-day"), **changes)  # type: ignore[arg-type] # as above
    with pytest.raises(Refused, match=f"names-day.*{clause}"):
        judge(agreement, replace(manifest, clks=(clk_statement("names-year"), weak)))


@pytest.mark.parametrize("previous", [90, 112])
def test_too_large_a_change_of_volume_is_refused(agreement: Agreement, manifest: UploadManifest, previous: int) -> None:
    with pytest.raises(Refused, match=r"volume\.maximum_change_per_mille"):
        judge(agreement, manifest, previous)


def test_every_fault_of_a_manifest_is_named_together(agreement: Agreement, manifest: UploadManifest) -> None:
    with pytest.raises(Refused) as refused:
        judge(agreement, replace(manifest, schema_hash=bytes(32), row_count=5))
    assert "linkage" in str(refused.value)
    assert "volume.minimum_rows" in str(refused.value)


@pytest.mark.parametrize("chunks", [0, 101])
def test_a_manifest_with_an_impossible_number_of_chunks_is_refused(
    agreement: Agreement, manifest: UploadManifest, chunks: int
) -> None:
    with pytest.raises(InputFault, match="chunk_count"):
        judge(agreement, replace(manifest, chunk_count=chunks))


def test_an_empty_chunk_is_refused(agreement: Agreement) -> None:
    with pytest.raises(InputFault, match="no rows"):
        read_chunk(agreement, encoded_chunk_to_bytes(EMPTY))


@pytest.mark.parametrize("rows_per_chunk", [1, 3, 40, 300])
def test_well_formed_chunks_fit_into_the_bytes_of_their_rows_and_one_more_row_a_chunk_does_not(
    agreement: Agreement, rows_per_chunk: int
) -> None:
    chunks = chunks_of(encode_people("tax", range(300)), rows_per_chunk, with_keys=True)
    size = sum(map(len, chunks))
    assert size <= most_bytes(agreement, 300, len(chunks))
    assert size > most_bytes(agreement, 300 - len(chunks), len(chunks))
