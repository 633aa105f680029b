"""How long something took, and how much memory it had at its peak."""

import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from benchmarks.table import Spread

Result = TypeVar("Result")

Clock = Callable[[], float]
"""Tells seconds; only differences count."""

PROCESSOR: Final[Clock] = time.process_time
"""Processor time of this process, all threads added: for work of one thread. What other processes do counts little."""

WALL: Final[Clock] = time.perf_counter
"""Time on the clock: for work that waits, or that several threads or processes share."""

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Timed:
    """What some rounds told of one contestant.

    `seconds` of a round, and `speed`: how many times as fast as the first contestant it was in the same round.
    """

    seconds: Spread
    speed: Spread


def spread(values: Sequence[float]) -> Spread:
    """Return the least, median and greatest of at least one value."""
    return Spread(min(values), statistics.median(values), max(values))


def ratios(contestants: Sequence[Callable[[], object]], rounds: int, clock: Clock = PROCESSOR) -> list[Timed]:
    """Time some rounds in which each contestant runs once, and return what they told of each, in the given order.

    Turns, and ratios within a round: a machine that gets slower is slow for all. The first contestant is the peer: its
    own speed is 1. Run each once beforehand if compilation or a cold cache is not meant to count.
    """
    taken = [[_time(work, clock) for work in contestants] for _ in range(rounds)]
    return [
        Timed(
            spread([of_round[place] for of_round in taken]),
            spread([of_round[0] / of_round[place] for of_round in taken]),
        )
        for place in range(len(contestants))
    ]


def seconds(work: Callable[[], Result]) -> tuple[float, Result]:
    """Return the seconds that one run took on the clock, and its result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def processor_seconds(contestants: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Return each contestant's least processor time, in seconds, of some rounds in which each runs once.

    Turns, so that a machine that gets slower is slow for all; processor time and the least of it, so that what other
    processes do counts little. For work of one process that does not wait.
    """
    return [timed.seconds.least for timed in ratios(contestants, rounds)]


def peak_mebibytes(work: Callable[[], object]) -> float:
    """Return the highest amount of memory that Python and numpy had allocated in one run, above where it began."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        work()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (peak - before) / MEBIBYTE


def _time(work: Callable[[], object], clock: Clock) -> float:
    start = clock()
    work()
    return clock() - start
