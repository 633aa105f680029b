"""How long something took, and how much memory it had at its peak."""

import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import TypeVar

Result = TypeVar("Result")

MEBIBYTE = 1024 * 1024


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
    times = [[_processor_seconds(work) for work in contestants] for _ in range(rounds)]
    return [min(of_one) for of_one in zip(*times, strict=True)]


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


def _processor_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
