"""A chunked transfer against a receiver that loses, lies and restarts at random: all bytes arrive, once, in order."""

import hashlib
from collections.abc import Iterator
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage_core.crypto.signing import Context, Statement
from linkage_core.errors import Tampered
from linkage_core.types import AgreementHash, Lineage, PartyName
from services.common.errors import Unavailable
from services.provider_agent.transfer import Root, sent_whole, transfer
from services.wire.messages import Chunk, SignedStatement, TransferCommit, TransferState

MANIFEST = SignedStatement(
    Statement(
        "UploadManifest", PartyName("tax"), PartyName("linkage"), Context(Lineage(b""), AgreementHash(b""), 1), b""
    ),
    b"signature",
)


def signed(commit: TransferCommit) -> SignedStatement:
    statement = MANIFEST.statement
    return SignedStatement(
        Statement("TransferCommit", statement.sender, statement.recipient, statement.context, commit.root), b""
    )


class Receiver:
    """Takes a few chunks at a time as the plan says; a negative number takes them and then drops the line."""

    def __init__(self, plan: list[int]) -> None:
        self._plan = plan
        self.got: list[bytes] = []
        self.keys: set[str] = set()

    def begin(self, idempotency_key: str, manifest: SignedStatement) -> TransferState:
        self.keys.add(idempotency_key)
        return TransferState(b"t" * 16, len(self.got), False)

    def put(self, chunks: Iterator[Chunk]) -> int:
        take = self._plan.pop(0) if self._plan else 1000
        for chunk in islice(chunks, abs(take)):
            assert chunk.number == len(self.got)
            assert chunk.sha256 == hashlib.sha256(chunk.content).digest()
            self.got.append(chunk.content)
        if take <= 0:
            raise Unavailable("the line broke")
        return len(self.got)

    def commit(self, commit: SignedStatement) -> int:
        root = Root()
        for content in self.got:
            root.add(content)
        assert commit.statement.body == root.value()
        return len(self.got)


def send(receiver: Receiver, contents: list[bytes]) -> int:
    root = Root()
    for content in contents:
        root.add(content)
    return transfer(
        receiver,
        MANIFEST,
        len(contents),
        lambda start: iter(contents[start:]),
        signed,
        root.value(),
        lambda _: None,
    )


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=20), st.lists(st.integers(-6, 6), max_size=12))
def test_whatever_breaks_every_chunk_arrives_once_and_in_order(contents: list[bytes], plan: list[int]) -> None:
    receiver = Receiver(list(plan))
    for _ in range(len(plan) + 1):
        try:
            assert send(receiver, contents) == len(contents)
            break
        except (Unavailable, Tampered):
            continue
    assert receiver.got == contents
    assert len(receiver.keys) == 1


def test_a_receiver_that_asks_for_a_chunk_beyond_the_end_is_refused() -> None:
    class Lies(Receiver):
        def put(self, chunks: Iterator[Chunk]) -> int:
            return 99

    with pytest.raises(Tampered, match="chunk 99"):
        send(Lies([]), [b"a", b"b"])


def test_an_error_while_reading_chunks_is_told_and_not_the_broken_call() -> None:
    def reading() -> Iterator[Chunk]:
        raise Tampered("the outbox was changed")
        yield

    def broken_call() -> None:
        with sent_whole(reading()) as chunks:
            try:
                next(chunks)
            except Tampered:
                raise Unavailable("exception while iterating requests") from None

    with pytest.raises(Tampered, match="outbox"):
        broken_call()
