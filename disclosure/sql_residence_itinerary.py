# ruff: noqa: S608 - identifiers come quoted from the signed agreement, every value is a bound parameter
"""Itineraries: a person's border crossings in order, and what becomes of two in the same direction.

Public rules that depend on one person's set of crossings alone, never on the order of rows:

1. *Crossings* are rows with a code of arrival or departure, on a day of the agreement's period; its last day is the end
   of observation. Crossings in the same direction on the same day are one.
2. *Both directions on one day* are a trip that ends where it began: the person is afterwards where the last day with
   one direction left them, or where the first such day finds them. If there is none, they came to visit.
3. *Before the first crossing* a person is in the country if that is a departure, and out of it if it is an arrival.
4. *Two crossings in the same direction* with none between are an illogical itinerary. `midpoint` inserts the missing
   crossing on the day halfway, rounded down; `drop` passes over the later one; `flag` marks the person.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from disclosure.sql_bindings import PERSON, Bindings, quoted, relation_name
from linkage_core.agreement.clauses import Period
from linkage_core.agreement.payload import PayloadTable

Itinerary = Literal["midpoint", "drop", "flag"]

_ILLOGICAL: Final = "directions + inside = 2"
"""An arrival (1) of somebody who is inside (1), or a departure (2) of somebody who is not (0)."""


@dataclass(frozen=True, slots=True)
class Crossings:
    """Where border crossings are: an event table with a date, and the codes of its column of directions."""

    table: PayloadTable
    direction: str
    arrival: str
    departure: str


def located_steps(crossings: Crossings, period: Period, bindings: Bindings) -> tuple[str, ...]:
    """Return the steps that end in `located (person, day, day_before, directions, inside, began)`: one row a day.

    `day` counts from the period's first, `day_before` is that of the crossings before. `directions` is 1 for an
    arrival, 2 for a departure, 3 for both. `inside` is 1 if, by the crossings before, the person is in the country when
    the day begins, else 0; `began` says so of the time before the first crossing.
    """
    time, direction = quoted(crossings.table.time or ""), quoted(crossings.direction)
    arrival, start = bindings.bind(crossings.arrival), f"{bindings.bind(period.start)}::DATE"
    alone = "CASE WHEN directions < 3 THEN day * 4 + directions END"
    return (
        f"crossed AS (SELECT {PERSON}, CAST({time} - {start} AS INTEGER) AS day, "
        f"bit_or(CAST(CASE {direction} WHEN {arrival} THEN 1 ELSE 2 END AS TINYINT)) AS directions "
        f"FROM {quoted(relation_name(crossings.table.provider, crossings.table.name))} "
        f"WHERE {_is_crossing(crossings, period, bindings)} GROUP BY ALL)",
        "itinerary AS (SELECT person, day, directions, lag(day) OVER journey AS day_before, "
        f"max({alone}) OVER (journey ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) % 4 AS latest, "
        f"min({alone}) OVER (journey ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) % 4 AS earliest "
        "FROM crossed WINDOW journey AS (PARTITION BY person ORDER BY day))",
        "located AS (SELECT person, day, day_before, directions, "
        "CAST(coalesce(2 - latest, earliest - 1, 0) AS TINYINT) AS inside, "
        "CAST(coalesce(earliest - 1, 0) AS TINYINT) AS began FROM itinerary)",
    )


def never_crossed_step(
    crossings: Crossings, everyone: Iterable[PayloadTable], period: Period, bindings: Bindings
) -> str:
    """Return the step `never_crossed (person)`: each person of any table `everyone` without a crossing, once."""
    persons = " UNION ALL ".join(
        f"SELECT {PERSON}, "
        f"{_is_crossing(crossings, period, bindings) if table == crossings.table else 'FALSE'} AS crossed "
        f"FROM {quoted(relation_name(table.provider, table.name))}"
        for table in everyone
    )
    return (
        f"never_crossed AS (SELECT person FROM ({persons}) GROUP BY person "
        "HAVING NOT coalesce(bool_or(crossed), FALSE))"
    )


def _is_crossing(crossings: Crossings, period: Period, bindings: Bindings) -> str:
    """The condition of rule 1 on a row of the table of crossings."""
    codes = ", ".join(map(bindings.bind, (crossings.arrival, crossings.departure)))
    start, end = (f"{bindings.bind(day)}::DATE" for day in (period.start, period.end))
    return (
        f"{quoted(crossings.direction)} IN ({codes}) AND {quoted(crossings.table.time or '')} BETWEEN {start} AND {end}"
    )


def passage_step(period: Period, bindings: Bindings) -> str:
    """Return the step `passage (person, day DATE, illogical BOOLEAN)`: one row a day with crossings.

    `illogical`: the crossing is in the same direction as the one before it.
    """
    return (
        f"passage AS (SELECT person, {bindings.bind(period.start)}::DATE + day AS day, "
        f"{_ILLOGICAL} AS illogical FROM located)"
    )


def crossing_step(itinerary: Itinerary) -> str:
    """Return the step `crossing (person, began, opening, flagged, place, directions, inside)`: `located`, alternating.

    `opening` marks a person's first row. `place` orders a person's rows: twice the day, and one more where a crossing
    was inserted after that day's. Those who are `flagged` do not alternate.
    """
    match itinerary:
        case "midpoint":
            return (
                "crossing AS (SELECT person, began, day_before IS NULL AS opening, FALSE AS flagged, "
                "CASE WHEN inserted THEN (day_before + day) // 2 * 2 + 1 ELSE day * 2 END AS place, "
                "CASE WHEN inserted THEN 3 - directions ELSE directions END AS directions, "
                f"CASE WHEN {_ILLOGICAL} AND NOT inserted THEN 1 - inside ELSE inside END AS inside "
                "FROM located CROSS JOIN (SELECT unnest([FALSE, TRUE]) AS inserted) "
                f"WHERE NOT inserted OR {_ILLOGICAL})"
            )
        case "drop":
            return (
                "crossing AS (SELECT person, began, day_before IS NULL AS opening, FALSE AS flagged, day * 2 AS place, "
                f"directions, inside FROM located WHERE NOT {_ILLOGICAL})"
            )
        case "flag":
            return (
                "crossing AS (SELECT person, began, day_before IS NULL AS opening, "
                f"bool_or({_ILLOGICAL}) OVER (PARTITION BY person) AS flagged, day * 2 AS place, directions, inside "
                "FROM located)"
            )
