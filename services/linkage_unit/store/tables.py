"""Tables of the linkage unit's metadata store; `migrations` creates them.

`agreement` is an agreement's hash in hexadecimal: shares and key checks count for one version only. Encodings and
tokens are not here but in sealed files (`content`).
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from services.common.agreements import agreement_tables

METADATA: Final = MetaData()

AGREEMENTS, SUSPENSIONS = agreement_tables(METADATA)

SHARES: Final = Table(
    "shares",
    METADATA,
    Column("agreement", String(64), primary_key=True),
    Column("sender", String(40), primary_key=True),
    Column("recipient", String(40), primary_key=True),
    Column("digest", LargeBinary, nullable=False),  # SHA-256 of the statement: stays when the share is deleted
    Column("statement", LargeBinary),
)

KEY_CHECKS: Final = Table(
    "key_checks",
    METADATA,
    Column("agreement", String(64), primary_key=True),
    Column("provider", String(40), primary_key=True),
    Column("key_check", LargeBinary, nullable=False),
    Column("canary_digest", LargeBinary, nullable=False),
    Column("statement", LargeBinary, nullable=False),
)

UPLOADS: Final = Table(
    "uploads",
    METADATA,
    Column("id", LargeBinary(16), primary_key=True),
    Column("agreement", String(64), nullable=False),
    Column("wave", String(40), nullable=False),
    Column("provider", String(40), nullable=False),
    Column("idempotency_key", String(64), nullable=False),
    Column("manifest", LargeBinary, nullable=False),  # the signed statement
    Column("row_count", BigInteger, nullable=False),
    Column("chunk_count", Integer, nullable=False),
    Column("next_chunk", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    UniqueConstraint("wave", "provider", name="one_file_per_wave_and_provider"),
)

CHUNKS: Final = Table(
    "chunks",
    METADATA,
    Column("upload", LargeBinary(16), ForeignKey("uploads.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sha256", LargeBinary(32), nullable=False),
)

RUNS: Final = Table(
    "runs",
    METADATA,
    Column("wave", String(40), primary_key=True),
    Column("version", Integer, nullable=False, unique=True),  # order of the waves' first runs; version of the registry
    Column("agreement", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("seed", LargeBinary(8), nullable=False),
    Column("failure", String(80)),  # name of an error's type
    Column("manifest", LargeBinary),  # the signed statement
)

RUN_MODELS: Final = Table(
    "run_models",
    METADATA,
    Column("wave", String(40), primary_key=True),
    Column("model", LargeBinary, nullable=False),  # JSON, whose SHA-256 the signed manifest states
)

REGISTRY: Final = Table(
    "registry",
    METADATA,
    Column("provider", String(40), primary_key=True),
    Column("handle", LargeBinary(16), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),  # from which run on
    Column("group_id", LargeBinary(16), nullable=False),
)

EVENTS: Final = Table(
    "events",
    METADATA,
    Column("version", Integer, primary_key=True, autoincrement=False),  # of the run that saw it
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("reason", String(60), nullable=False),
    Column("group_id", LargeBinary(16), nullable=False),
    Column("into_group", LargeBinary(16)),
    Column("provider", String(40)),
    Column("handle", LargeBinary(16)),
)

REGISTRY_ENCODINGS: Final = Table(
    "registry_encodings",
    METADATA,
    Column("version", Integer, primary_key=True, autoincrement=False),  # of the run that left them
    Column("provider", String(40), primary_key=True),
    Column("snapshot", LargeBinary(16), nullable=False),  # their sealed folder and data key; one a run
    Column("epoch", BigInteger, nullable=False),
    Column("row_count", BigInteger, nullable=False),
    Column("root", LargeBinary(32), nullable=False),  # SHA-256 over the blocks' SHA-256
)

GROUP_PSEUDONYMS: Final = Table(
    "group_pseudonyms",
    METADATA,
    Column("project", String(40), primary_key=True),
    Column("group_id", LargeBinary(16), primary_key=True),
    Column("pseudonym", LargeBinary(16), nullable=False),
    UniqueConstraint("project", "pseudonym", name="one_group_per_pseudonym"),
)

TOKEN_BATCHES: Final = Table(
    "token_batches",
    METADATA,
    Column("wave", String(40), primary_key=True),
    Column("provider", String(40), primary_key=True),
    Column("batch_id", LargeBinary(16), nullable=False, unique=True),
    Column("header", LargeBinary, nullable=False),  # the signed statement
    Column("chunk_count", Integer, nullable=False),
)
