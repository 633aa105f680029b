"""Metadata stores: SQLAlchemy over SQLite (embedded) or PostgreSQL (production), migrated by Alembic at start.

SQLite runs in WAL mode with full synchronisation: a committed transaction is on disk. On PostgreSQL transactions are
serializable, and one that loses to another is run again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError

from services.common.errors import Unavailable

_BUSY_MILLISECONDS: Final = 30_000
_ATTEMPTS: Final = 50
"""How often a transaction that lost to others is run again before the caller is told to retry."""

Result = TypeVar("Result")


def sqlite_url(path: Path) -> str:
    """Return the URL of an embedded store in a file."""
    return f"sqlite:///{path}"


def open_database(url: str, migrations: Path) -> Engine:
    """Open a store and bring it to the newest schema; `migrations` is an Alembic script folder."""
    if url.startswith("sqlite"):
        engine = create_engine(url, connect_args={"timeout": _BUSY_MILLISECONDS / 1000})
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = create_engine(url, isolation_level="SERIALIZABLE", pool_pre_ping=True)
    _migrate(engine, migrations)
    return engine


@contextmanager
def kept_unless_failing(engine: Engine) -> Iterator[Engine]:
    """Yield an engine that outlives the block, unless the block fails: then its connections are given back."""
    try:
        yield engine
    except BaseException:
        engine.dispose()
        raise


def _migrate(engine: Engine, migrations: Path) -> None:
    """Run missing migrations; a store at the head is only read, so that no process waits for another one's write."""
    from alembic import command  # a second of imports that only opening a store needs
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(migrations))
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current == ScriptDirectory.from_config(config).get_current_head():
        return
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def reading(engine: Engine) -> Connection:
    """Open a connection whose reads see one committed state, and lose to nobody's writes; for a `with` block."""
    connection = engine.connect()
    if engine.dialect.name == "sqlite":
        return connection
    return connection.execution_options(isolation_level="REPEATABLE READ")


def transact(engine: Engine, work: Callable[[Connection], Result]) -> Result:
    """Run `work` in one serializable transaction and commit it durably; run it again if it lost to another.

    `work` must have no effect but through its connection, since it may run several times. Raises `Unavailable` when it
    keeps losing.
    """
    for _ in range(_ATTEMPTS):
        try:
            with engine.connect().execution_options(writes=True) as connection, connection.begin():
                return work(connection)
        except OperationalError as error:
            if not _lost_to_another(error):
                raise
    raise Unavailable("the store is too busy; try again")


def _lost_to_another(error: OperationalError) -> bool:
    """Serialization failure and deadlock on PostgreSQL; a lock held too long on SQLite."""
    return getattr(error.orig, "sqlstate", None) in ("40001", "40P01") or "database is locked" in str(error.orig)


def _configure_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's BEGIN below is the only one
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_MILLISECONDS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes SQLite's write lock at once, so that what it reads cannot change before it writes."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
