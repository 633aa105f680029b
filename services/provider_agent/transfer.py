"""A chunked transfer that resumes: uploads to the linkage unit and deliveries to the analysis service alike.

1. begin with an idempotency key and the signed manifest: the other side says which chunk it wants
2. stream the chunks from there on, each with its SHA-256
3. broken off: begin again, as long as that brings more chunks across
4. commit with the root over all chunks; the other side acknowledges rows received
"""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol

from linkage_core.errors import LinkageCoreError, Tampered
from services.common.errors import Unavailable
from services.provider_agent.progress import Advance
from services.wire.messages import Chunk, SignedStatement, TransferCommit, TransferState


class Receiver(Protocol):
    """The other side of a transfer."""

    def begin(self, idempotency_key: str, manifest: SignedStatement) -> TransferState:
        """Begin, or learn where the transfer stands."""

    def put(self, chunks: Iterator[Chunk]) -> int:
        """Stream chunks; returns which one is wanted next."""

    def commit(self, commit: SignedStatement) -> int:
        """Close the transfer; returns rows received."""


class Root:
    """SHA-256 over the SHA-256 of chunks, in order; counts them."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.chunks = 0

    def add(self, content: bytes) -> None:
        """Take the next chunk."""
        self._digest.update(hashlib.sha256(content).digest())
        self.chunks += 1

    def value(self) -> bytes:
        """Return the root over what was added."""
        return self._digest.digest()


def transfer(
    receiver: Receiver,
    manifest: SignedStatement,
    chunk_count: int,
    contents_from: Callable[[int], Iterator[bytes]],
    sign_commit: Callable[[TransferCommit], SignedStatement],
    root: bytes,
    advance: Advance,
) -> int:
    """Bring all chunks across and commit; returns the rows that the other side received.

    `contents_from(n)` yields the chunks from the n-th on and must give the same bytes every time. The idempotency key
    is a digest of the signed manifest: the same manifest is the same transfer, after any crash.
    """
    idempotency_key = hashlib.sha256(manifest.signature).hexdigest()[:32]
    state = receiver.begin(idempotency_key, manifest)
    advance(state.next_chunk)
    while state.next_chunk < chunk_count and not state.committed:
        before = state.next_chunk
        try:
            reached = receiver.put(_one_ahead(_chunks(state.transfer_id, before, contents_from)))
        except Unavailable:
            state = receiver.begin(idempotency_key, manifest)
            reached = state.next_chunk
            if reached <= before:
                raise
        if not before < reached <= chunk_count:
            raise Tampered(f"the other side wants chunk {reached} after {before} to {chunk_count} were sent")
        advance(reached - before)
        state = TransferState(state.transfer_id, reached, state.committed)
    return receiver.commit(sign_commit(TransferCommit(state.transfer_id, root)))


def _chunks(transfer_id: bytes, start: int, contents_from: Callable[[int], Iterator[bytes]]) -> Iterator[Chunk]:
    for number, content in enumerate(contents_from(start), start):
        yield Chunk(transfer_id, number, hashlib.sha256(content).digest(), content)


def _one_ahead(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Yield the same chunks, each read, opened and digested while the one before it is being sent."""
    with ThreadPoolExecutor(1, thread_name_prefix="chunks") as thread:
        coming = thread.submit(next, chunks, None)
        while (chunk := coming.result()) is not None:
            coming = thread.submit(next, chunks, None)
            yield chunk


@contextmanager
def sent_whole(chunks: Iterator[Chunk]) -> Iterator[Iterator[Chunk]]:
    """Guard a stream of chunks: if reading them fails, that error is raised, not the broken call it causes."""
    failed: list[Exception] = []

    def guarded() -> Iterator[Chunk]:
        try:
            yield from chunks
        except (LinkageCoreError, OSError) as error:
            failed.append(error)
            raise

    try:
        yield guarded()
    except Unavailable:
        if failed:
            raise failed[0] from None
        raise
