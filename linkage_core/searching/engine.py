"""Who runs a search's tasks: threads of this process, or (`cluster`) workers of several machines.

An engine decides nothing: the same search gives the same candidates on any of them, whatever was lost and run again.
"""

import os
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Final, Protocol

from linkage_core.searching.candidates import Found
from linkage_core.searching.encodings import Encodings
from linkage_core.searching.search import Search, Task

TASKS_AHEAD: Final = 2
"""Tasks handed out for each worker: results wait in memory for whoever takes them, so not many more."""


class Engine(Protocol):
    """Runs tasks; results come in any order, each once."""

    def run(self, search: Search, tasks: Sequence[Task], encodings: Encodings) -> Generator[tuple[Task, Found]]:
        """Yield every task with what it found. Closing the iterator, or an error, stops what has not begun."""


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """Threads of this process, one for each core it may use: the kernels hold no lock of Python."""

    threads: int = field(default_factory=cores)

    def run(self, search: Search, tasks: Sequence[Task], encodings: Encodings) -> Generator[tuple[Task, Found]]:
        """Yield every task with what it found, in the order in which they are done."""
        waiting = iter(tasks)
        with ThreadPoolExecutor(self.threads, thread_name_prefix="search") as pool:
            running: dict[Future[Found], Task] = {}
            try:
                while True:
                    while len(running) < self.threads * TASKS_AHEAD and (task := next(waiting, None)) is not None:
                        running[pool.submit(search.run, task, encodings)] = task
                    if not running:
                        return
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield running.pop(future), future.result()
            finally:
                for future in running:
                    future.cancel()
