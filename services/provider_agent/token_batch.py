"""M5: fetch the tokens of the wave and accept exactly one for every own row, all of one size, signed as a whole.

Chunks are written to the outbox as they come and believed only once the root of all of them is the signed one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.errors import Tampered
from linkage_core.tokens import TOKEN_BYTES
from linkage_core.types import IDENTIFIER_BYTES
from services.provider_agent.agent import Agent
from services.provider_agent.outbox import Artefact, Record
from services.provider_agent.progress import Advance
from services.provider_agent.row_ids import WayBack, read_way_back
from services.provider_agent.transfer import Root
from services.provider_agent.upload import own_manifest
from services.wire.convert.chunks import token_chunk_from_bytes
from services.wire.convert.signed import open_message, signed_to_bytes
from services.wire.messages import SignedStatement, TokenBatchHeader

_ROW_ID: Final = f"S{IDENTIFIER_BYTES}"


@dataclass(frozen=True, slots=True)
class PeoplesTokens:
    """The token of every local person: `tokens` uint8 (people, TOKEN_BYTES), in the order of the sorted handles."""

    way_back: WayBack
    tokens: NDArray[np.uint8] = field(repr=False)


def fetch_tokens(agent: Agent, parts: Iterator[SignedStatement | bytes]) -> None:
    """Receive the wave's token batch into the outbox; `parts` are what the linkage unit streams.

    Raises `Tampered` unless header, number, root and row ids are what they must be; the step is then not done.
    """
    signed = next(parts, None)
    if not isinstance(signed, SignedStatement):
        raise Tampered("the token batch does not begin with a signed header")
    header = open_header(agent, signed)
    root = Root()
    with agent.progress("fetching tokens", header.row_count) as advance:
        agent.outbox.fill(Artefact.TOKENS, _received(parts, root, advance))
    if (root.chunks, root.value()) != (header.chunk_count, header.root):
        raise Tampered("the token batch is not the one whose root the linkage unit signed")
    people_tokens(agent, header)
    agent.audit.append("tokens received", wave=agent.wave, rows=header.row_count)
    agent.outbox.write(Record.TOKEN_HEADER, signed_to_bytes(signed))


def open_header(agent: Agent, signed: SignedStatement) -> TokenBatchHeader:
    """Return the header if the linkage unit signed it for this provider and wave, for as many rows as were uploaded."""
    header = open_message(
        signed,
        TokenBatchHeader,
        sender=agent.linkage_unit_name,
        sender_key=agent.agreement.identity_key(agent.linkage_unit_name),
        recipient=agent.name,
        context=agent.context,
    )
    rows = own_manifest(agent).row_count
    if header.provider != agent.name or header.row_count != rows:
        raise Tampered(f"the token batch is for {header.row_count} rows of {header.provider}, expected {rows}")
    return header


def people_tokens(agent: Agent, header: TokenBatchHeader) -> PeoplesTokens:
    """Return each person's token; raises `Tampered` unless every own row id has exactly one and no other is there.

    Memory: about 150 bytes per person.
    """
    back = read_way_back(agent.outbox.frames(Artefact.ROWS), header.row_count)
    row_ids, tokens = _columns(agent.outbox.frames(Artefact.TOKENS))
    theirs, ours = np.argsort(row_ids, kind="stable"), np.argsort(back.row_ids, kind="stable")
    if len(row_ids) != header.row_count or not np.array_equal(row_ids[theirs], back.row_ids[ours]):
        raise Tampered(f"the token batch does not hold one token for each of the {header.row_count} rows uploaded")
    ordered = np.empty_like(tokens)
    ordered[ours] = tokens[theirs]
    return PeoplesTokens(back, ordered)


def _received(parts: Iterator[SignedStatement | bytes], root: Root, advance: Advance) -> Iterator[bytes]:
    for part in parts:
        if not isinstance(part, bytes):
            raise Tampered("the token batch has two headers")
        root.add(part)
        advance(len(token_chunk_from_bytes(part, token_bytes=TOKEN_BYTES).row_ids) // IDENTIFIER_BYTES)
        yield part


def _columns(frames: Iterable[bytes]) -> tuple[NDArray[np.bytes_], NDArray[np.uint8]]:
    row_ids, tokens = bytearray(), bytearray()
    for frame in frames:
        chunk = token_chunk_from_bytes(frame, token_bytes=TOKEN_BYTES)
        row_ids += chunk.row_ids
        tokens += chunk.tokens
    return np.frombuffer(bytes(row_ids), dtype=_ROW_ID), np.frombuffer(bytes(tokens), dtype=np.uint8).reshape(
        -1, TOKEN_BYTES
    )
