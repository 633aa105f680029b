# ruff: noqa: S608 - identifiers come quoted from the signed agreement, every value is a bound parameter
"""Who was seen in a source, how often, with which quantities, and what sources say of the same person."""

from disclosure.grid import Grid
from disclosure.query.periods import Interval
from disclosure.query.questions import (
    ConflictsQuestion,
    EventsQuestion,
    LinksQuestion,
    OverlapQuestion,
    PersonsQuestion,
    QuantileQuestion,
    VariableQuestion,
)
from disclosure.sql_bindings import PERSON, Bindings, quoted, relation_name
from disclosure.sql_dimensions import stated_values
from disclosure.sql_parts import MeasureParts, asked_periods, period_number
from disclosure.terms import Terms
from linkage_core.agreement.payload import PayloadTable


def seen_parts(
    question: PersonsQuestion | EventsQuestion, terms: Terms, grid: Grid, bindings: Bindings
) -> MeasureParts:
    """Return the SQL of persons with a row of a source in each period: one occurrence for each row."""
    table = terms.source_table(question.of)
    relation = quoted(relation_name(table.provider, table.name))
    if table.kind == "spell":
        start, end = quoted(table.start or ""), quoted(table.end or "")
        rows = (
            f"{relation} AS r JOIN asked ON r.{start} <= asked.last AND "
            f"(r.{end} IS NULL OR r.{end} >= greatest(r.{start}, asked.first))"
        )
    else:
        rows = f"{relation} AS r JOIN asked ON asked.number = {_event_number(table, question)}"
    return MeasureParts(
        (
            asked_periods(question.periods, grid.strides[0], bindings),
            f"occurrence AS (SELECT {PERSON}, asked.part, asked.last AS day, NULL::DATE AS since, 1 AS amount "
            f"FROM {rows})",
        ),
        frozenset({(table.provider, table.name)}),
    )


def variable_parts(
    question: VariableQuestion | QuantileQuestion, terms: Terms, grid: Grid, bindings: Bindings
) -> MeasureParts:
    """Return the SQL of a variable in each period, over rows that have a value: `amount`."""
    reference = terms.variable(question.of).column
    table = terms.table(reference)
    column = f"r.{quoted(reference.column)}"
    return MeasureParts(
        (
            asked_periods(question.periods, grid.strides[0], bindings),
            f"occurrence AS (SELECT {PERSON}, asked.part, asked.last AS day, NULL::DATE AS since, {column} AS amount "
            f"FROM {quoted(relation_name(table.provider, table.name))} AS r "
            f"JOIN asked ON asked.number = {_event_number(table, question)} WHERE {column} IS NOT NULL)",
        ),
        frozenset({(table.provider, table.name)}),
    )


def overlap_parts(question: OverlapQuestion, terms: Terms, grid: Grid, bindings: Bindings) -> MeasureParts:
    """Return the SQL of persons seen in two sources or in one of them only."""
    tables = [terms.source_table(name) for name in question.sources]
    rows = " UNION ALL ".join(
        f"SELECT {PERSON}, {place} AS source FROM {quoted(relation_name(table.provider, table.name))} "
        f"WHERE {_within(table, question.over, bindings)}"
        for place, table in enumerate(tables)
    )
    return MeasureParts(
        (
            # min and max of the sources' places 0 and 1: (0, 1) both, (0, 0) first only, (1, 1) second only.
            f"seen AS (SELECT person, min(source) AS lowest, max(source) AS highest FROM ({rows}) GROUP BY person)",
            "occurrence AS (SELECT person, "
            f"CASE WHEN lowest < highest THEN 0 WHEN lowest = 0 THEN 1 ELSE 2 END * {bindings.bind(grid.strides[0])} "
            f"AS part, {bindings.bind(question.over.end)}::DATE AS day, NULL::DATE AS since, 1 AS amount FROM seen)",
        ),
        frozenset((table.provider, table.name) for table in tables),
    )


def conflicts_parts(question: ConflictsQuestion, terms: Terms, grid: Grid, bindings: Bindings) -> MeasureParts:
    """Return the SQL of persons by what the rows of a dimension's sources say of them."""
    dimension = terms.dimension(question.of)
    return MeasureParts(
        (
            "said AS (SELECT person, min(value) AS lowest, max(value) AS highest, "
            "min(source) FILTER (value IS NOT NULL) AS first, max(source) FILTER (value IS NOT NULL) AS last "
            f"FROM ({stated_values(dimension, terms, bindings)}) GROUP BY person)",
            "occurrence AS (SELECT person, CASE WHEN lowest IS NULL THEN 3 "
            "WHEN lowest < highest THEN 1 WHEN first < last THEN 0 ELSE 2 END "
            f"* {bindings.bind(grid.strides[0])} AS part, {bindings.bind(terms.period.end)}::DATE AS day, "
            "NULL::DATE AS since, 1 AS amount FROM said)",
        ),
        frozenset((source.provider, source.table) for source in dimension.sources),
    )


def links_parts(question: LinksQuestion, terms: Terms, grid: Grid, bindings: Bindings) -> MeasureParts:
    """Return the SQL of persons of a source by the best quality class that their rows' tokens carried."""
    table = terms.source_table(question.of)
    return MeasureParts(
        (
            f"occurrence AS (SELECT {PERSON}, "
            f"coalesce(max(quality_class), 0)::BIGINT * {bindings.bind(grid.strides[0])} AS part, "
            f"{bindings.bind(terms.period.end)}::DATE AS day, NULL::DATE AS since, 1 AS amount "
            f"FROM {quoted(relation_name(table.provider, table.name))} GROUP BY person)",
        ),
        frozenset({(table.provider, table.name)}),
    )


def _event_number(
    table: PayloadTable, question: PersonsQuestion | EventsQuestion | VariableQuestion | QuantileQuestion
) -> str:
    time = f"r.{quoted(table.time or '')}"
    return time if _has_years(table) else period_number(time, question.unit)


def _has_years(table: PayloadTable) -> bool:
    column = table.column(table.time or "")
    return column is not None and column.type == "year"


def _within(table: PayloadTable, over: Interval, bindings: Bindings) -> str:
    if table.kind == "spell":
        start, end = quoted(table.start or ""), quoted(table.end or "")
        return (
            f"{start} <= {bindings.bind(over.end)}::DATE AND "
            f"({end} IS NULL OR {end} >= greatest({start}, {bindings.bind(over.start)}::DATE))"
        )
    time = quoted(table.time or "")
    if _has_years(table):
        return f"{time} BETWEEN {bindings.bind(over.start.year)} AND {bindings.bind(over.end.year)}"
    return f"{time} BETWEEN {bindings.bind(over.start)}::DATE AND {bindings.bind(over.end)}::DATE"
