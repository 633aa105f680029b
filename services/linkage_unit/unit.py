"""What a linkage unit is made of, opened once by each of its processes.

`serve` and `link` are two processes over the same store: anonlink holds Python's lock for minutes, and calls of
providers must not wait for it. Each process has an audit log of its own.
"""

from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

from sqlalchemy import Engine

from linkage_core.agreement.doors import AgreementState
from linkage_core.agreement.signatures import VerifiedAgreement
from linkage_core.comparing.similarity import assert_native
from linkage_core.crypto import hpke
from linkage_core.types import PartyName
from services.common.agreements import AgreementKeeper
from services.common.audit import AuditLog
from services.common.clock import Clock, RandomBytes
from services.common.database import kept_unless_failing, open_database
from services.common.identity import Role
from services.common.keystore import PartyKeys
from services.common.logs import Log, get_log
from services.common.own_identity import own_identity
from services.common.sealing import DataKeys, FileKeyEncryptionKey
from services.linkage_unit.config import LinkageUnitConfig
from services.linkage_unit.content import SealedContent
from services.linkage_unit.store.history import HistoryStore
from services.linkage_unit.store.mailbox import MailboxStore
from services.linkage_unit.store.runs import RunStore
from services.linkage_unit.store.uploads import UploadStore
from services.linkage_unit.workspace import RunWorkspace, WorkerKeys

SERVE: Final = "serve"
LINK: Final = "link"

SERVER: Final = "symbolon linkage-unit serve"
"""The command that takes an agreement into force."""
MIGRATIONS: Final = Path(__file__).parent / "store" / "migrations"


@dataclass(frozen=True, slots=True)
class LinkageUnit:
    """The parts of one process of the linkage unit, under one version of the agreement.

    `writing` is held while a chunk is put on disk and counted: of two streams of one upload only one does it.
    """

    agreement: VerifiedAgreement
    keys: PartyKeys
    keeper: AgreementKeeper
    mailbox: MailboxStore
    uploads: UploadStore
    runs: RunStore
    history: HistoryStore
    content: SealedContent
    data_keys: DataKeys
    lasting_keys: DataKeys
    audit: AuditLog
    log: Log
    clock: Clock
    random: RandomBytes
    engine: Engine
    writing: Lock = field(default_factory=Lock)

    @property
    def name(self) -> PartyName:
        """The linkage unit's own name in the agreement."""
        return self.keys.name

    @property
    def version(self) -> str:
        """Hash of the agreement in hexadecimal, as the store uses it."""
        return self.agreement.hash.hex()

    def state(self) -> AgreementState:
        """Return the state of the agreement now."""
        return self.keeper.state(self.agreement)

    def workspace(self, wave: str, worker_keys: WorkerKeys | None = None) -> RunWorkspace:
        """Return the place of a wave's run; `worker_keys` where its workers are other processes."""
        return RunWorkspace(self.content.folder, self.data_keys, self.random, wave, worker_keys)

    def close(self) -> None:
        """Give the store's connections back."""
        self.engine.dispose()


def open_unit(config: LinkageUnitConfig, process: str, clock: Clock, random: RandomBytes) -> LinkageUnit:
    """Open the linkage unit's store, keys and agreement for a process (`serve`, `link`).

    Raises `Unfit` if this installation cannot link or seal, `ConfigurationFault` or `Refused` if keys and agreement do
    not fit together. Only `serve` takes an agreement into force; another process under another version is refused.
    """
    assert_native()
    hpke.assert_supported()
    mine, keys = own_identity(config.keys, config.agreement, Role.LINKAGE_UNIT)
    config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with kept_unless_failing(open_database(config.database_url, MIGRATIONS)) as engine:
        keeper = AgreementKeeper(engine, clock)
        agreement = keeper.adopt(mine.file) if process == SERVE else keeper.require_in_force(mine, SERVER)
        kek = FileKeyEncryptionKey.load_or_create(config.key_encryption_key, random)
        data_keys = DataKeys(kek, config.wraps, random)
        return LinkageUnit(
            agreement=agreement,
            keys=keys,
            keeper=keeper,
            mailbox=MailboxStore(engine),
            uploads=UploadStore(engine),
            runs=RunStore(engine),
            history=HistoryStore(engine),
            content=SealedContent(config.data / "sealed", data_keys, random),
            data_keys=data_keys,
            lasting_keys=DataKeys(kek, config.data / "master-key", random),
            audit=AuditLog(config.data / f"audit-{process}.jsonl", keys.identity, clock),
            log=get_log("linkage-unit", agreement=agreement.document.id),
            clock=clock,
            random=random,
            engine=engine,
        )
