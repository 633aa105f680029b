"""Counts per cell with DuckDB: over the encrypted data sets, in memory, without files, network or settings.

DuckDB would spill plaintext to a temporary folder by default; here it has none, and fails beyond its memory limit.
"""

from collections.abc import Callable, Mapping
from typing import Any

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

    def count(self, compiled: CompiledQuestion) -> Mapping[int, tuple[int, ...]]:
        """Return the numbers of each block per position; a position where all are nought is left out."""
        return count_cells(compiled, lambda *table: self._store.dataset(self._files[table]), self._memory_limit)


def count_cells(
    compiled: CompiledQuestion, relation: Callable[[str, str], Any], memory_limit: str
) -> Mapping[int, tuple[int, ...]]:
    """Run a compiled question: the numbers of each block per position, without positions where all are nought.

    `relation` gives the Arrow table or data set of a provider's table, with the columns of `payload_schema`.
    """
    with locked_connection(memory_limit) as connection:
        for provider, table in sorted(compiled.relations):
            connection.register(relation_name(provider, table), relation(provider, table))
        rows = connection.execute(compiled.sql, dict(compiled.parameters)).fetchall()
    return {int(position): tuple(map(int, numbers)) for position, *numbers in rows}


def locked_connection(memory_limit: str) -> duckdb.DuckDBPyConnection:
    """Open DuckDB in memory: nothing spills or prints, nothing outside is reached, and no statement can change that."""
    connection = duckdb.connect(":memory:", config={"temp_directory": "", "memory_limit": memory_limit})
    connection.execute("SET enable_progress_bar = false")  # DuckDB would print one where it takes itself for a shell
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection
