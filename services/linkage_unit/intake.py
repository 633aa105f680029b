"""Whether an encoded file may enter (M3): its manifest before the first chunk, each chunk before it is kept.

The manifest is judged against the agreement: schema, standardisation, hardening as its provider measured it, volume.
The linkage unit cannot measure fill before diffusion; a provider that lies here weakens its own people's protection.
What can be told from the rows, `row_checks` tells at commit.
"""

from collections.abc import Iterator
from typing import Final

from linkage_core.agreement.document import Agreement
from linkage_core.errors import InputFault, Refused
from linkage_core.schema import ClkSpec
from linkage_core.types import IDENTIFIER_BYTES
from services.wire.convert.chunks import encoded_chunk_from_bytes
from services.wire.messages import ClkStatement, EncodedChunk, UploadManifest

MAXIMUM_CHUNKS: Final = 1_000_000
"""Chunks of one upload: at 1 MiB each, far beyond any country's register."""
PPM: Final = 1_000_000
_FIELD_BYTES: Final = 6
"""Most bytes of a field's tag and length."""

Fault = tuple[str, str]
"""Clause and sentence."""


def judge_manifest(
    agreement: Agreement,
    manifest: UploadManifest,
    *,
    agreed_key_check: bytes,
    previous_rows: int | None,
    adds: bool = False,
) -> None:
    """Return if a file as the manifest describes it may be uploaded.

    `previous_rows` is the size of the provider's file in the complete wave before, if there was one; a file that `adds`
    to the registry may hold changes only, and so be smaller than that by any number of rows. Raises `Refused` naming
    the first clause and every fault, and `InputFault` for a manifest that contradicts itself.
    """
    if not 1 <= manifest.chunk_count <= min(MAXIMUM_CHUNKS, max(manifest.row_count, 1)):
        raise InputFault(f"chunk_count must be 1 to {MAXIMUM_CHUNKS}, and at most one a row")
    faults = [
        *_schema_faults(agreement, manifest, agreed_key_check),
        *_volume_faults(agreement, manifest.row_count, previous_rows, adds=adds),
        *_clk_faults(agreement, manifest.clks),
    ]
    if faults:
        raise Refused(faults[0][0], "; ".join(f"{sentence} ({clause})" for clause, sentence in faults))


def _schema_faults(agreement: Agreement, manifest: UploadManifest, agreed_key_check: bytes) -> Iterator[Fault]:
    if manifest.schema_hash != agreement.schema_hash:
        yield "linkage", "the file was encoded under another linkage schema"
    if manifest.standardisation_digest.hex() != agreement.linkage.standardisation.digest:
        yield "linkage.standardisation.digest", "the file was standardised by other rules"
    if manifest.key_check != agreed_key_check:
        yield "epoch", "the file was encoded under another linkage secret than the one that all providers agreed on"


def _volume_faults(agreement: Agreement, rows: int, previous_rows: int | None, *, adds: bool) -> Iterator[Fault]:
    volume = agreement.volume
    if rows < volume.minimum_rows:
        yield "volume.minimum_rows", f"{rows} rows, at least {volume.minimum_rows} are agreed"
    if rows > volume.maximum_rows:
        yield "volume.maximum_rows", f"{rows} rows, at most {volume.maximum_rows} are agreed"
    change = 0 if previous_rows is None else rows - previous_rows
    change = max(change, 0) if adds else abs(change)
    if previous_rows is not None and change * 1000 > volume.maximum_change_per_mille * previous_rows:
        yield (
            "volume.maximum_change_per_mille",
            f"{rows} rows after {previous_rows} in the complete wave before: a change of more than "
            f"{volume.maximum_change_per_mille} per mille",
        )


def _clk_faults(agreement: Agreement, statements: tuple[ClkStatement, ...]) -> Iterator[Fault]:
    specs = {spec.name: spec for spec in agreement.linkage.clks}
    if sorted(statement.name for statement in statements) != sorted(specs):
        yield "linkage.clks", "the manifest must state the hardness of each CLK of the schema once"
        return
    for statement in statements:
        yield from _hardening_faults(agreement, specs[statement.name], statement)


def _hardening_faults(agreement: Agreement, spec: ClkSpec, statement: ClkStatement) -> Iterator[Fault]:
    """A fill of 0 says that no row has this CLK; `judge_rows` holds its provider to it."""
    floor, where = agreement.hardening, f"CLK {spec.name}"
    if statement.diffusion_t != spec.diffusion_t or statement.diffusion_t < floor.minimum_t:
        yield "hardening.minimum_t", f"{where}: t = {statement.diffusion_t}, agreed is {spec.diffusion_t}"
    if statement.length_bits != spec.length_bits or statement.length_bits < floor.minimum_length_bits:
        yield "hardening.minimum_length_bits", f"{where}: {statement.length_bits} bits, agreed are {spec.length_bits}"
    if statement.fill_ppm == 0:
        return
    if statement.fill_ppm < floor.lowest_fill_per_mille * 1000:
        yield (
            "hardening.lowest_fill_per_mille",
            f"{where}: fill {statement.fill_ppm} ppm, below {floor.lowest_fill_per_mille} per mille",
        )
    if statement.fill_ppm > floor.highest_fill_per_mille * 1000:
        yield (
            "hardening.highest_fill_per_mille",
            f"{where}: fill {statement.fill_ppm} ppm, above {floor.highest_fill_per_mille} per mille",
        )
    if statement.d_ppm > floor.maximum_d_ppm:
        yield "hardening.maximum_d_ppm", f"{where}: D = {statement.d_ppm} ppm, above {floor.maximum_d_ppm}"
    expected = abs(1 - 2 * min(statement.fill_ppm, PPM) / PPM) ** (spec.diffusion_t - 1) * PPM
    if abs(statement.d_ppm - expected) > 2 * spec.diffusion_t + 2:  # both are rounded to whole ppm
        yield "hardening.maximum_d_ppm", f"{where}: D = {statement.d_ppm} ppm does not follow from fill and t"


def read_chunk(agreement: Agreement, content: bytes) -> EncodedChunk:
    """Read a chunk's rows; raises `InputFault` unless they have the schema's columns and there is at least one."""
    chunk = encoded_chunk_from_bytes(
        content,
        clk_bytes={spec.name: spec.length_bits // 8 for spec in agreement.linkage.clks},
        match_keys={spec.name for spec in agreement.linkage.match_keys},
        frequency_classes={spec.variable: spec.classes for spec in agreement.linkage.frequency_classes},
    )
    if not chunk.row_ids:
        raise InputFault("an uploaded chunk has no rows")
    return chunk


def most_bytes(agreement: Agreement, rows: int, chunks: int) -> int:
    """Return how many bytes so many rows in so many chunks may take, as protobuf writes them.

    Who sends more sends other rows than stated, or what is no row, and would fill the linkage unit's disk.
    """
    schema = agreement.linkage
    widths = {spec.name: spec.length_bits // 8 for spec in schema.clks}
    columns = [*widths.items(), *((spec.name, IDENTIFIER_BYTES) for spec in schema.match_keys)]
    classes = [spec.variable for spec in schema.frequency_classes]
    row = 2 * IDENTIFIER_BYTES + sum(width + 1 for _, width in columns) + len(classes)
    names = [*(name for name, _ in columns), *classes]
    frame = 2 * _FIELD_BYTES + sum(len(name.encode()) + 4 * _FIELD_BYTES for name in names)
    return rows * row + chunks * frame
