# ruff: noqa: S608 - identifiers come quoted from the signed agreement, every value is a bound parameter
"""One value per person and dimension, whatever the sources say.

Within one source, a person with several rows (two passports) gets the value that comes first in the public code list.
Between sources, the first that has a listed value wins, in the agreement's order. Missing, unlisted and `unknown`
values are no value; a person without any is in the category unknown, so nobody drops out of a table.
"""

from dataclasses import dataclass

from disclosure.grid import Grid, categories, kept_categories
from disclosure.query import Question
from disclosure.sql_bindings import Bindings, quoted, relation_name
from disclosure.terms import Terms
from linkage_core.agreement.payload import ColumnReference


@dataclass(frozen=True, slots=True)
class DimensionParts:
    """What dimensions add to a statement: steps, joins to `occurrence AS o`, terms of the cell's position."""

    steps: tuple[str, ...]
    joins: tuple[str, ...]
    terms: tuple[str, ...]
    relations: frozenset[tuple[str, str]]


def dimension_parts(question: Question, terms: Terms, grid: Grid, bindings: Bindings) -> DimensionParts:
    """Return the SQL of every dimension that the table is broken down by or that a comparison uses."""
    strides = {axis.name: stride for axis, stride in zip(grid.axes[1:], grid.strides[1:], strict=True)}
    names = (*question.dimensions, *sorted({item.dimension for item in question.where} - set(question.dimensions)))
    steps: list[str] = []
    joins: list[str] = []
    relations: set[tuple[str, str]] = set()
    for number, name in enumerate(names):
        every, kept = categories(name, terms), kept_categories(question, name, terms)
        sources = terms.dimension(name).sources
        relations |= {(source.provider, source.table) for source in sources}
        steps.append(_values(number, sources, every, bindings))
        positions = bindings.bind([every.index(category) for category in kept])
        parts = bindings.bind([strides.get(name, 0) * place for place in range(len(kept))])
        steps.append(
            f"kept_{number} AS (SELECT unnest({positions}::BIGINT[]) AS value, unnest({parts}::BIGINT[]) AS part)"
        )
        joins.append(
            f"LEFT JOIN dimension_{number} AS d{number} ON d{number}.synthetic_key = o.synthetic_key "
            f"JOIN kept_{number} AS k{number} ON k{number}.value = "
            f"coalesce(d{number}.value, {bindings.bind(len(every) - 1)})"
        )
    return DimensionParts(
        tuple(steps), tuple(joins), tuple(f"k{number}.part" for number in range(len(names))), frozenset(relations)
    )


def _values(number: int, sources: tuple[ColumnReference, ...], every: tuple[str, ...], bindings: Bindings) -> str:
    # A value is its place in the public list. The smallest (place of the source, place in the list) wins.
    listed = bindings.bind(list(every[:-1]))
    width = bindings.bind(len(every))
    rows = " UNION ALL ".join(
        f"SELECT synthetic_key, {place} AS source, {quoted(reference.column)} AS code "
        f"FROM {quoted(relation_name(reference.provider, reference.table))}"
        for place, reference in enumerate(sources)
    )
    return (
        f"dimension_{number} AS (SELECT r.synthetic_key, min(r.source * {width} + c.place) % {width} AS value "
        f"FROM ({rows}) AS r JOIN (SELECT unnest({listed}::VARCHAR[]) AS code, "
        f"unnest(range({width} - 1)) AS place) AS c ON c.code = r.code GROUP BY r.synthetic_key)"
    )
