"""Standardisation in steps: columns of a file in, the linkage schema's variables out.

    1. the agreement names these rules (`rules.require_current`), else nothing is standardised
    2. each quasi-identifier's column is standardised by its kind, once per distinct value (`columns`)
    3. an empty value of a required quasi-identifier is a finding
    4. variables are formed; which quasi-identifiers are present and complete is kept beside them

It works on a chunk of rows after the other and remembers distinct values between them, within bounds; what a chunk
gives does not depend on the chunks before. Everything here is in clear and stays with the provider.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import reduce
from operator import add
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from linkage_core.errors import InputFault
from linkage_core.schema import LinkageSchema, Variable
from linkage_core.standardise.columns import ColumnMemory, rule_of
from linkage_core.standardise.countries import read_country
from linkage_core.standardise.dates import DateFormat
from linkage_core.standardise.findings import Finding, Reason
from linkage_core.standardise.formats import AS_AGREED, ColumnFormat
from linkage_core.standardise.rules import require_current
from linkage_core.standardise.variables import joined, parts_of

FULL_DATE_LENGTH: Final = len("YYYY-MM-DD")


@dataclass(frozen=True, slots=True)
class StandardisedRecords:
    """A chunk of records ready to be encoded; identifiers in clear, never to leave the provider agent.

    `values`: variable -> one string per row, "" = missing. `present`, `complete`: quasi-identifier -> bool, (rows,);
    a partial date is present and not complete.
    """

    rows: int
    values: Mapping[str, list[str]] = field(repr=False)
    present: Mapping[str, NDArray[np.bool_]] = field(repr=False)
    complete: Mapping[str, NDArray[np.bool_]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class StandardisedColumns:
    """A chunk's columns as numbers of distinct values, which mean something to the `Standardiser` that made them.

    `numbers`: quasi-identifier that the file has -> int64, (rows,). `present`, `complete`: each quasi-identifier ->
    bool, (rows,). `findings` in the order of the schema, then of rows, which count from 0 in the chunk.
    """

    rows: int
    numbers: Mapping[str, NDArray[np.int64]] = field(repr=False)
    present: Mapping[str, NDArray[np.bool_]] = field(repr=False)
    complete: Mapping[str, NDArray[np.bool_]] = field(repr=False)
    findings: tuple[Finding, ...]


class Standardiser:
    """Standardises a file chunk by chunk. Use it as a context: what it remembers of the file is forgotten at its end.

    `formats` says how columns are written, where they are not `AS_AGREED`. Raises `Refused` if the agreement names
    other rules. It belongs to one thread; what a chunk gives is used before the next chunk is read.
    """

    def __init__(self, schema: LinkageSchema, formats: Mapping[str, ColumnFormat] | None = None) -> None:
        require_current(schema)
        self._schema = schema
        self._formats = {q.name: (formats or {}).get(q.name, AS_AGREED) for q in schema.quasi_identifiers}
        self._columns = {
            item.name: ColumnMemory(rule_of(item.kind, self._formats[item.name], item.scheme), required=item.required)
            for item in schema.quasi_identifiers
        }
        self._lengths = {item.name: FULL_DATE_LENGTH if item.kind == "date" else 1 for item in schema.quasi_identifiers}
        self._variables = [_VariableMemory(variable, self._columns) for variable in schema.variables]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._columns.clear()
        self._variables.clear()

    def read(self, columns: Mapping[str, Sequence[object]]) -> StandardisedColumns:
        """Standardise a chunk's columns of text by quasi-identifier name.

        One that the provider does not have is left out and missing in every row. Raises `InputFault` if columns and
        schema do not fit.
        """
        rows = _row_count(self._schema, columns)
        self._forget_if_full()
        numbers: dict[str, NDArray[np.int64]] = {}
        present: dict[str, NDArray[np.bool_]] = {}
        complete: dict[str, NDArray[np.bool_]] = {}
        findings: list[Finding] = []
        for item in self._schema.quasi_identifiers:
            if item.name not in columns:
                present[item.name] = complete[item.name] = np.zeros(rows, dtype=np.bool_)
                continue
            memory = self._columns[item.name]
            numbers[item.name] = of_column = memory.numbers(columns[item.name])
            lengths = memory.lengths(of_column)
            present[item.name] = lengths > 0
            complete[item.name] = lengths == FULL_DATE_LENGTH if item.kind == "date" else lengths > 0
            findings += [Finding(item.name, row, reason) for row, reason in memory.findings(of_column)]
        return StandardisedColumns(rows, numbers, present, complete, tuple(findings))

    def distinct(self, name: str) -> Sequence[str]:
        """Return a column's distinct values by number, standardised; another list after it has forgotten them."""
        return self._columns[name].values

    def later_than(self, chunk: StandardisedColumns, name: str, day: date) -> NDArray[np.intp]:
        """Return the chunk's rows whose date in this column lies after a day, as far as the date is known."""
        values, latest = self._columns[name].values, day.isoformat()
        of_column = chunk.numbers[name]
        late = [n for n in np.unique(of_column).tolist() if values[n] > latest[: len(values[n])]]
        return np.flatnonzero(np.isin(of_column, late))

    def ambiguous_countries(self, chunk: StandardisedColumns, name: str) -> Counter[tuple[str, ...]]:
        """Return how many of the chunk's rows have a country that may be each of several, by the codes of these."""
        rows: Counter[tuple[str, ...]] = Counter()
        texts = self._columns[name].texts_of(chunk.numbers[name], Reason.AMBIGUOUS_COUNTRY)
        for text, count in texts:
            reading = read_country(text, self._formats[name].country_codes)
            rows[reading.candidates if reading else ()] += count
        return rows

    def form(self, chunk: StandardisedColumns) -> StandardisedRecords:
        """Form the variables of the chunk that was read last."""
        values = {memory.name: memory.values(chunk) for memory in self._variables}
        return StandardisedRecords(chunk.rows, values, chunk.present, chunk.complete)

    def _forget_if_full(self) -> None:
        forgot = {name for name, memory in self._columns.items() if memory.forget_if_full()}
        for variable in self._variables:
            variable.forget(forgot)


def standardise(
    schema: LinkageSchema,
    columns: Mapping[str, Sequence[object]],
    *,
    date_formats: Mapping[str, DateFormat] | None = None,
    formats: Mapping[str, ColumnFormat] | None = None,
) -> tuple[StandardisedRecords, tuple[Finding, ...]]:
    """Return the variables of a file that is one chunk, and every finding; a `Standardiser` says what is raised.

    `date_formats` is short for `formats` where nothing but dates needs saying.
    """
    short = {name: ColumnFormat(date_format=date_format) for name, date_format in (date_formats or {}).items()}
    with Standardiser(schema, short | dict(formats or {})) as standardiser:
        chunk = standardiser.read(columns)
        return standardiser.form(chunk), chunk.findings


class _VariableMemory:
    """What each distinct value of a variable's quasi-identifiers adds to it, by the numbers of the columns."""

    __slots__ = ("_columns", "_form", "_formed", "_parts", "_parts_of", "name")

    def __init__(self, variable: Variable, columns: Mapping[str, ColumnMemory]) -> None:
        self.name = variable.name
        self._form = variable.form
        self._parts_of = parts_of(variable.form)
        self._columns = {name: columns[name] for name in variable.of}
        self._parts: dict[str, list[tuple[str, ...]]] = {name: [] for name in variable.of}
        self._formed: list[str] = []

    def forget(self, columns: Collection[str]) -> None:
        """Forget what came from columns that forgot."""
        for name in self._parts.keys() & columns:
            self._parts[name].clear()
            self._formed.clear()

    def values(self, chunk: StandardisedColumns) -> list[str]:
        """Return the variable's value in each row of a chunk."""
        known = [name for name in self._columns if name in chunk.numbers]
        if not known:
            return [""] * chunk.rows
        if len(known) == 1:
            (name,) = known
            new = self._columns[name].values[len(self._formed) :]
            self._formed += joined(self._form, map(self._parts_of, new))
            return list(map(self._formed.__getitem__, chunk.numbers[name].tolist()))
        return joined(self._form, reduce(_added, (self._parts_by_row(chunk, name) for name in known)))

    def _parts_by_row(self, chunk: StandardisedColumns, name: str) -> Iterable[tuple[str, ...]]:
        table = self._parts[name]
        table += map(self._parts_of, self._columns[name].values[len(table) :])
        return map(table.__getitem__, chunk.numbers[name].tolist())


def _added(first: Iterable[tuple[str, ...]], second: Iterable[tuple[str, ...]]) -> Iterable[tuple[str, ...]]:
    return map(add, first, second)


def _row_count(schema: LinkageSchema, columns: Mapping[str, Sequence[object]]) -> int:
    names = {item.name for item in schema.quasi_identifiers}
    faults = [f"no quasi-identifier {name} in the linkage schema" for name in sorted(set(columns) - names)]
    faults += [
        f"{q.name} is required and the file has no such column"
        for q in schema.quasi_identifiers
        if q.required and q.name not in columns
    ]
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1:
        faults.append("the columns must be one or more, of one length")
    if faults:
        raise InputFault("the columns do not fit the linkage schema", tuple(faults))
    return lengths.pop()
