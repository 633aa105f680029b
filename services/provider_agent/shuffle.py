"""A random order for files larger than memory: rows go to sealed buckets by their random number, then out in its order.

Each row carries 16 bytes from a cryptographic source, so their order is a uniformly random one that no seed reproduces;
were it the file's order, the linkage unit could align two waves, or a file it knows, row by row. Memory: one bucket of
at most about `BUCKET_ROWS` rows. The buckets on disk are sealed under a key that exists in this process only.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from linkage_core.crypto.secret import Secret
from linkage_core.types import IDENTIFIER_BYTES
from services.common.clock import RandomBytes
from services.common.sealed_frames import append_frame, read_frames

BUCKET_ROWS: Final = 16_000
ORDER: Final = "order"
"""Name of the field that holds a row's 16 random bytes."""

Rows = NDArray[Any]
"""A structured array; `ORDER` is one of its fields, uint8 (16,)."""


class Shuffle:
    """Takes rows in any order and gives them back in the order of their random bytes. Use it as a context."""

    def __init__(self, folder: Path, dtype: np.dtype[Any], rows: int, random_bytes: RandomBytes) -> None:
        self._folder = folder
        self._dtype = dtype
        self._random_bytes = random_bytes
        self._key = Secret(random_bytes(32))
        self._frames = [0] * max(1, -(-rows // BUCKET_ROWS))

    def __enter__(self) -> Self:
        self._clear()
        self._folder.mkdir(mode=0o700)
        return self

    def __exit__(self, *_: object) -> None:
        self._clear()

    def add(self, rows: Rows) -> None:
        """Put some rows into their buckets."""
        buckets = ((_heads(rows) >> np.uint64(32)) * np.uint64(len(self._frames))) >> np.uint64(32)
        order = np.argsort(buckets, kind="stable")
        by_bucket = rows[order]
        ends = np.cumsum(np.bincount(buckets.astype(np.intp), minlength=len(self._frames)))
        start = 0
        for bucket, end in enumerate(ends.tolist()):
            if end > start:
                path, part = self._path(bucket), by_bucket[start:end].tobytes()
                with path.open("ab") as file:
                    append_frame(file, self._key, path.name, self._frames[bucket], part, self._random_bytes)
                self._frames[bucket] += 1
            start = end

    def in_order(self) -> Iterator[Rows]:
        """Yield all rows, bucket by bucket, in the order of their random bytes."""
        for bucket, frames in enumerate(self._frames):
            if not frames:
                continue
            content = b"".join(read_frames(self._path(bucket), self._key))
            self._path(bucket).unlink()
            rows = np.frombuffer(content, dtype=self._dtype)
            yield rows[_in_order(rows)]

    def _path(self, bucket: int) -> Path:
        return self._folder / f"bucket-{bucket:06}"

    def _clear(self) -> None:
        if self._folder.exists():
            for path in self._folder.iterdir():
                path.unlink()
            self._folder.rmdir()


def _heads(rows: Rows) -> NDArray[np.uint64]:
    """Return the first eight random bytes of each row as a number that sorts like them."""
    return np.ascontiguousarray(rows[ORDER][:, :8]).view(">u8").ravel().astype(np.uint64)


def _in_order(rows: Rows) -> NDArray[np.intp]:
    """Return the places of rows in the order of their random bytes; eight of them nearly always decide."""
    heads = _heads(rows)
    order = np.argsort(heads)
    in_order = heads[order]
    if np.any(in_order[1:] == in_order[:-1]):
        whole = np.ascontiguousarray(rows[ORDER]).view(f"S{IDENTIFIER_BYTES}").ravel()
        return np.argsort(whole, kind="stable")
    return order


def random_order(rows: int, random_bytes: RandomBytes) -> NDArray[np.uint8]:
    """Return 16 random bytes for each row: uint8 (rows, 16)."""
    return np.frombuffer(random_bytes(rows * IDENTIFIER_BYTES), dtype=np.uint8).reshape(rows, IDENTIFIER_BYTES)


def in_chunks(parts: Iterable[Rows], rows_per_chunk: int) -> Iterator[Rows]:
    """Cut a sequence of arrays anew, into chunks of `rows_per_chunk` rows; the last one may be smaller."""
    rest: Rows | None = None
    for part in parts:
        joined = part if rest is None else np.concatenate((rest, part))
        whole = len(joined) - len(joined) % rows_per_chunk
        for start in range(0, whole, rows_per_chunk):
            yield joined[start : start + rows_per_chunk]
        rest = joined[whole:]
    if rest is not None and len(rest):
        yield rest
