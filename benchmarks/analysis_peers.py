# ruff: noqa: S608 - only constants of this module and paths of its own are put in
"""Our release door beside the field's analysis libraries and plain DuckDB, on the same two questions in one run.

Every way runs in a process of its own, so that its memory can be told: ours over encrypted Parquet, the others over
the same rows in clear. `python -m benchmarks analysis_peers`, or `make bench NAMES=analysis_peers`.
"""

import json
import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow.parquet as pq

from benchmarks.own_environment import OwnEnvironment
from benchmarks.payload import LINEAGE, demo_terms, write_payload
from benchmarks.release import ASKING, KEY, MEMORY_LIMIT
from benchmarks.table import Bars, Figure, Row, Table
from benchmarks.timing import spread
from disclosure.grid import grid_of
from disclosure.measurements import BILLION, OpenDPNoise
from disclosure.query.parsing import parse_question
from disclosure.release import release
from linkage_core.crypto.secret import Secret
from services.analysis.store.anchor import AnchorFile
from services.analysis.store.cells import DuckCells
from services.analysis.store.ledger import SqlLedger
from services.analysis.store.payload import PayloadStore
from services.analysis.store.tables import MIGRATIONS
from services.common.clock import system_random
from services.common.database import open_database, sqlite_url
from services.common.sealing import DataKeys, FileKeyEncryptionKey

OPENDP_CONTEXT: Final = OwnEnvironment("opendp_context", "count.py")
TUMULT: Final = OwnEnvironment("tumult", "count.py")
"""Runs where it was built: it needs Java."""

NANO_RHO: Final = 50_000_000
DAY: Final = "2024-07-01"
YEARS: Final = (2020, 2021, 2022, 2023, 2024, 2025)
CELLS_PER_PERSON: Final = 2

LIMIT_IN_SDS: Final = 8
"""How far the sum of all cells may be from the truth before a way is held to count something else."""

QUESTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "stock": {
        "measure": "stock",
        "at": DAY,
        "rule": {"kind": "registered", "minimum_months": 0},
        "by": ["country_of_birth", "sex"],
        "accuracy": {"nano_rho": NANO_RHO},
    },
    "persons": {
        "measure": "persons",
        "of": "border",
        "over": list(YEARS),
        "by": ["citizenship"],
        "cells_per_person": CELLS_PER_PERSON,
        "accuracy": {"nano_rho": NANO_RHO},
    },
}
TABLES: Final = {
    "stock": ("population_register.registrations", "population_register.persons"),
    "persons": ("border_police.crossings", "border_police.persons"),
}
"""Rows of a question and what is known of their persons."""

PLAIN: Final = {
    "stock": f"""
        SELECT country_of_birth, sex, count(DISTINCT synthetic_key)
        FROM $rows AS r JOIN $persons AS p USING (synthetic_key)
        WHERE start <= DATE '{DAY}' AND ("end" IS NULL OR "end" >= DATE '{DAY}') GROUP BY ALL
    """,
    "persons": f"""
        SELECT year(date) AS year, citizenship, count(DISTINCT synthetic_key)
        FROM $rows AS r JOIN $persons AS p USING (synthetic_key)
        WHERE year(date) BETWEEN {YEARS[0]} AND {YEARS[-1]} GROUP BY ALL
    """,
}
BOUNDED: Final = f"""
    SELECT CAST(sum(least(cells, {CELLS_PER_PERSON})) AS BIGINT) FROM (
        SELECT count(DISTINCT year(date)) AS cells FROM $rows AS r
        WHERE year(date) BETWEEN {YEARS[0]} AND {YEARS[-1]} GROUP BY synthetic_key
    )
"""
"""What the persons of all years add up to once nobody counts in more cells than allowed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one way took for a question, and what it gave: the cells, noised or not, and their sum."""

    seconds: float
    processor_seconds: float
    peak_mebibytes: float
    """Of the whole process."""
    noise_sd: float
    cells: int
    total: int


def table(quick: bool = False) -> Table:
    """Return both questions on 2,000,000 persons with some 15,000,000 rows, or quick, on 200,000."""
    peers = {"OpenDP Context": OPENDP_CONTEXT, **({"Tumult Analytics": TUMULT} if TUMULT.is_built else {})}
    return at_size(persons=200_000 if quick else 2_000_000, rounds=1 if quick else 3, peers=peers)


def at_size(persons: int, rounds: int, peers: Mapping[str, OwnEnvironment]) -> Table:
    """Return time, memory and noise of every way, each once in a round, on a payload drawn at random."""
    rows: list[Row] = []
    versions = {f"duckdb {duckdb.__version__}"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        payload_rows = _write(folder, persons)
        for question in QUESTIONS:
            answers: dict[str, list[Answer]] = {}
            expected = _expected(folder, question)
            for _ in range(rounds):
                answers.setdefault("ours", []).append(_apart(_ours, folder, question))
                answers.setdefault("plain DuckDB", []).append(_apart(_plain, folder, question))
                for way, peer in peers.items():
                    told = peer.run(str(_asked(folder, question)))
                    versions |= {f"{package} {number}" for package, number in told.pop("versions").items()}
                    answers.setdefault(way, []).append(Answer(**told))
            for way, given in answers.items():
                for answer in given:
                    check(question, answer, expected[way == "plain DuckDB"])
                rows.append(_row(question, way, given, answers["plain DuckDB"]))
    return Table(
        f"Analysis: our door beside {', '.join(('plain DuckDB', *peers))}: {persons:,} persons, {payload_rows:,} rows",
        (
            "question",
            "way",
            "cells",
            "seconds",
            "processor seconds",
            "times plain DuckDB",
            "peak MiB",
            "noise SD",
            "sum of cells",
        ),
        tuple(rows),
        (
            f"{', '.join(sorted(versions))}; {rounds} {'round' if rounds == 1 else 'rounds'} in turns, each way in a "
            f"process of its own with all cores. Memory is the process's, imports included; seconds are without them.",
            f"stock: residents on {DAY} by country of birth and sex. persons: seen at the border in each of "
            f"{len(YEARS)} years by citizenship, everybody in at most {CELLS_PER_PERSON} cells. Grids are public; "
            f"rho is {NANO_RHO / BILLION:g} for each answer.",
            "ours: the whole door over encrypted Parquet: policy, ledger on SQLite with its anchor, bounding, noise, "
            "record. plain DuckDB: clear Parquet, nobody bounded, no noise, no empty cells. OpenDP Context and, where "
            "it was built, Tumult Analytics: clear Parquet through polars and Spark, bounding, noise, accountants "
            "in memory; Spark has started before seconds count, and its Java is in the memory.",
            "The sums of cells agree with an exact count, after the same bounding, to within "
            f"{LIMIT_IN_SDS} SDs: each run checks it.",
        ),
        chart=Bars("seconds"),
    )


def check(question: str, answer: Answer, expected: int) -> None:
    """Raise AssertionError where a way's cells add up to something else than expected."""
    if abs(answer.total - expected) > LIMIT_IN_SDS * answer.noise_sd * math.sqrt(answer.cells):
        raise AssertionError(f"{question}: a way counts {answer.total} where {expected} persons are expected")


def _write(folder: Path, persons: int) -> int:
    """Write the payload encrypted and in clear; return its rows."""
    store, files = write_payload(folder, persons, demo_terms(), system_random)
    rows = 0
    for (provider, name), file in files.items():
        whole = store.dataset(file).to_table()
        pq.write_table(whole, folder / f"{provider}.{name}.parquet")
        rows += whole.num_rows
    return rows


def _expected(folder: Path, question: str) -> tuple[int, int]:
    """Return the sum of all cells with persons bounded, and without."""
    unbounded = sum(int(row[-1]) for row in _select(folder, question, PLAIN[question]))
    if question == "stock":
        return unbounded, unbounded
    ((bounded,),) = _select(folder, question, BOUNDED)
    return int(bounded), unbounded


def _select(folder: Path, question: str, sql: str) -> list[tuple[Any, ...]]:
    for relation, file in zip(("$rows", "$persons"), TABLES[question], strict=True):
        sql = sql.replace(relation, f"'{folder / file}.parquet'")
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET enable_progress_bar = false")  # it would print into the tables
        return connection.execute(sql).fetchall()


def _asked(folder: Path, question: str) -> Path:
    """Write the question as a peer's script reads it; return the file."""
    axes = [
        (axis.name, axis.categories)
        for axis in grid_of(parse_question(QUESTIONS[question]), demo_terms()).axes
        if axis.name != "date"
    ]
    cells = [(a, b) for a in axes[0][1] for b in axes[1][1]]
    keys: dict[str, Sequence[str | int]] = {
        name: [int(cell[place]) if name == "year" else cell[place] for cell in cells]
        for place, (name, _) in enumerate(axes)
    }
    file = folder / f"{question}.json"
    rows, persons = (str(folder / f"{name}.parquet") for name in TABLES[question])
    most = CELLS_PER_PERSON if question == "persons" else 1
    asked = {"name": question, "rows": rows, "persons": persons, "keys": keys, "day": DAY, "scratch": str(folder)}
    file.write_text(
        json.dumps({**asked, "cells_per_person": most, "rho": NANO_RHO / BILLION, "scratch": str(folder)}),
        encoding="utf-8",
    )
    return file


def _apart(way: Any, folder: Path, question: str) -> Answer:
    """Answer in a process of its own."""
    with get_context("spawn").Pool(1) as pool:
        answer: Answer = pool.apply(way, (folder, question))
    return answer


def _ours(folder: Path, name: str) -> Answer:
    terms, question = demo_terms(), parse_question(QUESTIONS[name])
    keys = DataKeys(FileKeyEncryptionKey.load_or_create(folder / "kek", system_random), folder / "wraps", system_random)
    store = PayloadStore(folder / "payload", keys, system_random)
    files = {(table.provider, table.name): f"{table.provider}.{table.name}.parquet" for table in terms.payload}
    with tempfile.TemporaryDirectory() as fresh:
        engine = open_database(sqlite_url(Path(fresh) / "analysis.db"), MIGRATIONS)
        anchor = AnchorFile(Path(fresh) / "anchor.json", Secret(system_random(32)))
        ledger = SqlLedger(engine, anchor, terms.project)
        ledger.check(LINEAGE)
        start, processor = time.perf_counter(), time.process_time()
        released = release(
            question,
            terms=terms,
            asking=ASKING,
            ledger=ledger,
            counter=DuckCells(store, files, MEMORY_LIMIT),
            noise=OpenDPNoise(),
            truncation_key=KEY,
        )
        took, processor_took = time.perf_counter() - start, time.process_time() - processor
        engine.dispose()
    values = released.noised[0].values
    return Answer(took, processor_took, _peak(), released.noise_sd, len(values), sum(values))


def _plain(folder: Path, name: str) -> Answer:
    start, processor = time.perf_counter(), time.process_time()
    counts = [int(row[-1]) for row in _select(folder, name, PLAIN[name])]
    took, processor_took = time.perf_counter() - start, time.process_time() - processor
    return Answer(took, processor_took, _peak(), 0.0, len(counts), sum(counts))


def _peak() -> float:
    # Not getrusage: its maximum begins with that of the process which started this one.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _row(question: str, way: str, answers: Sequence[Answer], plain: Sequence[Answer]) -> Row:
    return (
        question,
        way,
        answers[0].cells,
        spread([answer.seconds for answer in answers]),
        spread([answer.processor_seconds for answer in answers]),
        spread([answer.seconds / beside.seconds for answer, beside in zip(answers, plain, strict=True)]),
        Figure(max(answer.peak_mebibytes for answer in answers), ",.0f"),
        Figure(answers[0].noise_sd, ".3f"),
        Figure(answers[0].total, ",.0f"),
    )
