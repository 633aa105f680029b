"""How long an answer takes, and what it costs, beside plain OpenDP on the same counts."""

import datetime
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import opendp.prelude as dp

from benchmarks.payload import WAVE, demo_terms, write_payload
from benchmarks.table import Bars, Figure, Row, Table
from benchmarks.timing import seconds
from disclosure.bounding import TruncationKey, blocks_of
from disclosure.compilation import compile_question
from disclosure.grid import grid_of
from disclosure.ledger import LedgerStore
from disclosure.measurements import BILLION, OpenDPNoise
from disclosure.query.parsing import parse_question
from disclosure.query.questions import Question
from disclosure.release import Asking, CellCounter, preview, release
from disclosure.table import Release
from disclosure.terms import Terms
from linkage_core.crypto.secret import Secret
from services.analysis.store.anchor import AnchorFile
from services.analysis.store.cells import DuckCells
from services.analysis.store.ledger import SqlLedger
from services.analysis.store.tables import MIGRATIONS
from services.common.clock import system_random
from services.common.database import open_database, sqlite_url
from services.demo.run import QUESTIONS

dp.enable_features("contrib")

KEY: Final = TruncationKey(1, bytes(range(32)))
ASKING: Final = Asking("analyst", WAVE, "1", datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC))
MEMORY_LIMIT: Final = "2GB"
MISS: Final = 0.05

MANY_CELLS: Final = {
    "measure": "stock",
    "at": ["2021-01-01", "2022-01-01", "2023-01-01", "2024-01-01"],
    "by": ["country_of_birth", "citizenship", "region", "sex", "age"],
    "accuracy": {"half_width": 15},
}


def table(quick: bool = False) -> Table:
    """Return what the demo's questions take on 200,000 persons, or on 20,000."""
    return at_size(persons=20_000 if quick else 200_000)


def at_size(persons: int) -> Table:
    """Return seconds, price and half-width of the demo's questions, on a payload drawn at random."""
    terms = demo_terms()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store, files = write_payload(folder, persons, terms, system_random)
        engine = open_database(sqlite_url(folder / "analysis.db"), MIGRATIONS)
        ledger = SqlLedger(engine, AnchorFile(folder / "anchor.json", Secret(system_random(32))), terms.project)
        ledger.check(terms.lineage)
        counter = DuckCells(store, files, MEMORY_LIMIT)
        rows = [
            _row(title, parse_question(question), terms, ledger, counter)
            for title, question in (*QUESTIONS, ("As many cells as an agreement may allow", MANY_CELLS))
        ]
        engine.dispose()
    return Table(
        f"Release: the demo's questions on {persons:,} persons",
        (
            "question",
            "cells",
            "preview ms",
            "answer ms",
            "counting alone ms",
            "asked again ms",
            "OpenDP alone ms",
            "noise SD",
            "half-width",
            "half-width, OpenDP",
            "rho charged",
            "rho, OpenDP",
        ),
        tuple(rows),
        (
            "The whole door: policy, ledger on SQLite with its anchor (both flushed to disk), DuckDB over encrypted "
            "Parquet, noise, record. No network and no padding of the time, which the service adds.",
            "OpenDP alone: the same noise SD on the same counts, its own privacy map and its own accuracy at 95 %. "
            "Equal rho means that nothing is paid for the door; ours is rounded up to whole nano-rho.",
        ),
        chart=Bars("answer ms"),
    )


def _row(title: str, question: Question, terms: Terms, ledger: LedgerStore, counter: CellCounter) -> Row:
    def ask() -> Release:
        return release(
            question,
            terms=terms,
            asking=ASKING,
            ledger=ledger,
            counter=counter,
            noise=OpenDPNoise(),
            truncation_key=KEY,
        )

    priced, _ = seconds(lambda: preview(question, terms=terms, asking=ASKING, ledger=ledger, truncation_key=KEY))
    took, answer = seconds(ask)
    again, repeated = seconds(ask)
    assert repeated == answer, "the same question is answered by the same table"
    (block,) = blocks_of(question, terms)
    compiled = compile_question(question, terms, grid_of(question, terms), KEY)
    counting, (counts,) = seconds(lambda: compiled.vectors(counter.count(compiled)))
    plain, (rho, half_width) = seconds(lambda: plain_opendp(counts, answer.noise_sd, block.bound.cells))
    return (
        title,
        len(answer.cells),
        1000 * priced,
        1000 * took,
        1000 * counting,
        1000 * again,
        1000 * plain,
        Figure(answer.noise_sd, ".3f"),
        answer.half_width,
        half_width,
        Figure(answer.nano_rho / BILLION, ".9f"),
        Figure(rho, ".9f"),
    )


def plain_opendp(counts: Sequence[int], noise_sd: float, cells_per_person: int) -> tuple[float, int]:
    """Noise the counts as a user of OpenDP alone would, and return rho and the half-width at 95 %."""
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T=float)
    measurement: Any = space >> dp.m.then_gaussian(noise_sd)
    measurement(list(counts))
    # OpenDP's accuracy is the least distance that noise reaches in at most 5 % of draws: the interval ends before it.
    half_width = int(dp.discrete_gaussian_scale_to_accuracy(scale=noise_sd, alpha=MISS)) - 1
    return float(measurement.map(math.sqrt(cells_per_person))), half_width
