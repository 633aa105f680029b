"""`symbolon` that is killed, as by a power cut, at a chosen point of its work; its messages are tapped until then.

    python -m tests.support.mortal FOLDER "after services.linkage_unit.store.uploads:UploadStore.add_chunks 2" serve ...

The point is `before` or `after` the n-th call of a function; `-` is none. Files go out in small chunks, so that a
transfer of a small file has a middle.
"""

import importlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest import mock

from tests.support import wiretap

NEVER: Final = "-"
UPLOAD_CHUNK_ROWS: Final = 40
DELIVERY_CHUNK_ROWS: Final = 60


@contextmanager
def doomed(point: str) -> Iterator[None]:
    """Kill this process at a point, if it comes there while the block lasts."""
    if point == NEVER:
        yield
        return
    when, place, number = point.split(" ")
    module, _, path = place.partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for part in owners:
        owner = getattr(owner, part)
    function, calls = getattr(owner, name), 0

    def mortal(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if when == "before" and calls == int(number):
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **options)
        if when == "after" and calls == int(number):
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    with mock.patch.object(owner, name, mortal):
        yield


@contextmanager
def small_chunks() -> Iterator[None]:
    """Let agents of this process cut small chunks, and a linkage unit put each on disk by itself."""
    with (
        mock.patch("services.provider_agent.encode.CHUNK_ROWS", UPLOAD_CHUNK_ROWS),
        mock.patch("services.provider_agent.delivery.CHUNK_ROWS", DELIVERY_CHUNK_ROWS),
        mock.patch("services.linkage_unit.arrivals.GROUP_BYTES", 1),
    ):
        yield


def main(folder: Path, point: str, arguments: list[str]) -> None:
    """Run `symbolon` with these arguments until it ends or reaches the point."""
    with doomed(point), small_chunks():
        wiretap.main(folder, arguments)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
