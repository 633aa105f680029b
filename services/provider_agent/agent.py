"""Everything one run of the agent works with, put together once and passed down."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from linkage_core.agreement.doors import Door, check_door
from linkage_core.agreement.signatures import VerifiedAgreement, verify_agreement
from linkage_core.crypto.signing import Context
from linkage_core.errors import Refused
from linkage_core.types import PartyName
from services.common.audit import AuditLog
from services.common.channel import open_channel
from services.common.clock import Clock, RandomBytes
from services.common.errors import ConfigurationFault
from services.common.identity import Realm, Role
from services.common.keystore import PartyKeys
from services.common.own_identity import own_identity
from services.common.sealing import FileKeyEncryptionKey
from services.provider_agent.analysis_client import AnalysisClient
from services.provider_agent.config import AgentConfig
from services.provider_agent.linkage_unit_client import LinkageUnitClient
from services.provider_agent.mapping import Mapping, load_mapping
from services.provider_agent.outbox import AgentState, Epoch, Outbox
from services.provider_agent.progress import Progress
from services.wire.convert.signed import sign_message
from services.wire.messages import SignedStatement


@dataclass(frozen=True, slots=True)
class Agent:
    """One provider's agent for one wave under one verified agreement."""

    config: AgentConfig
    agreement: VerifiedAgreement
    wave: str
    keys: PartyKeys
    mapping: Mapping
    state: AgentState
    audit: AuditLog
    clock: Clock
    random_bytes: RandomBytes
    progress: Progress

    @property
    def name(self) -> PartyName:
        """The provider's name."""
        return self.keys.name

    @property
    def context(self) -> Context:
        """What this wave's messages are bound to."""
        return self.agreement.context(self.wave)

    @property
    def realm(self) -> Realm:
        """Where the agreement's names mean something."""
        return Realm(self.agreement.document.trust_domain, self.agreement.document.id)

    @property
    def outbox(self) -> Outbox:
        """What is kept of this wave."""
        return self.state.wave(self.agreement, self.wave)

    @property
    def epoch(self) -> Epoch:
        """What is kept of this epoch's linkage secret."""
        return self.state.epoch(self.agreement)

    @property
    def linkage_unit_name(self) -> PartyName:
        """The linkage unit's name."""
        return PartyName(self.agreement.document.linkage_unit.name)

    @property
    def analysis_name(self) -> PartyName:
        """The analysis service's name."""
        return PartyName(self.agreement.document.analysis_service.name)

    def sign(self, recipient: PartyName, message: object, context: Context | None = None) -> SignedStatement:
        """Sign a message of this wave, or of another context."""
        return sign_message(self.keys.identity, self.name, recipient, context or self.context, message)

    def check_door(self, door: Door) -> None:
        """Raise `Refused` unless the agreement is in force now. Suspensions are known at the services."""
        check_door(self.agreement.document, door, now=self.clock(), suspended_by=frozenset())

    @contextmanager
    def linkage_unit(self) -> Iterator[LinkageUnitClient]:
        """Connect to the linkage unit, and insist that it works under the same agreement."""
        with open_channel(
            self.config.linkage_unit,
            self.keys.transport,
            self.realm,
            Role.LINKAGE_UNIT,
            self.linkage_unit_name,
        ) as channel:
            client = LinkageUnitClient(channel)
            self._require_same_agreement(client.agreement_file, "the linkage unit")
            yield client

    @contextmanager
    def analysis_service(self) -> Iterator[AnalysisClient]:
        """Connect to the analysis service, and insist that it works under the same agreement."""
        with open_channel(
            self.config.analysis_service,
            self.keys.transport,
            self.realm,
            Role.ANALYSIS_SERVICE,
            self.analysis_name,
        ) as channel:
            client = AnalysisClient(channel)
            self._require_same_agreement(client.agreement_file, "the analysis service")
            yield client

    def _require_same_agreement(self, fetch: Callable[[], bytes], peer: str) -> None:
        theirs = verify_agreement(fetch())
        if theirs.hash != self.agreement.hash:
            raise Refused(
                "version",
                f"{peer} works under {theirs.document.id} version {theirs.document.version}, this agent under "
                f"{self.agreement.document.id} version {self.agreement.document.version}, or their texts differ; "
                "bring both to the same signed file",
            )


@contextmanager
def open_agent(
    config: AgentConfig, wave: str | None, *, clock: Clock, random_bytes: RandomBytes, progress: Progress
) -> Iterator[Agent]:
    """Load keys, agreement and mapping, and hold the state folder while the block lasts.

    Raises `ConfigurationFault`, `InputFault` or `Refused` (signatures) with everything that is wrong, and `NotReady` if
    another agent holds the folder.
    """
    agreement, keys = own_identity(config.keys, config.agreement, Role.PROVIDER)
    name = wave or config.wave
    if name is None:
        waves = ", ".join(w.name for w in agreement.document.waves)
        raise ConfigurationFault(f"say which wave: --wave, or wave in the configuration; the agreement has {waves}")
    agreement.document.wave(name)
    mapping = load_mapping(config.mapping)
    kek = FileKeyEncryptionKey.load_or_create(config.key_encryption_key, random_bytes)
    state = AgentState(config.state, kek, random_bytes)
    with state.locked():
        audit = AuditLog(config.state / "audit.jsonl", keys.identity, clock)
        yield Agent(config, agreement, name, keys, mapping, state, audit, clock, random_bytes, progress)
