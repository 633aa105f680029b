"""What the analysis service is made of, opened once by each of its processes.

`serve` is the one that takes an agreement into force; `status` and `close-wave` may run beside it, over the same store.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine

from disclosure.bounding import TruncationKey
from disclosure.cell_keys.record_keys import RecordKey
from linkage_core.agreement.signatures import VerifiedAgreement
from linkage_core.crypto import hpke
from linkage_core.crypto.kdf import expand
from linkage_core.crypto.secret import Secret
from linkage_core.pseudonyms import analysis_service_key
from services.analysis.config import AnalysisConfig
from services.analysis.roster import agreed_approvers
from services.analysis.store.anchor import AnchorFile
from services.analysis.store.deliveries import DeliveryStore
from services.analysis.store.ledger import SqlLedger
from services.analysis.store.payload import PayloadStore
from services.analysis.store.tables import MIGRATIONS
from services.analysis.wave_keys import WaveKeyring
from services.common.agreements import AgreementKeeper
from services.common.clock import Clock, RandomBytes, system_clock, system_random
from services.common.database import kept_unless_failing, open_database
from services.common.identity import Role
from services.common.keystore import PartyKeys
from services.common.logs import Log, get_log
from services.common.own_identity import own_identity
from services.common.sealing import DataKeys, FileKeyEncryptionKey

TRUNCATION_KEY_VERSION: Final = 1
RECORD_KEY_VERSION: Final = 1
SERVER: Final = "symbolon analysis serve"
"""The command that takes an agreement into force."""
_MASTER: Final = "k-as"


@dataclass(frozen=True, slots=True)
class AnalysisService:
    """The parts of one process, under one version of the agreement."""

    config: AnalysisConfig
    agreement: VerifiedAgreement
    keys: PartyKeys
    keeper: AgreementKeeper
    keyring: WaveKeyring
    deliveries: DeliveryStore
    payload: PayloadStore
    ledger: SqlLedger
    k_as: Secret
    clock: Clock
    random: RandomBytes
    log: Log
    engine: Engine
    ledger_engine: Engine

    @property
    def truncation_key(self) -> TruncationKey:
        """The key of the choice of cells kept per person; bound to lineage and project, as K_AS is."""
        version = TRUNCATION_KEY_VERSION.to_bytes(4, "big")
        return TruncationKey(TRUNCATION_KEY_VERSION, expand(self.k_as, "truncation", version).reveal())

    @property
    def record_key(self) -> RecordKey:
        """The key that record keys of cell-key perturbation are drawn under; bound to lineage and project likewise."""
        version = RECORD_KEY_VERSION.to_bytes(4, "big")
        return RecordKey(RECORD_KEY_VERSION, expand(self.k_as, "record-key", version).reveal())

    def close(self) -> None:
        """Give the store's connections back."""
        self.engine.dispose()
        self.ledger_engine.dispose()


def open_service(
    config: AnalysisConfig,
    *,
    takes_into_force: bool,
    clock: Clock = system_clock,
    random: RandomBytes = system_random,
) -> AnalysisService:
    """Open store, keys and agreement, and verify the ledger against its anchor.

    Raises `Unfit` if this installation cannot open seals, `ConfigurationFault` or `Refused` if keys and agreement do
    not fit together, `LedgerCorrupt` if the ledger is older than its anchor or was changed, and `Tampered` if the
    master key of synthetic keys is lost while payload is there. Only a process that `takes_into_force` adopts a new
    version of the agreement; another one under another version is refused.
    """
    hpke.assert_supported()
    mine, keys = own_identity(config.keys, config.agreement, Role.ANALYSIS_SERVICE)
    config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (
        kept_unless_failing(open_database(config.database_url, MIGRATIONS)) as engine,
        kept_unless_failing(_ledger_engine(config, engine)) as ledger_engine,
    ):
        keeper = AgreementKeeper(engine, clock)
        agreement = keeper.adopt(mine.file) if takes_into_force else keeper.require_in_force(mine, SERVER)
        document = agreement.document
        kek = FileKeyEncryptionKey.load_or_create(config.key_encryption_key, random)
        data_keys = DataKeys(kek, config.wraps, random)
        lasting_keys = DataKeys(kek, config.data / "master-key", random)
        approvers = {agreement.hash.hex(): named} if (named := agreed_approvers(agreement)) else {}
        ledger = SqlLedger(ledger_engine, AnchorFile(config.anchor, keys.identity), document.project, approvers)
        ledger.check(document.lineage)
        deliveries = DeliveryStore(engine)
        # Under a new master key the people of what is delivered now would be others than those of what is there.
        master = lasting_keys.open(_MASTER) if deliveries.all_files() else lasting_keys.open_or_create(_MASTER)
        return AnalysisService(
            config=config,
            agreement=agreement,
            keys=keys,
            keeper=keeper,
            keyring=WaveKeyring(engine, data_keys, keys),
            deliveries=deliveries,
            payload=PayloadStore(config.data / "payload", data_keys, random),
            ledger=ledger,
            k_as=analysis_service_key(master, document.lineage_bytes, document.project),
            clock=clock,
            random=random,
            log=get_log("analysis", agreement=document.id),
            engine=engine,
            ledger_engine=ledger_engine,
        )


def _ledger_engine(config: AnalysisConfig, own: Engine) -> Engine:
    return own if config.ledger_url == config.database_url else open_database(config.ledger_url, MIGRATIONS)
