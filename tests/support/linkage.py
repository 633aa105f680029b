"""Driving a linkage unit in tests: an open unit with a fixed clock, its real server on loopback, a provider's calls.

Encodings are drawn, not encoded: the linkage unit cannot tell, and two providers that share a person share the bits.
"""

import hashlib
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from linkage_core.crypto import hpke
from linkage_core.crypto.secret import Secret
from linkage_core.types import PartyName
from services.common.channel import open_channel, remote_errors
from services.common.clock import system_random
from services.common.identity import Role
from services.common.keystore import PartyKeys
from services.linkage_unit.config import LinkageUnitConfig
from services.linkage_unit.service import start
from services.linkage_unit.unit import LinkageUnit, open_unit
from services.wire import messages
from services.wire.convert import linkage_unit as wire
from services.wire.convert import transfer
from services.wire.convert.chunks import encoded_chunk_to_bytes
from services.wire.convert.signed import sign_message
from services.wire.v1 import intake_pb2_grpc, mailbox_pb2_grpc, tokens_pb2_grpc
from tests.support.parties import LINKAGE_UNIT, NOW, REALM, Parties

KEY_CHECK: Final = messages.KeyCheck(b"k" * 16, b"c" * 16)
FILL_PPM: Final = 270_000
CLK_BYTES: Final = 32


def config_of(parties: Parties, folder: Path, **changes: str) -> LinkageUnitConfig:
    """Return a configuration with everything under `folder`."""
    settings: dict[str, object] = {
        "agreement": parties.agreement_file,
        "keys": parties.keys_folder(LINKAGE_UNIT),
        "data": folder / "data",
        "wraps": folder / "wraps",
        "key_encryption_key": folder / "secrets" / "kek",
        "listen": "127.0.0.1:0",
        "analysis_service": "127.0.0.1:1",
    }
    return LinkageUnitConfig.model_validate(settings | changes)


@contextmanager
def opened(
    config: LinkageUnitConfig, clock: Callable[[], datetime] = lambda: NOW, process: str = "serve"
) -> Iterator[LinkageUnit]:
    """Open a linkage unit as one of its processes does, with a clock of the test's choice."""
    unit = open_unit(config, process, clock, system_random)
    try:
        yield unit
    finally:
        unit.close()


@contextmanager
def served(unit: LinkageUnit) -> Iterator[str]:
    """Serve an open linkage unit on loopback with mTLS; gives its address."""
    server, port = start(unit, "127.0.0.1:0")
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@dataclass(frozen=True, slots=True)
class EncodedPeople:
    """Rows of one provider's file: person numbers, and per row the parts that are uploaded."""

    people: Sequence[int]
    row_ids: bytes
    handles: bytes
    bits: dict[str, bytes]
    keys: bytes


def encode_people(
    provider: str,
    people: Sequence[int],
    *,
    errors: float = 0.05,
    renamed: Collection[int] = (),
    content_of: Mapping[int, int] | None = None,
) -> EncodedPeople:
    """Draw encodings of these persons: a person's bits are the same everywhere, but for a share of errors.

    A provider's row of a person is the same in every file. `renamed`: people one of whose CLKs is drawn anew;
    `content_of`: whose bits a row has instead, under the handle of its own person.
    """
    content = [(content_of or {}).get(person, person) for person in people]
    bits = {}
    for place, clk in enumerate(("names-year", "names-day")):
        rows = []
        for person, whose in zip(people, content, strict=True):
            again = [1] if place == 0 and person in renamed else []
            drawn = np.random.default_rng([place, whose, *again]).integers(0, 2, CLK_BYTES * 8)
            noise = np.random.default_rng([*provider.encode(), place, whose, *again]).random(CLK_BYTES * 8)
            rows.append(drawn ^ (noise < errors))
        bits[clk] = np.packbits(np.stack(rows), axis=1).tobytes()
    handles = b"".join(hashlib.sha256(f"{provider}/{person}".encode()).digest()[:16] for person in people)
    keys = b"".join(hashlib.sha256(f"key {person}".encode()).digest()[:16] for person in people)
    return EncodedPeople(people, secrets.token_bytes(16 * len(people)), handles, bits, keys)


def chunks_of(file: EncodedPeople, rows_per_chunk: int = 40, *, with_keys: bool = False) -> list[bytes]:
    """Cut a file into serialised chunks; match keys are all absent unless asked for."""
    pieces = []
    for first in range(0, len(file.people), rows_per_chunk):
        last = min(first + rows_per_chunk, len(file.people))
        present = b"\x01" * (last - first)
        pieces.append(
            encoded_chunk_to_bytes(
                messages.EncodedChunk(
                    file.row_ids[first * 16 : last * 16],
                    file.handles[first * 16 : last * 16],
                    {
                        name: messages.ClkColumn(bits[first * CLK_BYTES : last * CLK_BYTES], present)
                        for name, bits in file.bits.items()
                    },
                    {
                        "names-date": messages.MatchKeyColumn(
                            file.keys[first * 16 : last * 16] if with_keys else bytes(16 * (last - first)),
                            present if with_keys else bytes(last - first),
                        )
                    },
                )
            )
        )
    return pieces


def root_of(chunks: Sequence[bytes]) -> bytes:
    """Return the SHA-256 over the chunks' SHA-256."""
    return hashlib.sha256(b"".join(hashlib.sha256(chunk).digest() for chunk in chunks)).digest()


def clk_statement(name: str, fill_ppm: int = FILL_PPM) -> messages.ClkStatement:
    """State a hardness that follows from fill and t = 8."""
    return messages.ClkStatement(name, 256, 8, fill_ppm, round((1 - 2 * fill_ppm / 1e6) ** 7 * 1e6))


def manifest_of(
    parties: Parties, rows: int, chunks: Sequence[bytes], key_check: bytes = KEY_CHECK.key_check
) -> messages.UploadManifest:
    """Return the manifest of a well-formed upload."""
    document = parties.verified.document
    return messages.UploadManifest(
        rows,
        len(chunks),
        root_of(chunks),
        key_check,
        document.schema_hash,
        bytes.fromhex(document.linkage.standardisation.digest),
        (clk_statement("names-year"), clk_statement("names-day")),
    )


class Provider:
    """A data provider's calls, signed with its keys; errors arrive as the catalogue names them."""

    def __init__(self, parties: Parties, name: str, address: str, transport: PartyKeys | None = None) -> None:
        self.parties = parties
        self.name = PartyName(name)
        self.keys = parties.keys[name]
        self.channel = open_channel(address, (transport or self.keys).transport, REALM, Role.LINKAGE_UNIT, LINKAGE_UNIT)
        self._mailbox = mailbox_pb2_grpc.MailboxStub(self.channel)
        self._intake = intake_pb2_grpc.IntakeStub(self.channel)
        self._tokens = tokens_pb2_grpc.TokensStub(self.channel)

    def sign(self, message: object, wave: str = "", recipient: str = LINKAGE_UNIT) -> messages.SignedStatement:
        """Sign a message to the linkage unit (or another recipient)."""
        context = self.parties.verified.context(wave)
        return sign_message(self.keys.identity, self.name, PartyName(recipient), context, message)

    def post(self, share: messages.SignedStatement) -> None:
        """M1."""
        with remote_errors("linkage unit"):
            self._mailbox.PostShare(wire.post_share_request_to_wire(share))

    def shares(self) -> tuple[messages.SignedStatement, ...]:
        """M1."""
        with remote_errors("linkage unit"):
            return wire.fetch_shares_response_from_wire(self._mailbox.FetchShares(wire.fetch_shares_request_to_wire()))

    def check(self, check: messages.KeyCheck = KEY_CHECK) -> messages.KeyCheckState:
        """M2."""
        with remote_errors("linkage unit"):
            answer = self._intake.SubmitKeyCheck(wire.submit_key_check_request_to_wire(self.sign(check)))
        return wire.submit_key_check_response_from_wire(answer)

    def begin(self, key: str, manifest: messages.SignedStatement) -> messages.TransferState:
        """M3."""
        with remote_errors("linkage unit"):
            answer = self._intake.BeginUpload(transfer.begin_transfer_to_wire(key, manifest))
        return transfer.transfer_state_from_wire(answer)

    def put(self, upload: bytes, chunks: Sequence[bytes], first: int = 0) -> int:
        """M3: send chunks from number `first` on."""
        requests = (
            messages.Chunk(upload, number, hashlib.sha256(content).digest(), content)
            for number, content in enumerate(chunks, start=first)
        )
        return self.put_raw(requests)

    def put_raw(self, chunks: "Iterator[messages.Chunk] | Sequence[messages.Chunk]") -> int:
        """M3: send chunks as they are."""
        with remote_errors("linkage unit"):
            answer = self._intake.PutChunks(transfer.transfer_chunk_to_wire(chunk) for chunk in chunks)
        return transfer.transfer_progress_from_wire(answer)

    def commit(self, upload: bytes, root: bytes, wave: str = "w1") -> int:
        """M3."""
        signed = self.sign(messages.TransferCommit(upload, root), wave)
        with remote_errors("linkage unit"):
            return transfer.transfer_receipt_from_wire(
                self._intake.CommitUpload(transfer.commit_transfer_to_wire(signed))
            )

    def upload(self, file: EncodedPeople, wave: str = "w1", key: str = "attempt", *, with_keys: bool = False) -> bytes:
        """Upload a whole file and commit it; returns the upload's id."""
        chunks = chunks_of(file, with_keys=with_keys)
        manifest = manifest_of(self.parties, len(file.people), chunks)
        state = self.begin(key, self.sign(manifest, wave))
        self.put(state.transfer_id, chunks)
        self.commit(state.transfer_id, manifest.root, wave)
        return state.transfer_id

    def tokens(self, wave: str = "w1") -> list[messages.SignedStatement | bytes]:
        """M5: the header, then the chunks."""
        with remote_errors("linkage unit"):
            return [
                wire.fetch_tokens_response_from_wire(part)
                for part in self._tokens.FetchTokens(wire.fetch_tokens_request_to_wire(wave))
            ]

    def close(self) -> None:
        """Close the channel."""
        self.channel.close()


@contextmanager
def connected(parties: Parties, address: str) -> Iterator[dict[str, Provider]]:
    """Connect every provider of the agreement."""
    providers = {name: Provider(parties, name, address) for name in parties.providers}
    try:
        yield {str(name): provider for name, provider in providers.items()}
    finally:
        for provider in providers.values():
            provider.close()


@dataclass(frozen=True, slots=True)
class WaveKeyPair:
    """The analysis service's token key of a wave, both halves."""

    private: Secret
    public: messages.WaveKeys

    @staticmethod
    def new() -> "WaveKeyPair":
        """Make a fresh pair."""
        private = hpke.generate()
        return WaveKeyPair(private, messages.WaveKeys(hpke.public_of(private), hpke.public_of(hpke.generate())))
