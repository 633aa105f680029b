"""The residence rules in plain DuckDB, as somebody would write them who counts once and publishes without a bound."""

import datetime
from collections.abc import Sequence
from typing import Final

import duckdb

from benchmarks.residence_rows import LAST_DAY, REGIONS, SEXES

_FLOW: Final = """
WITH recorded AS (
    SELECT synthetic_key, date, direction, lead(date) OVER journey AS next_date, lead(direction) OVER journey AS next
    FROM crossings WINDOW journey AS (PARTITION BY synthetic_key ORDER BY date)
), crossing AS (
    SELECT synthetic_key, date, direction, 0 AS inserted FROM recorded
    UNION ALL
    SELECT synthetic_key, date + CAST(floor((next_date - date) / 2) AS INTEGER),
        CASE direction WHEN 'arrival' THEN 'departure' ELSE 'arrival' END, 1
    FROM recorded WHERE direction = next
), span AS (
    SELECT *, coalesce(lead(date) OVER journey, $final) AS until,
        first_value(direction) OVER journey = 'departure' AS at_home
    FROM crossing WINDOW journey AS (PARTITION BY synthetic_key ORDER BY date, inserted)
), spent AS (
    SELECT *, least($final - date, 487) AS observed,
        sum(CASE direction WHEN 'arrival' THEN until - date ELSE 0 END) OVER ahead
            - greatest(0, max(CASE direction WHEN 'arrival' THEN until END) OVER ahead
                - least(date + 487, $final)) AS here
    FROM span WINDOW ahead AS (
        PARTITION BY synthetic_key ORDER BY date RANGE BETWEEN CURRENT ROW AND INTERVAL 487 DAYS FOLLOWING)
), judged AS (
    SELECT *, CASE direction WHEN 'arrival' THEN observed - coalesce(here, 0) ELSE coalesce(here, 0) END AS away
    FROM spent
), changed AS (
    SELECT *, observed >= 122 AND away <= 122 AND (observed >= 487 OR away <= observed - 365) AS changes FROM judged
), told AS (
    SELECT *, coalesce(last_value(CASE WHEN changes THEN direction = 'arrival' END IGNORE NULLS) OVER (
        PARTITION BY synthetic_key ORDER BY date, inserted ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
        at_home) AS resident
    FROM changed
)
SELECT year(date), count(DISTINCT synthetic_key) FROM told
WHERE changes AND direction = 'arrival' AND NOT resident GROUP BY ALL
"""

_STOCK: Final = """
WITH spell AS (
    SELECT synthetic_key, start AS first, coalesce("end", DATE '9999-12-31') AS last FROM spells
), preceded AS (
    SELECT *, max(last) OVER (PARTITION BY synthetic_key ORDER BY first, last
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS seen FROM spell
), numbered AS (
    SELECT *, sum(CASE WHEN seen IS NULL OR first - seen - 1 >= 365 THEN 1 ELSE 0 END) OVER (
        PARTITION BY synthetic_key ORDER BY first, last ROWS UNBOUNDED PRECEDING) AS number FROM preceded
), stay AS (
    SELECT synthetic_key, min(first) AS first, max(last) AS last FROM numbered
    GROUP BY synthetic_key, number HAVING max(last) - min(first) + 1 >= 365
)
SELECT people.sex, people.region, count(*) FROM stay LEFT JOIN people USING (synthetic_key)
WHERE $day BETWEEN first AND last GROUP BY ALL
"""


def plain_flow(connection: duckdb.DuckDBPyConnection, years: Sequence[int]) -> tuple[int, ...]:
    """Return the persons who became residents by 365 days of 487 in each year; crossings are on different days."""
    found = dict(connection.execute(_FLOW, {"final": LAST_DAY}).fetchall())
    return tuple(found.get(year, 0) for year in years)


def plain_stock(connection: duckdb.DuckDBPyConnection, day: datetime.date) -> tuple[int, ...]:
    """Return the residents on a day by region and sex, unknown last, as the register's 12 months have it."""
    found = {(region, sex): persons for sex, region, persons in connection.execute(_STOCK, {"day": day}).fetchall()}
    return tuple(found.get((region, sex), 0) for region in (*REGIONS, None) for sex in (*SEXES, None))
