"""Ed25519 signatures over domain-separated statements: who says what to whom, in which context."""

from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from linkage_core.crypto.kdf import info
from linkage_core.crypto.secret import Secret
from linkage_core.errors import Tampered
from linkage_core.types import AgreementHash, Lineage, PartyName


@dataclass(frozen=True, slots=True)
class Context:
    """What a message is bound to; every part is signed and enters HPKE's `info`.

    `wave` is the empty string for messages that belong to no wave.
    """

    lineage: Lineage
    agreement: AgreementHash
    epoch: int
    wave: str = ""

    def parts(self) -> tuple[bytes, ...]:
        """The context as byte strings, in the order in which they are bound."""
        return (self.lineage, self.agreement, self.epoch.to_bytes(4, "big"), self.wave.encode())


@dataclass(frozen=True, slots=True)
class Statement:
    """A message of one type from one party to another: everything that its signature covers.

    `repr` hides the body: it may hold a key check or a question.
    """

    type: str
    sender: PartyName
    recipient: PartyName
    context: Context
    body: bytes = field(repr=False)

    def signed_bytes(self) -> bytes:
        """Return the byte string that is signed; no two different statements share one."""
        return info(
            f"statement/{self.type}", self.sender.encode(), self.recipient.encode(), *self.context.parts(), self.body
        )

    def seal_info(self) -> bytes:
        """Return HPKE's `info` for a seal inside this statement: type, sender, recipient and context."""
        return seal_info(self.type, self.sender, self.recipient, self.context)


def seal_info(type_: str, sender: PartyName, recipient: PartyName, context: Context) -> bytes:
    """Return HPKE's `info` of a message type between two parties in a context."""
    return info(f"seal/{type_}", sender.encode(), recipient.encode(), *context.parts())


def sign(key: Secret, message: bytes) -> bytes:
    """Sign with a 32-byte Ed25519 private key; 64 bytes come back. Source: RFC 8032."""
    return Ed25519PrivateKey.from_private_bytes(key.reveal()).sign(message)


def verify(public_key: bytes, message: bytes, signature: bytes, what: str) -> None:
    """Return if the signature fits; otherwise raise `Tampered` naming `what` was signed."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise Tampered(f"the signature of {what} does not fit its content and signer") from None


def public_of(key: Secret) -> bytes:
    """Return the 32-byte public half of an Ed25519 private key."""
    return Ed25519PrivateKey.from_private_bytes(key.reveal()).public_key().public_bytes_raw()
