"""M5: one provider's batch of sealed tokens, ready to be fetched.

Every row gets a token, linked or not, in an order drawn freshly from the operating system's randomness. Nobody but the
analysis service can open the batch key, so a batch tells its provider nothing that it did not know: its number of rows.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.agreement.signatures import VerifiedAgreement
from linkage_core.crypto import hpke
from linkage_core.crypto.secret import Secret
from linkage_core.tokens import BATCH_KEY_BYTES, TOKEN_BYTES, associated_data, seal_tokens
from linkage_core.types import PartyName
from services.common.clock import RandomBytes
from services.wire.convert.chunks import token_chunk_to_bytes
from services.wire.messages import TokenBatchHeader, TokenChunk
from services.wire.seals import batch_key_info

BATCH_ID_BYTES: Final = 16
ROWS_PER_CHUNK: Final = 16_384
"""63 bytes a row: about 1 MiB, half of what a message may have."""


@dataclass(frozen=True, slots=True)
class SealedBatch:
    """The header, not yet signed, and the serialised chunks that its root covers."""

    header: TokenBatchHeader
    chunks: tuple[bytes, ...] = field(repr=False)


def seal_batch(
    agreement: VerifiedAgreement,
    wave: str,
    provider: PartyName,
    token_key: bytes,
    row_ids: NDArray[np.uint8],
    quality: NDArray[np.uint8],
    pseudonyms: NDArray[np.uint8],
    random: RandomBytes,
) -> SealedBatch:
    """Seal one token a row under a fresh batch key.

    `row_ids` and `pseudonyms` are uint8 (rows, 16), `quality` uint8 (rows,), all in the upload's order; `token_key` is
    the analysis service's of this wave.
    """
    document = agreement.document
    context = agreement.context(wave)
    batch_id = random(BATCH_ID_BYTES)
    batch_key = Secret(random(BATCH_KEY_BYTES))
    order = fresh_order(len(row_ids), random)
    tokens = seal_tokens(
        batch_key,
        quality[order],
        pseudonyms[order],
        associated_data(context, document.project, provider, batch_id),
    )
    shuffled = row_ids[order]
    chunks = tuple(
        token_chunk_to_bytes(
            TokenChunk(
                shuffled[start : start + ROWS_PER_CHUNK].tobytes(),
                tokens[start * TOKEN_BYTES : (start + ROWS_PER_CHUNK) * TOKEN_BYTES],
            )
        )
        for start in range(0, len(row_ids), ROWS_PER_CHUNK)
    )
    info = batch_key_info(PartyName(document.linkage_unit.name), PartyName(document.analysis_service.name), context)
    header = TokenBatchHeader(
        batch_id=batch_id,
        provider=provider,
        sealed_batch_key=hpke.seal(token_key, batch_key.reveal(), info),
        row_count=len(row_ids),
        chunk_count=len(chunks),
        root=hashlib.sha256(b"".join(hashlib.sha256(chunk).digest() for chunk in chunks)).digest(),
    )
    return SealedBatch(header, chunks)


def fresh_order(rows: int, random: RandomBytes) -> NDArray[np.intp]:
    """Return a uniformly random order of rows, from 16 random bytes a row."""
    draws = np.frombuffer(random(rows * 16), dtype=np.uint64).reshape(rows, 2)
    return np.lexsort((draws[:, 0], draws[:, 1]))
