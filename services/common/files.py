"""Files that survive a crash whole: written beside, flushed to disk, moved into place."""

import os
from pathlib import Path


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
