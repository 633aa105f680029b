"""Encodes the identities into the outbox: what the linkage unit will see, made once and never changed.

    1. the file, as it was validated, standardised and encoded block by block; each person gets a row id (128 random
       bits) and a handle, and goes into a shuffle by row id: the order is uniformly random
    2. hardening, measured over the whole file, against the agreement; too frequent match keys are left out; names are
       counted, where the agreement has frequency classes
    3. chunks in the new order, sealed into the outbox
    4. handle and row id of every person, sealed: the way back for the tokens
    5. the signed manifest, written last: from here on the same bytes are sent, however often it takes

Memory per person: 32 bytes of handle and row id, 17 for each match key, and about 60 for a moment while one match key's
frequencies are counted; the rest is one block and one bucket of the shuffle. Measured with two match keys: 130 bytes.
Frequency classes take 5 more for each of their variables, 13 for a moment, and its distinct values.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.encoding.diffusion import expected_d
from linkage_core.encoding.frequency import FrequencyCounter
from linkage_core.encoding.hardening import require_hardening
from linkage_core.encoding.keys import LinkageKeys, handles
from linkage_core.encoding.match_keys import within_cap
from linkage_core.encoding.records import EncodedRecords, Fill
from linkage_core.encoding.run import Encoder
from linkage_core.schema import LinkageSchema
from linkage_core.types import IDENTIFIER_BYTES, ClkName
from services.provider_agent.agent import Agent
from services.provider_agent.check import CheckedFiles
from services.provider_agent.fingerprint import unchanged
from services.provider_agent.identities import read_identities
from services.provider_agent.outbox import Artefact, Record
from services.provider_agent.progress import Advance
from services.provider_agent.row_ids import way_back
from services.provider_agent.shuffle import ORDER, Rows, Shuffle, in_chunks, random_order
from services.provider_agent.transfer import Root
from services.wire.convert.chunks import encoded_chunk_to_bytes
from services.wire.convert.signed import signed_to_bytes
from services.wire.messages import ClkColumn, ClkStatement, EncodedChunk, MatchKeyColumn, UploadManifest

CHUNK_ROWS: Final = 1_000
CHUNK_BYTES: Final = 900_000
"""Most bytes of a chunk: below 1 MiB with its frame, whatever the schema's CLKs."""
PPM: Final = 1_000_000


@dataclass(slots=True)
class _EncodedFile:
    """What is remembered of every row while a file is encoded, in the file's order."""

    fills: dict[ClkName, Fill] = field(default_factory=dict)
    handles: bytearray = field(default_factory=bytearray, repr=False)
    row_ids: bytearray = field(default_factory=bytearray, repr=False)
    keys: dict[str, tuple[bytearray, bytearray]] = field(default_factory=dict, repr=False)
    frequencies: dict[str, FrequencyCounter] = field(default_factory=dict, repr=False)

    @property
    def rows(self) -> int:
        return len(self.row_ids) // IDENTIFIER_BYTES


def encode_wave(agent: Agent, keys: LinkageKeys, checked: CheckedFiles) -> None:
    """Fill the outbox with the encoded file and finish with its signed manifest.

    Raises `Refused` if the encodings are less hard than agreed, and `InputFault` if the file is not the validated one.
    """
    document = agent.agreement.document
    schema = document.linkage
    root = Root()
    with Shuffle(agent.outbox.spill, row_type(schema), checked.rows, agent.random_bytes) as shuffle:
        file = _encode_file(agent, keys, checked, shuffle)
        require_hardening(schema, document.hardening, file.fills)
        agent.outbox.fill(Artefact.ROWS, way_back(bytes(file.handles), bytes(file.row_ids)))
        kept = _within_caps(schema, file)
        classes = _frequency_classes(file)
        rows = in_chunks(shuffle.in_order(), chunk_rows(schema))
        with agent.progress("writing the outbox", checked.rows) as advance:
            agent.outbox.fill(Artefact.UPLOAD, _chunks(schema, rows, kept, classes, root, advance))
    manifest = UploadManifest(
        row_count=file.rows,
        chunk_count=root.chunks,
        root=root.value(),
        key_check=keys.key_check(agent.agreement.hash),
        schema_hash=document.schema_hash,
        standardisation_digest=bytes.fromhex(schema.standardisation.digest),
        clks=tuple(_statements(schema, file.fills)),
    )
    agent.audit.append("encoded", wave=agent.wave, rows=file.rows)
    agent.outbox.write(Record.UPLOAD_MANIFEST, signed_to_bytes(agent.sign(agent.linkage_unit_name, manifest)))


def row_type(schema: LinkageSchema) -> np.dtype[Any]:
    """Return the layout of an encoded row on its way through the shuffle; its order is its row id."""
    fields: list[tuple[Any, ...]] = [(ORDER, "u1", IDENTIFIER_BYTES), ("handle", "u1", IDENTIFIER_BYTES)]
    fields.append(("place", "<u8"))
    for clk in schema.clks:
        fields += [(f"clk/{clk.name}", "u1", clk.length_bits // 8), (f"has-clk/{clk.name}", "?")]
    for key in schema.match_keys:
        fields += [(f"key/{key.name}", "u1", IDENTIFIER_BYTES), (f"has-key/{key.name}", "?")]
    return np.dtype(fields)


def chunk_rows(schema: LinkageSchema) -> int:
    """Return how many rows make a chunk."""
    return max(1, min(CHUNK_ROWS, CHUNK_BYTES // row_type(schema).itemsize))


def _encode_file(agent: Agent, keys: LinkageKeys, checked: CheckedFiles, shuffle: Shuffle) -> _EncodedFile:
    source, schema = agent.mapping.identities, agent.agreement.document.linkage
    handle_key = agent.state.handle_key(agent.agreement)
    file = _EncodedFile(
        keys={key.name: (bytearray(), bytearray()) for key in schema.match_keys},
        frequencies={spec.variable: FrequencyCounter(spec) for spec in schema.frequency_classes},
    )
    with (
        unchanged(source.path, checked.identities),
        agent.progress("encoding", checked.rows) as advance,
        Encoder(schema, keys) as encoder,
    ):
        for people in read_identities(source, schema):
            encoded = encoder.encode(people.records)
            rows = _rows(schema, encoded, file.rows)
            rows["handle"] = handles(handle_key, people.local_ids)
            rows[ORDER] = random_order(encoded.rows, agent.random_bytes)
            shuffle.add(rows)
            file.handles += rows["handle"].tobytes()
            file.row_ids += rows[ORDER].tobytes()
            for name, clk in encoded.clks.items():
                file.fills[name] = file.fills[name] + clk.fill if name in file.fills else clk.fill
            for key_name, key in encoded.match_keys.items():
                file.keys[key_name][0].extend(key.values.tobytes())
                file.keys[key_name][1].extend(key.present.tobytes())
            for variable, counter in file.frequencies.items():
                counter.add(people.records.values[variable])
            advance(encoded.rows)
    return file


def _rows(schema: LinkageSchema, encoded: EncodedRecords, first_place: int) -> Rows:
    rows = np.zeros(encoded.rows, dtype=row_type(schema))
    rows["place"] = np.arange(first_place, first_place + encoded.rows)
    for name, clk in encoded.clks.items():
        rows[f"clk/{name}"], rows[f"has-clk/{name}"] = clk.bits, clk.present
    for key_name, key in encoded.match_keys.items():
        rows[f"key/{key_name}"], rows[f"has-key/{key_name}"] = key.values, key.present
    return rows


def _within_caps(schema: LinkageSchema, file: _EncodedFile) -> dict[str, NDArray[np.bool_]]:
    """Return by match key which rows of the file keep it, forgetting the values one key at a time."""
    kept = {}
    for spec in schema.match_keys:
        values, present = file.keys.pop(spec.name)
        kept[spec.name] = within_cap(
            _matrix(bytes(values)), np.frombuffer(bytes(present), dtype=np.bool_), spec.max_occurrences
        )
    return kept


def _frequency_classes(file: _EncodedFile) -> dict[str, NDArray[np.uint8]]:
    """Return by variable the frequency class of each row of the file, forgetting the values."""
    return {variable: file.frequencies.pop(variable).classes() for variable in list(file.frequencies)}


def _chunks(
    schema: LinkageSchema,
    chunks: Iterator[Rows],
    kept: Mapping[str, NDArray[np.bool_]],
    classes: Mapping[str, NDArray[np.uint8]],
    root: Root,
    advance: Advance,
) -> Iterator[bytes]:
    for rows in chunks:
        match_keys = {}
        for spec in schema.match_keys:
            present = kept[spec.name][rows["place"]]
            values = np.where(present[:, None], rows[f"key/{spec.name}"], 0).astype(np.uint8)
            match_keys[spec.name] = MatchKeyColumn(values.tobytes(), present.tobytes())
        chunk = EncodedChunk(
            row_ids=rows[ORDER].tobytes(),
            handles=rows["handle"].tobytes(),
            clks={
                spec.name: ClkColumn(rows[f"clk/{spec.name}"].tobytes(), rows[f"has-clk/{spec.name}"].tobytes())
                for spec in schema.clks
            },
            match_keys=match_keys,
            frequency_classes={variable: of_file[rows["place"]].tobytes() for variable, of_file in classes.items()},
        )
        content = encoded_chunk_to_bytes(chunk)
        root.add(content)
        advance(len(rows))
        yield content


def _statements(schema: LinkageSchema, fills: Mapping[ClkName, Fill]) -> Iterator[ClkStatement]:
    for spec in schema.clks:
        share = fills[ClkName(spec.name)].share
        measured = fills[ClkName(spec.name)].encodings > 0
        d = expected_d(share, spec.diffusion_t) if measured else 0.0
        yield ClkStatement(spec.name, spec.length_bits, spec.diffusion_t, round(share * PPM), round(d * PPM))


def _matrix(values: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(values, dtype=np.uint8).reshape(-1, IDENTIFIER_BYTES)
