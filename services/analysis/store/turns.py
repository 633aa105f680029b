"""One release at a time on a lineage's ledger, over all threads and processes that spend from it.

Two processes that answer the same question at once would both find it unanswered, and both pay. Nothing is overdrawn
without turns, since the ledger's transactions are serializable; with them nothing is paid twice either.
"""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, text


class Turns:
    """Hands out turns on one ledger. The operating system or the database ends the turn of a process that dies."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._threads = threading.Lock()

    @contextmanager
    def turn(self, lineage: str) -> Iterator[None]:
        """Wait until no other release of the lineage is under way, and hold the others back while the block lasts."""
        with self._threads, self._of_processes(lineage):
            yield

    @contextmanager
    def _of_processes(self, lineage: str) -> Iterator[None]:
        if self._engine.dialect.name == "sqlite":
            database = Path(str(self._engine.url.database))
            with database.with_name(f".{database.name}.{lineage}.lock").open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            return
        number = int.from_bytes(bytes.fromhex(lineage)[:8], "big", signed=True)
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": number})
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": number})
