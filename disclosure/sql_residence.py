# ruff: noqa: S608 - identifiers come quoted from the signed agreement, every value is a bound parameter
"""The residence rules: from what sources hold to stays, and to the days on which residence begins or ends.

Every rule ends in two steps of one form, so that each measure works under each rule.
"""

import datetime
from dataclasses import dataclass

from disclosure.query.rules import Registered, Rule, Signs, Window
from disclosure.sql_bindings import PERSON, Bindings, quoted, relation_name
from disclosure.sql_parts import LAST_DAY
from disclosure.sql_residence_itinerary import Crossings
from disclosure.sql_residence_signs import Sign, signs_steps
from disclosure.sql_residence_window import window_steps
from disclosure.terms import Terms
from linkage_core.agreement.payload import PayloadTable


@dataclass(frozen=True, slots=True)
class ResidenceParts:
    """Steps that end in `stay` and `transition`, and the (provider, table) relations that they read.

    `stay (person, first DATE, last DATE, certain BOOLEAN)`: of one person disjoint; `first` is `FIRST_DAY` where
    nobody knows when it began, `last` is `LAST_DAY` where it goes on; not `certain` where the rule leaves open whether
    it is residence.
    `transition (person, day DATE, way 'in' | 'out', since DATE, again BOOLEAN, certain BOOLEAN)`: a person
    becomes a resident on the day, or spends the last day as one. `since` is the first day of the stay that begins or
    ends; `again` tells of a beginning that the person was a resident before.
    """

    steps: tuple[str, ...]
    relations: frozenset[tuple[str, str]]


def residence_parts(
    rule: Rule, terms: Terms, bindings: Bindings, covering: tuple[datetime.date, ...] = ()
) -> ResidenceParts:
    """Return the SQL of a residence rule that passed policy.

    With dates, it is enough that a person's stays cover the same of them as by the full history: stays may overlap,
    `first` and `last` may lie nearer to the dates than they are, and other stays and transitions may be missing.
    """
    match rule:
        case Registered():
            return _registered(terms.table(terms.statistics.residence), rule, terms, bindings, covering)
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
        "transition AS (SELECT person, first AS day, 'in' AS way, first AS since, "
        "row_number() OVER (PARTITION BY person ORDER BY first) > 1 AS again, certain FROM stay "
        f"QUALIFY first > {period_start}::DATE UNION ALL "
        f"SELECT person, last AS day, 'out' AS way, first AS since, FALSE AS again, certain FROM stay "
        f"WHERE last < {LAST_DAY})"
    )


def _registered(
    table: PayloadTable, rule: Registered, terms: Terms, bindings: Bindings, covering: tuple[datetime.date, ...]
) -> ResidenceParts:
    """Return stays from registration spells.

    Spells of one person are joined into a stay when the absence between them is shorter than a limit; stays shorter
    than a limit are dropped. With `minimum_months` 12 both limits are 365 days: a short absence is no emigration, a
    short stay no immigration. With 0 only overlapping and adjoining spells are joined, and every stay counts. Both ends
    of a spell are included; an empty end is open. Spells that end before they start are no spells.

    Near the end of observation a stay or an absence is not yet known to be long. An open stay counts as going on and an
    ended one as left, and the table flags such cells as provisional (`disclosure.provisional`).

    Spells that end more than twice the limit before all dates, or start more than that after them, are not needed to
    tell which dates a stay covers. If such a spell is a part of a stay that covers a date, what is left of the stay
    still covers it, and reaches at least a limit beyond it, since no gap inside a stay is as long as the limit: it is
    long enough without. If it is not, it has nothing to say. And where any length counts, spells cover what they cover
    joined.
    """
    start, end = quoted(table.start or ""), quoted(table.end or "")
    limit = bindings.bind(max(1, rule.window_days))
    near = ""
    if covering:
        earliest, latest = (f"{bindings.bind(day)}::DATE" for day in (min(covering), max(covering)))
        far = f"2 * {limit}::INTEGER"
        near = f" AND {start} <= {latest} + {far} AND ({end} IS NULL OR {end} >= {earliest} - {far})"
    spell = (
        f"spell AS (SELECT {PERSON}, {start} AS first, coalesce({end}, {LAST_DAY}) AS last "
        f"FROM {quoted(relation_name(table.provider, table.name))} WHERE ({end} IS NULL OR {end} >= {start}){near})"
    )
    stays = _joined(limit)
    if covering and not rule.window_days:
        stays = ("stay AS (SELECT person, first, last, TRUE AS certain FROM spell)",)
    transition = transitions(bindings.bind(terms.period.start))
    return ResidenceParts((spell, *stays, transition), frozenset({(table.provider, table.name)}))


def _joined(limit: str) -> tuple[str, ...]:
    return (
        # `seen`: the latest day of all spells that began before. Of those that begin on one day the first may begin a
        # stay and the others cannot, whichever is the first.
        "preceded AS (SELECT person, first, "
        "max(last) OVER (spells ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS seen, "
        "max(last) OVER (spells ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS latest "
        "FROM spell WINDOW spells AS (PARTITION BY person ORDER BY first))",
        # A stay ends with the latest day seen before the next one begins.
        "begun AS (SELECT person, first, "
        "coalesce(lead(seen) OVER (PARTITION BY person ORDER BY first), latest) AS last "
        f"FROM preceded WHERE seen IS NULL OR first - seen - 1 >= {limit})",
        f"stay AS (SELECT person, first, last, TRUE AS certain FROM begun WHERE last - first + 1 >= {limit})",
    )
