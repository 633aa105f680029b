"""Agreements as documents, without key folders or certificates: for tests of what a document may say."""

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from linkage_core.agreement.document import Agreement, parse_agreement
from linkage_core.agreement.signatures import SignedAgreement
from linkage_core.crypto import hpke, signing
from linkage_core.crypto.secret import Secret
from linkage_core.types import PartyName
from services.common.identity import Role
from services.common.keystore import PartyKeys, PublicIdentity, TransportIdentity
from tests.support.parties import ANALYSIS, LINKAGE_UNIT, PROVIDERS, REALM, small_agreement

NO_TRANSPORT: Final = TransportIdentity(b"", b"", b"")


@cache
def invented_keys(name: str, role: Role) -> PartyKeys:
    """The same keys for the same name on every run; they protect nothing."""
    identity = Secret(hashlib.sha256(b"identity " + name.encode()).digest())
    wrap = Secret(hashlib.shake_256(b"wrap " + name.encode()).digest(hpke.PRIVATE_KEY_BYTES))
    is_provider = role is Role.PROVIDER
    wrap_public = hpke.public_of(wrap) if is_provider else None
    public = PublicIdentity(PartyName(name), role, REALM, signing.public_of(identity), wrap_public)
    return PartyKeys(public, identity, wrap if is_provider else None, NO_TRANSPORT)


def keys_of(providers: Sequence[str] = PROVIDERS) -> Mapping[str, PartyKeys]:
    """Invented keys of everyone in an agreement between these providers."""
    return {
        LINKAGE_UNIT: invented_keys(LINKAGE_UNIT, Role.LINKAGE_UNIT),
        ANALYSIS: invented_keys(ANALYSIS, Role.ANALYSIS_SERVICE),
        **{name: invented_keys(name, Role.PROVIDER) for name in providers},
    }


@cache
def _small(providers: Sequence[str]) -> dict[str, Any]:
    return small_agreement(keys_of(providers), b"an authority", providers).model_dump(mode="json")


def small_document(providers: Sequence[str] = PROVIDERS, /, **changes: object) -> dict[str, Any]:
    """The JSON form of the small agreement, free to be changed."""
    return copy.deepcopy(_small(tuple(providers))) | changes


def parsed(document: Mapping[str, object]) -> Agreement:
    """The document as the agreement that it is; raises what parsing raises."""
    return parse_agreement(json.dumps(document).encode())


def amended(agreement: Agreement, **changes: object) -> Agreement:
    """The next version of an agreement, with some clauses changed."""
    document = agreement.model_dump(mode="json")
    return parsed(document | {"version": agreement.version + 1, "supersedes": agreement.hash.hex()} | changes)


def signed_by_all(agreement: Agreement) -> SignedAgreement:
    """The agreement with every party's signature, made with the invented keys."""
    signed = SignedAgreement(agreement=agreement)
    for party in agreement.parties:
        signed = signed.signed_by(PartyName(party.name), invented_keys(party.name, Role(party.role)).identity)
    return signed
