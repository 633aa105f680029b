"""M1 and M2: shares pass from provider to provider unread, and key checks tell whether all hold the same secret.

A linkage unit that drops or withholds shares can deny service; it learns nothing, since it holds no wrap key.
"""

from linkage_core.errors import InputFault
from services.common.identity import Caller
from services.linkage_unit.project import judge_key_checks
from services.linkage_unit.unit import LinkageUnit
from services.wire.convert.signed import open_message, signed_from_bytes, signed_to_bytes
from services.wire.messages import KeyCheck, KeyCheckState, SealedShare, SignedStatement


def post_share(unit: LinkageUnit, caller: Caller, signed: SignedStatement) -> None:
    """Keep a share for another provider; raises `Tampered` unless the caller signed it in the present context."""
    recipient = signed.statement.recipient
    others = {party.name for party in unit.agreement.document.providers} - {caller.name}
    if recipient not in others:
        raise InputFault("a share's recipient must be another provider of the agreement")
    open_message(
        signed,
        SealedShare,
        sender=caller.name,
        sender_key=unit.agreement.identity_key(caller.name),
        recipient=recipient,
        context=unit.agreement.context(),
    )
    unit.mailbox.put_share(unit.version, caller.name, recipient, signed_to_bytes(signed))
    unit.audit.append("share stored", party=caller.name)


def fetch_shares(unit: LinkageUnit, caller: Caller) -> tuple[SignedStatement, ...]:
    """Return the shares addressed to the caller."""
    return tuple(signed_from_bytes(stored) for stored in unit.mailbox.shares_to(unit.version, caller.name))


def submit_key_check(unit: LinkageUnit, caller: Caller, signed: SignedStatement) -> KeyCheckState:
    """Store the caller's key check and return where all stand; once all agree, the shares are deleted."""
    check = open_message(
        signed,
        KeyCheck,
        sender=caller.name,
        sender_key=unit.agreement.identity_key(caller.name),
        recipient=unit.name,
        context=unit.agreement.context(),
    )
    checks = unit.mailbox.put_key_check(unit.version, caller.name, check, signed_to_bytes(signed))
    providers = [party.name for party in unit.agreement.document.providers]
    state = judge_key_checks(providers, checks, caller.name)
    unit.audit.append("key check stored", party=caller.name)
    if state.agreed:
        unit.mailbox.delete_shares(unit.version)
        unit.audit.append("key checks agree", count=len(providers))
    return state
