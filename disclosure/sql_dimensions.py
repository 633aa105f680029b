# ruff: noqa: S608 - identifiers come quoted from the signed agreement, every value is a bound parameter
"""One value per person and dimension, whatever the sources say.

Between sources, the first that has a value wins, in the agreement's order. Within one source, a person with several
rows (two passports) gets the value that comes first in the public code list, or the earliest date of birth. Missing,
unlisted and `unknown` values are no value; a person without any is in the category unknown, so nobody drops out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from disclosure.grid import Grid, categories, kept_categories
from disclosure.query.questions import AnyQuestion, Question
from disclosure.sql_bindings import PERSON, Bindings, quoted, relation_name
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
    names = named_dimensions(question)
    stated = {number: terms.dimension(name) for number, name in enumerate(names) if terms.dimension(name).sources}
    steps: list[str] = []
    joins: list[str] = []
    if stated:
        steps.append(_known(stated, terms, bindings))
        joins.append("LEFT JOIN known ON known.person = o.person")
    for number, name in enumerate(names):
        dimension, every = terms.dimension(name), categories(name, terms)
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
        tuple(steps),
        tuple(joins),
        tuple(f"k{number}.part" for number in range(len(names))),
        frozenset((source.provider, source.table) for dimension in stated.values() for source in dimension.sources),
    )


def named_dimensions(question: AnyQuestion) -> tuple[str, ...]:
    """Return the dimensions that a table is broken down by, then those that only a comparison uses."""
    return (*question.dimensions, *sorted({item.dimension for item in question.where} - set(question.dimensions)))


def stated_values(dimension: Dimension, terms: Terms, bindings: Bindings) -> str:
    """Return a query for `(person, source, value)`: one row for each row of each source.

    `value` is a BIGINT: the place in the public code list, or the days from 0001-01-01 to the date of birth; NULL where
    a row says nothing.
    """
    rows = []
    for place, reference in enumerate(dimension.sources):
        value, join = _stated(reference, dimension, "code", terms, bindings)
        rows.append(f"SELECT {PERSON}, {place} AS source, {value} AS value FROM {_rows(reference)}{join}")
    return " UNION ALL ".join(rows)


def _known(stated: Mapping[int, Dimension], terms: Terms, bindings: Bindings) -> str:
    """Step `known (person, value_0, …)`: each person's values, in one pass over each table that states any."""
    # Of each dimension the smallest (place of the source, value) wins.
    said: dict[str, dict[int, list[str]]] = {}
    joins: dict[str, list[str]] = {}
    for number, dimension in stated.items():
        for place, reference in enumerate(dimension.sources):
            value, join = _stated(reference, dimension, f"code_{number}_{place}", terms, bindings)
            placed = f"{place * _APART} + {value}"
            said.setdefault(_rows(reference), {}).setdefault(number, []).append(placed)
            joins.setdefault(_rows(reference), []).append(join)
    rows = " UNION ALL ".join(
        f"SELECT {PERSON}, "
        + ", ".join(f"{_smallest(values.get(number, ()))} AS said_{number}" for number in stated)
        + f" FROM {rows}{''.join(joins[rows])}"
        for rows, values in said.items()
    )
    values = ", ".join(f"min(said_{number}) % {_APART} AS value_{number}" for number in stated)
    return f"known AS (SELECT person, {values} FROM ({rows}) GROUP BY person)"


def _smallest(values: Sequence[str]) -> str:
    if not values:
        return "NULL::BIGINT"
    return f"least({', '.join(values)})"


def _rows(reference: ColumnReference) -> str:
    return f"{quoted(relation_name(reference.provider, reference.table))} AS r"


def _stated(
    reference: ColumnReference, dimension: Dimension, alias: str, terms: Terms, bindings: Bindings
) -> tuple[str, str]:
    """Return the value that a row `r` states, and the join that it needs."""
    column = f"r.{quoted(reference.column)}"
    if dimension.kind == "age":
        found = terms.table(reference).column(reference.column)
        day = f"make_date({column}, 1, 1)" if found is not None and found.type == "year" else column
        return f"CAST({day} - {_FIRST_DAY} AS BIGINT)", ""
    listed = bindings.bind(list(categories(dimension.name, terms)[:-1]))
    codes = f"(SELECT unnest({listed}::VARCHAR[]) AS code, unnest(range(len({listed}::VARCHAR[]))) AS place)"
    return f"{alias}.place", f" LEFT JOIN {codes} AS {alias} ON {alias}.code = {column}"


def _place(number: int, dimension: Dimension, categories_in_all: int, bindings: Bindings) -> str:
    unknown = bindings.bind(categories_in_all - 1)
    if dimension.kind == "attribute":
        return f"coalesce(known.value_{number}, {unknown})"
    if dimension.kind == "age":
        born = f"({_FIRST_DAY} + CAST(known.value_{number} AS INTEGER))"
        figure, before = f"date_sub('year', {born}, o.day)", f"WHEN {born} > o.day THEN {unknown} "
    else:
        figure, before = months_since("o.since", "o.day"), ""
    bands = " ".join(
        f"WHEN {figure} >= {bindings.bind(low)} THEN {place}" for place, low in reversed([*enumerate(dimension.bands)])
    )
    return f"CASE {before}{bands} ELSE {unknown} END"
