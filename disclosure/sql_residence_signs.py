# ruff: noqa: S608 - identifiers come quoted from the signed agreement, every value is a bound parameter
"""Signs of life: who was seen in enough sources in a calendar year is a resident of that year.

Each source has a weight and counts once a year, however many rows it has; a year whose weights reach the score is a
year of residence, from its first to its last day. With weights and a score of 1, any of the sources is enough. Signs
outside the agreement's period are not seen: in a year that it covers in part, fewer are.

Consecutive years of residence are one stay; years without it that lie between two with it are bridged when there are no
more than `gap_years` of them. A stay that reaches the period's last year goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from disclosure.sql_bindings import PERSON, Bindings, quoted, relation_name
from disclosure.sql_parts import LAST_DAY
from linkage_core.agreement.clauses import Period
from linkage_core.agreement.payload import PayloadTable


@dataclass(frozen=True, slots=True)
class Sign:
    """A source in which people show signs of life: an event table, or a spell table, seen in each year of a spell."""

    table: PayloadTable
    weight: int


def signs_steps(
    signs: Sequence[Sign], score: int, gap_years: int, period: Period, bindings: Bindings
) -> tuple[str, ...]:
    """Return the steps that end in `stay (person, first DATE, last DATE, certain BOOLEAN)`, all certain.

    A person's stays are disjoint, each from a 1 January to a 31 December or, where it goes on, to `LAST_DAY`. There are
    at most 62 sources, each named once.
    """
    rows = " UNION ALL ".join(_seen(sign.table, 1 << place, period, bindings) for place, sign in enumerate(signs))
    reached = " + ".join(
        f"CASE WHEN sources & {bindings.bind(1 << place)} > 0 THEN {bindings.bind(sign.weight)} ELSE 0 END"
        for place, sign in enumerate(signs)
    )
    return (
        f"seen AS (SELECT person, year, bit_or(source) AS sources FROM ({rows}) GROUP BY person, year)",
        "resident_year AS (SELECT person, year, lag(year) OVER (PARTITION BY person ORDER BY year) AS year_before "
        f"FROM seen WHERE {reached} >= {bindings.bind(score)})",
        "numbered AS (SELECT person, year, sum(CASE WHEN year - year_before - 1 <= "
        f"{bindings.bind(gap_years)} THEN 0 ELSE 1 END) "
        "OVER (PARTITION BY person ORDER BY year ROWS UNBOUNDED PRECEDING) AS number FROM resident_year)",
        "stay AS (SELECT person, make_date(min(year), 1, 1) AS first, "
        f"CASE WHEN max(year) = {bindings.bind(period.end.year)} THEN {LAST_DAY} ELSE make_date(max(year), 12, 31) END "
        "AS last, TRUE AS certain FROM numbered GROUP BY person, number)",
    )


def _seen(table: PayloadTable, source: int, period: Period, bindings: Bindings) -> str:
    relation = quoted(relation_name(table.provider, table.name))
    time = quoted(table.time or "")
    column = table.column(table.time or "")
    if column is not None and column.type == "year":
        first, last = bindings.bind(period.start.year), bindings.bind(period.end.year)
        year, within = time, f"{time} BETWEEN {first} AND {last}"
    else:
        start, end = (f"{bindings.bind(day)}::DATE" for day in (period.start, period.end))
        year, within = f"year({time})", f"{time} BETWEEN {start} AND {end}"
        if table.kind == "spell":
            begins, ends = quoted(table.start or ""), f"coalesce({quoted(table.end or '')}, {LAST_DAY})"
            year = f"unnest(range(year(greatest({begins}, {start})), year(least({ends}, {end})) + 1))"
            within = f"{begins} <= {end} AND {ends} >= greatest({begins}, {start})"
    return (
        f"SELECT {PERSON}, CAST({year} AS BIGINT) AS year, "
        f"{bindings.bind(source)}::BIGINT AS source FROM {relation} WHERE {within}"
    )
