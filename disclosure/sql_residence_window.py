# ruff: noqa: S608 - identifiers come quoted from the signed agreement, every value is a bound parameter
"""Days in and out of the country: residence from border crossings, V days of a window of W days (12/16 months).

Statistics New Zealand's outcomes-based rule ("Defining migrants using travel histories and the 12/16-month rule", 2017;
its R package `migstat` decides each crossing as here). With O = min(end of observation - date, W), and H the days in
the country of the O days after a crossing: a resident who arrives and a non-resident who departs stay what they are.
Otherwise let *away* be O - H after an arrival and H after a departure:

    O < W - V        unknown
    away > W - V     no change
    O >= W           long-term migration
    away > O - V     unknown
    otherwise        migration

The day of a crossing belongs to where it leads. Who is in the country before the first crossing is a resident then: so
in the first V days of the period a resident who comes home counts as an immigrant.

Once a crossing's outcome is unknown, the person's status is unknown to the end of observation, and later crossings are
possible migrations or none. One in the other direction is none if fewer than 2V - W days were spent on the first one's
side in between: were the first a migration, so many would be needed that the other cannot be one as well.

With W < 2V nobody can be away for more than W - V days of a window and in the country for as many of the same, so that
at most one of two crossings on a day changes a status, whatever came before. Each step works on one person's rows alone
and does not depend on their order. Persons who never cross the border have no status here; a stock counts them apart.
"""

from disclosure.sql_bindings import Bindings
from disclosure.sql_parts import FIRST_DAY, LAST_DAY
from disclosure.sql_residence_itinerary import Crossings, Itinerary, crossing_step, located_steps
from linkage_core.agreement.clauses import Period


def window_steps(
    crossings: Crossings, days: int, window: int, itinerary: Itinerary, period: Period, bindings: Bindings
) -> tuple[str, ...]:
    """Return the steps that end in `stay` and `transition`; `days` is V, `window` is W, and V <= W < 2V.

    `stay (person, first DATE, last DATE, certain BOOLEAN)`: of one person disjoint. A day of departure is the
    last one of a stay. `first` is `FIRST_DAY` for those who were residents before their first crossing, `last` is
    `LAST_DAY` where the stay goes on. Not `certain`: whether it is residence is not known.
    `transition (person, day DATE, way 'in' | 'out', since DATE, again BOOLEAN, certain BOOLEAN)`: a migration on
    that day, or a possible one. `since` is the first day of the stay that begins or ends; `again` tells of a beginning
    that the person was a resident before. Rows may be repeated.

    With the itinerary `flag`, who has an illogical one is of unknown status throughout, and each crossing a possible
    migration.
    """
    final = f"{bindings.bind((period.end - period.start).days)}::INTEGER"
    return (
        *located_steps(crossings, period, bindings),
        crossing_step(itinerary),
        *_decisions(days, window, final, bindings),
        *_points(),
        *_relations(2 * days - window, f"{bindings.bind(period.start)}::DATE", final, bindings),
    )


def _decisions(days: int, window: int, final: str, bindings: Bindings) -> tuple[str, ...]:
    """Steps that end in `turn`: rows of `crossing` that may matter, with what each direction comes to, and the status.

    `arrived` and `departed` say what a crossing in that direction does to somebody whom it can change: 0 nothing, 1 a
    migration, 2 unknown. `status` before the crossings is 0 non-resident, 1 resident, 2 flagged; unknown crossings are
    passed over in it. `here` is H and `observed` is O.
    """
    v, w, rest = (f"{bindings.bind(number)}::INTEGER" for number in (days, window, window - days))
    frame = f"{bindings.bind(2 * window)}::INTEGER"

    def outcome(present: str, away: str) -> str:
        return (
            f"CAST(CASE WHEN NOT {present} THEN 0 WHEN flagged OR observed < {rest} THEN 2 WHEN {away} > {rest} THEN 0 "
            f"WHEN observed >= {w} OR {away} <= observed - {v} THEN 1 ELSE 2 END AS TINYINT)"
        )

    return (
        # H of a window that ends on day T: every arrival in it adds T less its day, every departure takes as much away.
        "signed AS (SELECT *, CAST(CASE directions WHEN 1 THEN -1 WHEN 2 THEN 1 ELSE 0 END AS TINYINT) AS sign, "
        f"least({final} - place // 2, {w}) AS observed FROM crossing)",
        "summed AS (SELECT *, sum(sign) OVER ahead AS signs, sum(sign * (place // 2)) OVER ahead AS signed_days "
        "FROM signed WINDOW ahead AS (PARTITION BY person ORDER BY place "
        f"RANGE BETWEEN CURRENT ROW AND {frame} FOLLOWING))",
        "spent AS (SELECT person, began, opening, flagged, place, directions, observed, "
        "CAST(signed_days - signs * (place // 2 + observed) + inside * observed AS INTEGER) AS here FROM summed)",
        "decided AS (SELECT person, CASE WHEN flagged THEN 2 ELSE began END AS began, opening, place, observed, here, "
        f"{outcome('directions <> 2', '(observed - here)')} AS arrived, "
        f"{outcome('directions <> 1', 'here')} AS departed FROM spent)",
        # The latest crossing that settles a status, whatever it was before, is what the status is.
        "settled AS (SELECT *, coalesce(max(CASE WHEN arrived = 1 THEN place * 2 + 1 WHEN departed = 1 THEN place * 2 "
        "END) OVER (PARTITION BY person ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) % 2, began) "
        "AS status FROM decided WHERE opening OR arrived > 0 OR departed > 0)",
        "turn AS MATERIALIZED (SELECT * FROM settled WHERE opening OR arrived = 2 OR departed = 2 "
        "OR (arrived = 1 AND status = 0) OR (departed = 1 AND status = 1))",
    )


def _points() -> tuple[str, ...]:
    """Steps that end in `spell`: the statuses of each person in order, from `place` to `following` (NULL: to the end).

    `status` is 0 non-resident, 1 resident, 2 unknown, `former` the one before it and `began_at` its place; `again`
    tells that the person was a resident at some time before.
    """
    return (
        "point AS (SELECT person, -1 AS place, began AS status, 0 AS observed, 0 AS here FROM turn WHERE opening "
        "UNION ALL SELECT person, place, 1 - status, observed, here FROM turn "
        "WHERE (arrived = 1 AND status = 0) OR (departed = 1 AND status = 1) "
        "UNION ALL SELECT person, min(place), 2, arg_min(observed, place), arg_min(here, place) FROM turn "
        "WHERE (arrived = 2 AND status = 0) OR (departed = 2 AND status = 1) GROUP BY person)",
        "spell AS MATERIALIZED (SELECT *, lag(status) OVER history AS former, lag(place) OVER history AS began_at, "
        "lead(place) OVER history AS following, coalesce(bool_or(status = 1) OVER "
        "(history ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), FALSE) AS again "
        "FROM point WINDOW history AS (PARTITION BY person ORDER BY place))",
    )


def _relations(apart: int, start: str, final: str, bindings: Bindings) -> tuple[str, ...]:
    """Steps `stay` and `transition`; `apart` is 2V - W."""
    day, following = f"{start} + place // 2", f"{start} + following // 2"
    former_since = f"CASE WHEN began_at < 0 THEN {FIRST_DAY} ELSE {start} + began_at // 2 END"
    far = f">= {bindings.bind(apart)}"
    return (
        f"stay AS (SELECT person, CASE WHEN place < 0 THEN {FIRST_DAY} "
        f"WHEN status = 2 AND former = 1 THEN {day} + 1 ELSE {day} END AS first, "
        f"CASE WHEN following IS NULL THEN {LAST_DAY} ELSE {following} END AS last, status = 1 AS certain "
        f"FROM spell WHERE status = 1 OR (status = 2 AND (former = 0 OR place // 2 < {final})))",
        "possible AS (SELECT t.person, t.place, t.arrived, t.departed, u.former, u.began_at, u.again, "
        "u.place AS unknown_at, u.here - t.here AS inside, (u.observed - u.here) - (t.observed - t.here) AS outside "
        "FROM turn AS t JOIN spell AS u ON u.person = t.person AND u.status = 2 AND t.place >= u.place)",
        f"transition AS (SELECT person, {day} AS day, CASE status WHEN 1 THEN 'in' ELSE 'out' END AS way, "
        f"CASE status WHEN 1 THEN {day} ELSE {former_since} END AS since, status = 1 AND again AS again, "
        "TRUE AS certain FROM spell WHERE place >= 0 AND status < 2 "
        # `former` is NULL for those who are flagged: any of their crossings may be a migration.
        f"UNION ALL SELECT person, {day}, 'in', {day}, coalesce(former = 1, FALSE) OR again, FALSE FROM possible "
        f"WHERE arrived = 2 AND (former IS NULL OR former = 0 OR outside {far}) "
        f"UNION ALL SELECT person, {day}, 'out', CASE former WHEN 1 THEN {former_since} "
        f"WHEN 0 THEN {start} + unknown_at // 2 ELSE {FIRST_DAY} END, FALSE, FALSE FROM possible "
        f"WHERE departed = 2 AND (former IS NULL OR former = 1 OR inside {far}))",
    )
