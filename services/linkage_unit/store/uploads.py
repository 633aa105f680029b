"""Stored uploads (M3): one per provider and wave, with the digests of the chunks that have arrived."""

from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, insert, select, update

from services.common.database import transact
from services.common.errors import Conflict
from services.linkage_unit.project import Begin, RunState, Upload, UploadState, require_same_chunk
from services.linkage_unit.store.runs import run_state
from services.linkage_unit.store.tables import CHUNKS, UPLOADS


class UploadStore:
    """What has been uploaded; the rows themselves are in sealed files."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(
        self, new: Upload, decide: Callable[[Upload | None, RunState], Begin]
    ) -> tuple[Begin, Upload, Upload | None]:
        """Begin `new` as `decide` says, given what there is; returns the decision, the upload, and the one replaced."""

        def work(connection: Connection) -> tuple[Begin, Upload, Upload | None]:
            existing = _find(connection, UPLOADS.c.wave == new.wave, UPLOADS.c.provider == new.provider)
            decision = decide(existing, run_state(connection, new.wave))
            if existing is not None and decision is Begin.RESUME:
                return decision, existing, None
            if existing is not None:
                connection.execute(delete(CHUNKS).where(CHUNKS.c.upload == existing.id))
                connection.execute(delete(UPLOADS).where(UPLOADS.c.id == existing.id))
            connection.execute(
                insert(UPLOADS).values(
                    id=new.id,
                    agreement=new.agreement,
                    wave=new.wave,
                    provider=new.provider,
                    idempotency_key=new.idempotency_key,
                    manifest=new.manifest,
                    row_count=new.row_count,
                    chunk_count=new.chunk_count,
                    next_chunk=new.next_chunk,
                    state=str(new.state),
                )
            )
            return decision, new, existing

        return transact(self._engine, work)

    def find(self, upload: bytes, provider: str) -> Upload | None:
        """Return an upload of a provider, or None if it has none of that id."""
        with self._engine.connect() as connection:
            return _find(connection, UPLOADS.c.id == upload, UPLOADS.c.provider == provider)

    def of_wave(self, wave: str) -> list[Upload]:
        """Return the uploads of a wave, by provider."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(UPLOADS).where(UPLOADS.c.wave == wave).order_by(UPLOADS.c.provider))
            return [_upload(row) for row in rows]

    def of_provider(self, provider: str) -> list[Upload]:
        """Return the uploads of a provider."""
        with self._engine.connect() as connection:
            return [_upload(row) for row in connection.execute(select(UPLOADS).where(UPLOADS.c.provider == provider))]

    def add_chunks(self, upload: Upload, first: int, digests: Sequence[bytes]) -> int:
        """Record the next chunks, from the `first`-th on, whose content is already on disk, in one transaction.

        `digests` are their SHA-256. Returns the number that is wanted then. A chunk that came twice counts once;
        raises `Conflict`, and records none of them, if one came with another content.
        """

        def work(connection: Connection) -> int:
            current = _find(connection, UPLOADS.c.id == upload.id)
            if current is None or current.state is not UploadState.OPEN:
                raise Conflict("the upload is closed or was replaced")
            for number, sha256 in enumerate(digests[: max(current.next_chunk - first, 0)], first):
                _require_same(connection, upload.id, number, sha256)
            new = [
                {"upload": upload.id, "number": number, "sha256": sha256}
                for number, sha256 in enumerate(digests, first)
                if number >= current.next_chunk >= first
            ]
            if not new:
                return current.next_chunk
            wanted = current.next_chunk + len(new)
            connection.execute(insert(CHUNKS), new)
            connection.execute(update(UPLOADS).where(UPLOADS.c.id == upload.id).values(next_chunk=wanted))
            return wanted

        return transact(self._engine, work)

    def require_same_chunk(self, upload: bytes, number: int, sha256: bytes) -> None:
        """Raise `Conflict` if a chunk that has arrived had another content."""
        with self._engine.connect() as connection:
            _require_same(connection, upload, number, sha256)

    def digests(self, upload: bytes) -> list[bytes]:
        """Return the SHA-256 of each chunk, in order."""
        with self._engine.connect() as connection:
            return list(
                connection.execute(
                    select(CHUNKS.c.sha256).where(CHUNKS.c.upload == upload).order_by(CHUNKS.c.number)
                ).scalars()
            )

    def commit(self, upload: bytes) -> bool:
        """Make an open upload count; False if it was not open."""

        def work(connection: Connection) -> bool:
            moved = connection.execute(
                update(UPLOADS)
                .where(UPLOADS.c.id == upload, UPLOADS.c.state == str(UploadState.OPEN))
                .values(state=str(UploadState.COMMITTED))
            )
            return moved.rowcount == 1

        return transact(self._engine, work)

    def delete_content(self, upload: bytes) -> None:
        """Record that the content of an upload is gone, and forget its chunks' digests."""

        def work(connection: Connection) -> None:
            connection.execute(delete(CHUNKS).where(CHUNKS.c.upload == upload))
            connection.execute(update(UPLOADS).where(UPLOADS.c.id == upload).values(state=str(UploadState.DELETED)))

        transact(self._engine, work)


def _find(connection: Connection, *where: ColumnElement[bool]) -> Upload | None:
    row = connection.execute(select(UPLOADS).where(*where)).first()
    return None if row is None else _upload(row)


def _require_same(connection: Connection, upload: bytes, number: int, sha256: bytes) -> None:
    stored = connection.execute(
        select(CHUNKS.c.sha256).where(CHUNKS.c.upload == upload, CHUNKS.c.number == number)
    ).scalar_one_or_none()
    if stored is not None:
        require_same_chunk(number, stored, sha256)


def _upload(row: Row[tuple[object, ...]]) -> Upload:
    return Upload(
        id=row.id,
        agreement=row.agreement,
        wave=row.wave,
        provider=row.provider,
        idempotency_key=row.idempotency_key,
        manifest=row.manifest,
        row_count=row.row_count,
        chunk_count=row.chunk_count,
        next_chunk=row.next_chunk,
        state=UploadState(row.state),
    )
