"""Runs the steps of a residence rule in a real DuckDB over crossings and signs given as whole days and years."""

import datetime
import functools
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from disclosure.sql_bindings import Bindings, relation_name
from disclosure.sql_residence_itinerary import Crossings, Itinerary, located_steps, passage_step
from disclosure.sql_residence_signs import Sign, signs_steps
from disclosure.sql_residence_window import window_steps
from linkage_core.agreement.clauses import Period
from linkage_core.agreement.payload import PayloadTable
from tests.residence_reference import BEFORE, OPEN, Crossing, Residence

People = Mapping[int, Sequence[Crossing]]

START = datetime.date(2015, 1, 1)

_CODES = {"arrival": "in", "departure": "out"}
_EDGES = {datetime.date(1, 1, 1): BEFORE, datetime.date(9999, 12, 31): OPEN}


def _table(name: str, kind: str, columns: Mapping[str, str], **roles: str) -> PayloadTable:
    return PayloadTable.model_validate(
        {
            "provider": "seen",
            "name": name,
            "kind": kind,
            "rows_per_person": 100,
            "columns": tuple(
                {"name": column, "type": of, "required": column not in ("end", "direction")}
                | ({"code_list": "directions"} if of == "category" else {})
                | ({"minimum": 1900, "maximum": 2100} if of == "year" else {})
                for column, of in columns.items()
            ),
            **roles,
        }
    )


CROSSINGS = Crossings(
    _table("crossings", "event", {"day": "date", "direction": "category"}, time="day"), "direction", "in", "out"
)
BORDER = _table("border", "event", {"day": "date"}, time="day")
TAX = _table("tax", "event", {"year": "year"}, time="year")
REGISTER = _table("register", "spell", {"start": "date", "end": "date"}, start="start", end="end")

_TYPES = {"date": pa.date32(), "category": pa.string(), "year": pa.int64()}


def window_residence(
    people: People, days: int, window: int, itinerary: Itinerary, final: int, order: random.Random | None = None
) -> dict[int, Residence]:
    """Each person's stays and transitions under a rule, observed until the day `final`; rows in the given order."""
    found = {person: Residence() for person in people}
    bindings = Bindings()
    steps = window_steps(CROSSINGS, days, window, itinerary, _period(final), bindings)
    rows = _crossing_rows(people, order)
    for key, first, last, certain in _asked({CROSSINGS.table: rows}, steps, "stay", bindings):
        stay = (_number(first), _number(last), certain)
        assert stay not in found[int.from_bytes(key)].stays, "a stay is there twice"
        found[int.from_bytes(key)].stays.add(stay)
    for key, day, way, since, again, certain in _asked({CROSSINGS.table: rows}, steps, "transition", bindings):
        found[int.from_bytes(key)].transitions.add((_number(day), way, _number(since), again, certain))
    return found


def illogical(people: People, final: int) -> dict[int, list[int]]:
    """Each person's days of a second crossing in the same direction, in order."""
    bindings = Bindings()
    steps = (*located_steps(CROSSINGS, _period(final), bindings), passage_step(_period(final), bindings))
    asked = "passage WHERE illogical ORDER BY ALL"
    found: dict[int, list[int]] = {person: [] for person in people}
    for key, day, _ in _asked({CROSSINGS.table: _crossing_rows(people, None)}, steps, asked, bindings):
        found[int.from_bytes(key)].append(_number(day))
    return found


def signs_residence(
    rows: Mapping[PayloadTable, Sequence[Mapping[str, Any]]],
    weights: Mapping[PayloadTable, int],
    score: int,
    gap_years: int,
    period: Period,
) -> dict[int, list[tuple[datetime.date, datetime.date]]]:
    """Each resident's stays in order, by signs of life in rows that name a `person`."""
    bindings = Bindings()
    signs = [Sign(table, weight) for table, weight in weights.items()]
    steps = signs_steps(signs, score, gap_years, period, bindings)
    found: dict[int, list[tuple[datetime.date, datetime.date]]] = {}
    for key, first, last, certain in _asked(rows, steps, "stay ORDER BY ALL", bindings):
        assert certain
        found.setdefault(int.from_bytes(key), []).append((first, last))
    return found


def _period(final: int) -> Period:
    return Period(start=START, end=START + datetime.timedelta(days=final))


def _number(day: datetime.date) -> int:
    return _EDGES.get(day, (day - START).days)


def _crossing_rows(people: People, order: random.Random | None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"person": person, "day": START + datetime.timedelta(days=day), "direction": _CODES.get(way, way)}
        for person, crossings in people.items()
        for day, way in crossings
    ]
    return rows if order is None else order.sample(rows, len(rows))


@functools.cache
def _connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


def _asked(
    tables: Mapping[PayloadTable, Iterable[Mapping[str, Any]]], steps: Sequence[str], relation: str, bindings: Bindings
) -> list[tuple[Any, ...]]:
    connection = _connection()
    for table, rows in tables.items():
        schema = pa.schema([("synthetic_key", pa.binary()), *((c.name, _TYPES[c.type]) for c in table.columns)])
        keyed = [{"synthetic_key": row["person"].to_bytes(16), **row} for row in rows]
        connection.register(relation_name(table.provider, table.name), pa.Table.from_pylist(keyed, schema))
    statement = f"WITH {', '.join(steps)} SELECT * FROM {relation}"
    return [(person.bytes, *others) for person, *others in connection.execute(statement, bindings.values).fetchall()]
