"""From payload chunks to columns under synthetic keys: checked, opened, tokens dropped. No I/O.

All faults of a delivery are collected and reported together, as counts: never a value, and nothing that depends on
what a token holds. A column or value that the agreement does not list never reaches the store.
"""

from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage_core.agreement.payload import PayloadColumn, PayloadTable
from linkage_core.agreement.statistics import CodeList, Statistics
from linkage_core.errors import Refused, Tampered
from linkage_core.tokens import TOKEN_BYTES
from linkage_core.types import IDENTIFIER_BYTES
from services.wire import messages

OpenTokens = Callable[[bytes], tuple[NDArray[np.uint8], NDArray[np.uint8]]]
"""Opens concatenated tokens into quality classes uint8 (n,) and synthetic keys uint8 (n, 16); `Tampered` otherwise."""

SYNTHETIC_KEY: Final = "synthetic_key"
"""Column of every table: 16 bytes, never missing."""
QUALITY_CLASS: Final = "quality_class"
"""Column of every table: the link's quality, 0 (not linked) to 3."""

EPOCH: Final = date(1970, 1, 1).toordinal()
FIRST_DAY: Final = date.min.toordinal() - EPOCH
LAST_DAY: Final = date.max.toordinal() - EPOCH
"""Days since 1970-01-01 that a date may have: years 1 to 9999."""

_KINDS: Final = {"category": "categories", "integer": "integers", "year": "integers", "date": "dates"}
_COUNTER_BYTES: Final = 12
_ARROW: Final = {"category": pa.string(), "integer": pa.int64(), "year": pa.int64(), "date": pa.date32()}


def payload_schema(table: PayloadTable) -> pa.Schema:
    """Return the columns of a payload table in the analysis store: key, quality class, then the agreement's."""
    return pa.schema(
        [
            pa.field(SYNTHETIC_KEY, pa.binary(IDENTIFIER_BYTES), nullable=False),
            pa.field(QUALITY_CLASS, pa.uint8(), nullable=False),
            *(pa.field(column.name, _ARROW[column.type]) for column in table.columns),
        ]
    )


class TableOpener:
    """Opens one table of one delivery, chunk by chunk, and remembers what must hold over all of them."""

    def __init__(
        self,
        table: PayloadTable,
        statistics: Statistics,
        *,
        open_tokens: OpenTokens,
        batch_rows: int,
        keep_class_0: bool,
    ) -> None:
        self._table = table
        self._codes = {c.name: _code_list(c, statistics) for c in table.columns if c.type == "category"}
        self._open_tokens = open_tokens
        self._rows_of_token = np.zeros(batch_rows, dtype=np.uint32)
        self._keep_class_0 = keep_class_0
        self._faults: Counter[str] = Counter()
        self.rows_received = 0
        self.schema = payload_schema(table)

    def open(self, chunk: messages.PayloadChunk) -> pa.Table:
        """Return a chunk's rows under synthetic keys, without those outside the agreed join.

        Raises `Refused` for a column that the agreement does not list, and `Tampered` for a token that is not the
        batch's. Faults of values are collected; rows of a chunk with faults mean nothing.
        """
        columns = self._columns_by_name(chunk)
        self._count_tokens(chunk.tokens)
        quality, keys = self._open_tokens(chunk.tokens)
        rows = len(quality)
        self.rows_received += rows
        arrays = [pa.FixedSizeBinaryArray.from_buffers(self.schema.field(0).type, rows, [None, pa.py_buffer(keys)])]
        arrays.append(pa.array(quality))
        for spec in self._table.columns:
            arrays.append(self._values(spec, columns[spec.name]) if spec.name in columns else _nulls(spec, rows))
        opened = pa.table(arrays, schema=self.schema)
        return opened if self._keep_class_0 else opened.filter(pa.array(quality > 0))

    def faults(self, announced_rows: int) -> list[str]:
        """Return every fault of the chunks opened so far, as sentences with the place and a count."""
        where = f"{self._table.provider}.{self._table.name}"
        found = [f"{where}{place}: {count} rows" for place, count in sorted(self._faults.items())]
        excess = int((self._rows_of_token > self._table.rows_per_person).sum())
        if excess:
            most = self._table.rows_per_person
            found.append(f"{where}: {excess} tokens have more rows than the agreement's rows_per_person, {most}")
        if self.rows_received != announced_rows:
            found.append(f"{where}: {self.rows_received} rows came, the manifest announced {announced_rows}")
        return found

    def _columns_by_name(self, chunk: messages.PayloadChunk) -> dict[str, messages.PayloadColumn]:
        listed = {column.name for column in self._table.columns}
        for column in chunk.columns:
            if column.name not in listed:
                clause = f"payload.{self._table.provider}.{self._table.name}"
                raise Refused(clause, f"the agreement does not list a column {column.name!r}")
        names = Counter(column.name for column in chunk.columns)
        rows = len(chunk.tokens) // TOKEN_BYTES
        self._fault_if("", sum(rows for count in names.values() if count > 1), "a column comes twice in")
        for name in sorted(listed - set(names)):
            self._fault_if(f".{name}", rows, "the column is missing in")
        return {column.name: column for column in chunk.columns}

    def _count_tokens(self, tokens: bytes) -> None:
        # A token's nonce is its number in the batch, and authentic once the token opens.
        heads = np.frombuffer(tokens, dtype=np.uint8).reshape(-1, TOKEN_BYTES)[:, :_COUNTER_BYTES]
        numbers = np.ascontiguousarray(heads[:, 4:]).view(">u8").reshape(-1)
        if heads[:, :4].any() or (numbers >= len(self._rows_of_token)).any():
            raise Tampered("a token's number is not one of its batch")
        np.add.at(self._rows_of_token, numbers.astype(np.int64), 1)

    def _values(self, spec: PayloadColumn, column: messages.PayloadColumn) -> Any:
        place = f".{spec.name}"
        present = np.frombuffer(column.present, dtype=np.uint8).astype(bool)
        values = np.array(column.values, dtype=np.int64)
        if column.kind != _KINDS[spec.type]:
            self._fault_if(place, len(values), f"values are {column.kind}, not {_KINDS[spec.type]}, in")
            return _nulls(spec, len(values))
        low, high = self._bounds(spec)
        outside = present & ((values < low) | (values > high))
        self._fault_if(place, int(outside.sum()), f"a value lies outside {_limits(spec)} in")
        self._fault_if(place, int((~present & (values != 0)).sum()), "an absent value is not 0 in")
        if spec.required:
            self._fault_if(place, int((~present).sum()), "a required value is absent in")
        missing = ~present | outside
        if spec.type == "category":
            codes = pa.array(self._codes[spec.name].codes, type=pa.string())
            return codes.take(pa.array(np.where(missing, 0, values), mask=missing))
        if spec.type == "date":
            days = np.where(missing, 0, values).astype(np.int32)
            return pa.array(days, mask=missing, type=pa.int32()).cast(pa.date32())
        return pa.array(values, mask=missing, type=pa.int64())

    def _bounds(self, spec: PayloadColumn) -> tuple[int, int]:
        if spec.type == "category":
            return 0, len(self._codes[spec.name].codes) - 1
        if spec.type == "date":
            return FIRST_DAY, LAST_DAY
        return int(spec.minimum or 0), int(spec.maximum or 0)

    def _fault_if(self, place: str, count: int, sentence: str) -> None:
        if count:
            self._faults[f"{place}: {sentence}"] += count


def _limits(spec: PayloadColumn) -> str:
    if spec.type == "category":
        return f"code list {spec.code_list}"
    return "years 1 to 9999" if spec.type == "date" else f"{spec.minimum} to {spec.maximum}"


def _nulls(spec: PayloadColumn, rows: int) -> Any:
    return pa.nulls(rows, _ARROW[spec.type])


def _code_list(column: PayloadColumn, statistics: Statistics) -> CodeList:
    codes = statistics.code_list(column.code_list or "")
    if codes is None:
        raise LookupError(f"no code list {column.code_list}: an agreement's coherence is checked when it is parsed")
    return codes
