"""What a role may not see has no field to travel in: every message that each role can receive, field by field.

The lists below were reviewed against the protocol's "What remains visible". A new field or message fails here until
somebody has decided who may learn it.
"""

import re
from collections.abc import Iterable
from typing import cast

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from services.common.access import ACCESS
from services.common.identity import Role
from services.wire.convert.signed import BODY_TYPES
from services.wire.v1 import delivery_pb2, intake_pb2
from tests.support.transport import wire_methods, wire_services

LINKAGE_UNIT, ANALYSIS, PROVIDER, ANALYST = "the linkage unit", "the analysis service", "a provider", "an analyst"
RECEIVERS = (LINKAGE_UNIT, ANALYSIS, PROVIDER, ANALYST)

ROLES = {
    Role.LINKAGE_UNIT: LINKAGE_UNIT,
    Role.ANALYSIS_SERVICE: ANALYSIS,
    Role.PROVIDER: PROVIDER,
    Role.ANALYST: ANALYST,
}

# Who serves each service: requests reach it. Answers reach those whom the access table lets call.
SERVED: dict[str, set[str]] = {
    "symbolon.v1.Agreements": {LINKAGE_UNIT, ANALYSIS},
    "symbolon.v1.Mailbox": {LINKAGE_UNIT},
    "symbolon.v1.Intake": {LINKAGE_UNIT},
    "symbolon.v1.Tokens": {LINKAGE_UNIT},
    "symbolon.v1.Delivery": {ANALYSIS},
    "symbolon.v1.Queries": {ANALYSIS},
}

# Who opens each body of a `Signed`. A share of the linkage secret passes the linkage unit sealed.
OPENED: dict[str, set[str]] = {
    "SuspensionNotice": {LINKAGE_UNIT, ANALYSIS},
    "SealedShare": {LINKAGE_UNIT, PROVIDER},
    "KeyCheck": {LINKAGE_UNIT},
    "UploadManifest": {LINKAGE_UNIT},
    "TokenBatchHeader": {PROVIDER, ANALYSIS},
    "WaveKeys": {PROVIDER, LINKAGE_UNIT},
    "DeliveryManifest": {ANALYSIS},
    "TransferCommit": {LINKAGE_UNIT, ANALYSIS},
    "Question": {ANALYSIS},
}

TYPES = {
    getattr(FieldDescriptor, name): name.removeprefix("TYPE_").lower()
    for name in dir(FieldDescriptor)
    if name.startswith("TYPE_")
}

# Bytes that hold a serialised message of ours, and who can read it.
CONTENTS: tuple[tuple[Descriptor, set[str]], ...] = (
    (intake_pb2.EncodedChunk.DESCRIPTOR, {LINKAGE_UNIT}),
    (delivery_pb2.PayloadChunk.DESCRIPTOR, {ANALYSIS}),
)

ENVELOPE = {
    "Signed": "type: string, sender: string, recipient: string, context: Context, body: bytes, signature: bytes",
    "Context": "lineage: bytes, agreement_hash: bytes, epoch: uint32, wave: string",
}
AGREEMENT_ANSWERS = {"GetAgreementResponse": "document: bytes", "SuspendAgreementResponse": ""}
AGREEMENT_REQUESTS = {
    "GetAgreementRequest": "",
    "SuspendAgreementRequest": "notice: Signed",
    "SuspensionNotice": "",
}
# Uploads and deliveries alike. What a chunk's content is, and who can read it, stands in CONTENTS.
TRANSFER_REQUESTS = {
    "BeginTransferRequest": "idempotency_key: string, manifest: Signed",
    "TransferChunk": "transfer_id: bytes, number: uint32, sha256: bytes, content: bytes",
    "CommitTransferRequest": "commit: Signed",
    "TransferCommit": "transfer_id: bytes, root: bytes",
}
TRANSFER_ANSWERS = {
    "TransferState": "transfer_id: bytes, next_chunk: uint32, committed: bool",
    "TransferProgress": "next_chunk: uint32",
    "TransferReceipt": "rows_received: uint64",
}
WAVE_KEYS = {"GetWaveKeysResponse": "keys: Signed", "WaveKeys": "token_key: bytes, payload_key: bytes"}
BATCH_HEADER = {
    "TokenBatchHeader": "batch_id: bytes, provider: string, sealed_batch_key: bytes, row_count: uint64, "
    "chunk_count: uint32, root: bytes"
}

ALLOWED: dict[str, dict[str, str]] = {
    # Encodings under row ids of one wave, and handles that mean nothing outside it: no identifier and no payload.
    LINKAGE_UNIT: {
        **ENVELOPE,
        **AGREEMENT_ANSWERS,
        **AGREEMENT_REQUESTS,
        **TRANSFER_REQUESTS,
        **WAVE_KEYS,
        "PostShareRequest": "share: Signed",
        "SealedShare": "sealed: bytes",
        "FetchSharesRequest": "",
        "SubmitKeyCheckRequest": "key_check: Signed",
        "KeyCheck": "key_check: bytes, canary_digest: bytes",
        "UploadManifest": "row_count: uint64, chunk_count: uint32, root: bytes, key_check: bytes, schema_hash: bytes, "
        "standardisation_digest: bytes, clks: ClkStatement*",
        "ClkStatement": "name: string, length_bits: uint32, diffusion_t: uint32, fill_ppm: uint32, d_ppm: uint32",
        "EncodedChunk": "row_ids: bytes, handles: bytes, clks: ClkColumn*, match_keys: MatchKeyColumn*, "
        "frequency_classes: FrequencyClassColumn*",
        "ClkColumn": "name: string, bits: bytes, present: bytes",
        "MatchKeyColumn": "name: string, keys: bytes, present: bytes",
        # At most two bits of how rare a name is, where the agreement says so; the gate counts them in.
        "FrequencyClassColumn": "variable: string, classes: bytes",
        "FetchTokensRequest": "wave: string",
    },
    # Closed payload types under tokens: no encoding, and no id that a provider or the linkage unit knows a row by.
    ANALYSIS: {
        **ENVELOPE,
        **AGREEMENT_ANSWERS,
        **AGREEMENT_REQUESTS,
        **TRANSFER_REQUESTS,
        **BATCH_HEADER,
        "GetWaveKeysRequest": "wave: string",
        "DeliveryManifest": "token_batch: Signed, tables: TableStatement*, chunk_count: uint32, root: bytes",
        "TableStatement": "table: string, row_count: uint64",
        "PayloadChunk": "table: string, tokens: bytes, columns: PayloadColumnValues*",
        "PayloadColumnValues": "name: string, present: bytes, categories: Categories, integers: Integers, dates: Dates",
        "Categories": "codes: uint32*",
        "Integers": "values: sint64*",
        "Dates": "days: sint32*",
        "PreviewQueryRequest": "query: string, wave: string",
        "RunQueryRequest": "question: Signed",
        "Question": "query: string, idempotency_key: string",
        "ListReleasesRequest": "",
        "GetReleaseRequest": "release_id: string",
    },
    # Its own row ids and counts, one opaque token for each row: nothing that is derived from linking.
    PROVIDER: {
        **ENVELOPE,
        **AGREEMENT_ANSWERS,
        **TRANSFER_ANSWERS,
        **WAVE_KEYS,
        **BATCH_HEADER,
        "PostShareResponse": "",
        "FetchSharesResponse": "shares: Signed*",
        "SealedShare": "sealed: bytes",
        "SubmitKeyCheckResponse": "agreed: bool, waiting_for: string*, key_check_differs_from: string*, "
        "canary_differs_from: string*",
        "FetchTokensResponse": "header: Signed, chunk: TokenChunk",
        "TokenChunk": "row_ids: bytes, tokens: bytes",
    },
    # Released tables and what is public about them: no record, no count before noise.
    ANALYST: {
        "GetAgreementResponse": "document: bytes",
        "PreviewQueryResponse": "wave: string, nano_rho: uint64, cell_count: uint64, vectors: Vector*, "
        "tables_like_this_left: uint64, already_released: bool, budget: BudgetBalance, "
        "free_half_width: uint64, mechanism: string",
        "Vector": "name: string, width: uint32, noise_sd_millionths: uint64, half_width: uint64, "
        "cells_per_person: uint32, l2_squared: string, nano_rho: uint64",
        "BudgetBalance": "total: uint64, total_left: uint64, wave: uint64, wave_left: uint64, analyst: uint64, "
        "analyst_left: uint64, project: uint64, project_left: uint64, year: uint64, year_left: uint64",
        "RunQueryResponse": "answer: Answer, block: CellBlock",
        "Answer": "release: Release, charged: bool, budget: BudgetBalance, provenance: bytes",
        "Release": "release_id: string, query: string, question_hash: string, agreement_hash: string, "
        "data_version: string, released_at: string, mechanism: string, nano_rho: uint64, vectors: Vector*, "
        "unit: string, decimals: uint32, axes: string*, cell_count: uint64, wave: string, totals_axes: string*, "
        "total_count: uint64, derived_from: string, covers: string, explanation: string, declared_rates: string",
        "CellBlock": "cells: Cell*, totals: Cell*, noisy: sint64*",
        "Cell": "coordinates: string*, value: sint64, low: sint64, high: sint64, noise_sd_millionths: uint64, "
        "flags: string*, corrected: Corrected",
        "Corrected": "value: sint64, low: sint64, high: sint64",
        "ListReleasesResponse": "releases: Release*, budget: BudgetBalance",
    },
}

# Words that no field or message reaching a receiver may hold, whatever a later review of the lists lets in.
FORBIDDEN: dict[str, set[str]] = {
    LINKAGE_UNIT: {
        "payload_chunk",
        "payload_column",
        "categor",
        "codes",
        "date",
        "day",
        "value",
        "table",
        "query",
        "synthetic",
    },
    ANALYSIS: {"clk", "match_key", "handle", "row_id", "bits", "share", "group", "upload", "encod"},
    PROVIDER: {"group", "score", "quality", "class", "matched", "linked", "kept", "pseudonym", "synthetic", "dropped"},
    ANALYST: {"token", "row_id", "handle", "clk", "synthetic", "pseudonym", "group", "exact", "true"},
}


def described(field: FieldDescriptor) -> str:
    """A field as `name: type`, with `*` behind what repeats."""
    kind = field.message_type.name if field.message_type is not None else TYPES[field.type]
    return f"{field.name}: {kind}{'*' if field.is_repeated else ''}"


def reachable(roots: Iterable[Descriptor]) -> dict[str, set[str]]:
    """Every message inside these, with its fields."""
    found: dict[str, set[str]] = {}
    waiting = list(roots)
    while waiting:
        message = waiting.pop()
        if message.name not in found:
            found[message.name] = {described(field) for field in message.fields}
            waiting += [field.message_type for field in message.fields if field.message_type is not None]
    return found


def received(who: str) -> dict[str, set[str]]:
    """Every message that can reach a receiver, with its fields."""
    roots = [descriptor for descriptor, readers in CONTENTS if who in readers]
    roots += [cast(Descriptor, wire.DESCRIPTOR) for name, wire in BODY_TYPES.items() if who in OPENED[name]]
    for name, method in wire_methods().items():
        callers = {ROLES[role] for role in ACCESS[name][0]}
        roots += [method.input_type] if who in SERVED[method.containing_service.full_name] else []
        roots += [method.output_type] if who in callers else []
    return reachable(roots)


def words_of(messages: dict[str, set[str]]) -> set[str]:
    """Names of messages and fields in snake case."""
    fields = {field.partition(":")[0] for listed in messages.values() for field in listed}
    return fields | {re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in messages}


def listed(fields: str) -> set[str]:
    return set(fields.split(", ")) if fields else set()


@pytest.mark.parametrize("who", RECEIVERS)
def test_a_receiver_gets_the_reviewed_messages_and_fields_and_no_other(who: str) -> None:
    assert received(who) == {name: listed(fields) for name, fields in ALLOWED[who].items()}


@pytest.mark.parametrize("who", RECEIVERS)
def test_no_field_that_reaches_a_receiver_speaks_of_what_it_may_not_see(who: str) -> None:
    found = {(word, name) for name in words_of(received(who)) for word in FORBIDDEN[who] if word in name}
    assert found == set()


def test_every_service_and_every_signed_body_has_a_receiver() -> None:
    assert {service.full_name for service in wire_services()} == set(SERVED)
    assert set(BODY_TYPES) == set(OPENED)


def test_whatever_an_analyst_may_ask_a_provider_may_not() -> None:
    assert not set(ALLOWED[PROVIDER]) & {"Release", "Cell", "Answer"}


def test_no_map_group_extension_or_any_lets_undeclared_content_in() -> None:
    pools = {name for who in RECEIVERS for name in received(who)}
    assert not {name for name in pools if name in ("Any", "Struct", "Value", "ListValue") or name.endswith("Entry")}


def planted(field: str) -> Descriptor:
    """TransferProgress as somebody might extend it, in a pool of its own."""
    file = FileDescriptorProto(name="planted.proto", package="planted", syntax="proto3")
    message = file.message_type.add(name="TransferProgress")
    message.field.add(
        name="next_chunk", number=1, type=FieldDescriptor.TYPE_UINT32, label=FieldDescriptor.LABEL_OPTIONAL
    )
    message.field.add(name=field, number=2, type=FieldDescriptor.TYPE_UINT64, label=FieldDescriptor.LABEL_OPTIONAL)
    pool = DescriptorPool()
    pool.Add(file)
    found: Descriptor = pool.FindMessageTypeByName("planted.TransferProgress")
    return found


@pytest.mark.parametrize("field", ["rows_kept", "linked_rows", "quality_class", "note"])
def test_a_field_that_tells_a_provider_more_would_be_noticed(field: str) -> None:
    found = reachable([planted(field)])
    assert found["TransferProgress"] - listed(ALLOWED[PROVIDER]["TransferProgress"]) == {f"{field}: uint64"}
    speaks = {word for word in FORBIDDEN[PROVIDER] if any(word in name for name in words_of(found))}
    assert bool(speaks) == (field != "note")
