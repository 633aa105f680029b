"""Who is calling: the peer's single SPIFFE URI, as TLS verified it; never a common name, never a header."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import grpc

from linkage_core.agreement.signatures import VerifiedAgreement
from linkage_core.types import PartyName
from services.common.errors import Denied

_SPIFFE: Final = re.compile(
    r"spiffe://(?P<domain>[a-z0-9.-]+)/agreement/(?P<agreement>[a-z0-9_-]+)/(?P<role>[a-z-]+)/(?P<name>[a-z0-9_-]+)"
)


class Role(StrEnum):
    """The roles of the protocol. Approvers of the budget call no service: they only sign."""

    PROVIDER = "provider"
    LINKAGE_UNIT = "linkage-unit"
    ANALYSIS_SERVICE = "analysis-service"
    ANALYST = "analyst"
    APPROVER = "approver"


@dataclass(frozen=True, slots=True)
class Caller:
    """A peer whose certificate TLS has verified."""

    role: Role
    name: PartyName


@dataclass(frozen=True, slots=True)
class Realm:
    """The trust domain and agreement inside which names mean something."""

    trust_domain: str
    agreement: str

    def spiffe_id(self, role: Role, name: str) -> str:
        """Return the transport identity of a party."""
        return f"spiffe://{self.trust_domain}/agreement/{self.agreement}/{role}/{name}"

    def server_name(self, role: Role, name: str) -> str:
        """Return the DNS name that a server's certificate carries and that its clients insist on."""
        return f"{name}.{role}.{self.agreement}.{self.trust_domain}".replace("_", "-")


def is_spiffe_id(text: str) -> bool:
    """Tell whether a text has the form of a party's transport identity."""
    return _SPIFFE.fullmatch(text) is not None


def server_name_of(spiffe_id: str) -> str | None:
    """Return the server name that belongs to a transport identity; None if the text is no such identity."""
    match = _SPIFFE.fullmatch(spiffe_id)
    if match is None:
        return None
    try:
        return Realm(match["domain"], match["agreement"]).server_name(Role(match["role"]), match["name"])
    except ValueError:
        return None


def realm_of(agreement: VerifiedAgreement) -> Realm:
    """Return the realm of names that an agreement opens."""
    return Realm(agreement.document.trust_domain, agreement.document.id)


def caller_of(context: grpc.ServicerContext, realm: Realm) -> Caller:
    """Return the caller of an RPC; raises `Denied` unless it has exactly one SPIFFE URI of this realm.

    gRPC reports `peer_spiffe_id` only when the certificate's single URI SAN is a SPIFFE id: a certificate with two
    URIs connects, but has no identity here.
    """
    values = list(context.auth_context().get("peer_spiffe_id") or [])
    if len(values) != 1:
        raise Denied("the caller has no single SPIFFE identity")
    match = _SPIFFE.fullmatch(bytes(values[0]).decode("ascii", errors="replace"))
    if match is None or (match["domain"], match["agreement"]) != (realm.trust_domain, realm.agreement):
        raise Denied("the caller's identity is of another trust domain or agreement")
    try:
        return Caller(Role(match["role"]), PartyName(match["name"]))
    except ValueError:
        raise Denied("the caller's identity names no role") from None
