"""A small world for the tests of `disclosure`: terms, payload rows in a real DuckDB, a ledger in memory.

`disclosure_reference` counts in the same world in plain Python.
"""

import datetime
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
import pyarrow as pa

from disclosure.balances import Caps
from disclosure.bounding import TruncationKey
from disclosure.cell_keys.record_keys import RecordKey
from disclosure.compilation import CompiledQuestion, compile_question
from disclosure.entries import Charge, Entry, verify_chain
from disclosure.grid import grid_of
from disclosure.ledger import best_release, decide_recording, decide_reservation, released_as, reservation_under
from disclosure.measurements import Mechanism
from disclosure.query.questions import Question
from disclosure.release import Asking
from disclosure.sql_bindings import relation_name
from disclosure.table import Release
from disclosure.terms import Terms
from linkage_core.agreement.cell_keys import CellKeys
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


CELL_KEYS = CellKeys(maximum_deviation=5, variance_thousandths=2_000, tables=40)
RECORD_KEY = RecordKey(1, bytes(range(100, 132)))


def terms(
    *,
    unmatched_rows_kept: bool = True,
    sources_with_duplicates: tuple[str, ...] = (),
    cell_keys: CellKeys | None = None,
    **budget: int,
) -> Terms:
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
        statistics=STATISTICS.model_copy(update={"cell_keys": cell_keys}),
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
    by_person = replace(compiled, sql=f"{steps}SELECT CAST(person AS BLOB), position{last}, person")
    found: dict[bytes, tuple[list[int], ...]] = {}
    for person, _, *numbers in DuckDbCounter(rows).rows_of(by_person):
        own = found.setdefault(person, tuple([] for _ in numbers))
        for block, number in zip(own, numbers, strict=True):
            block.append(number)
    return found


class NoNoise:
    """Leaves the numbers as they are, so that a test can add up. No service is built with it."""

    def add_noise(self, counts: Sequence[int], mechanism: Mechanism) -> tuple[int, ...]:
        """Return the numbers themselves."""
        return tuple(counts)


class BrokenNoise:
    """Fails after the budget was reserved, with a message that must not get out."""

    def add_noise(self, counts: Sequence[int], mechanism: Mechanism) -> tuple[int, ...]:
        """Raise an error that names the counts."""
        raise RuntimeError(f"the true counts are {counts}")
