# ruff: noqa: S608 - identifiers come quoted from the signed agreement, every value is a bound parameter
"""Who would be in other cells if the link between two files had been missed: what a model of linkage errors needs.

The measure is counted twice more, each time as if one of the two files had no rows. What a person adds to a cell when
the files are apart, beyond what the person adds when they are linked, is *gained* by a missed link; what is missing,
*lost*. People who are in one file only gain and lose nothing.

A missed link puts at most two halves into one date or period, and takes one person out of it: of each person and date
or period at most two cells gain 1 and one loses 1. Dates and periods are kept as the measure's own bound keeps them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from disclosure.bounding import ContributionBound, TruncationKey, keyed_rank_sql
from disclosure.grid import Grid
from disclosure.sql_bindings import Bindings, quoted, relation_name


@dataclass(frozen=True, slots=True)
class PersonCells:
    """Steps that end in `person_cell (person, position, amount)`, and the (provider, table) relations they read."""

    steps: tuple[str, ...]
    relations: frozenset[tuple[str, str]]


def moved_steps(
    silencing: Mapping[str, PersonCells], bound: ContributionBound, grid: Grid, key: TruncationKey, bindings: Bindings
) -> tuple[str, ...]:
    """Return the steps from `person_cell` and `numbers` to `counted_beside`, with columns `counted`, `gained`, `lost`.

    `silencing`: for each of the two providers the steps that are to count as if it had delivered no row.
    `counted_beside (person, position, …)`: rows of `numbers` as `counted` 1, and those of people who move.
    """
    alone = [_alone(place, silent, cells) for place, (silent, cells) in enumerate(silencing.items())]
    return (
        *(step for steps in alone for step in steps),
        "apart AS (SELECT person, position, sum(people) AS people FROM ("
        "SELECT person, position, 1 AS people FROM alone_0 UNION ALL "
        "SELECT person, position, 1 FROM alone_1 UNION ALL "
        "SELECT person, position, -1 FROM person_cell) "
        "GROUP BY person, position HAVING sum(people) <> 0)",
        _kept(bound, grid, key, bindings),
        "counted_beside AS (SELECT person, position, 1 AS counted, 0 AS gained, 0 AS lost FROM numbers "
        "UNION ALL SELECT person, position, 0, least(greatest(people, 0), 1), least(greatest(-people, 0), 1) "
        "FROM moved)",
    )


def _alone(place: int, silent: str, cells: PersonCells) -> tuple[str, ...]:
    """Steps that end in `alone_<place>`: `person_cell` as if the provider `silent` had delivered no row.

    Inside, the silent file's relations are shadowed by empty ones of the same name.
    """
    names = sorted(relation_name(*table) for table in cells.relations if table[0] == silent)
    empty = [quoted(f"{name} without rows") for name in names]
    shadows = [f"{quoted(name)} AS (SELECT * FROM {other})" for name, other in zip(names, empty, strict=True)]
    return (
        *(f"{other} AS (SELECT * FROM {quoted(name)} LIMIT 0)" for name, other in zip(names, empty, strict=True)),
        f"alone_{place} AS (WITH {', '.join((*shadows, *cells.steps))} SELECT person, position FROM person_cell)",
    )


def _kept(bound: ContributionBound, grid: Grid, key: TruncationKey, bindings: Bindings) -> str:
    """Step `moved`: of each person the periods that the keyed choice keeps, as many as the bound has cells."""
    if not bound.truncates:
        return "moved AS (SELECT * FROM apart)"
    inner, outer = (f"{bindings.bind(pad)}::BLOB" for pad in key.pads())
    place = f"position // {bindings.bind(grid.strides[0])}"
    label = f"({bindings.bind(list(grid.axes[0].categories))}::VARCHAR[])[{place} + 1]"
    rank = keyed_rank_sql(inner, outer, "CAST(person AS BLOB)", label)
    return (
        f"moved AS (SELECT * FROM apart QUALIFY dense_rank() OVER (PARTITION BY person ORDER BY {rank}, {place}) "
        f"<= {bindings.bind(bound.cells)})"
    )
