"""The analysis service's gRPC methods: convert, call one function, convert back. Refusals are the interceptor's."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import grpc

from linkage_core.types import PartyName
from services.analysis.intake import Intake
from services.analysis.queries import QueryDesk
from services.common.identity import Realm, caller_of
from services.wire.convert import analysis, queries, transfer
from services.wire.v1 import delivery_pb2_grpc, queries_pb2_grpc

if TYPE_CHECKING:
    from services.wire.v1 import delivery_pb2, queries_pb2, transfer_pb2


class DeliveryServicer(delivery_pb2_grpc.DeliveryServicer):
    """M6 and M7."""

    def __init__(self, intake: Intake, realm: Realm) -> None:
        self._intake = intake
        self._realm = realm

    def GetWaveKeys(
        self, request: "delivery_pb2.GetWaveKeysRequest", context: grpc.ServicerContext
    ) -> "delivery_pb2.GetWaveKeysResponse":
        """Return the signed public keys of a wave."""
        wave = analysis.get_wave_keys_request_from_wire(request)
        return analysis.get_wave_keys_response_to_wire(self._intake.wave_keys(wave))

    def BeginDelivery(
        self, request: "transfer_pb2.BeginTransferRequest", context: grpc.ServicerContext
    ) -> "transfer_pb2.TransferState":
        """Begin or resume a delivery."""
        key, manifest = transfer.begin_transfer_from_wire(request)
        return transfer.transfer_state_to_wire(self._intake.begin(self._name(context), key, manifest))

    def PutPayload(
        self, request_iterator: "Iterator[transfer_pb2.TransferChunk]", context: grpc.ServicerContext
    ) -> "transfer_pb2.TransferProgress":
        """Take sealed chunks of a delivery."""
        chunks = map(transfer.transfer_chunk_from_wire, request_iterator)
        return transfer.transfer_progress_to_wire(self._intake.put(self._name(context), chunks))

    def CommitDelivery(
        self, request: "transfer_pb2.CommitTransferRequest", context: grpc.ServicerContext
    ) -> "transfer_pb2.TransferReceipt":
        """Make a delivery count."""
        signed = transfer.commit_transfer_from_wire(request)
        return transfer.transfer_receipt_to_wire(self._intake.commit(self._name(context), signed))

    def _name(self, context: grpc.ServicerContext) -> PartyName:
        return caller_of(context, self._realm).name


class QueriesServicer(queries_pb2_grpc.QueriesServicer):
    """M8."""

    def __init__(self, desk: QueryDesk, realm: Realm) -> None:
        self._desk = desk
        self._realm = realm

    def PreviewQuery(
        self, request: "queries_pb2.PreviewQueryRequest", context: grpc.ServicerContext
    ) -> "queries_pb2.PreviewQueryResponse":
        """Tell what a question would cost and give."""
        query, wave = queries.preview_query_request_from_wire(request)
        return queries.preview_query_response_to_wire(self._desk.preview(self._name(context), query, wave))

    def RunQuery(
        self, request: "queries_pb2.RunQueryRequest", context: grpc.ServicerContext
    ) -> "Iterator[queries_pb2.RunQueryResponse]":
        """Answer a signed question."""
        signed = queries.run_query_request_from_wire(request)
        yield from queries.run_query_response_to_wire(self._desk.run(self._name(context), signed))

    def GetRelease(
        self, request: "queries_pb2.GetReleaseRequest", context: grpc.ServicerContext
    ) -> "Iterator[queries_pb2.RunQueryResponse]":
        """Hand out a table that was released before."""
        wanted = queries.get_release_request_from_wire(request)
        yield from queries.run_query_response_to_wire(self._desk.released(self._name(context), wanted))

    def ListReleases(
        self, request: "queries_pb2.ListReleasesRequest", context: grpc.ServicerContext
    ) -> "queries_pb2.ListReleasesResponse":
        """Tell what was released so far."""
        found, budget = self._desk.releases(self._name(context))
        return queries.list_releases_response_to_wire(found, budget)

    def _name(self, context: grpc.ServicerContext) -> PartyName:
        return caller_of(context, self._realm).name
