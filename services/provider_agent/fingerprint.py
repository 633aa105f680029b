"""A file's fingerprint, taken before and after it is read: a file that changes meanwhile is refused."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from linkage_core.errors import InputFault

_BLOCK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """SHA-256 of a file's bytes, its size, and when it was last changed (nanoseconds)."""

    sha256: bytes
    size: int
    changed_ns: int


def fingerprint(path: Path) -> Fingerprint:
    """Read a file once and return its fingerprint."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    stat = path.stat()
    return Fingerprint(digest.digest(), stat.st_size, stat.st_mtime_ns)


@contextmanager
def unchanged(path: Path, validated: Fingerprint | None = None) -> Iterator[Fingerprint]:
    """Guard the reading of a file: raises `InputFault` if it is not the same after the block as before.

    `validated` is the fingerprint of an earlier pass, which the file must still have.
    """
    before = fingerprint(path)
    if validated is not None and before != validated:
        raise _changed(path)
    yield before
    if fingerprint(path) != before:
        raise _changed(path)


def _changed(path: Path) -> InputFault:
    return InputFault(
        f"{path.name} changed while it was being read; nothing was sent. Let nothing write to it, then run again"
    )
