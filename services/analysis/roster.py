"""The roster: who may ask questions. Apart from the agreement, so that staff may change without new signatures of all.

The analysis service signs it; an analyst who is not on it has no identity here, whatever a certificate says.
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
from services.common.agreements import realm_of
from services.common.files import write_durably
from services.common.identity import Role
from services.common.keystore import PublicIdentity


class Analyst(Clause):
    """One analyst: name, transport identity and the key that signs questions."""

    name: Name
    spiffe_id: str
    identity_key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Roster(Clause):
    """The analysts of one lineage."""

    format: Literal["symbolon-roster/1"] = "symbolon-roster/1"
    lineage: str
    analysts: tuple[Analyst, ...] = ()

    def identity_key(self, name: str) -> bytes | None:
        """Return an analyst's Ed25519 public key (32 bytes), or None for somebody who is not on the roster."""
        return next((bytes.fromhex(a.identity_key) for a in self.analysts if a.name == name), None)

    def with_analyst(self, person: PublicIdentity, agreement: VerifiedAgreement) -> "Roster":
        """Return the roster with one analyst more; raises `Refused` for another role, realm or a name that is taken."""
        if person.role is not Role.ANALYST or person.realm != realm_of(agreement):
            raise Refused("roster", f"{person.name} has no analyst's keys of this agreement and trust domain")
        if self.identity_key(person.name) is not None:
            raise Refused("roster", f"{person.name} is on the roster already")
        analyst = Analyst(name=person.name, spiffe_id=person.spiffe_id, identity_key=person.identity_key.hex())
        return Roster(lineage=self.lineage, analysts=(*self.analysts, analyst))

    def without_analyst(self, name: str) -> "Roster":
        """Return the roster without one analyst; raises `InputFault` for somebody who is not on it."""
        if self.identity_key(name) is None:
            raise InputFault(f"the roster names no {name!r}")
        return Roster(lineage=self.lineage, analysts=tuple(a for a in self.analysts if a.name != name))


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
