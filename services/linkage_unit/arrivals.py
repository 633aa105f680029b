"""Chunks of one stream on their way to the disk: sealed beside the arrival of the next, and counted by the group.

A flush of the disk and a transaction cost about as much for one chunk as for many; both are made for a whole group.
What the store counts is on disk all the same: a process that is killed loses what it has not counted, at most two
groups, and is sent that again.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Self

from services.common.errors import Conflict
from services.common.sealed_frames import FrameFile
from services.linkage_unit.content import SealedChunks
from services.linkage_unit.project import Upload, UploadState, require_same_chunk
from services.linkage_unit.unit import LinkageUnit
from services.wire.messages import Chunk

GROUP_BYTES: Final = 16 * 1024 * 1024
"""A group is full from here on."""


@dataclass(slots=True)
class _Group:
    """Consecutive chunks from the `first`-th on, in a file that is not kept yet; no file if none may be begun."""

    first: int
    file: Future[FrameFile]
    written: list[Future[None]] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    bytes: int = 0


class Arrivals:
    """Takes the chunks of an open upload, from the one that is wanted on. A context: when it ends, they are counted.

    That goes for an end by an error too: a line that breaks again and again still brings the upload forward. Another
    stream of the upload may go on meanwhile: what it has brought is never written over.
    """

    def __init__(self, unit: LinkageUnit, upload: Upload, sealed: SealedChunks) -> None:
        self._unit = unit
        self._upload = upload
        self._sealed = sealed
        self._digests: list[bytes] = []
        self._group: _Group | None = None
        self._counting: Future[int] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="arrivals")
        self._counted = upload.next_chunk
        self._overtaken = False

    @property
    def expected(self) -> int:
        """The number of the chunk that comes next in this stream."""
        return self._upload.next_chunk + len(self._digests)

    @property
    def wanted(self) -> int:
        """The number of the chunk that the store wants next, once the context has ended."""
        return self._counted

    def require_same(self, chunk: Chunk) -> None:
        """Raise `Conflict` if a chunk that has come before had another content."""
        place = chunk.number - self._upload.next_chunk
        if place < 0:
            self._unit.uploads.require_same_chunk(self._upload.id, chunk.number, chunk.sha256)
        else:
            require_same_chunk(chunk.number, self._digests[place], chunk.sha256)

    def add(self, chunk: Chunk) -> bool:
        """Take the expected chunk; blocks while a full group waits for the one before: two are in memory at most.

        Returns whether more is wanted: not if another stream has overtaken this one. Raises what counting raised.
        """
        if self._group is None:
            self._group = _Group(self.expected, self._thread.submit(self._begin, self.expected))
        self._group.written.append(self._thread.submit(_append, self._group.file, chunk.content))
        self._group.digests.append(chunk.sha256)
        self._group.bytes += len(chunk.content)
        self._digests.append(chunk.sha256)
        if self._group.bytes >= GROUP_BYTES:
            self._hand_over(self._group)
        return not self._overtaken

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._group is not None:
                self._hand_over(self._group)
            self._finish()
        finally:
            self._thread.shutdown()

    def _hand_over(self, group: _Group) -> None:
        self._group = None
        try:
            self._finish()
        except BaseException:
            self._thread.submit(self._discard, group)
            raise
        self._overtaken = self._counted != group.first
        self._counting = self._thread.submit(self._count, group)

    def _finish(self) -> None:
        counting, self._counting = self._counting, None
        if counting is not None:
            self._counted = counting.result()

    def _begin(self, first: int) -> FrameFile:
        """Begin a group of an open upload. No other may: its data key is destroyed, or soon is, and would be made anew.

        While `writing` is held nobody closes the upload, and what is begun is there for them who close it to remove.
        """
        with self._unit.writing:
            current = self._unit.uploads.find(self._upload.id, self._upload.provider)
            if current is None or current.state is not UploadState.OPEN:
                raise Conflict("the upload is closed or was replaced")
            return self._sealed.begin_group(first)

    def _discard(self, group: _Group) -> None:
        if group.file.exception() is None:
            with self._unit.writing:
                group.file.result().discard()

    def _count(self, group: _Group) -> int:
        """Keep a group and count its chunks, unless another stream has; returns the number that is wanted then."""
        unit, upload = self._unit, self._upload
        digests = group.digests
        try:
            for written in group.written:
                written.result()
        except BaseException:
            self._discard(group)
            raise
        file = group.file.result()
        with unit.writing:
            current = unit.uploads.find(upload.id, upload.provider)
            if current is not None and current.state is UploadState.OPEN and current.next_chunk == group.first:
                file.keep()
            else:
                file.discard()
                digests = digests[: 0 if current is None else max(current.next_chunk - group.first, 0)]
            return unit.uploads.add_chunks(upload, group.first, digests)


def _append(file: Future[FrameFile], content: bytes) -> None:
    """Append to a group's file, which the same thread has begun before."""
    file.result().append(content)
