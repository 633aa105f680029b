"""Deliveries in the metadata store: what began, which chunks are safe, which batches are used up, which files count."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, delete, func, insert, select, update

from linkage_core.types import PartyName
from services.analysis.intake_rules import Begin, Delivery, judge_begin
from services.analysis.store.tables import batches, chunks, deliveries, payload_tables
from services.common.database import transact


class DeliveryStore:
    """Each method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, wanted: Delivery, now: str, *, wave_closed: bool) -> tuple[Delivery, str | None]:
        """Return the delivery to go on with, as `judge_begin` decides, and the id of one that gave way."""

        def work(connection: Connection) -> tuple[Delivery, str | None]:
            earlier = _deliveries(connection, provider=wanted.provider)
            decision, found = judge_begin(earlier, wanted, wave_closed=wave_closed)
            if decision is Begin.RESUME and found is not None:
                return found, None
            if found is not None:
                connection.execute(delete(chunks).where(chunks.c.delivery == found.id))
                connection.execute(delete(deliveries).where(deliveries.c.id == found.id))
            connection.execute(insert(deliveries).values(_row(wanted) | {"begun_at": now}))
            return wanted, None if found is None else found.id

        return transact(self._engine, work)

    def find(self, delivery_id: str, provider: PartyName) -> Delivery | None:
        """Return a provider's own delivery, or None."""
        with self._engine.connect() as connection:
            found = _deliveries(connection, provider=provider)
        return next((d for d in found if d.id == delivery_id), None)

    def open_ids(self) -> set[str]:
        """Return the ids of deliveries that are not committed."""
        with self._engine.connect() as connection:
            return {d.id for d in _deliveries(connection) if not d.committed}

    def add_chunk(self, delivery_id: str, number: int, sha256: str) -> None:
        """Note that a chunk is safely on disk; one that was noted before stays as it was."""

        def work(connection: Connection) -> None:
            known = select(chunks.c.number).where(chunks.c.delivery == delivery_id, chunks.c.number == number)
            if connection.execute(known).one_or_none() is None:
                connection.execute(insert(chunks).values(delivery=delivery_id, number=number, sha256=sha256))

        transact(self._engine, work)

    def digests(self, delivery_id: str) -> list[str]:
        """Return the SHA-256 of a delivery's chunks in order, hexadecimal."""
        with self._engine.connect() as connection:
            wanted = select(chunks.c.sha256).where(chunks.c.delivery == delivery_id).order_by(chunks.c.number)
            return list(connection.execute(wanted).scalars())

    def commit(self, delivery: Delivery, files: Mapping[str, str], now: str) -> set[str]:
        """Make a delivery's tables count, use up its batch, forget its chunks; returns files that were replaced.

        Nothing of a delivery can be seen before this transaction.
        """

        def work(connection: Connection) -> set[str]:
            place = {"provider": delivery.provider, "wave": delivery.wave}
            of_wave = payload_tables.c.provider == delivery.provider, payload_tables.c.wave == delivery.wave
            replaced = set(connection.execute(select(payload_tables.c.file).where(*of_wave)).scalars())
            connection.execute(delete(payload_tables).where(*of_wave))
            connection.execute(
                delete(batches).where(batches.c.provider == delivery.provider, batches.c.wave == delivery.wave)
            )
            used_up = {"batch": delivery.batch, "agreement": delivery.agreement, "delivery": delivery.id}
            connection.execute(insert(batches).values(place | used_up))
            for name, file in files.items():
                connection.execute(insert(payload_tables).values(place | {"name": name, "file": file}))
            connection.execute(update(deliveries).where(deliveries.c.id == delivery.id).values(committed_at=now))
            connection.execute(delete(chunks).where(chunks.c.delivery == delivery.id))
            return replaced - set(files.values())

        return transact(self._engine, work)

    def files(self, wave: str) -> dict[tuple[str, str], str]:
        """Return the payload files of a wave by (provider, table)."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(payload_tables).where(payload_tables.c.wave == wave))
            return {(row.provider, row.name): row.file for row in rows}

    def all_files(self) -> set[str]:
        """Return every payload file that counts."""
        with self._engine.connect() as connection:
            return set(connection.execute(select(payload_tables.c.file)).scalars())

    def batches(self, wave: str) -> dict[str, str]:
        """Return the batch of each provider that has delivered a wave."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(batches).where(batches.c.wave == wave))
            return {row.provider: row.batch for row in rows}

    def forget_payload(self, wave: str) -> dict[tuple[str, str], str]:
        """Take a wave's tables out of use; returns their files by (provider, table), which the caller destroys."""

        def work(connection: Connection) -> dict[tuple[str, str], str]:
            rows = connection.execute(select(payload_tables).where(payload_tables.c.wave == wave)).all()
            connection.execute(delete(payload_tables).where(payload_tables.c.wave == wave))
            return {(row.provider, row.name): row.file for row in rows}

        return transact(self._engine, work)


def _deliveries(connection: Connection, provider: PartyName | None = None) -> tuple[Delivery, ...]:
    received = select(func.count()).where(chunks.c.delivery == deliveries.c.id).scalar_subquery()
    wanted = select(deliveries, received.label("next_chunk")).order_by(deliveries.c.begun_at)
    if provider is not None:
        wanted = wanted.where(deliveries.c.provider == provider)
    return tuple(_delivery(row) for row in connection.execute(wanted).mappings())


def _delivery(row: RowMapping) -> Delivery:
    committed = row["committed_at"] is not None
    return Delivery(
        id=row["id"],
        provider=PartyName(row["provider"]),
        wave=row["wave"],
        idempotency_key=row["idempotency_key"],
        manifest_digest=row["manifest_digest"],
        manifest=row["manifest"],
        agreement=row["agreement"],
        batch=row["batch"],
        chunk_count=row["chunk_count"],
        row_count=row["row_count"],
        next_chunk=row["chunk_count"] if committed else row["next_chunk"],
        committed=committed,
    )


def _row(delivery: Delivery) -> dict[str, Any]:
    kept = ("id", "provider", "wave", "idempotency_key", "manifest_digest", "manifest", "agreement", "batch")
    return {name: getattr(delivery, name) for name in (*kept, "chunk_count", "row_count")}
