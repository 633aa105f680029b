"""How long something took, and how much memory it had at its peak."""

import time
import tracemalloc
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

MEBIBYTE = 1024 * 1024


def seconds(work: Callable[[], Result], runs: int = 1) -> tuple[float, Result]:
    """Return the shortest time of some runs, and the last result: the shortest is least disturbed by others."""
    shortest, result = _once(work)
    for _ in range(runs - 1):
        took, result = _once(work)
        shortest = min(shortest, took)
    return shortest, result


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


def _once(work: Callable[[], Result]) -> tuple[float, Result]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result
