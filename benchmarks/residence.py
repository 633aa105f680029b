"""How long residence takes at ten million rows: the door's own questions beside the same rules in plain DuckDB.

Each contestant runs in a process of its own, over the same encrypted files, with as many threads as there are cores.
"""

import datetime
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.residence_plain import plain_flow, plain_stock
from benchmarks.residence_rows import (
    CROSSINGS,
    PEOPLE,
    SPELLS,
    WAVE,
    file_name,
    open_store,
    residence_terms,
    write_rows,
)
from benchmarks.table import Figure, Row, Table
from disclosure.bounding import TruncationKey
from disclosure.compilation import compile_question
from disclosure.grid import grid_of
from disclosure.measurements import OpenDPNoise
from disclosure.query.parsing import parse_question
from disclosure.query.questions import Question
from disclosure.release import Asking, release
from linkage_core.crypto.secret import Secret
from services.analysis.store.anchor import AnchorFile
from services.analysis.store.cells import DuckCells, locked_connection
from services.analysis.store.ledger import SqlLedger
from services.analysis.store.tables import MIGRATIONS
from services.common.clock import system_random
from services.common.database import open_database, sqlite_url

KEY: Final = TruncationKey(1, bytes(range(32)))
ASKING: Final = Asking("analyst", WAVE, "1", datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC))
MEMORY_LIMIT: Final = "4GB"
FLOW_CELLS: Final = 3
"""Cells of a flow table that one person may change: fewer than years, so that the choice is made."""

YEARS: Final = tuple(range(2015, 2026))
RULE: Final = {"kind": "window", "days": 365, "of": 487, "itinerary": "midpoint"}
QUESTIONS: Final[Mapping[str, dict[str, Any]]] = {
    "flow": {"measure": "inflow", "over": list(YEARS), "rule": RULE, "accuracy": {"half_width": 100}},
    "stock": {"measure": "stock", "at": ["2020-01-01"], "by": ["sex", "region"], "accuracy": {"half_width": 100}},
}
TITLES: Final = {
    "flow": f"inflow by 12/16 months, {len(YEARS)} years",
    "stock": "residents by the register on a day, 400 cells",
}


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took: seconds on the clock and of processor time, the process' highest memory, and what it found."""

    seconds: float
    processor_seconds: float
    peak_mebibytes: float
    found: tuple[int, ...]


def table(quick: bool = False) -> Table:
    """Return what two questions take on 2 million persons, or on 100,000."""
    return at_size(persons=100_000 if quick else 2_000_000)


def at_size(persons: int, *, processes: bool = True) -> Table:
    """Return seconds and memory of both questions, with five crossings and four spells a person.

    Without processes of their own, contestants share this one, whose peak says nothing about either.
    """
    with tempfile.TemporaryDirectory() as name:
        written = write_rows(Path(name), persons, 5 * persons, 4 * persons, system_random)
        rows = tuple(_row(which, Path(name), written, processes=processes) for which in QUESTIONS)
    return Table(
        f"Residence: {persons:,} persons",
        (
            "question",
            "rows read",
            "answer s",
            "of processor time",
            "peak MiB",
            "plain DuckDB s",
            "of processor time",
            "peak MiB, plain",
            "times plain",
            "processor time, times plain",
        ),
        rows,
        (
            "Answer: the whole door (policy, ledger on SQLite with its anchor, DuckDB over encrypted Parquet with "
            f"{MEMORY_LIMIT} and nowhere to spill to, the bound of {FLOW_CELLS} cells a person, noise, record). No "
            "network, and no padding of the time, which the service adds.",
            "Plain DuckDB: the same rule over the same files in SQL as one would write it, without bound or noise. "
            "Both find the same certain figures before bound and noise; the plain one leaves out unknown statuses.",
            "Each in a process of its own; peak is of the whole process, Python and libraries included.",
        ),
    )


def _row(which: str, folder: Path, written: Mapping[str, int], *, processes: bool) -> Row:
    read = {"flow": (CROSSINGS,), "stock": (PEOPLE, SPELLS)}[which]
    plain, ours = (_apart(work, which, folder) if processes else work(which, folder) for work in (_plain, _door))
    assert _exact(which, folder) == plain.found, f"{which}: the two do not count the same"
    return (
        TITLES[which],
        sum(written[name] for _, name in read),
        ours.seconds,
        ours.processor_seconds,
        Figure(ours.peak_mebibytes, ",.0f"),
        plain.seconds,
        plain.processor_seconds,
        Figure(plain.peak_mebibytes, ",.0f"),
        ours.seconds / plain.seconds,
        ours.processor_seconds / plain.processor_seconds,
    )


def _apart(work: Callable[[str, Path], Run], which: str, folder: Path) -> Run:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(work, which, folder).result()


def _measured(work: Callable[[], tuple[int, ...]]) -> Run:
    before, began = time.process_time(), time.perf_counter()
    found = work()
    seconds, processor = time.perf_counter() - began, time.process_time() - before
    return Run(seconds, processor, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, found)


def _question(which: str) -> Question:
    return parse_question(QUESTIONS[which])


def _counter(folder: Path) -> DuckCells:
    files = {table: file_name(*table) for table in (CROSSINGS, PEOPLE, SPELLS)}
    return DuckCells(open_store(folder, system_random), files, MEMORY_LIMIT)


def _door(which: str, folder: Path) -> Run:
    """Run the question through the door."""
    terms, counter = residence_terms(FLOW_CELLS), _counter(folder)
    engine = open_database(sqlite_url(folder / f"{which}.db"), MIGRATIONS)
    ledger = SqlLedger(engine, AnchorFile(folder / f"{which}.anchor", Secret(system_random(32))), terms.project)
    ledger.check(terms.lineage)

    def ask() -> tuple[int, ...]:
        answer = release(
            _question(which),
            terms=terms,
            asking=ASKING,
            ledger=ledger,
            counter=counter,
            noise=OpenDPNoise(),
            truncation_key=KEY,
        )
        return tuple(cell.value or 0 for cell in answer.cells)

    run = _measured(ask)
    engine.dispose()
    return run


def _exact(which: str, folder: Path) -> tuple[int, ...]:
    """Return the certain cells, counted without a bound that cuts and without noise."""
    terms, question = residence_terms(len(YEARS)), _question(which)
    compiled = compile_question(question, terms, grid_of(question, terms), KEY)
    (numbers,) = compiled.vectors(_counter(folder).count(compiled))
    # By year and status in the flow table: every other cell is certain.
    return numbers[::2] if which == "flow" else numbers


def _plain(which: str, folder: Path) -> Run:
    """Run the rule in plain DuckDB."""
    store = open_store(folder, system_random)
    with locked_connection(MEMORY_LIMIT) as connection:
        for provider, name in (CROSSINGS, PEOPLE, SPELLS):
            connection.register(name, store.dataset(file_name(provider, name)))
        if which == "flow":
            return _measured(lambda: plain_flow(connection, YEARS))
        return _measured(lambda: plain_stock(connection, datetime.date(2020, 1, 1)))
