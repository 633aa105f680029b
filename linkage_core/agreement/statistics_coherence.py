"""Whether the concepts of statistics fit the payload that is delivered: every contradiction is found."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from linkage_core.agreement.payload import PayloadColumn, PayloadTable
from linkage_core.agreement.statistics import ColumnReference, Dimension, Statistics, TableReference

MEASURE_AXES: Final = frozenset(
    {"date", "year", "quarter", "month", "seen", "status", "spell", "values", "class", "quantile"}
)
"""Axes that measures bring to a table themselves; no dimension may have one of these names."""

Tables: TypeAlias = Mapping[tuple[str, str], PayloadTable]


def statistics_faults(statistics: Statistics, payload: Sequence[PayloadTable]) -> Iterator[str]:
    """Yield one sentence for each contradiction, beginning with the clause's path."""
    tables = {(t.provider, t.name): t for t in payload}
    for what in ("code_lists", "dimensions", "sources", "variables"):
        names = [item.name for item in getattr(statistics, what)]
        yield from (
            f"statistics.{what}: {name} occurs twice" for name in sorted({n for n in names if names.count(n) > 1})
        )
    residence = _table(tables, statistics.residence)
    if residence is None or residence.kind != "spell":
        yield "statistics.residence: must name a spell table of the payload"
    for source in statistics.sources:
        table = _table(tables, source.table)
        if table is None or table.kind == "person":
            yield f"statistics.sources.{source.name}: must name an event or spell table of the payload"
    for dimension in statistics.dimensions:
        yield from _dimension(dimension, statistics, tables)
    yield from _variables(statistics, tables)
    yield from _crossings(statistics, tables)


def _dimension(dimension: Dimension, statistics: Statistics, tables: Tables) -> Iterator[str]:
    where = f"statistics.dimensions.{dimension.name}"
    if dimension.name in MEASURE_AXES:
        yield f"{where}: measures bring an axis of this name themselves"
    known = dimension.code_list is None or statistics.code_list(dimension.code_list) is not None
    if not known:
        yield f"{where}: no code list {dimension.code_list}"
    for reference in dimension.sources:
        place = f"{reference.provider}.{reference.table}.{reference.column}"
        column = _person_column(tables, reference)
        if dimension.kind == "age":
            if column is None or column.type not in ("date", "year"):
                yield f"{where}: {place} is no person column with a date or a year of birth"
        elif column is None or column.code_list is None:
            yield f"{where}: {place} is no person category column"
        elif known and column.code_list != dimension.code_list:
            yield f"{where}: {place} has the code list {column.code_list}, the dimension {dimension.code_list}"


def _variables(statistics: Statistics, tables: Tables) -> Iterator[str]:
    for variable in statistics.variables:
        reference = variable.column
        table = tables.get((reference.provider, reference.table))
        column = table.column(reference.column) if table is not None and table.kind == "event" else None
        if column is None or column.type != "integer":
            yield f"statistics.variables.{variable.name}: must name an integer column of an event table"
        if statistics.dimension(variable.name) is not None:
            yield f"statistics.variables.{variable.name}: a dimension has this name"


def _crossings(statistics: Statistics, tables: Tables) -> Iterator[str]:
    crossings = statistics.crossings
    if crossings is None:
        return
    table = _table(tables, crossings.table)
    time = table.column(table.time or "") if table is not None and table.kind == "event" else None
    if table is None or time is None or time.type != "date":
        yield "statistics.crossings: must name an event table with a date"
        return
    column = table.column(crossings.direction)
    codes = statistics.code_list(column.code_list or "") if column is not None else None
    if codes is None:
        yield f"statistics.crossings.direction: {crossings.direction} is no category column of {table.name}"
    elif crossings.arrival == crossings.departure or not {crossings.arrival, crossings.departure} <= set(codes.codes):
        yield f"statistics.crossings: arrival and departure must be two codes of {codes.name}"


def _table(tables: Tables, reference: TableReference) -> PayloadTable | None:
    return tables.get((reference.provider, reference.table))


def _person_column(tables: Tables, reference: ColumnReference) -> PayloadColumn | None:
    table = tables.get((reference.provider, reference.table))
    return table.column(reference.column) if table is not None and table.kind == "person" else None
