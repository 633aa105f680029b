"""Files that survive a crash whole: written beside, flushed to disk, moved into place."""

import os
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp


def write_durably(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file so that after a crash either the old or the new content is there, never a part."""
    beside = path.with_name(f".{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    flush_folder(path.parent)


def create_durably(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 unless there is one; of many writers at once, in any process, one makes it.

    After a crash it is there whole or not at all. A writer killed on the way leaves a file beside: if the file was in
    place by then, another name of the same blocks, which `destroy_durably` writes over.
    """
    descriptor, beside = mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(beside, path)
    finally:
        Path(beside).unlink()
    flush_folder(path.parent)


def destroy_durably(path: Path, filler: bytes) -> None:
    """Write over a file where it lies and remove it, both on disk before this returns: no power cut brings it back."""
    with path.open("r+b") as file:
        file.write(filler)
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Put the names in a folder on disk: a file that was moved there is there after a crash."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
