"""The search's tasks on a Ray cluster: the cores of several machines.

Workers get the search and a way to the encodings, never the encodings themselves. A task whose worker was lost is run
again elsewhere; since tasks share nothing and find the same each time, nothing else notices.

Whoever can submit work to a Ray cluster can run any program on its machines with the linkage unit's rights: it belongs
into a network of its own, behind Ray's token authentication (`deploy/ray`).
"""

import os
import socket
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from linkage_core.errors import Unfit
from linkage_core.searching.candidates import Found
from linkage_core.searching.encodings import Encodings, EncodingsInMemory
from linkage_core.searching.engine import TASKS_AHEAD, LocalEngine
from linkage_core.searching.search import Search, Task

ATTEMPTS_AFTER_LOSS: Final = 3
"""How often a task is run again after its worker was lost: one that kills every worker must not go round for ever."""

KNOCK_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class RayEngine:
    """Workers of the Ray cluster whose head listens at `address`, "host:port"."""

    address: str

    def run(self, search: Search, tasks: Sequence[Task], encodings: Encodings) -> Generator[tuple[Task, Found]]:
        """Yield every task with what it found, in the order in which they are done.

        Raises what a task raised, and `Unfit` if there is no cluster or a task's workers were lost again and again.
        """
        if isinstance(encodings, EncodingsInMemory):
            raise TypeError("workers of a cluster read encodings from a store; publish them first")
        ray = _connect(self.address)
        try:
            yield from _run(ray, search, tasks, encodings)
        finally:
            ray.shutdown()


def _connect(address: str) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves the linkage unit's network
    os.environ.setdefault("RAY_task_oom_retries", str(ATTEMPTS_AFTER_LOSS))
    os.environ.setdefault("RAY_AUTH_MODE", "token")  # who has no token can give this cluster no work
    try:
        import ray
    except ImportError:
        raise Unfit("Ray is not installed: pip install 'symbolon[cluster]'") from None
    try:
        _knock(address)
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except (OSError, ray.exceptions.RayError):  # ConnectionError and TimeoutError are OSErrors
        raise Unfit(
            f"no Ray cluster answers at {address}; is `ray start --head` running there, with the same token?"
        ) from None
    return ray


def _knock(address: str) -> None:
    """Raise `OSError` where nobody listens: Ray itself would try for minutes and then end the process."""
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), timeout=KNOCK_SECONDS).close()


def _run(ray: Any, search: Search, tasks: Sequence[Task], encodings: Encodings) -> Generator[tuple[Task, Found]]:
    threads, workers = _workers(ray)
    remote = ray.remote(num_cpus=threads, max_retries=ATTEMPTS_AFTER_LOSS)(_run_tasks)
    shared = ray.put(search), ray.put(encodings)
    together = threads * TASKS_AHEAD
    waiting = iter([tasks[first : first + together] for first in range(0, len(tasks), together)])
    running: dict[Any, Sequence[Task]] = {}
    while True:
        while len(running) < workers * TASKS_AHEAD and (some := next(waiting, None)) is not None:
            running[remote.remote(*shared, some, threads)] = some
        if not running:
            return
        (reference,), _ = ray.wait(list(running), num_returns=1)
        some = running.pop(reference)
        try:
            found = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError as error:
            raise Unfit(
                f"the workers that ran task {some[0].id} and its neighbours were lost again and again "
                f"({type(error).__name__}): give them more memory, and start the run again"
            ) from None
        yield from zip(some, found, strict=True)


def _workers(ray: Any) -> tuple[int, int]:
    """Return with how many threads a worker runs, and how many workers there are: one a machine, where they are alike.

    A worker of tables holds every CLK of all records, so a machine with one worker for all its cores holds them once.
    """
    cores = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    threads = max(min((count for count in cores if count), default=1), 1)
    return threads, max(sum(count // threads for count in cores), 1)


def _run_tasks(search: Search, encodings: Encodings, tasks: Sequence[Task], threads: int) -> list[Found]:
    found = {task.id: result for task, result in LocalEngine(threads).run(search, tasks, encodings)}
    return [found[task.id] for task in tasks]
