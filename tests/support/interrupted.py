"""`symbolon` that is told to stop, as by Ctrl-C, at a chosen point of its work.

    python -m tests.support.interrupted "services.provider_agent.shuffle:Shuffle.add 2" agent encode ...

The point is the n-th call of a function. Files are read in small blocks, so that a small file has a middle.
"""

import importlib
import os
import signal
import sys
from functools import partial
from typing import Any, Final
from unittest import mock

from services.provider_agent.reader import read_blocks

BLOCK_ROWS: Final = 10


def main(point: str, arguments: list[str]) -> None:
    """Run `symbolon` with these arguments; it gets SIGINT once, just before the call."""
    from services.cli.main import main as symbolon

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background is told to ignore it
    place, number = point.split(" ")
    module, _, path = place.partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for part in owners:
        owner = getattr(owner, part)
    function, calls = getattr(owner, name), 0

    def stopped(*values: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == int(number):
            os.kill(os.getpid(), signal.SIGINT)
        return function(*values, **options)

    with (
        mock.patch.object(owner, name, stopped),
        mock.patch("services.provider_agent.identities.read_blocks", partial(read_blocks, block_rows=BLOCK_ROWS)),
        mock.patch("services.provider_agent.encode.CHUNK_ROWS", BLOCK_ROWS),
        mock.patch.object(sys, "argv", ["symbolon", *arguments]),
    ):
        symbolon()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
