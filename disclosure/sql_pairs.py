# ruff: noqa: S608 - places come from the agreement's public lists as numbers
"""Each resident's position in the table of every pair of dimensions: what a synthetic file is made from.

There is one row per synthetic key, by grouping, whatever the steps before hold, and that row counts once in each pair.
So one person changes as many cells as there are pairs, each by 1, and nothing is truncated.
"""

from disclosure.grid import PairGrid
from disclosure.sql_dimensions import DimensionParts


def pair_steps(grid: PairGrid, dimensions: DimensionParts) -> tuple[str, ...]:
    """Return the steps from `occurrence` to `numbers (person, position)`."""
    places = [f"place_{number}" for number in range(len(grid.axes) - 1)]
    values = ", ".join(f"max({term}) AS {place}" for term, place in zip(dimensions.terms, places, strict=False))
    return (
        f"resident AS (SELECT o.person, {values} FROM occurrence AS o {' '.join(dimensions.joins)} GROUP BY o.person)",
        f"numbers AS (SELECT person, unnest([{', '.join(grid.positions(places))}]) AS position FROM resident)",
    )
