"""A wave of the linkage unit in tests: all providers upload, it is linked, and tokens are fetched and opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from linkage_core.crypto import hpke
from linkage_core.crypto.secret import Secret
from linkage_core.tokens import TOKEN_BYTES, associated_data, open_tokens
from linkage_core.types import PartyName
from services.common.locks import only_process
from services.linkage_unit.config import LinkageUnitConfig
from services.linkage_unit.runner import link_wave
from services.linkage_unit.unit import LinkageUnit
from services.wire import messages
from services.wire.convert.chunks import token_chunk_from_bytes
from services.wire.convert.signed import open_message
from services.wire.seals import batch_key_info
from tests.support.linkage import EncodedPeople, Provider, WaveKeyPair, connected, encode_people, opened, served
from tests.support.parties import ANALYSIS, LINKAGE_UNIT, NOW, Parties

KEYS: Final = WaveKeyPair.new()


@dataclass(frozen=True, slots=True)
class OpenedToken:
    """What the analysis service sees of one row."""

    quality: int
    pseudonym: bytes


def upload_all(
    parties: Parties, unit: LinkageUnit, people: dict[str, range], wave: str = "w1", *, with_keys: bool = False
) -> dict[str, EncodedPeople]:
    """Let every provider submit its key check and upload its file of a wave."""
    files = {name: encode_people(name, numbers) for name, numbers in people.items()}
    upload_files(parties, unit, files, wave, with_keys=with_keys)
    return files


def upload_files(
    parties: Parties, unit: LinkageUnit, files: Mapping[str, EncodedPeople], wave: str, *, with_keys: bool = False
) -> None:
    """Let every provider submit its key check and upload a file of a wave."""
    with served(unit) as address, connected(parties, address) as providers:
        for provider in providers.values():
            provider.check()
        for name, file in files.items():
            providers[name].upload(file, wave, with_keys=with_keys)


def link(config: LinkageUnitConfig, wave: str = "w1", now: datetime = NOW, **changes: Any) -> bool:
    """Link a wave as the second process would, over the same store."""
    with only_process(config.data, "link"), opened(config, lambda: now, process="link") as unit:
        return link_wave(unit, wave, changes.get("fetch", lambda wave: KEYS.public))


def fetch(parties: Parties, config: LinkageUnitConfig, name: str, wave: str = "w1", now: datetime = NOW) -> Any:
    """Fetch one provider's tokens."""
    with opened(config, lambda: now) as unit, served(unit) as address:
        provider = Provider(parties, name, address)
        try:
            return provider.tokens(wave)
        finally:
            provider.close()


def open_batch(parties: Parties, parts: Sequence[Any], name: str, wave: str = "w1") -> dict[bytes, OpenedToken]:
    """Check a batch as its provider does and open it as the analysis service does: row id to token."""
    agreement, provider = parties.verified, PartyName(name)
    header = open_message(
        parts[0],
        messages.TokenBatchHeader,
        sender=LINKAGE_UNIT,
        sender_key=agreement.identity_key(LINKAGE_UNIT),
        recipient=provider,
        context=agreement.context(wave),
    )
    chunks = [token_chunk_from_bytes(part, token_bytes=TOKEN_BYTES) for part in parts[1:]]
    context = agreement.context(wave)
    key = hpke.open_sealed(KEYS.private, header.sealed_batch_key, batch_key_info(LINKAGE_UNIT, ANALYSIS, context))
    associated = associated_data(context, agreement.document.project, provider, header.batch_id)
    quality, pseudonyms = open_tokens(Secret(key), b"".join(chunk.tokens for chunk in chunks), associated)
    row_ids = b"".join(chunk.row_ids for chunk in chunks)
    assert header.row_count == len(quality) == len(row_ids) // 16
    return {
        row_ids[16 * row : 16 * row + 16]: OpenedToken(int(quality[row]), pseudonyms[row].tobytes())
        for row in range(len(quality))
    }


def pseudonym_of(file: EncodedPeople, tokens: dict[bytes, OpenedToken]) -> dict[int, OpenedToken]:
    """Return the token of each person of a file."""
    return {person: tokens[file.row_ids[16 * row : 16 * row + 16]] for row, person in enumerate(file.people)}
