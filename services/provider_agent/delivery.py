"""M6: payload rows under tokens, shuffled, sealed for the analysis service, sent and acknowledged; then forgotten.

    1. every payload file is validated again, whole, against the people who were uploaded: nothing is half-sent
    2. each row takes its person's token and goes through a shuffle: the order tells nothing of the file's
    3. chunks are sealed to the wave's payload key and kept; the signed manifest, with the token batch, is written last
    4. the chunks are sent, resumed where they stopped; the analysis service acknowledges rows received

Local ids and row ids do not leave: a row carries a token that only the analysis service can open.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.agreement.payload import PayloadTable
from linkage_core.crypto import hpke
from linkage_core.crypto.secret import Secret
from linkage_core.errors import Tampered
from linkage_core.tokens import TOKEN_BYTES
from linkage_core.types import IDENTIFIER_BYTES
from services.provider_agent.agent import Agent
from services.provider_agent.analysis_client import AnalysisClient
from services.provider_agent.faults import FaultLog
from services.provider_agent.fingerprint import Fingerprint, unchanged
from services.provider_agent.mapping import tables_of
from services.provider_agent.outbox import Artefact, Record
from services.provider_agent.payload import PayloadBlock, check_table, read_table
from services.provider_agent.shuffle import ORDER, Rows, Shuffle, in_chunks, random_order
from services.provider_agent.token_batch import PeoplesTokens, open_header, people_tokens
from services.provider_agent.transfer import Receiver, Root, transfer
from services.wire.convert.chunks import payload_chunk_to_bytes
from services.wire.convert.signed import open_message, signed_from_bytes, signed_to_bytes
from services.wire.messages import DeliveryManifest, PayloadChunk, PayloadColumn, TableStatement
from services.wire.seals import payload_chunk_info

CHUNK_ROWS: Final = 1_000
CHUNK_BYTES: Final = 900_000
_VALUE_BYTES: Final = 11
"""Most bytes of one value on the wire: ten of a 64-bit number, one of presence."""
_KINDS: Final = {"category": "categories", "integer": "integers", "year": "integers", "date": "dates"}


def prepare(agent: Agent, analysis: AnalysisClient) -> None:
    """Fill the outbox with sealed payload chunks and finish with the signed manifest."""
    signed_header = signed_from_bytes(agent.outbox.read(Record.TOKEN_HEADER))
    people = people_tokens(agent, open_header(agent, signed_header))
    tables = tables_of(agent.agreement.document, agent.name)
    rows, prints = _check_again(agent, tables, people)
    payload_key = analysis.wave_keys(agent.agreement, agent.wave).payload_key
    root = Root()
    agent.outbox.fill(Artefact.PAYLOAD, _all_chunks(agent, tables, rows, prints, people, payload_key, root))
    manifest = DeliveryManifest(
        token_batch=signed_header,
        tables=tuple(TableStatement(name, count) for name, count in rows.items()),
        chunk_count=root.chunks,
        root=root.value(),
    )
    agent.outbox.write(Record.DELIVERY_MANIFEST, signed_to_bytes(agent.sign(agent.analysis_name, manifest)))


def send(agent: Agent, analysis: Receiver) -> int:
    """Send the prepared delivery and return the rows received; safe to call again after any interruption."""
    outbox = agent.outbox
    signed = signed_from_bytes(outbox.read(Record.DELIVERY_MANIFEST))
    manifest = open_message(
        signed,
        DeliveryManifest,
        sender=agent.name,
        sender_key=agent.agreement.identity_key(agent.name),
        recipient=agent.analysis_name,
        context=agent.context,
    )
    with agent.progress("delivering", manifest.chunk_count) as advance:
        received = transfer(
            analysis,
            signed,
            manifest.chunk_count,
            lambda start: outbox.frames(Artefact.PAYLOAD, start),
            lambda commit: agent.sign(agent.analysis_name, commit),
            manifest.root,
            advance,
        )
    sent = sum(table.row_count for table in manifest.tables)
    if received != sent:
        raise Tampered(f"the analysis service acknowledges {received} rows, {sent} were sent")
    return received


def _check_again(
    agent: Agent, tables: tuple[PayloadTable, ...], people: PeoplesTokens
) -> tuple[dict[str, int], dict[str, Fingerprint]]:
    """Validate all payload files before the first row is sealed; rows and fingerprints by table."""
    document = agent.agreement.document
    key = agent.state.handle_key(agent.agreement)
    faults = FaultLog()
    rows: dict[str, int] = {}
    prints: dict[str, Fingerprint] = {}
    with ExitStack() as files:
        for table in tables:
            source = agent.mapping.payload_source(table.name)
            prints[table.name] = files.enter_context(unchanged(source.path))
            with agent.progress(f"checking {source.label}", None) as advance:
                quality = check_table(source, table, document, key, people.way_back.handles, faults, advance)
            rows[table.name] = quality.rows
    faults.refuse("the payload cannot be delivered and nothing of it was sent")
    return rows, prints


def _all_chunks(
    agent: Agent,
    tables: tuple[PayloadTable, ...],
    rows: dict[str, int],
    prints: dict[str, Fingerprint],
    people: PeoplesTokens,
    payload_key: bytes,
    root: Root,
) -> Iterator[bytes]:
    """Yield every sealed chunk, table by table; without any row one empty chunk, so that a delivery is never none."""
    seal_info = payload_chunk_info(agent.name, agent.analysis_name, agent.context)
    for table in tables:
        source = agent.mapping.payload_source(table.name)
        with (
            unchanged(source.path, prints[table.name]),
            Shuffle(agent.outbox.spill, _row_type(table), rows[table.name], agent.random_bytes) as shuffle,
            agent.progress(f"sealing {table.name}", rows[table.name]) as advance,
        ):
            for block in _blocks(agent, table, people):
                shuffle.add(_rows(table, block, agent))
            if not sum(rows.values()) and table is tables[0]:
                yield _sealed(table, np.empty(0, dtype=_row_type(table)), people, payload_key, seal_info, root)
            for chunk in in_chunks(shuffle.in_order(), _chunk_rows(table)):
                yield _sealed(table, chunk, people, payload_key, seal_info, root)
                advance(len(chunk))


def _blocks(agent: Agent, table: PayloadTable, people: PeoplesTokens) -> Iterator[PayloadBlock]:
    faults = FaultLog()
    key: Secret = agent.state.handle_key(agent.agreement)
    source = agent.mapping.payload_source(table.name)
    for block in read_table(source, table, agent.agreement.document, key, people.way_back.handles, faults):
        faults.refuse("a payload file is not as it was validated")
        yield block
    faults.refuse("a payload file is not as it was validated")


def _row_type(table: PayloadTable) -> np.dtype[Any]:
    fields: list[tuple[Any, ...]] = [(ORDER, "u1", IDENTIFIER_BYTES), ("person", "<i8")]
    for column in table.columns:
        fields += [(f"value/{column.name}", "<i8"), (f"has/{column.name}", "?")]
    return np.dtype(fields)


def _chunk_rows(table: PayloadTable) -> int:
    return max(1, min(CHUNK_ROWS, CHUNK_BYTES // (TOKEN_BYTES + _VALUE_BYTES * len(table.columns))))


def _rows(table: PayloadTable, block: PayloadBlock, agent: Agent) -> Rows:
    rows = np.zeros(len(block.people), dtype=_row_type(table))
    rows[ORDER] = random_order(len(rows), agent.random_bytes)
    rows["person"] = block.people
    for name, column in block.columns.items():
        rows[f"value/{name}"], rows[f"has/{name}"] = column.values, column.present
    return rows


def _sealed(
    table: PayloadTable, rows: Rows, people: PeoplesTokens, payload_key: bytes, seal_info: bytes, root: Root
) -> bytes:
    tokens: NDArray[np.uint8] = people.tokens[rows["person"]]
    columns = tuple(
        PayloadColumn(
            column.name,
            _KINDS[column.type],
            rows[f"has/{column.name}"].tobytes(),
            tuple(rows[f"value/{column.name}"].tolist()),
        )
        for column in table.columns
    )
    content = payload_chunk_to_bytes(PayloadChunk(table.name, tokens.tobytes(), columns))
    sealed = hpke.seal(payload_key, content, seal_info)
    root.add(sealed)
    return sealed
