"""Work that is one item ahead of its consumer, in a thread of its own.

It pays where both sides leave Python's lock to others for much of their time: digests, ciphers, files, kernels.
"""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TypeVar

_Item = TypeVar("_Item")


@contextmanager
def one_ahead(items: Generator[_Item]) -> Iterator[Iterator[_Item]]:
    """Give the same items in the same order, each made while the one before it is used.

    What making one raises is raised where it would be used. However the block ends, nothing of it goes on afterwards:
    the item in work is finished and dropped, and the generator is closed.
    """
    with closing(items), ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        yield _from(items, thread)


def _from(items: Generator[_Item], thread: ThreadPoolExecutor) -> Iterator[_Item]:
    coming = thread.submit(next, items, None)
    while (item := coming.result()) is not None:
        coming = thread.submit(next, items, None)
        yield item
