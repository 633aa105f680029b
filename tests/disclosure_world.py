"""A small world for the tests of `disclosure`: terms, payload rows in a real DuckDB, a ledger in memory.

`disclosure_reference` counts in the same world in plain Python.
"""

import datetime
import functools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
import pyarrow as pa
from hypothesis import strategies as st

from disclosure.balances import Caps
from disclosure.bounding import TruncationKey
from disclosure.compilation import CompiledQuestion, compile_question
from disclosure.entries import Charge, Entry, verify_chain
from disclosure.grid import grid_of
from disclosure.ledger import best_release, decide_recording, decide_reservation, released_as, reservation_under
from disclosure.query.questions import Question
from disclosure.release import Asking
from disclosure.sql_bindings import relation_name
from disclosure.table import Release
from disclosure.terms import Terms
from linkage_core.agreement.clauses import Budget, Period
from linkage_core.agreement.payload import PayloadTable
from linkage_core.agreement.statistics import Statistics

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
            {"name": "born", "type": "date"},
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
        "columns": (
            {"name": "sex", "type": "category", "code_list": "sexes"},
            {"name": "birth-year", "type": "year", "minimum": 1900, "maximum": 2030},
        ),
    },
    {
        "provider": "border",
        "name": "crossings",
        "kind": "event",
        "time": "day",
        "rows_per_person": 50,
        "columns": (
            {"name": "day", "type": "date", "required": True},
            {"name": "direction", "type": "category", "code_list": "directions"},
        ),
    },
    {
        "provider": "tax",
        "name": "years",
        "kind": "event",
        "time": "year",
        "rows_per_person": 20,
        "columns": (
            {"name": "year", "type": "year", "minimum": 2000, "maximum": 2030, "required": True},
            {"name": "income", "type": "integer", "minimum": -1_000, "maximum": 100_000},
        ),
    },
]

PAYLOAD = tuple(PayloadTable.model_validate(table) for table in _PAYLOAD)
STATISTICS = Statistics.model_validate(
    {
        "code_lists": (
            {"name": "sexes", "codes": ("f", "m")},
            {"name": "countries", "codes": ("aa", "bb", "cc"), "unknown": "other"},
            {"name": "directions", "codes": ("in", "out")},
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
            {
                "name": "age",
                "kind": "age",
                "bands": (0, 15, 65),
                "sources": (
                    {"provider": "register", "table": "people", "column": "born"},
                    {"provider": "border", "table": "people", "column": "birth-year"},
                ),
            },
            {"name": "stayed", "kind": "duration", "bands": (0, 12, 13, 36)},
        ),
        "residence": {"provider": "register", "table": "spells"},
        "crossings": {
            "table": {"provider": "border", "table": "crossings"},
            "direction": "direction",
            "arrival": "in",
            "departure": "out",
        },
        "variables": (
            {
                "name": "income",
                "column": {"provider": "tax", "table": "years", "column": "income"},
                "unit": "crowns",
                "minimum": -200,
                "maximum": 1_000,
                "bins": (-200, 0, 100, 500),
            },
        ),
        "sources": (
            {"name": "border", "table": {"provider": "border", "table": "crossings"}},
            {"name": "tax", "table": {"provider": "tax", "table": "years"}},
            {"name": "register", "table": {"provider": "register", "table": "spells"}},
        ),
    }
)


def terms(*, unmatched_rows_kept: bool = True, sources_with_duplicates: tuple[str, ...] = (), **budget: int) -> Terms:
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
        sources_with_duplicates=sources_with_duplicates,
    )


@functools.cache
def _connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


@dataclass
class DuckDbCounter:
    """Counts in a real DuckDB over the rows of the small world, and remembers how often it was asked."""

    rows: Rows
    counted: int = 0

    def count(self, compiled: CompiledQuestion) -> Mapping[int, tuple[int, ...]]:
        self.counted += 1
        return {position: tuple(numbers) for position, *numbers in self.rows_of(compiled)}

    def rows_of(self, compiled: CompiledQuestion) -> list[tuple[Any, ...]]:
        connection = _connection()
        for table in PAYLOAD:
            name = relation_name(table.provider, table.name)
            connection.unregister(name)
            if (table.provider, table.name) in compiled.relations:
                columns = [(column.name, COLUMN_TYPES[column.type]) for column in table.columns]
                own = [("synthetic_key", pa.binary()), ("quality_class", pa.uint8())]
                schema = pa.schema([*own, *columns])
                rows = list(self.rows.get((table.provider, table.name), ()))
                connection.register(name, pa.Table.from_pylist(rows, schema))
        return connection.execute(compiled.sql, compiled.parameters).fetchall()


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

    def released(self, lineage: str) -> Sequence[tuple[Entry, Release]]:
        released = [entry for entry in self.entries(lineage) if entry.kind == "RELEASED"]
        return [(entry, Release.from_json(self.results[entry.release_id])) for entry in released]

    def entries(self, lineage: str) -> Sequence[Entry]:
        return tuple(entry for entry in self.chain if entry.lineage == lineage)


def vectors(question: Question, world: Terms, rows: Rows, key: TruncationKey = KEY) -> tuple[tuple[int, ...], ...]:
    """Bounded numbers of each block over the full grid, by the compiled SQL in DuckDB."""
    compiled = compile_question(question, world, grid_of(question, world), key)
    return compiled.vectors(DuckDbCounter(rows).count(compiled))


def vector(question: Question, world: Terms, rows: Rows, key: TruncationKey = KEY) -> tuple[int, ...]:
    """Bounded numbers of the first block."""
    return vectors(question, world, rows, key)[0]


def contributions(question: Question, world: Terms, rows: Rows) -> dict[bytes, tuple[list[int], ...]]:
    """What each synthetic key adds to each block: its numbers that are not nought, by the same steps in DuckDB."""
    compiled = compile_question(question, world, grid_of(question, world), KEY)
    steps, last = compiled.sql.rsplit("SELECT position", 1)
    by_person = replace(compiled, sql=f"{steps}SELECT synthetic_key, position{last}, synthetic_key")
    found: dict[bytes, tuple[list[int], ...]] = {}
    for person, _, *numbers in DuckDbCounter(rows).rows_of(by_person):
        own = found.setdefault(person, tuple([] for _ in numbers))
        for block, number in zip(own, numbers, strict=True):
            block.append(number)
    return found


# ------------------------------------------------------------------------------------------------ rows at random

_days = st.integers(-200, 365 * 8 + 100).map(lambda days: DAY_ZERO + datetime.timedelta(days=days))
_sexes = st.sampled_from(["f", "m", "unknown", "x", None])
_countries = st.sampled_from(["aa", "bb", "cc", "other", "zz", None])
_directions = st.sampled_from(["in", "out"])
_incomes = st.sampled_from([None, -1_000, -150, 0, 40, 100, 499, 2_000])
_births = st.none() | st.dates(datetime.date(1950, 1, 1), datetime.date(2022, 12, 31))


@st.composite
def _spell(draw: st.DrawFn) -> Row:
    start = draw(_days)
    length = draw(st.sampled_from([0, 1, 30, 363, 364, 365, 400, 900, -3, None]))
    return {"start": start, "end": None if length is None else start + datetime.timedelta(days=length)}


_people = st.fixed_dictionaries(
    {
        ("register", "people"): st.lists(
            st.fixed_dictionaries({"sex": _sexes, "born-in": _countries, "born": _births}), max_size=2
        ),
        ("register", "spells"): st.lists(_spell(), max_size=5),
        ("border", "people"): st.lists(
            st.fixed_dictionaries({"sex": _sexes, "birth-year": st.sampled_from([None, 1954, 2003, 2019])}), max_size=2
        ),
        ("border", "crossings"): st.lists(st.fixed_dictionaries({"day": _days, "direction": _directions}), max_size=4),
        ("tax", "years"): st.lists(
            st.fixed_dictionaries({"year": st.integers(2013, 2024), "income": _incomes}), max_size=4
        ),
    }
)


def _keyed(key: bytes, person: Rows) -> Rows:
    """Rows under a synthetic key, each with a quality class."""
    return {
        table: [{"synthetic_key": key, "quality_class": (key[-1] + n) % 4, **row} for n, row in enumerate(rows)]
        for table, rows in person.items()
    }


def together(*parts: Rows) -> dict[tuple[str, str], list[Row]]:
    """All rows of some persons in one set of tables."""
    tables = [(table.provider, table.name) for table in PAYLOAD]
    return {table: [row for part in parts for row in part.get(table, ())] for table in tables}


def synthetic_key(number: int) -> bytes:
    """A synthetic key of the small world."""
    return (number * 0x9E3779B97F4A7C15 % 2**128).to_bytes(16, "big")


persons = st.lists(_people, max_size=4).map(lambda p: [_keyed(synthetic_key(i), rows) for i, rows in enumerate(p, 1)])
"""Up to four persons, each as the rows under one synthetic key."""


def crowd(seed: int, size: int) -> list[Rows]:
    """Many persons with histories as dense as those of `persons`, drawn fast."""
    random_ = random.Random(seed)

    def some(*choices: Any) -> Any:
        return random_.choice(choices)

    def day() -> datetime.date:
        return DAY_ZERO + datetime.timedelta(days=random_.randint(-200, 365 * 8 + 100))

    def spell() -> Row:
        start, length = day(), some(0, 1, 30, 364, 365, 400, 900, -3, None)
        return {"start": start, "end": None if length is None else start + datetime.timedelta(days=length)}

    def person() -> Rows:
        return {
            ("register", "people"): [
                {"sex": some("f", "m", None), "born-in": some("aa", "bb", "zz"), "born": some(day(), None)}
                for _ in range(some(0, 1, 2))
            ],
            ("register", "spells"): [spell() for _ in range(random_.randint(0, 7))],
            ("border", "people"): [
                {"sex": some("f", "m", None), "birth-year": some(1954, 2003, None)} for _ in range(some(0, 1, 2))
            ],
            ("border", "crossings"): [
                {"day": day(), "direction": some("in", "out")} for _ in range(random_.randint(0, 9))
            ],
            ("tax", "years"): [
                {"year": random_.randint(2013, 2024), "income": some(None, -1_000, 0, 400, 2_000)}
                for _ in range(random_.randint(0, 9))
            ],
        }

    return [_keyed(synthetic_key(number), person()) for number in range(1, size + 1)]


_where: st.SearchStrategy[list[dict[str, Any]]] = st.sampled_from(
    [
        [],
        [{"dimension": "sex", "in": ["f"]}],
        [{"dimension": "sex", "in": ["unknown", "m"]}, {"dimension": "country", "in": ["aa", "other"]}],
        [{"dimension": "age", "in": ["15-64", "unknown"]}],
    ]
)
_rules: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"kind": st.just("registered"), "minimum_months": st.sampled_from([0, 12])}),
    st.fixed_dictionaries(
        {
            "kind": st.just("window"),
            "days": st.sampled_from([300, 365]),
            "of": st.sampled_from([365, 487]),
            "itinerary": st.sampled_from(["midpoint", "drop", "flag"]),
        }
    ),
    st.sampled_from(
        [
            {"kind": "signs", "sources": {"tax": 1}},
            {"kind": "signs", "sources": {"register": 1, "border": 1}, "gap_years": 1},
            {"kind": "signs", "sources": {"tax": 2, "border": 1, "register": 1}, "score": 2},
        ]
    ),
)
_by = st.lists(st.sampled_from(["sex", "country", "age"]), unique=True, max_size=2)
_accuracy: dict[str, Any] = {"half_width": 10}

STAYS = ("stock", "inflow", "outflow", "net", "return", "duration", "length")
"""Measures that count stays: tables of them may be by how long a stay has lasted."""
MEASURES = (
    *STAYS,
    "persons",
    "events",
    "sum",
    "mean",
    "quantile",
    "overlap",
    "conflicts",
    "links",
    "itineraries",
    "synthetic",
)
"""Every measure; `length` is the quantile of durations."""


def document(measure: str, **fields: Any) -> dict[str, Any]:
    """A question of the small world as data."""
    places: dict[str, dict[str, Any]] = {
        "stock": {"at": ["2020-01-01"]},
        "overlap": {"of": ["border", "tax"], "over": {"start": "2019-01-01", "end": "2020-12-31"}},
        "conflicts": {"of": "sex"},
        "links": {"of": "border"},
        "synthetic": {"at": "2020-01-01", "by": ["age", "country", "sex"]},
    }
    extras: dict[str, dict[str, Any]] = {
        "duration": {"of": "stayed"},
        "length": {"measure": "quantile", "of": "stayed"},
        "persons": {"of": "border"},
        "events": {"of": "border", "at_most": 2},
        "sum": {"of": "income", "accuracy": {"nano_rho": 5_000_000}},
        "mean": {"of": "income", "accuracy": {"nano_rho": 5_000_000}},
        "quantile": {"of": "income"},
    }
    place, extra = places.get(measure, {"over": [2018, 2019, 2020]}), extras.get(measure, {})
    return {"measure": measure, "accuracy": _accuracy, **place, **extra, **fields}


@st.composite
def documents(draw: st.DrawFn, measure: str) -> dict[str, Any]:
    """Questions of one measure."""
    by = draw(_by)
    if measure in STAYS and measure not in ("duration", "length") and draw(st.booleans()):
        by = [*by, "stayed"]
    fields: dict[str, Any] = {"by": by, "where": draw(_where)}
    if measure == "conflicts":
        return document(measure, of=draw(st.sampled_from(["sex", "country", "age"])), **fields)
    if measure == "synthetic":
        by = draw(st.sampled_from([["sex", "country"], ["age", "country", "sex"], ["sex", "stayed", "country"]]))
        return document(measure, by=by, where=fields["where"], at=draw(_days).isoformat(), rule=draw(_rules))
    if measure == "links":
        return document(measure, of=draw(st.sampled_from(["border", "tax", "register"])), **fields)
    if measure == "overlap":
        start, end = sorted((draw(_days), draw(_days)))
        sources = draw(st.permutations(["border", "tax", "register"]))
        return document(measure, of=sources[:2], over={"start": start.isoformat(), "end": end.isoformat()}, **fields)
    if measure in STAYS:
        fields["rule"] = draw(_rules)
    if measure == "stock":
        days = draw(st.lists(_days, min_size=1, max_size=4))
        return document(measure, at=[day.isoformat() for day in days], **fields)
    yearly = measure in ("sum", "mean", "quantile")
    if measure in ("persons", "events"):
        fields["of"] = draw(st.sampled_from(["border", "tax", "register"]))
        yearly = fields["of"] == "tax"
    if yearly or draw(st.booleans()):
        return document(measure, over=draw(st.lists(st.integers(2015, 2022), min_size=1, max_size=6)), **fields)
    over = {"start": "2018-07-01", "end": "2020-06-30", "by": draw(st.sampled_from(["quarter", "month"]))}
    return document(measure, over=over, **fields)
