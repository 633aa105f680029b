"""A large payload for the residence rules, drawn with numpy: two million people at the border and in the register."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from disclosure.terms import Terms
from linkage_core.agreement.clauses import Budget, Period
from linkage_core.agreement.payload import PayloadTable
from linkage_core.agreement.statistics import Statistics
from services.analysis.opening import SYNTHETIC_KEY
from services.analysis.store.payload import PayloadStore, data_key_name
from services.common.clock import RandomBytes
from services.common.sealing import DataKeys, FileKeyEncryptionKey

LINEAGE: Final = "ab" * 16
WAVE: Final = "w2026"
FIRST_DAY: Final = datetime.date(2015, 1, 1)
LAST_DAY: Final = datetime.date(2025, 12, 31)
FINAL: Final = (LAST_DAY - FIRST_DAY).days

CROSSINGS: Final = ("border", "crossings")
PEOPLE: Final = ("register", "people")
SPELLS: Final = ("register", "spells")

SEXES: Final = ("female", "male", "other")
REGIONS: Final = tuple(f"r{number:02}" for number in range(99))
"""With `unknown`, 4 × 100 categories: a table of 400 cells."""

FORGOTTEN: Final = 0.005
"""Share of crossings that nobody recorded, so that the itinerary is illogical there."""


TOO_MANY: Final = 1.6
"""How many times as many crossings are drawn as are wanted."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of traveller: share of all, direction of the first crossing, mean days in and out of the country."""

    share: float
    arrives_first: bool
    days_in: float
    days_out: float


KINDS: Final = (
    Kind(0.60, arrives_first=False, days_in=350, days_out=15),  # residents who travel
    Kind(0.25, arrives_first=True, days_in=15, days_out=500),  # visitors
    Kind(0.10, arrives_first=True, days_in=1_200, days_out=100),  # immigrants
    Kind(0.05, arrives_first=False, days_in=100, days_out=1_200),  # emigrants
)


def residence_terms(flow_cells_per_person: int) -> Terms:
    """Return terms with a register, a border and a budget that no benchmark exhausts."""
    category = {"type": "category", "required": True}
    tables: tuple[dict[str, Any], ...] = (
        {
            "provider": "border",
            "name": "crossings",
            "kind": "event",
            "time": "date",
            "rows_per_person": 2_000,
            "columns": (
                {"name": "date", "type": "date", "required": True},
                {"name": "direction", "code_list": "direction", **category},
            ),
        },
        {
            "provider": "register",
            "name": "people",
            "kind": "person",
            "columns": (
                {"name": "sex", "code_list": "sex", **category},
                {"name": "region", "code_list": "region", **category},
            ),
        },
        {
            "provider": "register",
            "name": "spells",
            "kind": "spell",
            "start": "start",
            "end": "end",
            "rows_per_person": 100,
            "columns": ({"name": "start", "type": "date", "required": True}, {"name": "end", "type": "date"}),
        },
    )
    people = {"provider": "register", "table": "people"}
    statistics = {
        "code_lists": (
            {"name": "direction", "codes": ("arrival", "departure")},
            {"name": "sex", "codes": SEXES},
            {"name": "region", "codes": REGIONS},
        ),
        "dimensions": tuple(
            {"name": name, "code_list": name, "sources": ({**people, "column": name},)} for name in ("sex", "region")
        ),
        "residence": {"provider": "register", "table": "spells"},
        "crossings": {
            "table": {"provider": "border", "table": "crossings"},
            "direction": "direction",
            "arrival": "arrival",
            "departure": "departure",
        },
    }
    rich = dict.fromkeys(
        ("total_nano_rho", "per_wave_nano_rho", "per_analyst_nano_rho", "per_release_nano_rho"), 10**15
    )
    return Terms(
        lineage=LINEAGE,
        agreement_hash="cd" * 32,
        project="residence",
        statistics=Statistics.model_validate(statistics),
        payload=tuple(PayloadTable.model_validate(table) for table in tables),
        period=Period(start=FIRST_DAY, end=LAST_DAY),
        budget=Budget.model_validate(
            {
                **rich,
                "delta_e15": 10**9,
                "flow_cells_per_person": flow_cells_per_person,
                "maximum_cells": 1_000,
                "maximum_noise_sd": 1_000,
            }
        ),
        minimum_cell_count=10,
        unmatched_rows_kept=True,
        sources_with_duplicates=(),
    )


def open_store(folder: Path, random: RandomBytes) -> PayloadStore:
    """Open the payload store of a folder, as the service does."""
    keys = DataKeys(FileKeyEncryptionKey.load_or_create(folder / "kek", random), folder / "wraps", random)
    return PayloadStore(folder / "payload", keys, random)


def file_name(provider: str, table: str) -> str:
    """Return the name of a table's file."""
    return f"{provider}.{table}.parquet"


def write_rows(folder: Path, persons: int, crossings: int, spells: int, random: RandomBytes) -> Mapping[str, int]:
    """Write the three tables, encrypted, rows in random order; return the rows of each."""
    rng = np.random.default_rng(persons)
    store = open_store(folder, random)
    keys = rng.integers(-(2**63), 2**63, (persons, 2), np.int64)
    written = {}
    for (provider, name), columns in (
        (CROSSINGS, _crossings(rng, keys, crossings)),
        (PEOPLE, _people(rng, keys)),
        (SPELLS, _spells(rng, keys, spells)),
    ):
        table = pa.table(columns)
        with store.writing(
            file_name(provider, name), data_key_name(LINEAGE, WAVE, provider, name), table.schema
        ) as writer:
            writer.write_table(table)
        written[name] = table.num_rows
    return written


def _crossings(rng: np.random.Generator, keys: NDArray[np.int64], rows: int) -> dict[str, pa.Array]:
    """Itineraries that alternate, on different days; some crossings forgotten, those after the last day cut off."""
    persons = len(keys)
    kind = rng.choice(len(KINDS), persons, p=[k.share for k in KINDS])
    # Rather too many each: those beyond the last day do not happen, and the last persons lose what is above `rows`.
    number = rng.geometric(persons / (TOO_MANY * rows), persons)
    owner = np.repeat(np.arange(persons), number)
    first = np.concatenate(([0], np.cumsum(number)[:-1]))
    place = np.arange(len(owner)) - np.repeat(first, number)
    arrives = (place % 2 == 0) == np.array([k.arrives_first for k in KINDS])[kind[owner]]
    means = np.array([[k.days_in, k.days_out] for k in KINDS])
    # The days before a crossing are spent outside if it is an arrival.
    before = 1 + rng.exponential(means[kind[owner], arrives.astype(int)]).astype(np.int64)
    before[place == 0] = rng.integers(0, FINAL, persons)
    total = np.cumsum(before)
    day = total - np.repeat(total[first] - before[first], number)
    kept = np.flatnonzero((day <= FINAL) & (rng.random(len(owner)) >= FORGOTTEN))
    kept = rng.permutation(kept[:rows])
    names = pa.array(["departure", "arrival"])
    return {
        SYNTHETIC_KEY: _keyed(keys, owner[kept]),
        "date": _dates(day[kept]),
        "direction": pa.DictionaryArray.from_arrays(pa.array(arrives[kept].astype(np.int8)), names).cast(pa.string()),
    }


def _people(rng: np.random.Generator, keys: NDArray[np.int64]) -> dict[str, pa.Array]:
    def drawn(codes: tuple[str, ...]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(rng.integers(0, len(codes), len(keys))), pa.array(codes)).cast(
            pa.string()
        )

    order = rng.permutation(len(keys))
    return {SYNTHETIC_KEY: _keyed(keys, order), "sex": drawn(SEXES), "region": drawn(REGIONS)}


def _spells(rng: np.random.Generator, keys: NDArray[np.int64], rows: int) -> dict[str, pa.Array]:
    owner = rng.integers(0, len(keys), rows)
    start = rng.integers(-1_000, FINAL, rows)
    end = start + 1 + rng.exponential(700, rows).astype(np.int64)
    return {SYNTHETIC_KEY: _keyed(keys, owner), "start": _dates(start), "end": _dates(end, end > FINAL)}


def _keyed(keys: NDArray[np.int64], owner: NDArray[np.int64]) -> pa.Array:
    data = pa.py_buffer(np.ascontiguousarray(keys[owner]).tobytes())
    return pa.Array.from_buffers(pa.binary(16), len(owner), [None, data])


def _dates(day: NDArray[np.int64], missing: NDArray[np.bool_] | None = None) -> pa.Array:
    return pa.array((day + FIRST_DAY.toordinal() - 719_163).astype(np.int32), pa.int32(), mask=missing).cast(
        pa.date32()
    )
