# ruff: noqa: S608 - identifiers come quoted from the signed agreement, every value is a bound parameter
"""Each measure's own part of a statement: which persons occur in which category of the measure's axis.

A stay that began on or before the first day of the agreement's period is no inflow: observation starts there, so it
may have begun at any time before.
"""

from dataclasses import dataclass

from disclosure.query import FlowQuestion, Interval, OverlapQuestion, Question, StockQuestion
from disclosure.sql_bindings import Bindings, quoted, relation_name
from disclosure.sql_residence import LAST_DAY, stay_steps
from disclosure.terms import Terms
from linkage_core.agreement.payload import PayloadTable


@dataclass(frozen=True, slots=True)
class MeasureParts:
    """Steps that end in `occurrence (synthetic_key, label VARCHAR, part BIGINT)`, and the relations they read.

    `label` names the category for the keyed choice of cells kept; `part` is its share of the cell's position.
    """

    steps: tuple[str, ...]
    relations: frozenset[tuple[str, str]]


def measure_parts(question: Question, terms: Terms, stride: int, bindings: Bindings) -> MeasureParts:
    """Return the SQL of a question's measure; `stride` is that of the measure's axis in the grid."""
    match question:
        case OverlapQuestion():
            return _overlap(question, terms, stride, bindings)
        case StockQuestion():
            return _residence(question, terms, _stock(question, stride, bindings), bindings)
        case FlowQuestion():
            return _residence(question, terms, _flow(question, terms, stride, bindings), bindings)


def _residence(
    question: StockQuestion | FlowQuestion, terms: Terms, occurrence: tuple[str, ...], bindings: Bindings
) -> MeasureParts:
    register = terms.table(terms.statistics.residence)
    steps = (*stay_steps(register, question.rule, bindings), *occurrence)
    return MeasureParts(steps, frozenset({(register.provider, register.name)}))


def _stock(question: StockQuestion, stride: int, bindings: Bindings) -> tuple[str, ...]:
    days = bindings.bind(list(question.dates))
    parts = bindings.bind([stride * place for place in range(len(question.dates))])
    return (
        f"asked AS (SELECT unnest({days}::DATE[]) AS day, unnest({parts}::BIGINT[]) AS part)",
        "occurrence AS (SELECT stay.synthetic_key, CAST(asked.day AS VARCHAR) AS label, asked.part FROM stay "
        "JOIN asked ON asked.day BETWEEN stay.first AND stay.last)",
    )


def _flow(question: FlowQuestion, terms: Terms, stride: int, bindings: Bindings) -> tuple[str, ...]:
    years = bindings.bind(list(question.years))
    parts = bindings.bind([stride * place for place in range(len(question.years))])
    if question.measure == "inflow":
        crossing, observed = "stay.first", f"stay.first > {bindings.bind(terms.period.start)}::DATE"
    else:
        crossing, observed = "stay.last", f"stay.last < {LAST_DAY}"
    return (
        f"asked AS (SELECT unnest({years}::BIGINT[]) AS year, unnest({parts}::BIGINT[]) AS part)",
        "occurrence AS (SELECT stay.synthetic_key, CAST(asked.year AS VARCHAR) AS label, asked.part FROM stay "
        f"JOIN asked ON asked.year = year({crossing}) WHERE {observed})",
    )


def _overlap(question: OverlapQuestion, terms: Terms, stride: int, bindings: Bindings) -> MeasureParts:
    tables = [terms.source_table(name) for name in question.sources]
    rows = " UNION ALL ".join(
        f"SELECT synthetic_key, {place} AS source FROM {quoted(relation_name(table.provider, table.name))} "
        f"WHERE {_within(table, question.over, bindings)}"
        for place, table in enumerate(tables)
    )
    return MeasureParts(
        (
            # min and max of the sources' places 0 and 1: (0, 1) both, (0, 0) first only, (1, 1) second only.
            f"seen AS (SELECT synthetic_key, min(source) AS lowest, max(source) AS highest FROM ({rows}) "
            "GROUP BY synthetic_key)",
            "occurrence AS (SELECT synthetic_key, 'seen' AS label, "
            f"CASE WHEN lowest < highest THEN 0 WHEN lowest = 0 THEN 1 ELSE 2 END * {bindings.bind(stride)} AS part "
            "FROM seen)",
        ),
        frozenset((table.provider, table.name) for table in tables),
    )


def _within(table: PayloadTable, over: Interval, bindings: Bindings) -> str:
    if table.kind == "spell":
        start, end = quoted(table.start or ""), quoted(table.end or "")
        return (
            f"{start} <= {bindings.bind(over.end)}::DATE AND "
            f"({end} IS NULL OR {end} >= greatest({start}, {bindings.bind(over.start)}::DATE))"
        )
    time = table.time or ""
    column = table.column(time)
    if column is not None and column.type == "year":
        return f"{quoted(time)} BETWEEN {bindings.bind(over.start.year)} AND {bindings.bind(over.end.year)}"
    return f"{quoted(time)} BETWEEN {bindings.bind(over.start)}::DATE AND {bindings.bind(over.end)}::DATE"
