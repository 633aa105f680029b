"""The five doors at which an agreement is enforced, and the states in which it opens them."""

from datetime import UTC, datetime
from enum import StrEnum

from linkage_core.agreement.document import Agreement
from linkage_core.errors import Refused
from linkage_core.types import PartyName


class Door(StrEnum):
    """Where an agreement is checked, in the order of the data's path."""

    ENCODE = "encode"  # agent, before encoding
    UPLOAD = "upload"  # linkage unit, at intake
    MATCH = "match"  # linkage unit, at the start of matching
    DELIVER = "deliver"  # analysis service, at intake
    QUERY = "query"  # analysis service, at each question


class AgreementState(StrEnum):
    """What an agreement is at a moment."""

    PENDING = "pending"
    IN_FORCE = "in-force"
    EXPIRED = "expired"
    SUSPENDED = "suspended"


def state_of(agreement: Agreement, now: datetime, suspended_by: frozenset[PartyName]) -> AgreementState:
    """Return the state at `now` (any time zone; validity days are UTC, both included)."""
    if suspended_by:
        return AgreementState.SUSPENDED
    today = now.astimezone(UTC).date()
    if today < agreement.validity.valid_from:
        return AgreementState.PENDING
    if today > agreement.validity.valid_until:
        return AgreementState.EXPIRED
    return AgreementState.IN_FORCE


def check_door(agreement: Agreement, door: Door, *, now: datetime, suspended_by: frozenset[PartyName]) -> None:
    """Return if the agreement is in force; otherwise raise `Refused` with the clause that keeps the door shut."""
    match state_of(agreement, now, suspended_by):
        case AgreementState.IN_FORCE:
            return
        case AgreementState.SUSPENDED:
            raise Refused("suspension", f"{door}: suspended by {', '.join(sorted(suspended_by))}")
        case AgreementState.PENDING:
            raise Refused("validity.valid_from", f"{door}: not valid before {agreement.validity.valid_from}")
        case AgreementState.EXPIRED:
            raise Refused("validity.valid_until", f"{door}: expired on {agreement.validity.valid_until}")
