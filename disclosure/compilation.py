# ruff: noqa: S608 - identifiers come quoted from the signed agreement, every value is a bound parameter
"""From a question to one SQL statement that returns bounded counts per cell.

The order of work on a person's rows is what makes the bound true: 1. the measure's own rule on the full history
(`sql_measures`); 2. conflicts between sources resolved to one value per dimension (`sql_dimensions`); 3. distinct
person-cells; 4. only then the bound; 5. counts. No step depends on the order of rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from disclosure.bounding import ContributionBound, TruncationKey, keyed_rank_sql
from disclosure.grid import Grid
from disclosure.query import Question
from disclosure.sql_bindings import Bindings, SqlValue
from disclosure.sql_dimensions import dimension_parts
from disclosure.sql_measures import measure_parts
from disclosure.terms import Terms


@dataclass(frozen=True, slots=True)
class CompiledQuestion:
    """One DuckDB statement with named parameters; it returns rows (position in the grid, persons), none for zeros.

    `relations` are the (provider, table) pairs that must be registered as `relation_name` says, with `synthetic_key`
    (BLOB of 16 bytes, never NULL), categories as VARCHAR, dates as DATE, integers and years as BIGINT.
    `parameters` hold the padded truncation key: they are not shown by `repr`.
    """

    sql: str
    parameters: Mapping[str, SqlValue] = field(repr=False)
    relations: frozenset[tuple[str, str]]
    grid: Grid

    def vector(self, counts: Mapping[int, int]) -> tuple[int, ...]:
        """Return the counts over the full grid, zeros included; raises `ValueError` for a cell outside it."""
        if any(not 0 <= position < self.grid.size or count < 0 for position, count in counts.items()):
            raise ValueError("a count lies outside the grid")
        return tuple(counts.get(position, 0) for position in range(self.grid.size))


def compile_question(
    question: Question, terms: Terms, grid: Grid, bound: ContributionBound, key: TruncationKey
) -> CompiledQuestion:
    """Return the statement for a question that passed policy."""
    bindings = Bindings()
    measure = measure_parts(question, terms, grid.strides[0], bindings)
    dimensions = dimension_parts(question, terms, grid, bindings)
    steps = [
        *measure.steps,
        *dimensions.steps,
        # One row per person and cell. `occurrence` has one row per person and category of the measure's axis.
        "person_cell AS (SELECT DISTINCT o.synthetic_key, o.label, "
        f"{' + '.join(('o.part', *dimensions.terms))} AS position FROM occurrence AS o {' '.join(dimensions.joins)})",
        _bounded(bound, key, bindings),
    ]
    sql = f"WITH {', '.join(steps)} SELECT position, count(*) AS persons FROM bounded GROUP BY position"
    return CompiledQuestion(sql, bindings.values, measure.relations | dimensions.relations, grid)


def _bounded(bound: ContributionBound, key: TruncationKey, bindings: Bindings) -> str:
    if not bound.truncates:
        return "bounded AS (SELECT synthetic_key, position FROM person_cell)"
    inner, outer = (f"{bindings.bind(pad)}::BLOB" for pad in key.pads())
    rank = keyed_rank_sql(inner, outer, "synthetic_key", "label")
    return (
        "bounded AS (SELECT synthetic_key, position FROM (SELECT synthetic_key, position, "
        f"row_number() OVER (PARTITION BY synthetic_key ORDER BY {rank}) AS place FROM person_cell) "
        f"WHERE place <= {bindings.bind(bound.cells)})"
    )
