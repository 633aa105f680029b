"""Tables onto disk, batch by batch: memory holds one batch, whatever the size of the file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import pyarrow.csv
import pyarrow.parquet

FileFormat = Literal["csv", "parquet"]


class TableFiles:
    """Open files, one per table, that take the table's rows in batches; a context manager that closes them all.

    Refuses to overwrite: FileExistsError names every file that is already there, before any is created.
    """

    def __init__(self, schemas: dict[Path, Any], file_format: FileFormat) -> None:
        """Create all files and the folders above them; `schemas` gives each file its columns."""
        existing = [str(path) for path in schemas if path.exists()]
        if existing:
            raise FileExistsError(f"these files exist, choose another directory: {', '.join(existing)}")
        self._writers: dict[Path, Any] = {}
        self.rows: dict[Path, int] = dict.fromkeys(schemas, 0)
        for path, schema in schemas.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writers[path] = _open(path, schema, file_format)

    def append(self, tables: Iterable[tuple[Path, Any]]) -> None:
        """Write each table's rows at the end of its file."""
        for path, table in tables:
            self._writers[path].write_table(table)
            self.rows[path] += table.num_rows

    def __enter__(self) -> Self:
        """Return itself; the files are open since construction."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close every file."""
        for writer in self._writers.values():
            writer.close()


def _open(path: Path, schema: Any, file_format: FileFormat) -> Any:
    if file_format == "csv":
        return pyarrow.csv.CSVWriter(path, schema)
    return pyarrow.parquet.ParquetWriter(path, schema, compression="zstd")
