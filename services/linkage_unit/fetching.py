"""M5: a provider fetches its own batch of tokens, the same bytes in the same order every time."""

from collections.abc import Iterator

from services.common.errors import NotReady
from services.common.identity import Caller
from services.linkage_unit.project import NO_TOKENS, tokens_may_be_fetched
from services.linkage_unit.unit import LinkageUnit
from services.wire.convert.signed import signed_from_bytes
from services.wire.messages import SignedStatement


def fetch_tokens(unit: LinkageUnit, caller: Caller, wave: str) -> Iterator[SignedStatement | bytes]:
    """Yield the signed header, then the serialised chunks, of the caller's tokens.

    Raises the same `NotReady` for a wave that is unknown, not linked, failed or not due: what happened to a run would
    tell a provider about the files of the others.
    """
    listed = next((w for w in unit.agreement.document.waves if w.name == wave), None)
    state = unit.runs.state(wave)
    batch = unit.runs.token_batch(wave, caller.name)
    if batch is None or not tokens_may_be_fetched(listed, state, unit.clock()):
        raise NotReady(NO_TOKENS)
    header = signed_from_bytes(batch.header)
    yield header
    sealed = unit.content.tokens(header.statement.context.agreement.hex(), wave, caller.name, batch.batch_id)
    yield from sealed.read(batch.chunk_count)
