"""What finding candidates below the square of the records takes and finds, beside comparing every pair.

Two agencies' files of an invented country, encoded by three of the default schema's five CLKs. Each search runs
in a process of its own, which reads the encodings, so that its memory at peak is the search's and nothing else's.
"""

import math
import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.inputs import REGISTER, TAX, country
from benchmarks.table import Figure, Growth, Row, Table
from linkage_core.comparing.chance import dice_above_chance
from linkage_core.crypto.secret import Secret
from linkage_core.default_schema import people_schema
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.run import Encoder
from linkage_core.lsh.plan import LshPlan, plan_tables
from linkage_core.lsh.rows import CodedRows
from linkage_core.lsh.sample import MeasuredRecall, SampledPairs, agreement_of, draw_records, sample_pairs
from linkage_core.searching.encodings import EncodingsInMemory, as_words
from linkage_core.searching.engine import LocalEngine, cores
from linkage_core.searching.search import Search, Span
from linkage_core.types import ClkName

KEYS: Final = LinkageKeys(Secret(b"benchmark".ljust(32)))
CLKS: Final = tuple(map(ClkName, ("given-date", "family-date", "names-year")))
"""Of the default schema's CLKs the three that find most together: one intact or nearly so after any likely error."""

LENGTH_BITS: Final = max(clk.length_bits for clk in people_schema().clks if clk.name in CLKS)
THRESHOLD: Final = round(dice_above_chance(5.33, LENGTH_BITS), 3)
LINK: Final = round(dice_above_chance(4.8, LENGTH_BITS), 3)
"""Standard deviations above chance that files of a million people bear."""
WANTED_RECALL: Final = 0.995
SEED: Final = 7

TABLES, EVERY_PAIR = "tables", "every pair"
STEPS: Final = ("read", "sample", "plan", "search", "measure")


@dataclass(slots=True)
class Clocks:
    """Seconds by step: on the clock, and of processor time, all threads added."""

    wall: dict[str, float] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count what runs within to a step."""
        wall, processor = time.perf_counter(), time.process_time()
        yield
        self.wall[name] = self.wall.get(name, 0.0) + time.perf_counter() - wall
        self.processor[name] = self.processor.get(name, 0.0) + time.process_time() - processor


@dataclass(frozen=True, slots=True)
class Told:
    """What one search told: `true_found` of `true` pairs of one person; `plan` and `measured` of a search by tables."""

    clocks: Clocks
    candidates: int
    true: int
    true_found: int
    split_buckets: int
    skipped_pairs: int
    plan: LshPlan | None
    measured: MeasuredRecall | None
    peak_mebibytes: float


def table(quick: bool = False) -> Table:
    """Return both searches for countries of 10,000 people and more: to 1,200,000, or quick, to 60,000."""
    if quick:
        return at_size({10_000: True, 60_000: True})
    return at_size({10_000: True, 20_000: True, 30_000: True, 120_000: True, 1_200_000: False})


def at_size(people: Mapping[int, bool], sampled: int = 2500) -> Table:
    """Return what both searches take for numbers of people; every pair is compared only where it says so.

    `sampled`: records of each of the two samples.
    """
    rows: list[Row] = []
    notes: list[str] = []
    before: tuple[int, Told] | None = None
    for count, compare_all in people.items():
        with tempfile.TemporaryDirectory() as folder:
            sizes = _write(Path(folder), count)
            if compare_all:
                rows.append(_row(EVERY_PAIR, sizes, _alone(Path(folder), sizes, None), None))
            told = _alone(Path(folder), sizes, sampled)
        exponents = None
        if before:
            growth = math.log(sum(sizes) / before[0])
            exponents = tuple(
                math.log(now / then) / growth for now, then in zip(*map(_costs, (told, before[1])), strict=True)
            )
        rows.append(_row(TABLES, sizes, told, exponents))
        notes.append(_note(sizes, told))
        before = (sum(sizes), told)
    return Table(
        "Search: candidates of the population register and the tax office, and their Dice in three diffused CLKs",
        (
            "search",
            "rows of one",
            "rows of the other",
            "seconds",
            "processor seconds",
            "growth exponent",
            "without samples",
            "candidates",
            "measured recall",
            "of all linkable",
            "recall of true pairs",
            "peak MiB",
        ),
        tuple(rows),
        (
            f"{cores()} threads; seconds from reading the encodings to every candidate's Dice in every CLK, with both "
            "samples: the one that plans and the one that measures. Processor seconds add the threads up: shared among "
            "cores that have nothing else to do, they are the time. Exponents are theirs, from the size before: of "
            "all steps, and of the search without the samples, whose cost grows with the records alone.",
            f"Candidates reach {THRESHOLD} in some CLK, linkable pairs {LINK} on average besides. Wanted: "
            f"{WANTED_RECALL} of the pairs of records that are each other's best, measured by exact comparison of "
            f"{sampled:,} records that had no part in the plan; and so are all linkable pairs. Most of those are false "
            "in a large file, and lose to better ones.",
            "True pairs: rows of one person in both files, whether or not any CLK is near; comparing every pair tells "
            "what is to be had.",
            *notes,
        ),
        chart=Growth("rows of one", "seconds", "search"),
    )


def _costs(told: Told) -> tuple[float, float]:
    """Return processor seconds: of all steps, and of the search alone."""
    return sum(told.clocks.processor.values()), told.clocks.processor["search"]


def _row(search: str, sizes: Sequence[int], told: Told, exponents: Sequence[float] | None) -> Row:
    measured = told.measured
    return (
        search,
        *sizes,
        sum(told.clocks.wall.values()),
        sum(told.clocks.processor.values()),
        *((None, None) if exponents is None else (Figure(exponent, ".2f") for exponent in exponents)),
        told.candidates,
        None if measured is None else Figure(measured.recall, ".4f"),
        None if measured is None else Figure(measured.recall_of_linkable, ".4f"),
        Figure(told.true_found / told.true, ".4f"),
        round(told.peak_mebibytes),
    )


def _note(sizes: Sequence[int], told: Told) -> str:
    where = f"Tables at {sizes[0]:,} × {sizes[1]:,}"
    steps = ", ".join(
        f"{step} {told.clocks.wall[step]:.2f} ({told.clocks.processor[step]:.2f})"
        for step in STEPS
        if step in told.clocks.wall
    )
    if told.plan is None:
        return f"{where}: no plan is cheaper than comparing every pair, so that was done. Seconds (processor): {steps}."
    return (
        f"{where}: {'/'.join(map(str, told.plan.tables))} tables of {told.plan.bits[0]} bits, expected recall "
        f"{told.plan.expected_recall:.4f}; {told.split_buckets} buckets split, {told.skipped_pairs:,} pairs passed "
        f"over. Seconds (processor): {steps}."
    )


def _write(folder: Path, people: int) -> tuple[int, int]:
    """Encode both files into a folder, one array a CLK over the rows of both, and the pairs of rows of one person."""
    task = country(people)
    country.cache_clear()
    encoded = []
    for provider in (REGISTER, TAX):
        with Encoder(task.schema, KEYS) as encoder:
            encoded.append(encoder.encode(task.records[provider]))
    for clk in CLKS:
        words = [as_words(one.clks[clk].bits, one.clks[clk].present) for one in encoded]
        np.save(folder / f"{clk}.npy", np.concatenate(words))
    one, other = task.persons[REGISTER], task.persons[TAX]
    _, row_of_one, row_of_other = np.intersect1d(one, other, return_indices=True)
    np.save(folder / "true.npy", _packed(row_of_one, row_of_other + len(one)))
    return len(one), len(other)


def _alone(folder: Path, sizes: tuple[int, int], sampled: int | None) -> Told:
    """Search in a process of its own; by tables if so many records are to be `sampled`, else compare every pair."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(_load_kernels).result()
        return pool.submit(_searched, folder, sizes, sampled).result()


def _load_kernels() -> None:
    """Compile every kernel of both searches, or load it: what the figures leave out."""
    words = np.random.default_rng(SEED).integers(0, 2**63, (200, 16), np.uint64)
    encodings, spans = EncodingsInMemory(dict.fromkeys(CLKS, words)), (Span(0, 100, False), Span(100, 200, False))
    every_pair = Search(CLKS, spans, THRESHOLD, exits=(None,) * len(CLKS), maximum=10**9, seed=SEED)
    plan = LshPlan(SEED, (4,) * len(CLKS), (3,) * len(CLKS), (256,) * len(CLKS), 1.0, 1.0, 1.0)
    for search in (every_pair, replace(every_pair, plan=plan)):
        for task in search.tasks():
            search.run(task, encodings)


def _searched(folder: Path, sizes: tuple[int, int], sampled: int | None) -> Told:
    clocks = Clocks()
    records = sum(sizes)
    with clocks.step("read"):
        encodings = EncodingsInMemory({clk: np.load(folder / f"{clk}.npy")[:records] for clk in CLKS})
    spans = (Span(0, sizes[0], within=False), Span(sizes[0], records, within=False))
    search = Search(CLKS, spans, THRESHOLD, exits=(None,) * len(CLKS), maximum=10**9, seed=SEED)
    coded: list[CodedRows] = []
    if sampled is not None:
        with clocks.step("read"):
            coded = list(search.coded(encodings))
        with clocks.step("sample"):
            sample = _sample(search, coded, "plan", sampled)
        with clocks.step("plan"):
            agreement = agreement_of(sample, coded, SEED)
            rows = [len(clk.usable()) for clk in coded]
            pairs = [search.wanted.among(clk.usable()) for clk in coded]
            search = replace(search, plan=plan_tables(agreement, rows, pairs, WANTED_RECALL, SEED))
    with clocks.step("search"):
        found = [result for _, result in LocalEngine().run(search, search.tasks(), encodings)]
    row_a = np.concatenate([result.candidates.row_a for result in found])
    row_b = np.concatenate([result.candidates.row_b for result in found])
    measured = None
    if sampled is not None and search.plan is not None:
        with clocks.step("measure"):
            sample = _sample(search, coded, "measure", sampled)
            measured = MeasuredRecall.of(sample, sample.among(row_a, row_b))
    true = np.load(folder / "true.npy")
    return Told(
        clocks=clocks,
        candidates=len(row_a),
        true=len(true),
        true_found=int(np.isin(true, _packed(row_a, row_b)).sum()),
        split_buckets=sum(result.split_blocks for result in found),
        skipped_pairs=sum(result.skipped_pairs for result in found),
        plan=search.plan,
        measured=measured,
        peak_mebibytes=_peak_mebibytes(),
    )


def _peak_mebibytes() -> float:
    """Return the most memory that this process had; `getrusage` would tell its parent's where that was more."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split(maxsplit=1)[0]) / 1024


def _sample(search: Search, coded: Sequence[CodedRows], purpose: str, count: int) -> SampledPairs:
    records = draw_records(SEED, purpose, count, search.records)
    return sample_pairs(coded, search.wanted, records, THRESHOLD, LINK, _mean, threads=cores())


def _mean(dice: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean Dice over the CLKs that both records have, as the default matching clause weighs them."""
    has = ~np.isnan(dice)
    mean: NDArray[np.float64] = np.where(has, dice, 0.0).sum(axis=1) / np.maximum(has.sum(axis=1), 1)
    return mean.round(9)


def _packed(row_a: NDArray[np.integer], row_b: NDArray[np.integer]) -> NDArray[np.uint64]:
    return row_a.astype(np.uint64) << np.uint64(32) | row_b.astype(np.uint64)
