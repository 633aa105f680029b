"""Chunks of rows: the serialised contents of uploads (M3), token batches (M5) and deliveries (M6).

A chunk is hashed and sealed as these bytes, so each is serialised once and sent as it is.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from linkage_core.errors import InputFault
from linkage_core.types import IDENTIFIER_BYTES
from services.wire import messages
from services.wire.v1 import delivery_pb2, intake_pb2, tokens_pb2

_Wire = TypeVar("_Wire", bound=Message)


def encoded_chunk_to_bytes(chunk: messages.EncodedChunk) -> bytes:
    """Serialise encoded rows."""
    return intake_pb2.EncodedChunk(
        row_ids=chunk.row_ids,
        handles=chunk.handles,
        clks=[intake_pb2.ClkColumn(name=n, bits=c.bits, present=c.present) for n, c in chunk.clks.items()],
        match_keys=[
            intake_pb2.MatchKeyColumn(name=n, keys=c.keys, present=c.present) for n, c in chunk.match_keys.items()
        ],
        frequency_classes=[
            intake_pb2.FrequencyClassColumn(variable=n, classes=c) for n, c in chunk.frequency_classes.items()
        ],
    ).SerializeToString(deterministic=True)


def encoded_chunk_from_bytes(
    content: bytes, *, clk_bytes: dict[str, int], match_keys: set[str], frequency_classes: dict[str, int]
) -> messages.EncodedChunk:
    """Read encoded rows and check their shape against the schema: names of columns and bytes a row.

    `frequency_classes`: how many classes each variable has, where the schema has them of any.
    Raises `InputFault` with every column whose shape is wrong, what was expected, and what to do.
    """
    wire = _parse(intake_pb2.EncodedChunk(), content)
    rows = _rows("row_ids", wire.row_ids, IDENTIFIER_BYTES)
    faults = [
        *_width_faults("handles", wire.handles, rows, IDENTIFIER_BYTES),
        *_name_faults("clks", [c.name for c in wire.clks], clk_bytes),
        *_name_faults("match_keys", [k.name for k in wire.match_keys], match_keys),
        *_name_faults("frequency_classes", [c.variable for c in wire.frequency_classes], frequency_classes),
    ]
    for clk in wire.clks:
        if clk.name in clk_bytes:
            faults += _width_faults(f"clks.{clk.name}", clk.bits, rows, clk_bytes[clk.name])
            faults += _mask_faults(f"clks.{clk.name}", clk.present, rows)
    for key in wire.match_keys:
        if key.name in match_keys:
            faults += _width_faults(f"match_keys.{key.name}", key.keys, rows, IDENTIFIER_BYTES)
            faults += _mask_faults(f"match_keys.{key.name}", key.present, rows)
    for column in wire.frequency_classes:
        if column.variable in frequency_classes:
            faults += _class_faults(column.variable, column.classes, rows, frequency_classes[column.variable])
    if faults:
        raise InputFault(
            "an uploaded chunk does not have the shape that the linkage schema gives; "
            "encode the file anew under the agreement in force",
            tuple(faults),
        )
    return messages.EncodedChunk(
        wire.row_ids,
        wire.handles,
        {c.name: messages.ClkColumn(c.bits, c.present) for c in wire.clks},
        {k.name: messages.MatchKeyColumn(k.keys, k.present) for k in wire.match_keys},
        {c.variable: c.classes for c in wire.frequency_classes},
    )


def token_chunk_to_bytes(chunk: messages.TokenChunk) -> bytes:
    """Serialise tokens of some rows."""
    return tokens_pb2.TokenChunk(row_ids=chunk.row_ids, tokens=chunk.tokens).SerializeToString(deterministic=True)


def token_chunk_from_bytes(content: bytes, *, token_bytes: int) -> messages.TokenChunk:
    """Read tokens of some rows; raises `InputFault` if there is not one token of `token_bytes` a row."""
    wire = _parse(tokens_pb2.TokenChunk(), content)
    if len(wire.tokens) != _rows("row_ids", wire.row_ids, IDENTIFIER_BYTES) * token_bytes:
        raise InputFault("a token chunk does not hold one token a row")
    return messages.TokenChunk(wire.row_ids, wire.tokens)


def payload_chunk_to_bytes(chunk: messages.PayloadChunk) -> bytes:
    """Serialise payload rows (to be sealed before they are sent)."""
    columns = []
    for column in chunk.columns:
        values = delivery_pb2.PayloadColumnValues(name=column.name, present=column.present)
        if column.kind == "categories":
            values.categories.codes.extend(column.values)
        elif column.kind == "integers":
            values.integers.values.extend(column.values)
        else:
            values.dates.days.extend(column.values)
        columns.append(values)
    return delivery_pb2.PayloadChunk(table=chunk.table, tokens=chunk.tokens, columns=columns).SerializeToString(
        deterministic=True
    )


def payload_chunk_from_bytes(content: bytes, *, token_bytes: int) -> messages.PayloadChunk:
    """Read payload rows; raises `InputFault` naming the columns that do not have one value a row."""
    wire = _parse(delivery_pb2.PayloadChunk(), content)
    rows = _rows("tokens", wire.tokens, token_bytes)
    columns = []
    faults = []
    for column in wire.columns:
        kind = column.WhichOneof("values")
        if kind is None:
            values: tuple[int, ...] = ()
        elif kind == "categories":
            values = tuple(column.categories.codes)
        elif kind == "integers":
            values = tuple(column.integers.values)
        else:
            values = tuple(column.dates.days)
        if kind is None or len(values) != rows or not _is_mask(column.present, rows):
            faults.append(column.name)
        columns.append(messages.PayloadColumn(column.name, kind or "", column.present, values))
    if faults:
        raise InputFault(f"a payload chunk of table {wire.table} lacks one value a row in", tuple(faults))
    return messages.PayloadChunk(wire.table, wire.tokens, tuple(columns))


def _parse(wire: _Wire, content: bytes) -> _Wire:
    try:
        wire.ParseFromString(content)
    except DecodeError:
        raise InputFault(f"a {wire.DESCRIPTOR.name} is malformed") from None
    return wire


def _rows(field: str, value: bytes, width: int) -> int:
    if len(value) % width:
        raise InputFault(f"{field} is not a multiple of {width} bytes")
    return len(value) // width


def _width_faults(field: str, values: bytes, rows: int, width: int) -> Iterator[str]:
    if len(values) != rows * width:
        yield f"{field}: {len(values)} bytes for {rows} rows, expected {width} a row"


def _mask_faults(field: str, present: bytes, rows: int) -> Iterator[str]:
    if not _is_mask(present, rows):
        yield f"{field}: presence must be one byte a row, 0 or 1, for {rows} rows"


def _class_faults(variable: str, classes: bytes, rows: int, most: int) -> Iterator[str]:
    if len(classes) != rows or max(classes, default=0) > most:
        yield f"frequency_classes.{variable}: must be one byte a row, 0 to {most}, for {rows} rows"


def _name_faults(field: str, found: Sequence[str], wanted: Collection[str]) -> Iterator[str]:
    """Names that are not the schema's are counted, not shown: a stranger chose them."""
    if sorted(found) != sorted(wanted):
        unknown = sum(name not in wanted for name in found)
        lacking = sorted(set(wanted) - set(found))
        repeated = sorted({name for name in found if found.count(name) > 1} & set(wanted))
        yield f"{field}: {unknown} not in the schema, lacking {lacking or 'none'}, repeated {repeated or 'none'}"


def _is_mask(present: bytes, rows: int) -> bool:
    return len(present) == rows and not present.strip(b"\x00\x01")
