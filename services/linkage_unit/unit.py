"""What a linkage unit is made of, opened once by each of its processes.

`serve` and `link` are two processes over the same store: anonlink holds Python's lock for minutes, and calls of
providers must not wait for it. Each process has an audit log of its own.
"""

from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import NoResultFound

from linkage_core.agreement.doors import AgreementState
from linkage_core.agreement.signatures import VerifiedAgreement, verify_agreement
from linkage_core.comparing.similarity import assert_native
from linkage_core.crypto import hpke, signing
from linkage_core.types import PartyName
from services.common.agreements import AgreementKeeper, realm_of
from services.common.audit import AuditLog
from services.common.certificates import authority_faults
from services.common.clock import Clock, RandomBytes
from services.common.database import open_database
from services.common.errors import ConfigurationFault, NotReady
from services.common.identity import Role
from services.common.keystore import PartyKeys, load_party_keys
from services.common.logs import Log, get_log
from services.common.sealing import DataKeys, FileKeyEncryptionKey
from services.linkage_unit.config import LinkageUnitConfig
from services.linkage_unit.content import SealedContent
from services.linkage_unit.store.mailbox import MailboxStore
from services.linkage_unit.store.runs import RunStore
from services.linkage_unit.store.uploads import UploadStore

SERVE: Final = "serve"
LINK: Final = "link"

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
    content: SealedContent
    data_keys: DataKeys
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
    keys = load_party_keys(config.keys)
    file = _read(config.agreement)
    require_own_keys(verify_agreement(file), keys)
    config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = open_database(config.database_url, MIGRATIONS)
    keeper = AgreementKeeper(engine, clock)
    agreement = keeper.adopt(file) if process == SERVE else _require_in_force(keeper, file)
    kek = FileKeyEncryptionKey.load_or_create(config.key_encryption_key, random)
    data_keys = DataKeys(kek, config.wraps, random)
    return LinkageUnit(
        agreement=agreement,
        keys=keys,
        keeper=keeper,
        mailbox=MailboxStore(engine),
        uploads=UploadStore(engine),
        runs=RunStore(engine),
        content=SealedContent(config.data / "sealed", data_keys, random),
        data_keys=data_keys,
        audit=AuditLog(config.data / f"audit-{process}.jsonl", keys.identity, clock),
        log=get_log("linkage-unit", agreement=agreement.document.id),
        clock=clock,
        random=random,
        engine=engine,
    )


def require_own_keys(agreement: VerifiedAgreement, keys: PartyKeys) -> None:
    """Raise one `ConfigurationFault` unless the agreement names the owner of these keys as its linkage unit."""
    party = agreement.document.linkage_unit
    faults = []
    if keys.role is not Role.LINKAGE_UNIT:
        faults.append(f"the keys are those of a {keys.role}, expected linkage-unit")
    if keys.name != party.name:
        faults.append(f"the keys are those of {keys.name}, the agreement's linkage unit is {party.name}")
    if keys.public.realm != realm_of(agreement):
        faults.append("the keys were made for another agreement or trust domain")
    if signing.public_of(keys.identity).hex() != party.identity_key:
        faults.append("the identity key is not the one that the agreement names")
    faults += authority_faults(agreement.document.certificate_authority, keys.transport.authority)
    if faults:
        raise ConfigurationFault("keys and agreement do not fit together", tuple(faults))


def _require_in_force(keeper: AgreementKeeper, file: bytes) -> VerifiedAgreement:
    """Return the agreement in force if it is the one in the file: a server under another one may be running."""
    mine = verify_agreement(file)
    try:
        current = keeper.current()
    except NoResultFound:
        raise NotReady("no agreement is in force yet: start `symbolon linkage-unit serve` once") from None
    if current.hash != mine.hash:
        raise NotReady("the agreement file is not the one in force: restart `symbolon linkage-unit serve` first")
    return current


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationFault(f"the agreement {path} cannot be read: {error.strerror}") from None
