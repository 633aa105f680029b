"""The agent's side of a transfer over gRPC: the same three calls for uploads (M3) and deliveries (M6)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import grpc

from services.common.channel import DEADLINE_SECONDS, STREAM_DEADLINE_SECONDS, remote_errors
from services.provider_agent.transfer import sent_whole
from services.wire.convert import transfer as wire
from services.wire.messages import Chunk, SignedStatement, TransferState

if TYPE_CHECKING:
    from services.wire.v1 import transfer_pb2


class TransferClient:
    """A `transfer.Receiver` at the end of a channel; every method raises what `remote_errors` raises."""

    def __init__(
        self,
        peer: str,
        begin: "grpc.UnaryUnaryMultiCallable[transfer_pb2.BeginTransferRequest, transfer_pb2.TransferState]",
        put: "grpc.StreamUnaryMultiCallable[transfer_pb2.TransferChunk, transfer_pb2.TransferProgress]",
        commit: "grpc.UnaryUnaryMultiCallable[transfer_pb2.CommitTransferRequest, transfer_pb2.TransferReceipt]",
    ) -> None:
        self._peer = peer
        self._begin = begin
        self._put = put
        self._commit = commit

    def begin(self, idempotency_key: str, manifest: SignedStatement) -> TransferState:
        """Begin a transfer, or learn where it stands."""
        with remote_errors(self._peer):
            answer = self._begin(wire.begin_transfer_to_wire(idempotency_key, manifest), timeout=DEADLINE_SECONDS)
        return wire.transfer_state_from_wire(answer)

    def put(self, chunks: Iterator[Chunk]) -> int:
        """Stream chunks and return which one is wanted next."""
        with sent_whole(chunks) as stream, remote_errors(self._peer):
            answer = self._put(map(wire.transfer_chunk_to_wire, stream), timeout=STREAM_DEADLINE_SECONDS)
        return wire.transfer_progress_from_wire(answer)

    def commit(self, commit: SignedStatement) -> int:
        """Close a transfer and return how many rows were received."""
        with remote_errors(self._peer):
            answer = self._commit(wire.commit_transfer_to_wire(commit), timeout=STREAM_DEADLINE_SECONDS)
        return wire.transfer_receipt_from_wire(answer)
