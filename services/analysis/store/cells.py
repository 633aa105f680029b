"""Counts persons per cell with DuckDB over the encrypted data sets: in memory, without files, network or settings.

DuckDB would spill plaintext to a temporary folder by default; here it has none, and fails beyond its memory limit.
"""

from collections.abc import Mapping

import duckdb

from disclosure.compilation import CompiledQuestion
from disclosure.sql_bindings import relation_name
from services.analysis.store.payload import PayloadStore


class DuckCells:
    """`disclosure.release.CellCounter` over the payload files of one wave.

    `files` gives the file of each (provider, table).
    """

    def __init__(self, store: PayloadStore, files: Mapping[tuple[str, str], str], memory_limit: str) -> None:
        self._store = store
        self._files = files
        self._memory_limit = memory_limit

    def count(self, compiled: CompiledQuestion) -> Mapping[int, int]:
        """Return the persons per position of the grid; a position without persons is left out."""
        with locked_connection(self._memory_limit) as connection:
            for provider, table in sorted(compiled.relations):
                connection.register(relation_name(provider, table), self._store.dataset(self._files[(provider, table)]))
            rows = connection.execute(compiled.sql, dict(compiled.parameters)).fetchall()
        return {int(position): int(persons) for position, persons in rows}


def locked_connection(memory_limit: str) -> duckdb.DuckDBPyConnection:
    """Open DuckDB in memory: nothing spills, nothing outside is reached, and no statement can change that."""
    connection = duckdb.connect(":memory:", config={"temp_directory": "", "memory_limit": memory_limit})
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection
