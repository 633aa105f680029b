"""Driving an analysis service in tests: an open service with a fixed clock, its real server on loopback, deliveries.

The linkage unit's part is played with its real keys: a batch of sealed tokens for rows whose pseudonyms a test names.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import grpc
import numpy as np
import pytest

from disclosure.measurements import NoiseSource, OpenDPNoise
from linkage_core.agreement.payload import PayloadTable
from linkage_core.crypto import hpke
from linkage_core.crypto.secret import Secret
from linkage_core.tokens import TOKEN_BYTES, associated_data, seal_tokens
from linkage_core.types import PartyName
from services.analysis.assembly import AnalysisService, open_service
from services.analysis.client import Analysis
from services.analysis.config import AnalysisConfig
from services.analysis.intake_rules import tables_of
from services.analysis.pacing import Pace
from services.analysis.roster import Roster, write_roster
from services.analysis.service import start
from services.common.channel import open_channel, remote_errors
from services.common.clock import system_random
from services.common.errors import RemoteRefusal
from services.common.identity import Role, realm_of
from services.common.keystore import PartyKeys
from services.common.wave_keys import fetch_wave_keys
from services.wire import messages
from services.wire.convert import transfer
from services.wire.convert.chunks import payload_chunk_to_bytes
from services.wire.convert.signed import sign_message
from services.wire.seals import batch_key_info, payload_chunk_info
from services.wire.v1 import delivery_pb2_grpc
from tests.support.parties import ANALYSIS, NOW, REALM, Parties

CHUNK_ROWS: Final = 50
AT_ONCE: Final = Pace(0)
Row = Mapping[str, Any]
"""Values by column; `person` is the position of the person in the batch."""


def config_of(parties: Parties, folder: Path, **changes: object) -> AnalysisConfig:
    """Return a configuration with everything under `folder`."""
    settings: dict[str, object] = {
        "agreement": parties.agreement_file,
        "keys": parties.keys_folder(ANALYSIS),
        "data": folder / "data",
        "wraps": folder / "secrets" / "wraps",
        "key_encryption_key": folder / "secrets" / "kek",
        "roster": folder / "roster.json",
        "anchor": folder / "secrets" / "anchor.json",
        "listen": "127.0.0.1:0",
    }
    return AnalysisConfig.model_validate(settings | changes)


@contextmanager
def opened(config: AnalysisConfig, clock: Callable[[], datetime] = lambda: NOW) -> Iterator[AnalysisService]:
    """Open an analysis service as its serving process does, with a clock of the test's choice."""
    service = open_service(config, takes_into_force=True, clock=clock, random=system_random)
    try:
        yield service
    finally:
        service.close()


@contextmanager
def served(service: AnalysisService, noise: NoiseSource | None = None) -> Iterator[str]:
    """Serve an open analysis service on loopback; yields its address."""
    server, port = start(service, noise or OpenDPNoise(), AT_ONCE)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of tokens as the linkage unit made it for a provider; `tokens` one a person, in order."""

    header: messages.SignedStatement
    tokens: tuple[bytes, ...] = field(repr=False)


def pseudonym_of(person: str) -> bytes:
    """Return an invented pseudonym y: the same for the same person in every provider's batch."""
    return hashlib.sha256(person.encode()).digest()[:16]


def make_batch(
    parties: Parties,
    provider: str,
    keys: messages.WaveKeys,
    people: Sequence[str],
    *,
    wave: str = "w1",
    unmatched: Sequence[str] = (),
) -> Batch:
    """Seal one token for each person; persons in `unmatched` get quality class 0, others 3."""
    agreement = parties.verified
    linkage_unit = PartyName(agreement.document.linkage_unit.name)
    analysis = PartyName(agreement.document.analysis_service.name)
    context, batch_id = agreement.context(wave), secrets.token_bytes(16)
    batch_key = Secret(secrets.token_bytes(32))
    quality = np.array([0 if person in unmatched else 3 for person in people], dtype=np.uint8)
    pseudonyms = np.frombuffer(b"".join(map(pseudonym_of, people)), dtype=np.uint8).reshape(-1, 16)
    associated = associated_data(context, agreement.document.project, PartyName(provider), batch_id)
    tokens = seal_tokens(batch_key, quality, pseudonyms, associated)
    header = messages.TokenBatchHeader(
        batch_id=batch_id,
        provider=provider,
        sealed_batch_key=hpke.seal(keys.token_key, batch_key.reveal(), batch_key_info(linkage_unit, analysis, context)),
        row_count=len(people),
        chunk_count=1,
        root=hashlib.sha256(tokens).digest(),
    )
    signed = sign_message(parties.keys[linkage_unit].identity, linkage_unit, PartyName(provider), context, header)
    return Batch(signed, tuple(tokens[i : i + TOKEN_BYTES] for i in range(0, len(tokens), TOKEN_BYTES)))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A delivery that is ready to be sent."""

    manifest: messages.SignedStatement
    root: bytes
    chunks: tuple[bytes, ...] = field(repr=False)

    def as_chunks(self, delivery_id: bytes, first: int = 0) -> list[messages.Chunk]:
        """Return the chunks from `first` on, as they are sent."""
        return [
            messages.Chunk(delivery_id, number, hashlib.sha256(sealed).digest(), sealed)
            for number, sealed in enumerate(self.chunks)
            if number >= first
        ]


@dataclass(frozen=True, slots=True)
class Deliverer:
    """One data provider's side of the Delivery service, with its real keys."""

    parties: Parties
    keys: PartyKeys
    channel: grpc.Channel = field(repr=False)
    wave: str = "w1"

    @property
    def name(self) -> PartyName:
        """The provider's name."""
        return self.keys.name

    @property
    def stub(self) -> delivery_pb2_grpc.DeliveryStub:
        """The service's stub."""
        return delivery_pb2_grpc.DeliveryStub(self.channel)

    def wave_keys(self) -> messages.WaveKeys:
        """Fetch and verify the wave's keys."""
        return fetch_wave_keys(self.channel, self.parties.verified, self.wave)

    def sign(self, message: object, recipient: str = "") -> messages.SignedStatement:
        """Sign a message to the analysis service, unless to somebody else, in the wave's context."""
        agreement = self.parties.verified
        to = PartyName(recipient or agreement.document.analysis_service.name)
        return sign_message(self.keys.identity, self.name, to, agreement.context(self.wave), message)

    def prepare(
        self, batch: Batch, tables: Mapping[str, Sequence[Row]], keys: messages.WaveKeys, **changes: Any
    ) -> Prepared:
        """Seal tables of rows into chunks of `CHUNK_ROWS`, and sign a manifest; `changes` replace its fields."""
        specs = tables_of(self.parties.verified.document, self.name)
        plain = [
            self.chunk(specs[name], batch, rows[start : start + CHUNK_ROWS])
            for name, rows in tables.items()
            for start in range(0, max(1, len(rows)), CHUNK_ROWS)
        ]
        return self.seal(batch, plain, {name: len(rows) for name, rows in tables.items()}, keys, **changes)

    def seal(
        self,
        batch: Batch,
        plain: Sequence[messages.PayloadChunk],
        row_counts: Mapping[str, int],
        keys: messages.WaveKeys,
        **changes: Any,
    ) -> Prepared:
        """Seal chunks as they are, and sign a manifest that announces `row_counts`."""
        agreement = self.parties.verified
        service = PartyName(agreement.document.analysis_service.name)
        info = payload_chunk_info(self.name, service, agreement.context(self.wave))
        sealed = tuple(hpke.seal(keys.payload_key, payload_chunk_to_bytes(chunk), info) for chunk in plain)
        root = hashlib.sha256(b"".join(hashlib.sha256(chunk).digest() for chunk in sealed)).digest()
        fields: dict[str, Any] = {
            "token_batch": batch.header,
            "tables": tuple(messages.TableStatement(name, count) for name, count in row_counts.items()),
            "chunk_count": len(sealed),
            "root": root,
        }
        return Prepared(self.sign(messages.DeliveryManifest(**(fields | changes))), root, sealed)

    def chunk(self, table: PayloadTable, batch: Batch, rows: Sequence[Row]) -> messages.PayloadChunk:
        """Lay rows out in columns, coded as the agreement's code lists say."""
        statistics = self.parties.verified.document.statistics
        columns = []
        for spec in table.columns:
            codes = statistics.code_list(spec.code_list or "")
            values = [_coded(row.get(spec.name), codes.codes if codes else ()) for row in rows]
            present = bytes(row.get(spec.name) is not None for row in rows)
            kind = {"category": "categories", "date": "dates"}.get(spec.type, "integers")
            columns.append(messages.PayloadColumn(spec.name, kind, present, tuple(values)))
        return messages.PayloadChunk(table.name, b"".join(batch.tokens[row["person"]] for row in rows), tuple(columns))

    def begin(self, prepared: Prepared, key: str = "first") -> messages.TransferState:
        """Begin or resume a delivery."""
        with remote_errors("the analysis service"):
            answer = self.stub.BeginDelivery(transfer.begin_transfer_to_wire(key, prepared.manifest), timeout=60)
        return transfer.transfer_state_from_wire(answer)

    def put(self, chunks: Sequence[messages.Chunk]) -> int:
        """Send chunks; returns the next that is wanted."""
        with remote_errors("the analysis service"):
            answer = self.stub.PutPayload(iter([transfer.transfer_chunk_to_wire(c) for c in chunks]), timeout=60)
        return transfer.transfer_progress_from_wire(answer)

    def commit(self, delivery_id: bytes, root: bytes) -> int:
        """Close a delivery; returns the rows received."""
        commit = self.sign(messages.TransferCommit(delivery_id, root))
        with remote_errors("the analysis service"):
            answer = self.stub.CommitDelivery(transfer.commit_transfer_to_wire(commit), timeout=60)
        return transfer.transfer_receipt_from_wire(answer)

    def send(self, prepared: Prepared, key: str = "first") -> int:
        """Deliver from begin to commit; returns the rows received."""
        state = self.begin(prepared, key)
        self.put(prepared.as_chunks(state.transfer_id, state.next_chunk))
        return self.commit(state.transfer_id, prepared.root)

    def deliver(
        self, people: Sequence[str], tables: Mapping[str, Sequence[Row]], key: str = "first", **batch: Any
    ) -> int:
        """Take a fresh batch for these people, and deliver tables of rows."""
        keys = self.wave_keys()
        made = make_batch(self.parties, self.name, keys, people, wave=self.wave, **batch)
        return self.send(self.prepare(made, tables, keys), key)


def _coded(value: Any, codes: Sequence[str]) -> int:
    if value is None:
        return 0
    if isinstance(value, str):
        return codes.index(value)
    return (value - date(1970, 1, 1)).days if isinstance(value, date) else int(value)


@contextmanager
def deliverers(parties: Parties, address: str, wave: str = "w1") -> Iterator[dict[str, Deliverer]]:
    """Connect every provider of the agreement."""
    agreement = parties.verified
    realm, service = realm_of(agreement), agreement.document.analysis_service.name
    channels = {
        name: open_channel(address, parties.keys[name].transport, realm, Role.ANALYSIS_SERVICE, service)
        for name in parties.providers
    }
    try:
        yield {name: Deliverer(parties, parties.keys[name], channel, wave) for name, channel in channels.items()}
    finally:
        for channel in channels.values():
            channel.close()


def connect(keys: PartyKeys, address: str) -> grpc.Channel:
    """Open a channel to the analysis service under somebody's transport identity."""
    return open_channel(address, keys.transport, REALM, Role.ANALYSIS_SERVICE, ANALYSIS)


def enrol(parties: Parties, config: AnalysisConfig, *names: str) -> dict[str, PartyKeys]:
    """Make analysts' keys and write the signed roster that names them."""
    analysts = {name: parties.stranger(Role.ANALYST, name) for name in names}
    roster = Roster(lineage=parties.verified.document.lineage)
    for keys in analysts.values():
        roster = roster.with_person(keys.public, parties.verified)
    write_roster(config.roster, roster, parties.keys[ANALYSIS].identity)
    return analysts


@contextmanager
def asking(parties: Parties, keys: PartyKeys, address: str) -> Iterator[Analysis]:
    """Connect an analyst."""
    with Analysis(connect(keys, address), keys, parties.verified) as analysis:
        yield analysis


def small_tables() -> dict[str, tuple[list[str], dict[str, list[Row]]]]:
    """Return people and tables of three providers: 60 residents since 2021, half of them women.

    Of these, 40 crossed the border in 2022 and 30 were active in 2022; 5 more people crossed the border only.
    """
    people = [f"p{number}" for number in range(60)]
    travellers = people[:40] + [f"t{number}" for number in range(5)]
    active = people[20:50]
    return {
        "register": (
            people,
            {
                "persons": [{"person": i, "sex": "f" if i % 2 else "m"} for i in range(60)],
                "residence": [{"person": i, "start": date(2021, 3, 1)} for i in range(60)],
            },
        ),
        "border": (
            travellers,
            {
                "crossings": [
                    {"person": i, "date": date(2022, month, 10), "direction": "out" if month == 5 else "in"}
                    for i in range(45)
                    for month in (5, 6)
                ]
            },
        ),
        "tax": (active, {"activity": [{"person": i, "year": 2022, "band": i % 10} for i in range(30)]}),
    }


def deliver_all(providers: Mapping[str, Deliverer]) -> dict[str, int]:
    """Deliver `small_tables` for every provider; returns the rows received."""
    return {name: providers[name].deliver(people, tables) for name, (people, tables) in small_tables().items()}


def refusal_of(attempt: Callable[[], object]) -> RemoteRefusal:
    """Return the refusal that an attempt meets; fails if it meets none."""
    with pytest.raises(RemoteRefusal) as refused:
        attempt()
    return refused.value


def entries_of(service: AnalysisService) -> list[str]:
    """Return the kinds of the ledger's entries, in order."""
    return [entry.kind for entry in service.ledger.entries(service.agreement.document.lineage)]


def rows_of(service: AnalysisService, provider: str, table: str) -> list[Row]:
    """Return the rows of a delivered table of the first wave, as the service stored them."""
    file = service.deliveries.files("w1")[(provider, table)]
    found: list[Row] = service.payload.dataset(file).to_table().to_pylist()
    return found
