# ruff: noqa: S608 - identifiers come quoted from the signed agreement, every value is a bound parameter
"""One value per person and dimension, whatever the sources say.

Between sources, the first that has a value wins, in the agreement's order. Within one source, a person with several
rows (two passports) gets the value that comes first in the public code list, or the earliest date of birth. Missing,
unlisted and `unknown` values are no value; a person without any is in the category unknown, so nobody drops out.
"""

from dataclasses import dataclass
from typing import Final

from disclosure.grid import Grid, categories, kept_categories
from disclosure.query.questions import Question
from disclosure.sql_bindings import Bindings, quoted, relation_name
from disclosure.sql_parts import months_since
from disclosure.terms import Terms
from linkage_core.agreement.statistics import ColumnReference, Dimension

_FIRST_DAY: Final = "DATE '0001-01-01'"
_APART: Final = 2**32
"""Above every place in a code list and every number of days, so that a source's place and a value fit one integer."""


@dataclass(frozen=True, slots=True)
class DimensionParts:
    """What dimensions add to a statement: steps, joins to `occurrence AS o`, terms of the cell's position."""

    steps: tuple[str, ...]
    joins: tuple[str, ...]
    terms: tuple[str, ...]
    relations: frozenset[tuple[str, str]]


def dimension_parts(question: Question, terms: Terms, grid: Grid, bindings: Bindings) -> DimensionParts:
    """Return the SQL of every dimension that the table is broken down by or that a comparison uses."""
    strides = {axis.name: stride for axis, stride in zip(grid.axes, grid.strides, strict=True)}
    names = (*question.dimensions, *sorted({item.dimension for item in question.where} - set(question.dimensions)))
    steps: list[str] = []
    joins: list[str] = []
    relations: set[tuple[str, str]] = set()
    for number, name in enumerate(names):
        dimension, every = terms.dimension(name), categories(name, terms)
        relations |= {(source.provider, source.table) for source in dimension.sources}
        if dimension.sources:
            # The smallest (place of the source, value) wins.
            steps.append(
                f"dimension_{number} AS (SELECT synthetic_key, min(source * {_APART} + value) % {_APART} AS value "
                f"FROM ({stated_values(dimension, terms, bindings)}) WHERE value IS NOT NULL GROUP BY synthetic_key)"
            )
            joins.append(f"LEFT JOIN dimension_{number} AS d{number} ON d{number}.synthetic_key = o.synthetic_key")
        kept = kept_categories(question, name, terms)
        places = bindings.bind([every.index(category) for category in kept])
        parts = bindings.bind([strides.get(name, 0) * place for place in range(len(kept))])
        steps.append(
            f"kept_{number} AS (SELECT unnest({places}::BIGINT[]) AS place, unnest({parts}::BIGINT[]) AS part)"
        )
        joins.append(
            f"JOIN kept_{number} AS k{number} ON k{number}.place = {_place(number, dimension, len(every), bindings)}"
        )
    return DimensionParts(
        tuple(steps), tuple(joins), tuple(f"k{number}.part" for number in range(len(names))), frozenset(relations)
    )


def stated_values(dimension: Dimension, terms: Terms, bindings: Bindings) -> str:
    """Return a query for `(synthetic_key, source, value)`: one row for each row of each source.

    `value` is a BIGINT: the place in the public code list, or the days from 0001-01-01 to the date of birth; NULL where
    a row says nothing.
    """
    rows = " UNION ALL ".join(
        f"SELECT synthetic_key, {place} AS source, {_column(reference, dimension, terms)} AS value "
        f"FROM {quoted(relation_name(reference.provider, reference.table))}"
        for place, reference in enumerate(dimension.sources)
    )
    if dimension.kind == "age":
        return rows
    listed = bindings.bind(list(categories(dimension.name, terms)[:-1]))
    return (
        f"SELECT r.synthetic_key, r.source, c.place AS value FROM ({rows}) AS r LEFT JOIN "
        f"(SELECT unnest({listed}::VARCHAR[]) AS code, unnest(range(len({listed}::VARCHAR[]))) AS place) AS c "
        "ON c.code = r.value"
    )


def _column(reference: ColumnReference, dimension: Dimension, terms: Terms) -> str:
    column = quoted(reference.column)
    if dimension.kind != "age":
        return column
    found = terms.table(reference).column(reference.column)
    day = f"make_date({column}, 1, 1)" if found is not None and found.type == "year" else column
    return f"CAST({day} - {_FIRST_DAY} AS BIGINT)"


def _place(number: int, dimension: Dimension, categories_in_all: int, bindings: Bindings) -> str:
    unknown = bindings.bind(categories_in_all - 1)
    if dimension.kind == "attribute":
        return f"coalesce(d{number}.value, {unknown})"
    if dimension.kind == "age":
        born = f"({_FIRST_DAY} + CAST(d{number}.value AS INTEGER))"
        figure, before = f"date_sub('year', {born}, o.day)", f"WHEN {born} > o.day THEN {unknown} "
    else:
        figure, before = months_since("o.since", "o.day"), ""
    bands = " ".join(
        f"WHEN {figure} >= {bindings.bind(low)} THEN {place}" for place, low in reversed([*enumerate(dimension.bands)])
    )
    return f"CASE {before}{bands} ELSE {unknown} END"
