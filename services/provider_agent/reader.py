"""Reads CSV and Parquet in blocks of text columns: files larger than memory, every fault with its row and field."""

from collections.abc import Iterator
from typing import Final

from services.provider_agent.blocks import Block
from services.provider_agent.csv_blocks import read_csv
from services.provider_agent.faults import FaultLog
from services.provider_agent.mapping import FileSource
from services.provider_agent.parquet_blocks import read_parquet

BLOCK_ROWS: Final = 10_000


def read_blocks(source: FileSource, faults: FaultLog, *, block_rows: int = BLOCK_ROWS) -> Iterator[Block]:
    """Yield the mapped columns of a file, at most `block_rows` rows at a time; faults go to the log.

    A file whose columns are not those of the mapping yields nothing.
    """
    read = read_csv if source.kind_of_file == "csv" else read_parquet
    yield from read(source, faults, block_rows)
