"""The roster: who may ask questions, and who may approve that questions cost more than was agreed.

Apart from the agreement, so that staff may change without new signatures of all. The analysis service signs it; who is
not on it has no identity here, whatever a certificate says. Nobody is both: names and keys of analysts and approvers
differ. Where the agreement names approvers, the roster can only take some of them away: whoever holds the service's key
makes no others.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from linkage_core.agreement.canonical import canonical_bytes
from linkage_core.agreement.signatures import VerifiedAgreement
from linkage_core.crypto import signing
from linkage_core.crypto.kdf import info
from linkage_core.crypto.secret import Secret
from linkage_core.errors import InputFault, Refused, Tampered
from linkage_core.schema import Clause, Name
from services.common.files import write_durably
from services.common.identity import Role, realm_of
from services.common.keystore import PublicIdentity


class Person(Clause):
    """One person: name, transport identity and the key that signs questions or approvals."""

    name: Name
    spiffe_id: str
    identity_key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Roster(Clause):
    """The analysts and approvers of one lineage."""

    format: Literal["symbolon-roster/1"] = "symbolon-roster/1"
    lineage: str
    analysts: tuple[Person, ...] = ()
    approvers: tuple[Person, ...] = ()

    def identity_key(self, name: str) -> bytes | None:
        """Return an analyst's Ed25519 public key (32 bytes), or None for somebody who is no analyst of the roster."""
        return next((bytes.fromhex(a.identity_key) for a in self.analysts if a.name == name), None)

    def approver_keys(self, agreement: VerifiedAgreement) -> dict[str, bytes]:
        """Ed25519 public keys (32 bytes) of those who may approve, by name; the agreement may limit them."""
        named = agreed_approvers(agreement)
        found = {person.name: bytes.fromhex(person.identity_key) for person in self.approvers}
        return {name: key for name, key in found.items() if not named or named.get(name) == key}

    def with_person(self, person: PublicIdentity, agreement: VerifiedAgreement) -> "Roster":
        """Return the roster with one analyst or approver more, as the person's keys say.

        Raises `Refused` for another role or realm, for a name or key that is taken (one key under two names would make
        two persons of one), and for an approver whom the agreement does not name while it names others.
        """
        named = agreed_approvers(agreement)
        if person.role is Role.APPROVER and named and named.get(person.name) != person.identity_key:
            raise Refused("budget.approvers", f"the agreement names approvers, and not {person.name} with this key")
        if person.role not in (Role.ANALYST, Role.APPROVER) or person.realm != realm_of(agreement):
            raise Refused("roster", f"{person.name} has no analyst's or approver's keys of this agreement and domain")
        added = Person(name=person.name, spiffe_id=person.spiffe_id, identity_key=person.identity_key.hex())
        if any(added.name == p.name or added.identity_key == p.identity_key for p in self.analysts + self.approvers):
            raise Refused("roster", f"{person.name} is on the roster already, under this name or with this key")
        part = "analysts" if person.role is Role.ANALYST else "approvers"
        return self.model_copy(update={part: (*getattr(self, part), added)})

    def without_person(self, name: str) -> "Roster":
        """Return the roster without one person; raises `InputFault` for somebody who is not on it."""
        if all(person.name != name for person in self.analysts + self.approvers):
            raise InputFault(f"the roster names no {name!r}")
        return Roster(
            lineage=self.lineage,
            analysts=tuple(person for person in self.analysts if person.name != name),
            approvers=tuple(person for person in self.approvers if person.name != name),
        )


def agreed_approvers(agreement: VerifiedAgreement) -> dict[str, bytes]:
    """Return the Ed25519 public keys (32 bytes) of the approvers whom an agreement names, by name; it may name none."""
    return {each.name: bytes.fromhex(each.identity_key) for each in agreement.document.budget.approvers}


class _SignedRoster(Clause):
    roster: Roster
    signature: str


def write_roster(path: Path, roster: Roster, key: Secret) -> None:
    """Sign a roster with the analysis service's identity key and write it durably."""
    content = roster.model_dump(mode="json")
    signature = signing.sign(key, info("roster", canonical_bytes(content))).hex()
    write_durably(path, canonical_bytes({"roster": content, "signature": signature}), mode=0o644)


def read_roster(path: Path, agreement: VerifiedAgreement) -> Roster:
    """Read a roster; raises `Tampered` unless the agreement's analysis service signed it for this lineage.

    Were it not signed, whoever can write one file could ask questions under any name.
    """
    try:
        signed = _SignedRoster.model_validate_json(path.read_bytes())
        signature = bytes.fromhex(signed.signature)
    except FileNotFoundError:
        raise InputFault(f"there is no roster {path.name}: make one with `symbolon analysis roster new`") from None
    except (ValidationError, ValueError):
        raise InputFault(f"{path.name} is not a signed roster") from None
    key = agreement.identity_key(agreement.document.analysis_service.name)
    signing.verify(key, info("roster", canonical_bytes(signed.roster.model_dump(mode="json"))), signature, "the roster")
    if signed.roster.lineage != agreement.document.lineage:
        raise Tampered("the roster belongs to another lineage")
    return signed.roster
