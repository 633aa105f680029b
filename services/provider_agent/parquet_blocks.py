"""Parquet in blocks of columns of text, through pyarrow, batch by batch."""

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from linkage_core.errors import InputFault
from services.provider_agent.blocks import Block, has_columns
from services.provider_agent.faults import Fault, FaultLog
from services.provider_agent.mapping import FileSource

_BUFFER_BYTES: Final = 1 << 20


def read_parquet(source: FileSource, faults: FaultLog, block_rows: int) -> Iterator[Block]:
    """Yield the mapped columns of a Parquet file, at most `block_rows` rows at a time; faults go to the log."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(source.path, pre_buffer=False, buffer_size=_BUFFER_BYTES)
    except (pa.ArrowInvalid, OSError):
        faults.add_unread(Fault(source.label, 0, "", "is not a Parquet file, or is damaged"))
        return
    with file:
        if not has_columns(source, file.schema_arrow.names, faults):
            return
        unreadable = [name for name in source.file_columns if not _is_readable(file.schema_arrow.field(name).type)]
        for name in unreadable:
            reason = f"has type {file.schema_arrow.field(name).type}; write it as text, an integer or a date"
            faults.add_unread(Fault(source.label, 0, f"column {name}", reason))
        if unreadable:
            return
        first = 1
        try:
            for batch in file.iter_batches(batch_size=block_rows, columns=list(source.file_columns)):
                numbers = list(range(first, first + batch.num_rows))
                yield Block(numbers, {n: _texts(source, n, batch.column(n), first, faults) for n in batch.schema.names})
                first += batch.num_rows
        except (pa.ArrowInvalid, OSError):
            raise InputFault(f"{source.label} is damaged after data row {first - 1}; write it again") from None


def _is_readable(kind: Any) -> bool:
    import pyarrow as pa

    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(test(inner) for test in (*text, pa.types.is_integer, pa.types.is_date, pa.types.is_null))


def _texts(source: FileSource, name: str, array: Any, first: int, faults: FaultLog) -> list[str]:
    """Return a column's texts; each distinct value becomes a text once."""
    import pyarrow as pa

    plain = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
    if pa.types.is_string_view(plain.type):
        plain = plain.cast(pa.large_string())
    numbered = plain.dictionary_encode()
    try:
        distinct = numbered.dictionary.to_pylist()
    except UnicodeDecodeError:
        return _decoded(source, name, plain.cast(pa.large_binary()).to_pylist(), first, faults)
    texts = [value.isoformat() if isinstance(value, date) else str(value) for value in distinct]
    texts.append("")
    return list(map(texts.__getitem__, numbered.indices.fill_null(len(distinct)).to_numpy().tolist()))


def _decoded(source: FileSource, name: str, values: list[bytes | None], first: int, faults: FaultLog) -> list[str]:
    texts = []
    for number, value in enumerate(values, first):
        try:
            texts.append((value or b"").decode())
        except UnicodeDecodeError:
            faults.add(Fault(source.label, number, name, "holds bytes that are not UTF-8; write the file again"))
            texts.append("")
    return texts
