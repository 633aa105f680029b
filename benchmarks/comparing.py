"""How fast all pairs are compared, beside anonlink's compiled Dice on the same CLKs, and the instructions' limit."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from anonlink.candidate_generation import find_candidate_pairs
from numpy.typing import NDArray

from benchmarks.inputs import REGISTER, TAX, country
from benchmarks.table import Bars, Figure, Row, Spread, Table
from benchmarks.timing import PROCESSOR, WALL, peak_mebibytes, ratios
from linkage_core.comparing.dice import find_pairs
from linkage_core.comparing.instructions import TILE
from linkage_core.comparing.matrix_unit import has_matrix_unit
from linkage_core.comparing.pairwise import dice_of_pairs
from linkage_core.comparing.sides import aligned
from linkage_core.comparing.similarity import as_bitarrays, dice_of_anonlink, dice_of_kernel
from linkage_core.comparing.statistical_exit import StatisticalExit, choose_exit
from linkage_core.crypto.secret import Secret
from linkage_core.encoding.columns import ColumnEncoder
from linkage_core.encoding.diffusion import diffuse, diffusion_indices
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.native import kernel, set_bits

KEYS: Final = LinkageKeys(Secret(b"benchmark".ljust(32)))

CLK: Final = "names-year"
PLAIN_THRESHOLDS: Final = (0.7, 0.8, 0.9)
DIFFUSED_THRESHOLD: Final = 0.58
WANTED_RECALLS: Final = (0.999, 0.99)

PEER_ROWS: Final = 2500
"""anonlink compares so many rows of each side; its time a pair does not depend on how many there are."""

SIZES: Final = (10_000, 30_000)
LIMIT_ROWS: Final = 256
LIMIT_REPEATS: Final = 50
MILLION: Final = 1e6

Words = NDArray[np.uint64]
Pairs = tuple[NDArray[np.uint32], NDArray[np.uint32]]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to compare: how many pairs it looks at, what it finds, and a run of it."""

    name: str
    pairs: int
    run: Callable[[], int]


def table(quick: bool = False) -> Table:
    """Return what comparing two agencies' files on 40,000 people, or on 14,000, tells."""
    return at_size(people=14_000 if quick else 40_000, rounds=3 if quick else 7)


def at_size(people: int, rounds: int) -> Table:
    """Return pairs a second for one CLK of two agencies' files, undiffused and diffused, at growing sizes."""
    plain, diffused = _clks(people)
    most = max(map(len, plain))
    sizes = [size for size in SIZES if size < most] or [most]
    rows: list[Row] = []
    for threshold in PLAIN_THRESHOLDS:
        rows += _rows(f"plain, Dice >= {threshold:.2f}", plain, threshold, sizes, [None], rounds)
    exits = [None, *_exits(diffused)]
    rows += _rows(f"t = 8, Dice >= {DIFFUSED_THRESHOLD:.2f}", diffused, DIFFUSED_THRESHOLD, sizes, exits, rounds)
    rows += _through_anonlink(plain, rounds)
    rows += _two_threads(diffused, sizes[-1], rounds)
    return Table(
        f"Comparing: CLKs of 1,024 bits, all pairs; {_fill(plain):.2f} of the bits set, diffused {_fill(diffused):.2f}",
        ("CLKs and way", "rows a side", "million pairs/s", "speed, anonlink = 1", "pairs found", "recall", "peak MiB"),
        tuple(rows),
        (
            f"anonlink: its compiled Dice, given its bit arrays, on {PEER_ROWS:,} rows a side. Ours: packed words in, "
            "sorted row numbers out, all else counted. Where nothing else is said, the result is exact.",
            f"Processor time of one thread and ratios within a round, min–median–max of {rounds} rounds in turns. Two "
            "threads are measured beside one: on the clock, where other work on the machine counts against them, and "
            "in processor time of both, which shows what they cost each other.",
            "The limit is AND, count, add of 16 words over one tile in the nearest cache, with vector registers. "
            f"{'A matrix unit is used unless said otherwise.' if has_matrix_unit() else 'There is no matrix unit.'}",
            "Recall: of the pairs at or above the threshold. An exit's expected recall was computed from the pairs of "
            "another part of the files.",
        ),
        chart=Bars("million pairs/s"),
    )


def _clks(people: int) -> tuple[Sequence[Words], Sequence[Words]]:
    """Return one CLK of both agencies' records, as it is before and after diffusion."""
    task = country(people)
    spec = next(spec for spec in task.schema.clks if spec.name == CLK)
    encoder = ColumnEncoder([(spec, KEYS.clk(spec.name))])
    plain = [encoder.encode(records.values, records.rows)[0] for records in (task.records[REGISTER], task.records[TAX])]
    indices = diffusion_indices(KEYS.diffusion(spec.name), spec.length_bits, spec.diffusion_t)
    return [_words(bits) for bits in plain], [_words(diffuse(bits, indices)) for bits in plain]


def _words(bits: NDArray[np.uint8]) -> Words:
    return np.ascontiguousarray(bits).view(np.uint64)


def _fill(sides: Sequence[Words]) -> float:
    return float(np.mean([np.bitwise_count(rows).mean() / 64 for rows in sides]))


def _exits(sides: Sequence[Words]) -> list[StatisticalExit]:
    """Return the exits for the wanted recalls, by a sample of pairs of the last rows."""
    left, right = (rows[-SIZES[0] :] for rows in sides)
    i, j = find_pairs(left, right, DIFFUSED_THRESHOLD)
    dice = dice_of_pairs(np.concatenate([left, right]), i, j + np.uint32(len(left)))
    both = np.bitwise_count(left[i]).sum(axis=1, dtype=np.int64) + np.bitwise_count(right[j]).sum(
        axis=1, dtype=np.int64
    )
    chosen = (choose_exit(dice, both, DIFFUSED_THRESHOLD, 64 * left.shape[1], wanted) for wanted in WANTED_RECALLS)
    return [exit_early for exit_early in chosen if exit_early is not None]


def _rows(
    name: str,
    sides: Sequence[Words],
    threshold: float,
    sizes: Sequence[int],
    exits: Sequence[StatisticalExit | None],
    rounds: int,
) -> list[Row]:
    """Return anonlink's row and those of every way at every size; the way without the matrix unit at the least size."""
    few = [rows[:PEER_ROWS] for rows in sides]
    peer = _anonlinks(few, threshold)
    ways = [
        _way(sides, size, threshold, exit_early, matrix_unit)
        for size in sizes
        for exit_early in exits
        for matrix_unit in ((True, False) if has_matrix_unit() and size == sizes[0] else (True,))
    ]
    exact = {way.pairs: way.run() for way in ways if "exit" not in way.name}
    found = [way.run() for way in ways]
    limit = _limit()
    limit.run()
    timed = ratios([peer.run, limit.run, *(way.run for way in ways)], rounds)
    speeds = [times.speed.times(way.pairs / peer.pairs) for way, times in zip((peer, limit, *ways), timed, strict=True)]
    rows: list[Row] = [_row(name, peer, timed[0].seconds, speeds[0], peer.run(), 1.0)]
    rows.append(
        (f"{name}: {limit.name}", None, _pairs_a_second(limit.pairs, timed[1].seconds), speeds[1], None, None, None)
    )
    for way, times, speed, pairs in zip(ways, timed[2:], speeds[2:], found, strict=True):
        rows.append(_row(name, way, times.seconds, speed, pairs, pairs / max(1, exact[way.pairs])))
    return rows


def _way(
    sides: Sequence[Words], size: int, threshold: float, exit_early: StatisticalExit | None, matrix_unit: bool
) -> Way:
    left, right = (rows[:size] for rows in sides)
    name = "ours" if matrix_unit else "ours, vector registers"
    if exit_early is not None:
        name += f", exit after {exit_early.words} words, expected recall {exit_early.expected_recall:.4f}"

    def run() -> int:
        return len(find_pairs(left, right, threshold, statistical_exit=exit_early, matrix_unit=matrix_unit)[0])

    return Way(name, len(left) * len(right), run)


def _anonlinks(sides: Sequence[Words], threshold: float) -> Way:
    left, right = (as_bitarrays(rows.view(np.uint8)) for rows in sides)
    dice = dice_of_anonlink()
    return Way("anonlink", len(left) * len(right), lambda: len(dice((left, right), threshold)[0]))


def _row(name: str, way: Way, seconds: Spread, speed: Spread, found: int, recall: float) -> Row:
    return (
        f"{name}: {way.name}",
        round(way.pairs**0.5),
        _pairs_a_second(way.pairs, seconds),
        speed,
        found,
        Figure(recall, ".2%"),
        peak_mebibytes(way.run),
    )


def _pairs_a_second(pairs: int, seconds: Spread) -> Spread:
    return Spread(*(pairs / taken / MILLION for taken in (seconds.greatest, seconds.median, seconds.least)))


def _through_anonlink(sides: Sequence[Words], rounds: int) -> list[Row]:
    """Return rows for anonlink's own search, with its Dice and with ours in its place."""
    left, right = (as_bitarrays(rows[:PEER_ROWS].view(np.uint8)) for rows in sides)
    pairs = len(left) * len(right)
    ways = [
        Way(f"with {name}", pairs, lambda dice=dice: len(find_candidate_pairs((left, right), dice, 0.8)[0]))  # type: ignore[misc] # a lambda's default has no type
        for name, dice in (("its own Dice", dice_of_anonlink()), ("ours", dice_of_kernel()))
    ]
    timed = ratios([way.run for way in ways], rounds)
    return [
        _row("anonlink's find_candidate_pairs, plain, 0.80", way, times.seconds, times.speed, way.run(), 1.0)
        for way, times in zip(ways, timed, strict=True)
    ]


def _two_threads(sides: Sequence[Words], size: int, rounds: int) -> list[Row]:
    """Return rows for two threads, each with half of one side, beside one thread with the whole, by both clocks."""
    left, right = (rows[:size] for rows in sides)
    halves = np.array_split(left, 2)
    with ThreadPoolExecutor(2) as threads:

        def together() -> int:
            found = threads.map(lambda rows: find_pairs(rows, right, DIFFUSED_THRESHOLD), halves)
            return sum(len(i) for i, _ in found)

        one = Way("one thread", len(left) * len(right), lambda: len(find_pairs(left, right, DIFFUSED_THRESHOLD)[0]))
        assert one.run() == together()
        rows = []
        for name, clock in (("time on the clock", WALL), ("processor time of both", PROCESSOR)):
            way = Way(f"two threads, {name}, one thread = 1", one.pairs, together)
            timed = ratios([one.run, together], rounds, clock)[1]
            rows.append(_row("t = 8", way, timed.seconds, timed.speed, together(), 1.0))
        return rows


def _limit() -> Way:
    """Return the chain of instructions alone, as if it compared something."""
    rng = np.random.default_rng(7)
    rows = rng.integers(0, 2**64, (LIMIT_ROWS, 16), dtype=np.uint64)
    tile, sums = aligned((16, TILE)), aligned((TILE,))
    tile[:] = rng.integers(0, 2**64, tile.shape, dtype=np.uint64)

    def run() -> int:
        add_common_bits(rows, tile, sums, LIMIT_REPEATS)
        return 0

    return Way("limit of AND, count, add", LIMIT_ROWS * TILE * LIMIT_REPEATS, run)


@kernel
def add_common_bits(rows: Words, tile: Words, sums: Words, repeats: int) -> None:
    """Add to `sums` the common bits of each row and the tile's columns, and do nothing else."""
    (w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15) = _WORDS
    for _ in range(repeats):
        for i in range(np.uint64(len(rows))):
            a0, a1, a2, a3 = rows[i, w0], rows[i, w1], rows[i, w2], rows[i, w3]
            a4, a5, a6, a7 = rows[i, w4], rows[i, w5], rows[i, w6], rows[i, w7]
            a8, a9, a10, a11 = rows[i, w8], rows[i, w9], rows[i, w10], rows[i, w11]
            a12, a13, a14, a15 = rows[i, w12], rows[i, w13], rows[i, w14], rows[i, w15]
            for j in range(np.uint64(TILE)):
                sums[j] += (
                    set_bits(a0 & tile[w0, j]) + set_bits(a1 & tile[w1, j]) + set_bits(a2 & tile[w2, j])
                    + set_bits(a3 & tile[w3, j]) + set_bits(a4 & tile[w4, j]) + set_bits(a5 & tile[w5, j])
                    + set_bits(a6 & tile[w6, j]) + set_bits(a7 & tile[w7, j]) + set_bits(a8 & tile[w8, j])
                    + set_bits(a9 & tile[w9, j]) + set_bits(a10 & tile[w10, j]) + set_bits(a11 & tile[w11, j])
                    + set_bits(a12 & tile[w12, j]) + set_bits(a13 & tile[w13, j]) + set_bits(a14 & tile[w14, j])
                    + set_bits(a15 & tile[w15, j])
                )  # fmt: skip


_WORDS: Final = tuple(np.uint64(word) for word in range(16))
