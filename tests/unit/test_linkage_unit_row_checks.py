"""Rows that do not keep what their manifest says are refused at commit, by counts: diffusion, garbage, repeats."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from linkage_core.agreement.document import Agreement
from linkage_core.errors import InputFault
from services.linkage_unit.intake import read_chunk
from services.linkage_unit.row_checks import judge_rows, mean_range, row_range
from services.wire.messages import ClkColumn, ClkStatement, EncodedChunk, MatchKeyColumn, UploadManifest
from tests.support.linkage import CLK_BYTES, FILL_PPM, chunks_of, clk_statement, encode_people, manifest_of
from tests.support.parties import Parties, make_parties

ROWS = 100
BITS = 8 * CLK_BYTES


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


@pytest.fixture(scope="module")
def agreement(parties: Parties) -> Agreement:
    return parties.verified.document


@pytest.fixture(scope="module")
def manifest(parties: Parties) -> UploadManifest:
    return manifest_of(parties, ROWS, chunks_of(encode_people("tax", range(ROWS))))


def rows(agreement: Agreement, people: range = range(ROWS), *, with_keys: bool = False) -> list[EncodedChunk]:
    return [read_chunk(agreement, c) for c in chunks_of(encode_people("tax", people), with_keys=with_keys)]


def faults_of(manifest: UploadManifest, chunks: list[EncodedChunk]) -> tuple[str, ...]:
    with pytest.raises(InputFault, match="encode the file anew") as fault:
        judge_rows(manifest, chunks)
    return fault.value.faults


def with_clk(chunk: EncodedChunk, change: Callable[[ClkColumn], ClkColumn], name: str = "names-day") -> EncodedChunk:
    return replace(chunk, clks={**chunk.clks, name: change(chunk.clks[name])})


def codes(rows: int, share: float, seed: int = 1) -> bytes:
    """Codes of which each bit is set with this chance."""
    return np.packbits(np.random.default_rng(seed).random((rows, BITS)) < share, axis=1).tobytes()


def drawn(share: float) -> Callable[[ClkColumn], ClkColumn]:
    """Codes of which each bit is set with this chance, in place of a column's own."""
    return lambda column: replace(column, bits=codes(len(column.present), share))


def test_rows_as_stated_are_accepted(agreement: Agreement, manifest: UploadManifest) -> None:
    judge_rows(manifest, rows(agreement))
    judge_rows(manifest, rows(agreement, with_keys=True))


def test_a_frequency_class_that_few_rows_share_is_refused(agreement: Agreement, manifest: UploadManifest) -> None:
    def with_classes(*numbers: int) -> list[EncodedChunk]:
        shared = iter(bytes(number for number, rows in enumerate(numbers) for _ in range(rows)))
        chunks = rows(agreement)
        return [
            replace(chunk, frequency_classes={"family": bytes(islice(shared, len(chunk.row_ids) // 16))})
            for chunk in chunks
        ]

    judge_rows(manifest, with_classes(20, 76, 4))
    judge_rows(manifest, with_classes(100))
    assert faults_of(manifest, with_classes(20, 3, 77)) == (
        "frequency class 1 of family: 3 of 80 rows, fewer than 50 per mille",
    )


def test_missing_rows_are_counted(agreement: Agreement, manifest: UploadManifest) -> None:
    assert faults_of(manifest, rows(agreement, range(99))) == ("99 rows came, the manifest states 100",)


def test_rows_beyond_those_stated_are_refused_before_the_rest_is_read(
    agreement: Agreement, manifest: UploadManifest
) -> None:
    read = 0

    def endless() -> Iterator[EncodedChunk]:
        nonlocal read
        chunks = rows(agreement, range(200))
        for chunk in chunks:
            read += 1
            yield chunk
        pytest.fail("all was read")

    with pytest.raises(InputFault, match="encode the file anew") as fault:
        judge_rows(manifest, endless())
    assert fault.value.faults == ("more rows came than the 100 that the manifest states",)
    assert read == 3


def test_repeated_row_ids_and_handles_are_counted(agreement: Agreement, manifest: UploadManifest) -> None:
    first, *others = rows(agreement)
    doubled = replace(first, row_ids=first.row_ids[:16] * 2 + first.row_ids[32:], handles=first.handles[:32] * 20)
    assert faults_of(manifest, [doubled, *others]) == ("1 repeated row ids", "38 repeated handles")


def test_identifiers_that_share_a_half_are_not_repeats(agreement: Agreement, manifest: UploadManifest) -> None:
    first, *others = rows(agreement)
    halves = b"".join(b"same-hal" + first.row_ids[16 * row + 8 : 16 * row + 16] for row in range(40))
    judge_rows(manifest, [replace(first, row_ids=halves), *others])


def test_an_encoding_stated_as_absent_must_be_absent(agreement: Agreement, manifest: UploadManifest) -> None:
    absent = replace(manifest, clks=(clk_statement("names-year"), clk_statement("names-day", 0)))
    assert faults_of(absent, rows(agreement)) == ("CLK names-day: stated as absent, but some rows have it",)


def test_an_encoding_stated_as_measured_must_be_there(agreement: Agreement, manifest: UploadManifest) -> None:
    nowhere = [with_clk(chunk, lambda column: nobody(column)) for chunk in rows(agreement)]
    assert faults_of(manifest, nowhere) == ("CLK names-day: stated as measured, but no row has it",)


def test_a_file_in_which_no_row_can_be_linked_is_refused(agreement: Agreement, manifest: UploadManifest) -> None:
    bare = [with_clk(with_clk(chunk, nobody), nobody, "names-year") for chunk in rows(agreement)]
    absent = replace(manifest, clks=tuple(clk_statement(clk.name, 0) for clk in manifest.clks))
    (fault,) = faults_of(absent, bare)
    assert "no row has any CLK or match key" in fault
    assert "mapping" in fault


def test_codes_that_were_not_diffused_are_refused_by_their_mean(agreement: Agreement, manifest: UploadManifest) -> None:
    plain = [with_clk(chunk, drawn(FILL_PPM / 1e6)) for chunk in rows(agreement)]
    (fault,) = faults_of(manifest, plain)
    assert "CLK names-day" in fault
    assert "t = 8" in fault
    assert f"of {BITS} bits are set on average" in fault


@pytest.mark.parametrize("t", [1, 2, 3])
def test_codes_diffused_with_far_less_than_agreed_are_refused(
    agreement: Agreement, manifest: UploadManifest, t: int
) -> None:
    share = (1 - (1 - 2 * FILL_PPM / 1e6) ** t) / 2
    with pytest.raises(InputFault, match="not encoded with t = 8"):
        judge_rows(manifest, [with_clk(chunk, drawn(share)) for chunk in rows(agreement)])


@pytest.mark.parametrize("filler", [b"\x00", b"\xff"])
def test_rows_of_garbage_are_counted(agreement: Agreement, manifest: UploadManifest, filler: bytes) -> None:
    first, *others = rows(agreement)

    def spoil(column: ClkColumn) -> ClkColumn:
        return replace(column, bits=filler * CLK_BYTES + column.bits[CLK_BYTES:])

    bad = [with_clk(first, spoil), *others]
    assert any("CLK names-day: 1 of 100 rows have a number of bits set" in fault for fault in faults_of(manifest, bad))


def test_bits_and_keys_of_rows_that_have_none_are_counted(agreement: Agreement, manifest: UploadManifest) -> None:
    first, *others = rows(agreement, with_keys=True)
    hidden = with_clk(first, lambda column: replace(column, present=b"\x00" * 3 + column.present[3:]))
    key = hidden.match_keys["names-date"]
    hidden = replace(hidden, match_keys={"names-date": MatchKeyColumn(key.keys, b"\x00" * 2 + key.present[2:])})
    assert faults_of(manifest, [hidden, *others]) == (
        "CLK names-day: 3 rows are marked as having none and have bits set",
        "2 match keys are marked absent and have a value",
    )


def test_every_fault_is_told_together_and_no_value_is(agreement: Agreement, manifest: UploadManifest) -> None:
    first, *others = rows(agreement, range(90))
    twice = replace(first, handles=first.handles[:16] * 2 + first.handles[32:])
    faults = faults_of(manifest, [with_clk(chunk, drawn(0.27)) for chunk in [twice, *others]])
    assert len(faults) == 3
    assert first.handles[:16].hex() not in "".join(faults)


@pytest.mark.parametrize("t", [1, 2, 8, 9])
@pytest.mark.parametrize("fill", [0.1, 0.27, 0.4])
@pytest.mark.parametrize("length", [256, 1024])
def test_codes_of_any_agreed_hardness_lie_within_their_ranges(t: int, fill: float, length: int) -> None:
    """Diffused here by the definition: each output bit the XOR of t positions that one key has chosen."""
    rng = np.random.default_rng([t, length])
    statement = ClkStatement("names", length, t, round(fill * 1e6), 0)
    shares = fill * rng.uniform(0.7, 1.3, size=(2_000, 1))  # of single rows, around the file's
    plain = rng.random((2_000, length)) < shares
    chosen = rng.integers(0, length, size=(length, t)) if t > 1 else np.arange(length)[:, None]
    made = np.bitwise_xor.reduce(plain[:, chosen], axis=2)
    counts = made.sum(axis=1)
    one, mean = row_range(statement), mean_range(statement, len(counts))
    assert one.least <= counts.min() <= counts.max() <= one.most
    assert mean.least <= counts.mean() <= mean.most
    assert one.least < mean.least < mean.most < one.most


def nobody(column: ClkColumn) -> ClkColumn:
    """A column that no row has."""
    return ClkColumn(bytes(len(column.bits)), bytes(len(column.present)))
