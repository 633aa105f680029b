"""The registry over time: what happened in which run, and which encodings of the registry are kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, func, insert, select

from linkage_core.linking.events import Event, EventKind
from services.common.database import transact
from services.linkage_unit.store.tables import EVENTS, REGISTRY, REGISTRY_ENCODINGS

READ_ROWS = 20_000
"""Rows that are fetched at once."""

RegistryKey = tuple[str, bytes]
"""Provider and handle."""


@dataclass(frozen=True, slots=True)
class KeptEncodings:
    """Sealed encodings of one provider's handles, as the run of `version` left them in the folder of `snapshot`.

    `root`: SHA-256 over the SHA-256 of their blocks.
    """

    version: int
    provider: str
    snapshot: bytes
    epoch: int
    row_count: int
    root: bytes


@dataclass(frozen=True, slots=True)
class EventCount:
    """How often something happened in a run for a reason."""

    version: int
    kind: str
    reason: str
    count: int


class HistoryStore:
    """Events of all runs, and the encodings kept for the next one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def counts(self) -> list[EventCount]:
        """Return how many events of each kind and reason each run saw, in the order of runs."""
        columns = (EVENTS.c.version, EVENTS.c.kind, EVENTS.c.reason)
        with self._engine.connect() as connection:
            rows = connection.execute(select(*columns, func.count()).group_by(*columns).order_by(*columns))
            return [EventCount(*row) for row in rows]

    def withdrawn(self) -> set[RegistryKey]:
        """Return the handles that were withdrawn and have not returned."""
        kinds = (str(EventKind.WITHDRAWN), str(EventKind.RETURNED))
        oldest_first = (
            select(EVENTS.c.provider, EVENTS.c.handle, EVENTS.c.kind)
            .where(EVENTS.c.kind.in_(kinds))
            .order_by(EVENTS.c.version, EVENTS.c.number)
        )
        with self._engine.connect().execution_options(yield_per=READ_ROWS) as connection:
            last = {(provider, handle): kind for provider, handle, kind in connection.execute(oldest_first)}
        return {key for key, kind in last.items() if kind == EventKind.WITHDRAWN}

    def first_brought(self, version: int) -> set[RegistryKey]:
        """Return the handles that the registry has had since the run of this version and no longer."""
        owner = (REGISTRY.c.provider, REGISTRY.c.handle)
        with self._engine.connect().execution_options(yield_per=READ_ROWS) as connection:
            rows = connection.execute(select(*owner).group_by(*owner).having(func.min(REGISTRY.c.version) == version))
            return {(provider, handle) for provider, handle in rows}

    def kept_encodings(self) -> list[KeptEncodings]:
        """Return the encodings that are kept, of the newest run that left some, by provider."""
        newest = select(func.max(REGISTRY_ENCODINGS.c.version)).scalar_subquery()
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(REGISTRY_ENCODINGS)
                .where(REGISTRY_ENCODINGS.c.version == newest)
                .order_by(REGISTRY_ENCODINGS.c.provider)
            )
            return [
                KeptEncodings(row.version, row.provider, row.snapshot, row.epoch, row.row_count, row.root)
                for row in rows
            ]

    def older_snapshots(self) -> list[bytes]:
        """Return the snapshots of runs before the newest one that left some."""
        newest = select(func.max(REGISTRY_ENCODINGS.c.version)).scalar_subquery()
        with self._engine.connect() as connection:
            older = select(REGISTRY_ENCODINGS.c.snapshot).where(REGISTRY_ENCODINGS.c.version < newest).distinct()
            return list(connection.execute(older).scalars())

    def forget_encodings(self, before: int | None = None) -> int:
        """Forget the encodings that runs before a version left, or all; returns how many files that were."""

        def work(connection: Connection) -> int:
            statement = delete(REGISTRY_ENCODINGS)
            if before is not None:
                statement = statement.where(REGISTRY_ENCODINGS.c.version < before)
            return connection.execute(statement).rowcount

        return transact(self._engine, work)


def insert_history(
    connection: Connection,
    version: int,
    events: Iterable[tuple[Event, RegistryKey | None]],
    kept: Sequence[KeptEncodings],
) -> None:
    """Add a run's events, each with the provider and handle that it names, and the encodings that it keeps."""
    rows = [
        {
            "version": version,
            "number": number,
            "kind": str(event.kind),
            "reason": event.reason,
            "group_id": event.group,
            "into_group": event.into,
            "provider": None if key is None else key[0],
            "handle": None if key is None else key[1],
        }
        for number, (event, key) in enumerate(events)
    ]
    if rows:
        connection.execute(insert(EVENTS), rows)
    for encodings in kept:
        connection.execute(
            insert(REGISTRY_ENCODINGS).values(
                version=encodings.version,
                provider=encodings.provider,
                snapshot=encodings.snapshot,
                epoch=encodings.epoch,
                row_count=encodings.row_count,
                root=encodings.root,
            )
        )
