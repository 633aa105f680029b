"""What a delivery may contain and when it may begin: decisions on values, without I/O.

Every refusal is decided from the signed manifest, the agreement and earlier deliveries of the same provider. Nothing
here, and so no answer to a provider, depends on what a token holds or on who was linked.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from linkage_core.agreement.document import Agreement
from linkage_core.agreement.payload import PayloadTable
from linkage_core.errors import InputFault, Refused
from linkage_core.types import PartyName
from services.common.errors import Conflict
from services.wire.messages import DeliveryManifest, TokenBatchHeader

MAXIMUM_CHUNKS: Final = 100_000
"""Chunks of one delivery; at a mebibyte each about 100 GB, more than any register's payload."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One provider's delivery for one wave. `manifest` is the signed statement, as the store keeps it."""

    id: str
    provider: PartyName
    wave: str
    idempotency_key: str
    manifest_digest: str
    manifest: bytes = field(repr=False)
    agreement: str
    batch: str
    chunk_count: int
    row_count: int
    next_chunk: int
    committed: bool


class Begin(StrEnum):
    """What to do with a request to begin a delivery."""

    CREATE = "create"
    RESUME = "resume"
    REPLACE = "replace"


def judge_begin(earlier: tuple[Delivery, ...], wanted: Delivery, *, wave_closed: bool) -> tuple[Begin, Delivery | None]:
    """Decide on a request to begin a delivery, among the provider's earlier ones.

    The same key and manifest resume. A delivery of the wave that was not committed, or that was made under a superseded
    version of the agreement, gives way to one with a new key; a committed one never does: its tokens are used up.
    Raises `Conflict` otherwise, and `Refused` for a closed wave, unless all is committed already.
    """
    same_key = next((d for d in earlier if d.idempotency_key == wanted.idempotency_key), None)
    if same_key is not None:
        if same_key.manifest_digest == wanted.manifest_digest:
            if wave_closed and not same_key.committed:
                raise Refused(f"waves.{wanted.wave}", "the wave is closed and its keys are destroyed")
            return Begin.RESUME, same_key
        raise Conflict("this idempotency key belongs to a delivery with another manifest")
    if any(d.committed and d.batch == wanted.batch for d in earlier):
        raise Conflict("this batch of tokens was delivered before")
    if wave_closed:
        raise Refused(f"waves.{wanted.wave}", "the wave is closed and its keys are destroyed")
    of_wave = [d for d in earlier if d.wave == wanted.wave]
    if any(d.committed and d.agreement == wanted.agreement for d in of_wave):
        raise Conflict(f"the payload of wave {wanted.wave} is committed; there is one delivery per provider and wave")
    unfinished = next((d for d in of_wave if not d.committed), None)
    return (Begin.CREATE, None) if unfinished is None else (Begin.REPLACE, unfinished)


def tables_of(agreement: Agreement, provider: str) -> dict[str, PayloadTable]:
    """Return the payload tables that the agreement lists for a provider, by name."""
    return {table.name: table for table in agreement.payload if table.provider == provider}


def check_manifest(
    manifest: DeliveryManifest, header: TokenBatchHeader, agreement: Agreement, provider: PartyName
) -> None:
    """Return if the agreement allows what a manifest announces.

    Raises `Refused` with the clause for another provider's tokens or an unlisted table, and one `InputFault` for
    everything else: a table missing, twice or with more rows than its tokens allow; too many chunks.
    """
    if header.provider != provider:
        raise Refused(f"parties.{provider}", "the batch of tokens was made for another provider")
    listed = tables_of(agreement, provider)
    announced = Counter(statement.table for statement in manifest.tables)
    for name in announced:
        if name not in listed:
            raise Refused(f"payload.{provider}.{name}", "the agreement does not list this table")
    faults = [f"tables.{name}: announced twice" for name in sorted(announced) if announced[name] > 1]
    faults += [
        f"tables.{name}: missing; a delivery holds every table that the agreement lists, be it without rows"
        for name in sorted(set(listed) - set(announced))
    ]
    for statement in manifest.tables:
        most = header.row_count * listed[statement.table].rows_per_person
        if statement.row_count > most:
            faults.append(f"tables.{statement.table}: {statement.row_count} rows, {most} at most for this batch")
    if not 1 <= manifest.chunk_count <= MAXIMUM_CHUNKS:
        faults.append(f"chunk_count: must be 1 to {MAXIMUM_CHUNKS}, got {manifest.chunk_count}")
    if faults:
        raise InputFault("the delivery's manifest cannot be accepted", tuple(faults))
