"""The protocol's messages as values: what `services.wire.convert` turns into and from protobuf.

Names are those of `protos/symbolon/v1`. Columns of rows stay concatenated bytes of fixed width here; `numpy.frombuffer`
reads them without a copy. No `repr` shows a payload: bytes fields are hidden.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from linkage_core.crypto.signing import Statement


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A statement with its Ed25519 signature (64 bytes); not yet verified."""

    statement: Statement
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SuspensionNotice:
    """M0: the sender suspends the agreement that the statement's context names."""


@dataclass(frozen=True, slots=True)
class SealedShare:
    """M1: one provider's share of the linkage secret, sealed to another provider."""

    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """M2: shows that a provider holds the same secret and encodes alike, without showing either. 16 bytes each."""

    key_check: bytes = field(repr=False)
    canary_digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyCheckState:
    """The linkage unit's answer to a key check: whether all providers agree, and if not, who does not."""

    agreed: bool
    waiting_for: tuple[str, ...] = ()
    key_check_differs_from: tuple[str, ...] = ()
    canary_differs_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClkStatement:
    """How hard one CLK is, as its provider measured: fill before diffusion and D, in parts per million."""

    name: str
    length_bits: int
    diffusion_t: int
    fill_ppm: int
    d_ppm: int


@dataclass(frozen=True, slots=True)
class UploadManifest:
    """M3: what an upload will contain. `root` is the SHA-256 over the chunks' SHA-256, in order."""

    row_count: int
    chunk_count: int
    root: bytes
    key_check: bytes = field(repr=False)
    schema_hash: bytes
    standardisation_digest: bytes
    clks: tuple[ClkStatement, ...]


@dataclass(frozen=True, slots=True)
class TransferState:
    """Where a chunked upload or delivery stands: the next chunk that is wanted, and whether it is committed."""

    transfer_id: bytes
    next_chunk: int
    committed: bool


@dataclass(frozen=True, slots=True)
class TransferCommit:
    """Closes an upload (M3) or a delivery (M6) with the root over all its chunks."""

    transfer_id: bytes
    root: bytes


@dataclass(frozen=True, slots=True)
class Chunk:
    """One numbered piece of a transfer with the SHA-256 of its content."""

    transfer_id: bytes
    number: int
    sha256: bytes
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClkColumn:
    """One CLK of every row of a chunk: `bits` length_bits/8 bytes a row, `present` one byte (0 or 1) a row."""

    bits: bytes = field(repr=False)
    present: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MatchKeyColumn:
    """One match key of every row of a chunk: `keys` 16 bytes a row, `present` one byte (0 or 1) a row."""

    keys: bytes = field(repr=False)
    present: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class EncodedChunk:
    """Encoded rows in columns: `row_ids` and `handles` have 16 bytes a row.

    `frequency_classes`: of each variable that the agreement has them of, one byte a row, 0 for none.
    """

    row_ids: bytes = field(repr=False)
    handles: bytes = field(repr=False)
    clks: Mapping[str, ClkColumn]
    match_keys: Mapping[str, MatchKeyColumn]
    frequency_classes: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class TokenBatchHeader:
    """M5: opens a batch of tokens. `root` is the SHA-256 over the SHA-256 of the serialised chunks, in order."""

    batch_id: bytes
    provider: str
    sealed_batch_key: bytes = field(repr=False)
    row_count: int
    chunk_count: int
    root: bytes


@dataclass(frozen=True, slots=True)
class TokenChunk:
    """Tokens of some rows: `row_ids` 16 bytes a row, `tokens` `linkage_core.tokens.TOKEN_BYTES` a row."""

    row_ids: bytes = field(repr=False)
    tokens: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WaveKeys:
    """The analysis service's public keys of a wave (HPKE): `token_key` for batch keys, `payload_key` for chunks."""

    token_key: bytes
    payload_key: bytes


@dataclass(frozen=True, slots=True)
class TableStatement:
    """How many rows of one payload table a delivery holds."""

    table: str
    row_count: int


@dataclass(frozen=True, slots=True)
class DeliveryManifest:
    """M6: what a delivery will contain, and under which token batch of the linkage unit."""

    token_batch: SignedStatement
    tables: tuple[TableStatement, ...]
    chunk_count: int
    root: bytes


@dataclass(frozen=True, slots=True)
class PayloadColumn:
    """Values of one payload column of a chunk: `present` one byte (0 or 1) a row; absent values are 0.

    `kind` is `categories` (positions in the public code list), `integers` (also years) or `dates` (days since
    1970-01-01).
    """

    name: str
    kind: str
    present: bytes = field(repr=False)
    values: tuple[int, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PayloadChunk:
    """Rows of one payload table under tokens, in columns, shuffled."""

    table: str
    tokens: bytes = field(repr=False)
    columns: tuple[PayloadColumn, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """M8: a question in the closed query language, as JSON, and the analyst's name for this one asking of it."""

    query: str
    idempotency_key: str
