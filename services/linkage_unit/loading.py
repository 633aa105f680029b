"""Committed uploads, read back from their sealed files as arrays."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage_core.linking.files import ClkColumn, EncodedFile, MatchKeyColumn
from linkage_core.types import IDENTIFIER_BYTES, ClkName, MatchKeyName, PartyName, VariableName
from services.linkage_unit.intake import read_chunk
from services.linkage_unit.project import Upload
from services.linkage_unit.unit import LinkageUnit
from services.linkage_unit.uploading import stored_chunks
from services.wire.messages import EncodedChunk


@dataclass(frozen=True, slots=True, eq=False)
class LoadedUpload:
    """One provider's file: `row_ids` and `handles` uint8, (rows, 16), in the order of `file`'s rows.

    `root` is the SHA-256 over the chunks' SHA-256, as in the manifest.
    """

    upload: Upload
    root: bytes
    row_ids: NDArray[np.uint8]
    handles: NDArray[np.uint8]
    file: EncodedFile


def load_upload(unit: LinkageUnit, upload: Upload) -> LoadedUpload:
    """Read a committed upload; raises `Tampered` if anything at rest is not what arrived."""
    schema = unit.agreement.document.linkage
    digests = unit.uploads.digests(upload.id)
    chunks = [read_chunk(unit.agreement.document, content) for content in stored_chunks(unit, upload, digests)]
    clks = {
        ClkName(spec.name): ClkColumn(
            bits=_rows([chunk.clks[spec.name].bits for chunk in chunks], spec.length_bits // 8),
            present=_mask([chunk.clks[spec.name].present for chunk in chunks]),
        )
        for spec in schema.clks
    }
    match_keys = {
        MatchKeyName(spec.name): MatchKeyColumn(
            keys=_rows([chunk.match_keys[spec.name].keys for chunk in chunks], IDENTIFIER_BYTES),
            present=_mask([chunk.match_keys[spec.name].present for chunk in chunks]),
        )
        for spec in schema.match_keys
    }
    frequency_classes = {
        VariableName(spec.variable): _rows([chunk.frequency_classes[spec.variable] for chunk in chunks], 1).ravel()
        for spec in schema.frequency_classes
    }
    return LoadedUpload(
        upload,
        root=hashlib.sha256(b"".join(digests)).digest(),
        row_ids=_column(chunks, "row_ids"),
        handles=_column(chunks, "handles"),
        file=EncodedFile(
            PartyName(upload.provider), upload.row_count, clks, match_keys, frequency_classes=frequency_classes
        ),
    )


def _column(chunks: Sequence[EncodedChunk], name: str) -> NDArray[np.uint8]:
    return _rows([getattr(chunk, name) for chunk in chunks], IDENTIFIER_BYTES)


def _rows(parts: Sequence[bytes], width: int) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(parts), dtype=np.uint8).reshape(-1, width)


def _mask(parts: Sequence[bytes]) -> NDArray[np.bool_]:
    return np.frombuffer(b"".join(parts), dtype=np.uint8).astype(np.bool_)
