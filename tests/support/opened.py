"""What a party can open in its own folder: each sealed file and each column of its store, as plain bytes by place.

Searching ciphertext finds nothing whatever it hides; a curious operator has the keys, so the tests use them too.
Folders are copies, or those of ended processes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, MetaData, select

from linkage_core.crypto import hpke
from linkage_core.errors import Tampered
from linkage_core.types import PartyName
from services.analysis import config as analysis_config
from services.analysis.assembly import AnalysisService, open_service
from services.common.clock import system_clock, system_random
from services.common.sealed_frames import read_frames
from services.common.sealing import FileKeyEncryptionKey
from services.demo.stage import ANALYSIS_SERVICE, LINKAGE_UNIT
from services.linkage_unit import config as linkage_config
from services.linkage_unit.loading import LoadedUpload, load_upload
from services.linkage_unit.project import UploadState
from services.linkage_unit.unit import LinkageUnit, open_unit
from services.linkage_unit.uploading import stored_chunks
from services.provider_agent import config as agent_config
from services.wire.seals import payload_chunk_info

AGREEMENTS: Final = "agreements"
"""The table of the agreement itself, which names every payload column and is everybody's: left out."""

Opened = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class LinkageUnitContent:
    """What a linkage unit has at one moment."""

    opened: Opened = field(repr=False)
    uploads: tuple[LoadedUpload, ...] = field(repr=False)
    group_ids: tuple[bytes, ...] = field(repr=False)
    pseudonyms: tuple[bytes, ...] = field(repr=False)


def linkage_unit_content(folder: Path, wave: str) -> LinkageUnitContent:
    """Open everything in the linkage unit's folder below `folder`; uploads are empty once their key is destroyed."""
    config = linkage_config.load(folder / LINKAGE_UNIT / "config.toml")
    unit = open_unit(config, "status", system_clock, system_random)
    try:
        opened = dict(_stored(unit.engine))
        uploads = tuple(_uploads(unit, wave))
        for loaded in uploads:
            upload = loaded.upload
            for number, chunk in enumerate(stored_chunks(unit, upload, unit.uploads.digests(upload.id))):
                opened[f"upload of {upload.provider}, chunk {number}"] = chunk
        for loaded_batch in (unit.runs.token_batch(wave, p.name) for p in unit.agreement.document.providers):
            if loaded_batch is not None:
                batch = loaded_batch
                sealed = unit.content.tokens(unit.version, wave, batch.provider, batch.batch_id)
                for number, chunk in enumerate(sealed.read(batch.chunk_count)):
                    opened[f"tokens of {batch.provider}, chunk {number}"] = chunk
        return LinkageUnitContent(
            opened,
            uploads,
            tuple(set(unit.runs.registry().values())),
            tuple(_column(unit.engine, "group_pseudonyms", "pseudonym")),
        )
    finally:
        unit.close()


def analysis_content(folder: Path, wave: str) -> Opened:
    """Open everything in the analysis service's folder below `folder`: its store, payload, and waiting chunks."""
    config = analysis_config.load(folder / ANALYSIS_SERVICE / "config.toml")
    service = open_service(config, takes_into_force=False)
    try:
        opened = dict(_stored(service.engine))
        for (provider, table), file in service.deliveries.files(wave).items():
            for name, column in service.payload.dataset(file).to_table().to_pydict().items():
                values = (v if isinstance(v, bytes) else str(v).encode() for v in column)
                opened[f"payload of {provider}.{table}.{name}"] = b"\n".join(values)
        return opened | dict(_waiting(service, wave))
    finally:
        service.close()


def synthetic_keys(folder: Path, wave: str) -> set[bytes]:
    """Return every synthetic key in the analysis service's payload."""
    config = analysis_config.load(folder / ANALYSIS_SERVICE / "config.toml")
    service = open_service(config, takes_into_force=False)
    try:
        files = service.deliveries.files(wave).values()
        return {key for f in files for key in service.payload.dataset(f).to_table()["synthetic_key"].to_pylist()}
    finally:
        service.close()


def agent_content(folder: Path, provider: str) -> Opened:
    """Open whatever an agent's wraps open among the sealed files of its state folder, and the wraps themselves."""
    config = agent_config.load(folder / provider / "config.toml")
    kek = FileKeyEncryptionKey.load_or_create(config.key_encryption_key, system_random)
    opened = {}
    for wrap in sorted((config.state / "wraps").glob("*.wrap")):
        key = kek.unwrap(wrap.read_bytes(), wrap.stem)
        opened[f"wrap {wrap.stem}"] = key.reveal()
        for path in sorted((config.state / "waves").rglob("*")):
            if path.is_file() and path.suffix != ".record":
                try:
                    opened[f"{path.name} under {wrap.stem}"] = b"".join(read_frames(path, key))
                except Tampered:
                    continue
    return opened


def _uploads(unit: LinkageUnit, wave: str) -> Iterator[LoadedUpload]:
    for upload in unit.uploads.of_wave(wave):
        if upload.state is UploadState.COMMITTED:
            yield load_upload(unit, upload)


def _stored(engine: Engine) -> Iterator[tuple[str, bytes]]:
    """Yield each column of each table but the agreement's, values one after the other."""
    metadata = MetaData()
    metadata.reflect(engine)
    for table in metadata.sorted_tables:
        if table.name == AGREEMENTS:
            continue
        for column in table.columns:
            yield f"store {table.name}.{column.name}", b"\n".join(_column(engine, table.name, column.name))


def _column(engine: Engine, table: str, column: str) -> Iterator[bytes]:
    metadata = MetaData()
    metadata.reflect(engine, only=[table])
    with engine.connect() as connection:
        for value in connection.execute(select(metadata.tables[table].columns[column])).scalars():
            yield value if isinstance(value, bytes) else str(value).encode()


def _waiting(service: AnalysisService, wave: str) -> Iterator[tuple[str, bytes]]:
    """Yield chunks of deliveries that are not committed yet, opened."""
    for path in sorted((service.config.data / "incoming").glob("*/*")):
        _, payload_key = service.keyring.private(wave)
        for party in service.agreement.document.providers:
            seal_info = payload_chunk_info(PartyName(party.name), service.keys.name, service.agreement.context(wave))
            try:
                yield f"waiting chunk {path.name}", hpke.open_sealed(payload_key, path.read_bytes(), seal_info)
            except Tampered:
                continue
