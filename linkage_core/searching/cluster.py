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
from linkage_core.searching.encodings import Encodings
from linkage_core.searching.engine import TASKS_AHEAD
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
        ray = _connect(self.address)
        try:
            yield from _run(ray, search, tasks, encodings)
        finally:
            ray.shutdown()


def _connect(address: str) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves the linkage unit's network
    os.environ.setdefault("RAY_AUTH_MODE", "token")  # who has no token can give this cluster no work
    try:
        import ray
    except ImportError:
        raise Unfit("Ray is not installed: pip install 'symbolon[cluster]'") from None
    try:
        _knock(address)
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except OSError:  # ConnectionError and TimeoutError are among them
        raise Unfit(
            f"no Ray cluster answers at {address}; is `ray start --head` running there, with the same token?"
        ) from None
    return ray


def _knock(address: str) -> None:
    """Raise `OSError` where nobody listens: Ray itself would try for minutes and then end the process."""
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), timeout=KNOCK_SECONDS).close()


def _run(ray: Any, search: Search, tasks: Sequence[Task], encodings: Encodings) -> Generator[tuple[Task, Found]]:
    remote = ray.remote(num_cpus=1, max_retries=ATTEMPTS_AFTER_LOSS)(_run_task)
    shared = ray.put(search), ray.put(encodings)
    waiting = iter(tasks)
    running: dict[Any, Task] = {}
    while True:
        workers = max(1, int(ray.cluster_resources().get("CPU", 1)))
        while len(running) < workers * TASKS_AHEAD and (task := next(waiting, None)) is not None:
            running[remote.remote(*shared, task)] = task
        if not running:
            return
        (reference,), _ = ray.wait(list(running), num_returns=1)
        task = running.pop(reference)
        try:
            found = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.WorkerCrashedError:
            raise Unfit(
                f"the workers that ran task {task.id} were lost {ATTEMPTS_AFTER_LOSS + 1} times: give them more "
                "memory, or fewer cores for the same memory"
            ) from None
        yield task, found


def _run_task(search: Search, encodings: Encodings, task: Task) -> Found:
    return search.run(task, encodings)
