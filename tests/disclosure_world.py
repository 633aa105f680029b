"""A small world for the tests of `disclosure`: terms, payload rows in a real DuckDB, a ledger in memory, a reference.

The reference counts from the same rows with sets of days in plain Python: no window functions, no SQL.
"""

import datetime
import functools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa
from hypothesis import strategies as st

from disclosure.balances import Caps
from disclosure.bounding import TruncationKey, contribution_bound, keyed_rank
from disclosure.compilation import CompiledQuestion, compile_question
from disclosure.entries import Charge, Entry, verify_chain
from disclosure.grid import categories, grid_of, kept_categories
from disclosure.ledger import best_release, decide_recording, decide_reservation, released_as, reservation_under
from disclosure.query import FlowQuestion, OverlapQuestion, Question, StockQuestion
from disclosure.release import Asking
from disclosure.sql_bindings import relation_name
from disclosure.terms import Terms
from linkage_core.agreement.clauses import Budget, Period
from linkage_core.agreement.payload import PayloadTable, Statistics

Row = dict[str, Any]
Rows = Mapping[tuple[str, str], Sequence[Row]]

KEY = TruncationKey(1, bytes(range(32)))
DAY_ZERO = datetime.date(2015, 1, 1)
LAST_DAY = datetime.date(2022, 12, 31)
ASKING = Asking("ana", "2023", "2023/1", datetime.datetime(2023, 5, 1, 12, tzinfo=datetime.UTC))

COLUMN_TYPES = {"category": pa.string(), "date": pa.date32(), "year": pa.int64(), "integer": pa.int64()}

_PAYLOAD: list[dict[str, Any]] = [
    {
        "provider": "register",
        "name": "people",
        "kind": "person",
        "columns": (
            {"name": "sex", "type": "category", "code_list": "sexes"},
            {"name": "born-in", "type": "category", "code_list": "countries"},
        ),
    },
    {
        "provider": "register",
        "name": "spells",
        "kind": "spell",
        "start": "start",
        "end": "end",
        "rows_per_person": 20,
        "columns": ({"name": "start", "type": "date", "required": True}, {"name": "end", "type": "date"}),
    },
    {
        "provider": "border",
        "name": "people",
        "kind": "person",
        "columns": ({"name": "sex", "type": "category", "code_list": "sexes"},),
    },
    {
        "provider": "border",
        "name": "crossings",
        "kind": "event",
        "time": "day",
        "rows_per_person": 50,
        "columns": ({"name": "day", "type": "date", "required": True},),
    },
    {
        "provider": "tax",
        "name": "years",
        "kind": "event",
        "time": "year",
        "rows_per_person": 20,
        "columns": ({"name": "year", "type": "year", "minimum": 2000, "maximum": 2030, "required": True},),
    },
]

PAYLOAD = tuple(PayloadTable.model_validate(table) for table in _PAYLOAD)
STATISTICS = Statistics.model_validate(
    {
        "code_lists": (
            {"name": "sexes", "codes": ("f", "m")},
            {"name": "countries", "codes": ("aa", "bb", "cc"), "unknown": "other"},
        ),
        "dimensions": (
            {
                "name": "sex",
                "code_list": "sexes",
                "sources": (
                    {"provider": "register", "table": "people", "column": "sex"},
                    {"provider": "border", "table": "people", "column": "sex"},
                ),
            },
            {
                "name": "country",
                "code_list": "countries",
                "sources": ({"provider": "register", "table": "people", "column": "born-in"},),
            },
        ),
        "residence": {"provider": "register", "table": "spells"},
        "sources": (
            {"name": "border", "table": {"provider": "border", "table": "crossings"}},
            {"name": "tax", "table": {"provider": "tax", "table": "years"}},
            {"name": "register", "table": {"provider": "register", "table": "spells"}},
        ),
    }
)


def terms(*, unmatched_rows_kept: bool = True, **budget: int) -> Terms:
    """Terms of the small world; `budget` replaces figures of its budget."""
    figures = {
        "total_nano_rho": 2_000_000_000,
        "per_wave_nano_rho": 1_500_000_000,
        "per_analyst_nano_rho": 1_000_000_000,
        "per_release_nano_rho": 500_000_000,
        "delta_e15": 10**9,
        "flow_cells_per_person": 2,
        "maximum_cells": 500,
        "maximum_noise_sd": 1_000,
    }
    return Terms(
        lineage="ab" * 16,
        agreement_hash="cd" * 32,
        project="migration",
        statistics=STATISTICS,
        payload=PAYLOAD,
        period=Period(start=DAY_ZERO, end=LAST_DAY),
        budget=Budget.model_validate(figures | budget),
        minimum_cell_count=5,
        unmatched_rows_kept=unmatched_rows_kept,
    )


@functools.cache
def _connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


@dataclass
class DuckDbCounter:
    """Counts in a real DuckDB over the rows of the small world, and remembers how often it was asked."""

    rows: Rows
    counted: int = 0

    def count(self, compiled: CompiledQuestion) -> Mapping[int, int]:
        self.counted += 1
        connection = _connection()
        for table in PAYLOAD:
            name = relation_name(table.provider, table.name)
            connection.unregister(name)
            if (table.provider, table.name) in compiled.relations:
                columns = [(column.name, COLUMN_TYPES[column.type]) for column in table.columns]
                schema = pa.schema([("synthetic_key", pa.binary()), *columns])
                rows = list(self.rows.get((table.provider, table.name), ()))
                connection.register(name, pa.Table.from_pylist(rows, schema))
        return dict(connection.execute(compiled.sql, compiled.parameters).fetchall())


@dataclass
class MemoryLedger:
    """A ledger store in memory: the ledger's own functions decide, lists keep what a database would."""

    chain: list[Entry] = field(default_factory=list)
    results: dict[str, bytes] = field(default_factory=dict)

    def reserve(self, charge: Charge, caps: Caps) -> Entry:
        self.chain.append(decide_reservation(verify_chain(self.chain, charge.lineage), charge, caps))
        return self.chain[-1]

    def record(self, reservation: Entry, result: bytes, at: str) -> Entry:
        chain = verify_chain(self.chain, reservation.lineage)
        self.chain.append(decide_recording(chain, reservation, result, at))
        self.results[reservation.release_id] = result
        return self.chain[-1]

    def find_by_question(self, lineage: str, question_hash: str) -> tuple[Entry, bytes] | None:
        entry = best_release([e for e in self.chain if e.lineage == lineage], question_hash)
        return None if entry is None else (entry, self.results[entry.release_id])

    def find_by_key(self, lineage: str, analyst: str, idempotency_key: str) -> tuple[Entry, bytes | None] | None:
        entries = self.entries(lineage)
        reservation = reservation_under(entries, analyst, idempotency_key)
        if reservation is None:
            return None
        return reservation, self.results[reservation.release_id] if released_as(entries, reservation) else None

    def entries(self, lineage: str) -> Sequence[Entry]:
        return tuple(entry for entry in self.chain if entry.lineage == lineage)


def vector(question: Question, world: Terms, rows: Rows, key: TruncationKey = KEY) -> tuple[int, ...]:
    """Bounded counts over the full grid, by the compiled SQL in DuckDB."""
    bound = contribution_bound(question, world.budget.flow_cells_per_person)
    compiled = compile_question(question, world, grid_of(question, world), bound, key)
    return compiled.vector(DuckDbCounter(rows).count(compiled))


# ------------------------------------------------------------------------------------------------ rows at random

_days = st.integers(-200, 365 * 8 + 100).map(lambda days: DAY_ZERO + datetime.timedelta(days=days))
_sexes = st.sampled_from(["f", "m", "unknown", "x", None])
_countries = st.sampled_from(["aa", "bb", "cc", "other", "zz", None])


@st.composite
def _spell(draw: st.DrawFn) -> Row:
    start = draw(_days)
    length = draw(st.sampled_from([0, 1, 30, 363, 364, 365, 400, 900, -3, None]))
    return {"start": start, "end": None if length is None else start + datetime.timedelta(days=length)}


_people = st.fixed_dictionaries(
    {
        ("register", "people"): st.lists(st.fixed_dictionaries({"sex": _sexes, "born-in": _countries}), max_size=2),
        ("register", "spells"): st.lists(_spell(), max_size=5),
        ("border", "people"): st.lists(st.fixed_dictionaries({"sex": _sexes}), max_size=2),
        ("border", "crossings"): st.lists(st.fixed_dictionaries({"day": _days}), max_size=4),
        ("tax", "years"): st.lists(st.fixed_dictionaries({"year": st.integers(2013, 2024)}), max_size=3),
    }
)


def _keyed(key: bytes, person: Rows) -> Rows:
    return {table: [{"synthetic_key": key, **row} for row in rows] for table, rows in person.items()}


def together(*parts: Rows) -> dict[tuple[str, str], list[Row]]:
    """All rows of some persons in one set of tables."""
    tables = [(table.provider, table.name) for table in PAYLOAD]
    return {table: [row for part in parts for row in part.get(table, ())] for table in tables}


def synthetic_key(number: int) -> bytes:
    """A synthetic key of the small world."""
    return (number * 0x9E3779B97F4A7C15 % 2**128).to_bytes(16, "big")


persons = st.lists(_people, max_size=6).map(lambda p: [_keyed(synthetic_key(i), rows) for i, rows in enumerate(p, 1)])
"""Up to six persons, each as the rows under one synthetic key."""

_where: st.SearchStrategy[list[dict[str, Any]]] = st.sampled_from(
    [
        [],
        [{"dimension": "sex", "in": ["f"]}],
        [{"dimension": "sex", "in": ["unknown", "m"]}, {"dimension": "country", "in": ["aa", "other"]}],
    ]
)
_by = st.sampled_from([[], ["sex"], ["country"], ["sex", "country"]])
_accuracy: dict[str, Any] = {"half_width": 10}


def document(measure: str, **fields: Any) -> dict[str, Any]:
    """A question of the small world as data."""
    place: dict[str, dict[str, Any]] = {
        "stock": {"at": ["2020-01-01"]},
        "inflow": {"over": [2018, 2019, 2020]},
        "outflow": {"over": [2018, 2019, 2020]},
        "overlap": {"of": ["border", "tax"], "over": {"start": "2019-01-01", "end": "2020-12-31"}},
    }
    return {"measure": measure, "accuracy": _accuracy, **place[measure], **fields}


@st.composite
def documents(draw: st.DrawFn, measure: str) -> dict[str, Any]:
    """Questions of one measure."""
    fields: dict[str, Any] = {"by": draw(_by), "where": draw(_where)}
    if measure == "overlap":
        start, end = sorted((draw(_days), draw(_days)))
        sources = draw(st.permutations(["border", "tax", "register"]))
        return document(measure, of=sources[:2], over={"start": start.isoformat(), "end": end.isoformat()}, **fields)
    fields["rule"] = {"kind": "registered", "minimum_months": draw(st.sampled_from([0, 12]))}
    if measure == "stock":
        days = draw(st.lists(_days, min_size=1, max_size=4))
        return document(measure, at=[day.isoformat() for day in days], **fields)
    return document(measure, over=draw(st.lists(st.integers(2015, 2022), min_size=1, max_size=6)), **fields)


# ------------------------------------------------------------------------------------------------ the reference


def reference_vector(question: Question, world: Terms, rows: Rows, key: TruncationKey = KEY) -> tuple[int, ...]:
    """The counts that `vector` must give, from definitions over sets of days."""
    grid = grid_of(question, world)
    keys = {row["synthetic_key"] for table in rows.values() for row in table}
    counts: Counter[tuple[str, ...]] = Counter()
    for person in keys:
        own = {
            table: [row for row in table_rows if row["synthetic_key"] == person] for table, table_rows in rows.items()
        }
        values = {name: _value(name, world, own) for name in ("sex", "country")}
        compared = {item.dimension for item in question.where}
        if any(values[name] not in kept_categories(question, name, world) for name in compared):
            continue
        found = _occurrences(question, own)
        if isinstance(question, FlowQuestion):
            cells = min(world.budget.flow_cells_per_person, len(question.years))
            found = set(sorted(found, key=lambda label: keyed_rank(key, person, label))[:cells])
        counts.update((label, *(values[name] for name in question.dimensions)) for label in found)
    return tuple(counts[coordinates] for coordinates in grid.coordinates())


def _value(name: str, world: Terms, own: Rows) -> str:
    every = categories(name, world)
    for source in world.dimension(name).sources:
        given = [row[source.column] for row in own[source.provider, source.table]]
        listed: list[str] = [value for value in given if value in every[:-1]]
        if listed:
            return min(listed, key=every.index)
    return every[-1]


def _occurrences(question: Question, own: Rows) -> set[str]:
    if isinstance(question, OverlapQuestion):
        seen = [_seen(source, question, own) for source in question.sources]
        first, second = question.sources
        return {"both"} if all(seen) else {f"{s}_only" for s, was in zip((first, second), seen, strict=True) if was}
    stays = _stays(own["register", "spells"], question.rule.minimum_months)
    if isinstance(question, StockQuestion):
        days = question.dates
        return {day.isoformat() for day in days if any(first <= day.toordinal() <= last for first, last in stays)}
    if question.measure == "inflow":
        crossings = [first for first, _ in stays if first > DAY_ZERO.toordinal()]
    else:
        crossings = [int(last) for _, last in stays if last < math.inf]
    years = {datetime.date.fromordinal(day).year for day in crossings}
    return {str(year) for year in question.years if year in years}


def _stays(spells: Sequence[Row], minimum_months: int) -> list[tuple[int, float]]:
    limit = 365 if minimum_months else 1
    days: set[int] = set()
    open_from = math.inf
    for row in spells:
        start = row["start"].toordinal()
        if row["end"] is None:
            open_from = min(open_from, start)
        else:
            days.update(range(start, row["end"].toordinal() + 1))
    horizon = max(days, default=0)
    if open_from < math.inf:
        horizon = max(horizon, int(open_from))
        days.update(range(int(open_from), horizon + 1))
    stays: list[tuple[int, float]] = []
    for day in sorted(days):
        if stays and day - stays[-1][1] - 1 < limit:
            stays[-1] = (stays[-1][0], day)
        else:
            stays.append((day, day))
    if open_from < math.inf:
        stays[-1] = (stays[-1][0], math.inf)
    return [(first, last) for first, last in stays if last - first + 1 >= limit]


def _seen(source: str, question: OverlapQuestion, own: Rows) -> bool:
    start, end = question.over.start, question.over.end
    if source == "border":
        return any(start <= row["day"] <= end for row in own["border", "crossings"])
    if source == "tax":
        return any(start.year <= row["year"] <= end.year for row in own["tax", "years"])
    return any(
        row["start"] <= end and (row["end"] is None or (row["end"] >= start and row["end"] >= row["start"]))
        for row in own["register", "spells"]
    )
