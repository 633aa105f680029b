"""How long work tells how far it is: a context that receives rows or chunks done, drawn or ignored by the caller."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Advance = Callable[[int], None]
"""Told how many more are done."""

Progress = Callable[[str, int | None], AbstractContextManager[Advance]]
"""Opens one bar: what is done, and how many there are if that is known."""


@contextmanager
def silent(_what: str, _total: int | None) -> Iterator[Advance]:
    """Show nothing."""
    yield _ignore


def _ignore(_count: int) -> None:
    return
