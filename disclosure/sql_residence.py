# ruff: noqa: S608 - identifiers come quoted from the signed agreement, every value is a bound parameter
"""The residence rules: from what sources hold to stays, and to the days on which residence begins or ends.

Every rule ends in two steps of one form, so that each measure works under each rule.
"""

from dataclasses import dataclass

from disclosure.query.rules import Registered, Rule, Signs, Window
from disclosure.sql_bindings import Bindings, quoted, relation_name
from disclosure.sql_parts import LAST_DAY
from disclosure.sql_residence_itinerary import Crossings
from disclosure.sql_residence_signs import Sign, signs_steps
from disclosure.sql_residence_window import window_steps
from disclosure.terms import Terms
from linkage_core.agreement.payload import PayloadTable


@dataclass(frozen=True, slots=True)
class ResidenceParts:
    """Steps that end in `stay` and `transition`, and the (provider, table) relations that they read.

    `stay (synthetic_key, first DATE, last DATE, certain BOOLEAN)`: of one person disjoint; `first` is `FIRST_DAY` where
    nobody knows when it began, `last` is `LAST_DAY` where it goes on; not `certain` where the rule leaves open whether
    it is residence.
    `transition (synthetic_key, day DATE, way 'in' | 'out', since DATE, again BOOLEAN, certain BOOLEAN)`: a person
    becomes a resident on the day, or spends the last day as one. `since` is the first day of the stay that begins or
    ends; `again` tells of a beginning that the person was a resident before.
    """

    steps: tuple[str, ...]
    relations: frozenset[tuple[str, str]]


def residence_parts(rule: Rule, terms: Terms, bindings: Bindings) -> ResidenceParts:
    """Return the SQL of a residence rule that passed policy."""
    match rule:
        case Registered():
            return _registered(terms.table(terms.statistics.residence), rule, terms, bindings)
        case Window():
            crossings = crossings_of(terms)
            steps = window_steps(crossings, rule.days, rule.of, rule.itinerary, terms.period, bindings)
            return ResidenceParts(steps, frozenset({(crossings.table.provider, crossings.table.name)}))
        case Signs():
            signs = [Sign(terms.source_table(name), weight) for name, weight in sorted(rule.sources.items())]
            steps = (
                *signs_steps(signs, rule.score, rule.gap_years, terms.period, bindings),
                transitions(bindings.bind(terms.period.start)),
            )
            return ResidenceParts(steps, frozenset((sign.table.provider, sign.table.name) for sign in signs))


def crossings_of(terms: Terms) -> Crossings:
    """Return where border crossings are, for a question that passed policy."""
    clause = terms.statistics.crossings
    if clause is None:
        raise ValueError("the agreement names no table of border crossings")
    return Crossings(terms.table(clause.table), clause.direction, clause.arrival, clause.departure)


def transitions(period_start: str) -> str:
    """Return the step `transition` of certain stays.

    A stay that began on or before the first day of the agreement's period is no beginning: observation starts there,
    so it may have begun at any time before.
    """
    return (
        "transition AS (SELECT synthetic_key, first AS day, 'in' AS way, first AS since, "
        "row_number() OVER (PARTITION BY synthetic_key ORDER BY first) > 1 AS again, certain FROM stay "
        f"QUALIFY first > {period_start}::DATE UNION ALL "
        f"SELECT synthetic_key, last AS day, 'out' AS way, first AS since, FALSE AS again, certain FROM stay "
        f"WHERE last < {LAST_DAY})"
    )


def _registered(table: PayloadTable, rule: Registered, terms: Terms, bindings: Bindings) -> ResidenceParts:
    """Return stays from registration spells.

    Spells of one person are joined into a stay when the absence between them is shorter than a limit; stays shorter
    than a limit are dropped. With `minimum_months` 12 both limits are 365 days: a short absence is no emigration, a
    short stay no immigration. With 0 only overlapping and adjoining spells are joined, and every stay counts. Both ends
    of a spell are included; an empty end is open. Spells that end before they start are no spells.

    Near the end of observation a stay or an absence is not yet known to be long. An open stay counts as going on and an
    ended one as left, and the table flags such cells as provisional (`disclosure.provisional`).
    """
    start, end = quoted(table.start or ""), quoted(table.end or "")
    limit = bindings.bind(max(1, rule.window_days))
    return ResidenceParts(
        (
            # As a UUID, a key is sorted in half the time of a BLOB.
            f"spell AS (SELECT CAST(synthetic_key AS UUID) AS person, {start} AS first, "
            f"coalesce({end}, {LAST_DAY}) AS last FROM {quoted(relation_name(table.provider, table.name))} "
            f"WHERE {end} IS NULL OR {end} >= {start})",
            # `seen`: the latest day of all spells that began before. Rows alike in both days are interchangeable.
            "preceded AS (SELECT person, first, "
            "max(last) OVER (spells ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS seen, "
            "max(last) OVER (spells ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS latest "
            "FROM spell WINDOW spells AS (PARTITION BY person ORDER BY first, last))",
            # A stay ends with the latest day seen before the next one begins.
            "begun AS (SELECT person, first, "
            "coalesce(lead(seen) OVER (PARTITION BY person ORDER BY first), latest) AS last "
            f"FROM preceded WHERE seen IS NULL OR first - seen - 1 >= {limit})",
            "stay AS (SELECT CAST(person AS BLOB) AS synthetic_key, first, last, TRUE AS certain FROM begun "
            f"WHERE last - first + 1 >= {limit})",
            transitions(bindings.bind(terms.period.start)),
        ),
        frozenset({(table.provider, table.name)}),
    )
