"""A search for candidate pairs, in order:

1. The search's tasks; those that an earlier, stopped run has finished are not run again.
2. An engine runs the others. What each found is put away at once, so memory holds the tasks in hand and no more.
3. More candidates than the agreement's cap stop the search, and the error says what to change.
4. All findings, in the order of the tasks: however they were run, the same search gives the same sequence.
"""

from collections.abc import Callable, Iterator
from contextlib import closing

from linkage_core.comparing.dice import too_many_pairs
from linkage_core.searching.candidates import Found
from linkage_core.searching.encodings import Encodings
from linkage_core.searching.engine import Engine
from linkage_core.searching.search import Search
from linkage_core.searching.workspace import FinishedTasks


def find_candidates(
    search: Search,
    encodings: Encodings,
    *,
    engine: Engine,
    finished: FinishedTasks,
    progress: Callable[[int, int], None],
) -> Iterator[Found]:
    """Return every task's findings, each pair in one of them; `progress(tasks done, of how many)`.

    Raises `Unfit` beyond the search's `maximum` pairs, now or in an earlier attempt.
    """
    tasks = search.tasks()
    before = finished.ids()
    done = [task for task in tasks if task.id in before]
    found = sum(len(finished.read(task.id).candidates) for task in done)
    count = len(done)
    _require_at_most(search.maximum, found)
    progress(count, len(tasks))
    with closing(engine.run(search, [task for task in tasks if task.id not in before], encodings)) as results:
        for task, result in results:
            finished.write(task.id, result)
            found += len(result.candidates)
            count += 1
            _require_at_most(search.maximum, found)
            progress(count, len(tasks))
    return (finished.read(task.id) for task in tasks)


def _require_at_most(maximum: int, found: int) -> None:
    if found > maximum:
        raise too_many_pairs(maximum)
