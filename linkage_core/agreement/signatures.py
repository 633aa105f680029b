"""An agreement with its signatures: every party signs the same hash, or it is no agreement."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, ValidationError

from linkage_core.agreement.canonical import canonical_bytes
from linkage_core.agreement.document import Agreement
from linkage_core.crypto import signing
from linkage_core.crypto.kdf import info
from linkage_core.crypto.secret import Secret
from linkage_core.crypto.signing import Context
from linkage_core.errors import InputFault, Refused, Tampered
from linkage_core.schema import Clause
from linkage_core.types import AgreementHash, PartyName

SignatureHex = Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]


class SignedAgreement(Clause):
    """The file that parties pass around: the agreement and, by party name, Ed25519 signatures in hexadecimal."""

    agreement: Agreement
    signatures: dict[str, SignatureHex] = Field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the canonical JSON of the file."""
        return canonical_bytes(self.model_dump(mode="json"))

    def signed_by(self, party: PartyName, key: Secret) -> "SignedAgreement":
        """Return the file with one signature more (or renewed); refuses a key that is not the party's."""
        pinned = self.agreement.party(party).identity_key
        if signing.public_of(key).hex() != pinned:
            raise Refused(f"parties.{party}.identity_key", "the signing key is not the one that the agreement names")
        signature = signing.sign(key, signed_bytes(self.agreement)).hex()
        return SignedAgreement(agreement=self.agreement, signatures={**self.signatures, party: signature})


@dataclass(frozen=True, slots=True)
class VerifiedAgreement:
    """An agreement that every party has signed. Made by `verify_agreement` only."""

    document: Agreement
    hash: AgreementHash
    file: bytes

    def context(self, wave: str = "") -> Context:
        """Return what messages under this agreement are bound to."""
        return Context(self.document.lineage_bytes, self.hash, self.document.epoch, wave)

    def identity_key(self, party: PartyName | str) -> bytes:
        """Return the Ed25519 public key (32 bytes) of a party."""
        return bytes.fromhex(self.document.party(party).identity_key)


def signed_bytes(agreement: Agreement) -> bytes:
    """Return the byte string that each party signs."""
    return info("agreement", agreement.hash)


def parse_signed(file: bytes) -> SignedAgreement:
    """Read a signed agreement without judging its signatures; one `InputFault` lists every fault."""
    try:
        return SignedAgreement.model_validate_json(file)
    except ValidationError as error:
        faults = tuple(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise InputFault("the agreement file is not well formed", faults) from None


def verify_agreement(file: bytes) -> VerifiedAgreement:
    """Return the agreement if every party's signature is there and fits.

    Raises `Refused` with clause `signatures.<party>` for missing, foreign or unfitting signatures (the first one's
    clause; the message tells all), and `InputFault`
    for a file in another spelling than the canonical one: two readers could understand it differently, e.g. a key that
    stands there twice.
    """
    signed = parse_signed(file)
    if signed.to_bytes() != file:
        raise InputFault("the agreement file was changed: it is not in the canonical form that `sign` writes")
    agreement = signed.agreement
    wrong = _unfitting(signed)
    if wrong:
        (first, reason), *others = wrong.items()
        also = "".join(f"; {name}: {why}" for name, why in others)
        raise Refused(f"signatures.{first}", reason + also)
    return VerifiedAgreement(agreement, agreement.hash, file)


def _unfitting(signed: SignedAgreement) -> dict[str, str]:
    """Return what is wrong with whose signature, parties first in the agreement's order."""
    message = signed_bytes(signed.agreement)
    wrong = {}
    for party in signed.agreement.parties:
        signature = signed.signatures.get(party.name)
        if signature is None:
            wrong[party.name] = "not signed"
            continue
        try:
            signing.verify(bytes.fromhex(party.identity_key), message, bytes.fromhex(signature), "the agreement")
        except (Tampered, ValueError):
            wrong[party.name] = "the signature does not fit this document"
    strangers = sorted(set(signed.signatures) - {party.name for party in signed.agreement.parties})
    return wrong | dict.fromkeys(strangers, "signed by someone who is no party")
