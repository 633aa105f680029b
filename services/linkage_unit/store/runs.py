"""Stored runs (M4) and what they leave: the registry of groups, their pseudonyms, the token batches (M5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, func, insert, select, update

from linkage_core.linking.events import Event
from services.common.database import transact
from services.common.errors import Conflict
from services.linkage_unit.project import RunState
from services.linkage_unit.store.bulk import insert_rows
from services.linkage_unit.store.history import READ_ROWS, KeptEncodings, RegistryKey, insert_history
from services.linkage_unit.store.tables import GROUP_PSEUDONYMS, REGISTRY, RUN_MODELS, RUNS, TOKEN_BATCHES, UPLOADS


@dataclass(frozen=True, slots=True)
class Run:
    """The linking of one wave. `version` orders runs and registry entries; `seed` is an integer of 64 bits."""

    wave: str
    version: int
    agreement: str
    state: RunState
    seed: int
    failure: str | None = None
    manifest: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """One provider's tokens of one wave; `header` is the signed statement, as the store keeps it."""

    wave: str
    provider: str
    batch_id: bytes
    header: bytes = field(repr=False)
    chunk_count: int


class RunStore:
    """Runs of waves, and their results, which become visible together or not at all."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def start(self, wave: str, agreement: str, seed: int) -> Run:
        """Mark a wave as being linked; a wave that was begun before keeps its seed, and its version if none came since.

        Versions order what the registry says: what is linked last must count last.
        """

        def work(connection: Connection) -> Run:
            existing = connection.execute(select(RUNS).where(RUNS.c.wave == wave)).first()
            last = connection.execute(select(func.max(RUNS.c.version))).scalar_one() or 0
            if existing is None:
                version, kept = last + 1, seed
                connection.execute(
                    insert(RUNS).values(
                        wave=wave,
                        version=version,
                        agreement=agreement,
                        state=str(RunState.LINKING),
                        seed=seed.to_bytes(8, "big"),
                    )
                )
            else:
                version = last if existing.version == last else last + 1
                kept = int.from_bytes(existing.seed, "big")
                connection.execute(
                    update(RUNS)
                    .where(RUNS.c.wave == wave)
                    .values(agreement=agreement, version=version, state=str(RunState.LINKING), failure=None)
                )
            return Run(wave, version, agreement, RunState.LINKING, kept)

        return transact(self._engine, work)

    def fail(self, wave: str, failure: str) -> None:
        """Mark a wave's run as failed by an error of this type."""
        transact(
            self._engine,
            lambda connection: connection.execute(
                update(RUNS).where(RUNS.c.wave == wave).values(state=str(RunState.FAILED), failure=failure)
            ),
        )

    def run(self, wave: str) -> Run | None:
        """Return a wave's run, or None while it is collecting."""
        with self._engine.connect() as connection:
            row = connection.execute(select(RUNS).where(RUNS.c.wave == wave)).first()
        if row is None:
            return None
        return Run(
            row.wave,
            row.version,
            row.agreement,
            RunState(row.state),
            int.from_bytes(row.seed, "big"),
            row.failure,
            row.manifest,
        )

    def waves(self) -> list[str]:
        """Return the waves whose linking has begun, in the order in which it did."""
        with self._engine.connect() as connection:
            return list(connection.execute(select(RUNS.c.wave).order_by(RUNS.c.version)).scalars())

    def state(self, wave: str) -> RunState:
        """Return where a wave stands."""
        with self._engine.connect() as connection:
            return run_state(connection, wave)

    def registry(self, version: int | None = None) -> dict[RegistryKey, bytes]:
        """Return the group id of each provider's handle in a version of the registry, by default the newest."""
        oldest_first = select(REGISTRY.c.provider, REGISTRY.c.handle, REGISTRY.c.group_id).order_by(REGISTRY.c.version)
        if version is not None:
            oldest_first = oldest_first.where(REGISTRY.c.version <= version)
        with self._engine.connect().execution_options(yield_per=READ_ROWS) as connection:
            return {(provider, handle): group_id for provider, handle, group_id in connection.execute(oldest_first)}

    def complete(
        self,
        run: Run,
        *,
        project: str,
        changed: Mapping[RegistryKey, bytes],
        pseudonyms: Mapping[bytes, bytes],
        batches: Sequence[TokenBatch],
        uploads: Mapping[str, bytes],
        manifest: bytes,
        model: bytes | None = None,
        events: Sequence[tuple[Event, RegistryKey | None]] = (),
        kept: Sequence[KeptEncodings] = (),
    ) -> None:
        """Make a run's whole result visible in one transaction, and the wave *ready*.

        `changed` holds registry entries that are new or have another group than before; `pseudonyms` every group's of
        the wave, of which those already known are left alone; two groups with one pseudonym break a unique constraint.
        `model` is what the run learnt about its links, None if it learnt nothing.
        `events` come with the provider and handle that they name; `kept` are the registry's encodings, already sealed.
        `uploads` are the ids that were linked, by provider: raises `Conflict` if one was replaced meanwhile.
        """

        def work(connection: Connection) -> None:
            rows_now = connection.execute(select(UPLOADS.c.provider, UPLOADS.c.id).where(UPLOADS.c.wave == run.wave))
            if {row.provider: row.id for row in rows_now} != uploads:
                raise Conflict("an upload was replaced while the wave was linked; link it again")
            known = set(
                connection.execute(
                    select(GROUP_PSEUDONYMS.c.group_id).where(GROUP_PSEUDONYMS.c.project == project)
                ).scalars()
            )
            entries = ((*key, run.version, group_id) for key, group_id in sorted(changed.items()))
            insert_rows(connection, REGISTRY, entries)
            new = (item for item in sorted(pseudonyms.items()) if item[0] not in known)
            insert_rows(connection, GROUP_PSEUDONYMS, ((project, *item) for item in new))
            insert_history(connection, run.version, events, kept)
            for batch in batches:
                connection.execute(
                    insert(TOKEN_BATCHES).values(
                        wave=batch.wave,
                        provider=batch.provider,
                        batch_id=batch.batch_id,
                        header=batch.header,
                        chunk_count=batch.chunk_count,
                    )
                )
            if model is not None:
                connection.execute(insert(RUN_MODELS).values(wave=run.wave, model=model))
            connection.execute(
                update(RUNS).where(RUNS.c.wave == run.wave).values(state=str(RunState.READY), manifest=manifest)
            )

        transact(self._engine, work)

    def model(self, wave: str) -> bytes | None:
        """Return what a wave's finished run learnt about its links, or None."""
        with self._engine.connect() as connection:
            return connection.execute(select(RUN_MODELS.c.model).where(RUN_MODELS.c.wave == wave)).scalar_one_or_none()

    def token_batch(self, wave: str, provider: str) -> TokenBatch | None:
        """Return a provider's tokens of a wave, or None."""
        with self._engine.connect() as connection:
            row = connection.execute(
                select(TOKEN_BATCHES).where(TOKEN_BATCHES.c.wave == wave, TOKEN_BATCHES.c.provider == provider)
            ).first()
        return None if row is None else TokenBatch(row.wave, row.provider, row.batch_id, row.header, row.chunk_count)

    def batch_ids(self) -> set[bytes]:
        """Return the ids of all visible token batches."""
        with self._engine.connect() as connection:
            return set(connection.execute(select(TOKEN_BATCHES.c.batch_id)).scalars())


def run_state(connection: Connection, wave: str) -> RunState:
    """Return where a wave stands, inside a transaction."""
    stored = connection.execute(select(RUNS.c.state).where(RUNS.c.wave == wave)).scalar_one_or_none()
    return RunState.COLLECTING if stored is None else RunState(stored)
