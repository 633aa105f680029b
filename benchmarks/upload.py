"""How fast a provider's file reaches the linkage unit: real processes, mTLS on loopback, sealed and durable on disk.

Rows are drawn, not encoded: an upload cannot tell. What bounds it is measured beside it in the same round, with as many
bytes: the transport alone, whose other end throws everything away, and the disk alone.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import resources
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from benchmarks.sink import sink
from benchmarks.table import Bars, Cell, Spread, Table
from benchmarks.timing import MEBIBYTE, seconds, spread
from linkage_core.encoding.diffusion import expected_d
from linkage_core.schema import LinkageSchema
from linkage_core.types import IDENTIFIER_BYTES, PartyName
from services.common.clock import system_clock, system_random
from services.common.database import open_database, sqlite_url
from services.common.files import flush_folder
from services.demo.processes import serving
from services.demo.stage import LINKAGE_UNIT, Stage, set_stage
from services.linkage_unit.arrivals import GROUP_BYTES
from services.linkage_unit.store.runs import RunStore
from services.linkage_unit.unit import MIGRATIONS
from services.provider_agent.agent import Agent, open_agent
from services.provider_agent.config import load
from services.provider_agent.encode import chunk_rows
from services.provider_agent.linkage_unit_client import LinkageUnitClient
from services.provider_agent.outbox import Artefact, Record
from services.provider_agent.progress import silent
from services.provider_agent.transfer import Root
from services.provider_agent.upload import upload
from services.wire.convert.chunks import encoded_chunk_to_bytes
from services.wire.convert.signed import signed_to_bytes
from services.wire.messages import (
    Chunk,
    ClkColumn,
    ClkStatement,
    EncodedChunk,
    KeyCheck,
    MatchKeyColumn,
    SignedStatement,
    TransferState,
    UploadManifest,
)
from tests.support.postgresql import PostgresqlServer, PostgresqlUnavailable

PROVIDERS: Final = ("population_register", "border_police", "tax")
SENDER: Final = PartyName("tax")
KEY_CHECK: Final = KeyCheck(b"k" * IDENTIFIER_BYTES, b"c" * IDENTIFIER_BYTES)
FILL: Final = 0.3
PPM: Final = 1_000_000
CHUNKS_IN_MEMORY: Final = 50
"""Chunks that the transport alone is given again and again: more than any cache of a processor core holds."""

Seconds = dict[str, float]
"""What one round took, by the name of the row."""


def table(quick: bool = False) -> Table:
    """Return the speed of an upload of 1,000,000 rows of the default schema, or quick, of 100,000."""
    return at_size(rows=100_000, rounds=1) if quick else at_size(rows=1_000_000, rounds=3)


def at_size(rows: int, rounds: int) -> Table:
    """Return rows and bytes a second: stream and commit on either store, their bounds, and the registry's rows."""
    taken: list[Seconds] = []
    row_bytes = 0.0
    notes = [
        f"Rounds: {rounds}. Each has its own linkage unit's process, and one agent that streams a filled outbox.",
        f"`stream`: the agent opens, digests and sends; the linkage unit checks, seals and flushes {GROUP_BYTES >> 20} "
        "MiB at a time. `commit`: all is read back, digested and judged.",
        "`transport alone`: the same client and chunks, digested at both ends, thrown away by the other process. "
        f"`disk alone`: as many bytes, written and flushed {GROUP_BYTES >> 20} MiB at a time.",
        "`registry`: as many entries and as many pseudonyms, in one transaction; reading is into a dictionary.",
    ]
    with ExitStack() as servers:
        databases: dict[str, Callable[[], str]] = {"SQLite": str}
        try:
            databases["PostgreSQL"] = servers.enter_context(_postgresql()).new_database
        except PostgresqlUnavailable as reason:
            notes.append(f"No figures of PostgreSQL: {reason}")
        for _ in range(rounds):
            taken.append({})
            for store, new in databases.items():
                row_bytes = _upload(rows, store, new(), taken[-1])
                _registry(rows, store, new(), taken[-1])
    return Table(
        f"Upload: {rows:,} rows of the default schema, {row_bytes:.0f} bytes each, one stream over mTLS on loopback",
        ("step", "seconds", "rows/s", "MiB/s"),
        tuple(_row(step, rows, row_bytes, [of_round[step] for of_round in taken]) for step in taken[0]),
        tuple(notes),
        chart=Bars("rows/s"),
    )


def _row(step: str, rows: int, row_bytes: float, taken: list[float]) -> tuple[Cell, ...]:
    rates: Spread = spread([rows / took for took in taken])
    carries_rows = not step.startswith("registry")
    return step, spread(taken), rates, rates.times(row_bytes / MEBIBYTE) if carries_rows else None


@contextmanager
def _postgresql() -> Iterator[PostgresqlServer]:
    with tempfile.TemporaryDirectory() as folder:
        server = PostgresqlServer(Path(folder), durable=True)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _upload(rows: int, store: str, database: str, taken: Seconds) -> float:
    """Upload a file to a fresh linkage unit and measure the bounds beside it; returns bytes a row."""
    with tempfile.TemporaryDirectory() as folder:
        stage = _stage(Path(folder), database)
        with serving(stage.command(LINKAGE_UNIT, "linkage-unit", "serve")):
            for provider in stage.providers:
                with _agent(stage, provider) as agent, agent.linkage_unit() as client:
                    context = agent.agreement.context("")
                    client.submit_key_check(agent.sign(agent.linkage_unit_name, KEY_CHECK, context))
            with _agent(stage, SENDER) as agent:
                file_bytes = _fill(agent, rows)
                few = list(islice(agent.outbox.frames(Artefact.UPLOAD), CHUNKS_IN_MEMORY))
                with agent.linkage_unit() as client:
                    receiver = TimedReceiver(client)
                    upload(agent, receiver)
                taken[f"stream, {store}"] = receiver.seconds["put"]
                taken[f"commit, {store}"] = receiver.seconds["commit"]
                if "transport alone" not in taken:
                    taken["transport alone"] = _transport_seconds(stage, few, file_bytes)
                    taken["disk alone"] = _disk_seconds(Path(folder), file_bytes)
        return file_bytes / rows


def _stage(folder: Path, database: str) -> Stage:
    data = resources.files("services.demo") / "data"
    mappings = {name: (data / f"{name}.toml").read_text("utf-8") for name in PROVIDERS}
    stage = set_stage(folder, (data / "terms.toml").read_text("utf-8"), mappings, system_random)
    if database:
        config = stage.config(LINKAGE_UNIT)
        config.write_text(f'{config.read_text()}database = "{database}"\n')
    return stage


@contextmanager
def _agent(stage: Stage, provider: PartyName) -> Iterator[Agent]:
    config = load(stage.config(provider))
    with open_agent(config, None, clock=system_clock, random_bytes=system_random, progress=silent) as agent:
        yield agent


@dataclass(slots=True)
class TimedReceiver:
    """The linkage unit's client, which notes what streams and the commit take."""

    client: LinkageUnitClient
    seconds: Seconds = field(default_factory=lambda: {"put": 0.0, "commit": 0.0})

    def begin(self, idempotency_key: str, manifest: SignedStatement) -> TransferState:
        """Begin, untimed."""
        return self.client.begin(idempotency_key, manifest)

    def put(self, chunks: Iterator[Chunk]) -> int:
        """Stream chunks."""
        took, wanted = seconds(lambda: self.client.put(chunks))
        self.seconds["put"] += took
        return wanted

    def commit(self, commit: SignedStatement) -> int:
        """Close the transfer."""
        took, received = seconds(lambda: self.client.commit(commit))
        self.seconds["commit"] += took
        return received


def _fill(agent: Agent, rows: int) -> int:
    """Fill the outbox with drawn rows and sign their manifest; returns the bytes of all chunks."""
    document, root, sizes = agent.agreement.document, Root(), []

    def chunks() -> Iterator[bytes]:
        for content in _drawn(document.linkage, rows):
            root.add(content)
            sizes.append(len(content))
            yield content

    agent.outbox.fill(Artefact.UPLOAD, chunks())
    manifest = UploadManifest(
        row_count=rows,
        chunk_count=root.chunks,
        root=root.value(),
        key_check=KEY_CHECK.key_check,
        schema_hash=document.schema_hash,
        standardisation_digest=bytes.fromhex(document.linkage.standardisation.digest),
        clks=tuple(
            ClkStatement(
                clk.name,
                clk.length_bits,
                clk.diffusion_t,
                round(FILL * PPM),
                round(expected_d(FILL, clk.diffusion_t) * PPM),
            )
            for clk in document.linkage.clks
        ),
    )
    agent.outbox.write(Record.UPLOAD_MANIFEST, signed_to_bytes(agent.sign(agent.linkage_unit_name, manifest)))
    return sum(sizes)


def _drawn(schema: LinkageSchema, rows: int) -> Iterator[bytes]:
    """Yield chunks whose bits and identifiers are random: half of the bits are set, as after diffusion."""
    largest = chunk_rows(schema)
    for first in range(0, rows, largest):
        count = min(largest, rows - first)
        present = b"\x01" * count
        chunk = EncodedChunk(
            row_ids=os.urandom(count * IDENTIFIER_BYTES),
            handles=os.urandom(count * IDENTIFIER_BYTES),
            clks={c.name: ClkColumn(os.urandom(count * c.length_bits // 8), present) for c in schema.clks},
            match_keys={
                k.name: MatchKeyColumn(os.urandom(count * IDENTIFIER_BYTES), present) for k in schema.match_keys
            },
        )
        yield encoded_chunk_to_bytes(chunk)


def _transport_seconds(stage: Stage, contents: Sequence[bytes], total: int) -> float:
    """Return what it takes to digest and send so many bytes of chunks to a process that digests and forgets them."""

    def chunks() -> Iterator[Chunk]:
        sent = 0
        for number, content in enumerate(cycle(contents)):
            if sent >= total:
                return
            yield Chunk(bytes(IDENTIFIER_BYTES), number, hashlib.sha256(content).digest(), content)
            sent += len(content)

    with sink(stage, SENDER) as put:
        took, _ = seconds(lambda: put(chunks()))
    return took


def _disk_seconds(folder: Path, total: int) -> float:
    """Return what it takes to put so many bytes on disk, flushed by the group as an upload's are."""
    group = os.urandom(GROUP_BYTES)

    def write() -> None:
        for number, first in enumerate(range(0, total, GROUP_BYTES)):
            with (folder / f"group-{number}").open("wb") as file:
                file.write(group[: total - first])
                file.flush()
                os.fsync(file.fileno())
            flush_folder(folder)

    took, _ = seconds(write)
    return took


def _registry(entries: int, store: str, database: str, taken: Seconds) -> None:
    """Write and read back so many registry entries, each of a group of its own."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(database or sqlite_url(Path(folder) / "store.sqlite"), MIGRATIONS)
        runs = RunStore(engine)
        groups = [os.urandom(IDENTIFIER_BYTES) for _ in range(entries)]
        changed = {(str(SENDER), os.urandom(IDENTIFIER_BYTES)): group for group in groups}
        run = runs.start("w1", "a" * 64, 1)
        taken[f"registry written, {store}"], _ = seconds(
            lambda: runs.complete(
                run,
                project="benchmark",
                changed=changed,
                pseudonyms={group: os.urandom(IDENTIFIER_BYTES) for group in groups},
                batches=[],
                uploads={},
                manifest=b"",
            )
        )
        taken[f"registry read, {store}"], read = seconds(runs.registry)
        engine.dispose()
        if read != changed:
            raise AssertionError("the registry does not come back as it was written")
