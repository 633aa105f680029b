# ruff: noqa: S608 - identifiers come quoted from the signed agreement, every value is a bound parameter
"""The residence rule: from registration spells to stays.

A person is a resident on a day if a stay covers it. Spells of one person are joined into a stay when the absence
between them is shorter than a limit; stays shorter than a limit are dropped. With `minimum_months` 12 both limits are
365 days: a short absence is no emigration, a short stay no immigration. With 0 only overlapping and adjoining spells
are joined, and every stay counts. Both ends of a spell are included; an empty end is open.

Near the end of observation a stay or an absence is not yet known to be long. An open stay counts as going on and an
ended one as left, and the table flags such cells as provisional (`grid.provisional_categories`).
Spells that end before they start are no spells.
"""

from typing import Final

from disclosure.query import Rule
from disclosure.sql_bindings import Bindings, quoted, relation_name
from linkage_core.agreement.payload import PayloadTable

LAST_DAY: Final = "DATE '9999-12-31'"
"""End of an open spell."""


def stay_steps(table: PayloadTable, rule: Rule, bindings: Bindings) -> tuple[str, ...]:
    """Return the steps that end in `stay (synthetic_key, first, last)`: disjoint stays that count as residence."""
    start, end = quoted(table.start or ""), quoted(table.end or "")
    limit = bindings.bind(max(1, rule.window_days))
    return (
        f"spell AS (SELECT synthetic_key, {start} AS first, coalesce({end}, {LAST_DAY}) AS last "
        f"FROM {quoted(relation_name(table.provider, table.name))} WHERE {end} IS NULL OR {end} >= {start})",
        # `seen`: the latest day of all spells that began before. Rows alike in both days are interchangeable.
        "preceded AS (SELECT synthetic_key, first, last, max(last) OVER (PARTITION BY synthetic_key "
        "ORDER BY first, last ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS seen FROM spell)",
        f"numbered AS (SELECT synthetic_key, first, last, "
        f"sum(CASE WHEN seen IS NULL OR first - seen - 1 >= {limit} THEN 1 ELSE 0 END) "
        "OVER (PARTITION BY synthetic_key ORDER BY first, last ROWS UNBOUNDED PRECEDING) AS number FROM preceded)",
        "stay AS (SELECT synthetic_key, min(first) AS first, max(last) AS last FROM numbered "
        f"GROUP BY synthetic_key, number HAVING max(last) - min(first) + 1 >= {limit})",
    )
