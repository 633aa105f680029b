"""A payload as an analysis service holds it after a wave, drawn with numpy: encrypted, under the demo's own terms."""

import datetime
import json
import tomllib
from importlib import resources
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

REGISTERED: Final = 0.85
SEEN_AT_BORDER: Final = 0.5
TAXED: Final = 0.6
"""Shares of the persons whom each provider knows."""


def demo_terms() -> Terms:
    """Return what the demo's agreement says about statistics, with a budget that no benchmark exhausts."""
    document = tomllib.loads((resources.files("services.demo") / "data/terms.toml").read_text())
    for name in ("total", "per_wave", "per_analyst", "per_release"):
        document["budget"][f"{name}_nano_rho"] = 10**15
    document["budget"]["maximum_cells"] = 1_000_000
    return Terms(
        lineage=LINEAGE,
        agreement_hash="cd" * 32,
        project=document["project"],
        statistics=Statistics.model_validate_json(_json(document["statistics"])),
        payload=tuple(PayloadTable.model_validate_json(_json(table)) for table in document["payload"]),
        period=Period.model_validate_json(_json(document["period"])),
        budget=Budget.model_validate_json(_json(document["budget"])),
        minimum_cell_count=document["minimum_cell_count"],
        unmatched_rows_kept=document["unmatched_rows"] == "keep",
        sources_with_duplicates=tuple(document["matching"].get("sources_with_duplicates", ())),
    )


def write_payload(
    folder: Path, persons: int, terms: Terms, random: RandomBytes
) -> tuple[PayloadStore, dict[tuple[str, str], str]]:
    """Write the tables that the demo's questions read; return the store, and the file of each (provider, table)."""
    keys = DataKeys(FileKeyEncryptionKey.load_or_create(folder / "kek", random), folder / "wraps", random)
    store = PayloadStore(folder / "payload", keys, random)
    files = {}
    for (provider, name), columns in _tables(persons, terms).items():
        table = pa.table(columns)
        file = f"{provider}.{name}.parquet"
        with store.writing(file, data_key_name(LINEAGE, WAVE, provider, name), table.schema) as writer:
            writer.write_table(table)
        files[provider, name] = file
    return store, files


def _tables(persons: int, terms: Terms) -> dict[tuple[str, str], dict[str, Any]]:
    rng = np.random.default_rng(persons)
    key = np.array([rng.bytes(16) for _ in range(persons)], dtype=object)
    registered, border, taxed = (
        np.flatnonzero(rng.random(persons) < share) for share in (REGISTERED, SEEN_AT_BORDER, TAXED)
    )

    def category(name: str, rows: int) -> pa.Array:
        code_list = terms.statistics.code_list(name)
        assert code_list is not None, name
        return pa.array(rng.choice(np.array(code_list.codes, dtype=object), rows))

    def keyed(rows: NDArray[np.intp]) -> pa.Array:
        return pa.array(key[rows], pa.binary(16))

    born = rng.integers(1930, 2015, persons)
    spell = np.repeat(registered, rng.integers(1, 3, len(registered)))
    start = _days(rng, len(spell))
    end = start + rng.integers(20, 2500, len(spell)).astype("timedelta64[D]")
    open_spell = (end > np.datetime64(LAST_DAY)) | (rng.random(len(spell)) < REGISTERED)
    crossing = np.repeat(border, rng.integers(1, 12, len(border)))
    taxed_year = np.repeat(taxed, rng.integers(1, 7, len(taxed)))
    return {
        ("population_register", "persons"): {
            SYNTHETIC_KEY: keyed(registered),
            "sex": category("sex", len(registered)),
            "country_of_birth": category("country", len(registered)),
            "region": category("region", len(registered)),
            "birth_year": pa.array(born[registered]),
        },
        ("population_register", "registrations"): {
            SYNTHETIC_KEY: keyed(spell),
            "start": pa.array(start),
            "end": pa.array(end, mask=open_spell),
        },
        ("border_police", "persons"): {
            SYNTHETIC_KEY: keyed(border),
            "sex": category("sex", len(border)),
            "citizenship": category("country", len(border)),
            "birth_year": pa.array(born[border]),
        },
        ("border_police", "crossings"): {
            SYNTHETIC_KEY: keyed(crossing),
            "date": pa.array(_days(rng, len(crossing))),
            "direction": category("direction", len(crossing)),
        },
        ("tax", "years"): {
            SYNTHETIC_KEY: keyed(taxed_year),
            "year": pa.array(rng.integers(FIRST_DAY.year, LAST_DAY.year + 1, len(taxed_year))),
            "income": pa.array(rng.lognormal(9.5, 1, len(taxed_year)).astype(np.int64)),
        },
    }


def _days(rng: np.random.Generator, rows: int) -> NDArray[np.datetime64]:
    days = (LAST_DAY - FIRST_DAY).days
    return np.datetime64(FIRST_DAY) + rng.integers(0, days, rows).astype("timedelta64[D]")


def _json(clause: object) -> str:
    return json.dumps(clause, default=str)  # dates of TOML as JSON has them
