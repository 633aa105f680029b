"""The agreement in force at a service: adopted once, amended by successors, suspended by any party.

Both services keep it in their own metadata store with the tables below, so that a restart with an older or foreign
agreement file is refused.
"""

from typing import TYPE_CHECKING

import grpc
from sqlalchemy import Column, Connection, Engine, Integer, LargeBinary, MetaData, String, Table, insert, select
from sqlalchemy.exc import IntegrityError, NoResultFound

from linkage_core.agreement.amendments import check_amendment
from linkage_core.agreement.doors import AgreementState, Door, check_door, state_of
from linkage_core.agreement.signatures import VerifiedAgreement, verify_agreement
from linkage_core.errors import Refused
from linkage_core.types import PartyName
from services.common.clock import Clock
from services.common.database import transact
from services.common.errors import NotReady
from services.common.identity import Caller, caller_of, realm_of
from services.wire.convert import agreement as convert
from services.wire.convert.signed import open_message, signed_to_bytes
from services.wire.messages import SuspensionNotice
from services.wire.v1 import agreement_pb2_grpc

if TYPE_CHECKING:
    from services.wire.v1 import agreement_pb2


def agreement_tables(metadata: MetaData) -> tuple[Table, Table]:
    """Declare the tables of agreements and suspensions; a service's first migration creates them."""
    agreements = Table(
        "agreements",
        metadata,
        Column("version", Integer, primary_key=True, autoincrement=False),
        Column("hash", String(64), nullable=False, unique=True),
        Column("file", LargeBinary, nullable=False),
    )
    suspensions = Table(
        "suspensions",
        metadata,
        Column("hash", String(64), primary_key=True),
        Column("party", String(40), primary_key=True),
        Column("notice", LargeBinary, nullable=False),
    )
    return agreements, suspensions


_agreements, _suspensions = agreement_tables(MetaData())


class AgreementKeeper:
    """Keeps the versions of one agreement and the notices that suspend it."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def adopt(self, file: bytes) -> VerifiedAgreement:
        """Take a signed agreement into force: the first one, the one in force again, or its direct amendment.

        Raises `Refused` naming the clause for anything else: a missing signature, an older version, a foreign lineage.
        """
        new = verify_agreement(file)

        def work(connection: Connection) -> None:
            stored = connection.execute(
                select(_agreements.c.file).order_by(_agreements.c.version.desc()).limit(1)
            ).scalar_one_or_none()
            if stored is not None:
                old = verify_agreement(stored)
                if old.hash == new.hash:
                    return
                check_amendment(old.document, new.document)
            elif new.document.version != 1:
                raise Refused("version", "a service begins with version 1 and adopts each amendment in turn")
            connection.execute(
                insert(_agreements).values(version=new.document.version, hash=new.hash.hex(), file=new.file)
            )

        transact(self._engine, work)
        return new

    def current(self) -> VerifiedAgreement:
        """Return the version in force, verified again."""
        with self._engine.connect() as connection:
            stored = connection.execute(
                select(_agreements.c.file).order_by(_agreements.c.version.desc()).limit(1)
            ).scalar_one()
        return verify_agreement(stored)

    def require_in_force(self, mine: VerifiedAgreement, server: str) -> VerifiedAgreement:
        """Return the version in force if it is `mine`: a server under another one may be running.

        Raises `NotReady` telling to start `server`, the command that takes an agreement into force.
        """
        try:
            current = self.current()
        except NoResultFound:
            raise NotReady(f"no agreement is in force yet: start `{server}` once") from None
        if current.hash != mine.hash:
            raise NotReady(f"the agreement file is not the one in force: restart `{server}` first")
        return current

    def suspend(self, agreement: VerifiedAgreement, party: PartyName, notice: bytes) -> None:
        """Record a party's verified notice of suspension; a repeated one changes nothing."""
        row = {"hash": agreement.hash.hex(), "party": party, "notice": notice}
        try:
            transact(self._engine, lambda connection: connection.execute(insert(_suspensions).values(row)))
        except IntegrityError:
            return

    def suspended_by(self, agreement: VerifiedAgreement) -> frozenset[PartyName]:
        """Return who has suspended this version."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(_suspensions.c.party).where(_suspensions.c.hash == agreement.hash.hex()))
            return frozenset(PartyName(name) for name in rows.scalars())

    def state(self, agreement: VerifiedAgreement) -> AgreementState:
        """Return the state of the agreement now."""
        return state_of(agreement.document, self._clock(), self.suspended_by(agreement))

    def check_door(self, agreement: VerifiedAgreement, door: Door) -> None:
        """Return if the agreement opens a door now; raises `Refused` with the clause otherwise."""
        check_door(agreement.document, door, now=self._clock(), suspended_by=self.suspended_by(agreement))


def is_party(agreement: VerifiedAgreement, caller: Caller) -> bool:
    """Tell whether the agreement names a caller in this role."""
    return any(p.name == caller.name and p.role == caller.role for p in agreement.document.parties)


class AgreementsServicer(agreement_pb2_grpc.AgreementsServicer):
    """M0 at either service: show the agreement, accept a notice of suspension."""

    def __init__(self, keeper: AgreementKeeper, agreement: VerifiedAgreement, own_name: PartyName) -> None:
        self._keeper = keeper
        self._agreement = agreement
        self._own_name = own_name

    def GetAgreement(  # noqa: N802 - gRPC fixes the method's name
        self, request: "agreement_pb2.GetAgreementRequest", context: grpc.ServicerContext
    ) -> "agreement_pb2.GetAgreementResponse":
        """Return the signed agreement."""
        return convert.get_agreement_response(self._agreement.file)

    def SuspendAgreement(  # noqa: N802 - gRPC fixes the method's name
        self, request: "agreement_pb2.SuspendAgreementRequest", context: grpc.ServicerContext
    ) -> "agreement_pb2.SuspendAgreementResponse":
        """Verify and record the caller's notice."""
        caller = caller_of(context, realm_of(self._agreement))
        notice = convert.suspension_notice(request)
        open_message(
            notice,
            SuspensionNotice,
            sender=caller.name,
            sender_key=self._agreement.identity_key(caller.name),
            recipient=self._own_name,
            context=self._agreement.context(),
        )
        self._keeper.suspend(self._agreement, caller.name, signed_to_bytes(notice))
        return convert.suspend_response()
