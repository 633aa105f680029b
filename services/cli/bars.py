"""Progress bars of long commands, on standard error: how far, how long, how much longer; and why the first is slow."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from services.cli.outcome import talk

if TYPE_CHECKING:
    from rich.progress import Progress


@contextmanager
def bars() -> "Iterator[Progress]":
    """Yield a display of progress bars; silent where standard error is no terminal."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=talk, disable=not talk.is_terminal
    ) as display:
        yield display


@contextmanager
def telling_of_kernels() -> Iterator[None]:
    """Within this, one sentence says so when kernels must be compiled first."""
    from linkage_core.native import telling_of_compilation

    with telling_of_compilation(talk.print):
        yield
