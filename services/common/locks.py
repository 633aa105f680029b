"""One process of a kind on a data folder: its audit log has one writer, and a wave is linked once at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.common.errors import NotReady


@contextmanager
def only_process(data: Path, kind: str) -> Iterator[None]:
    """Hold the lock of processes of this kind (`serve`, `link`); the operating system frees it when the process ends.

    Raises `NotReady` if another process has it. Take it before anything on the folder is opened.
    """
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data / f"{kind}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotReady(f"another `{kind}` process is at work on this data folder") from None
        yield
