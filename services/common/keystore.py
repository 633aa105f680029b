"""A party's own keys on disk: one folder, mode 0700, made by `symbolon keys new`.

party.json          public: name, role, SPIFFE id, identity key, wrap key (providers)
identity.key        Ed25519 private key, 32 bytes hexadecimal       (0600)
wrap.key            HPKE private key, providers only, hexadecimal   (0600)
transport.key       ECDSA P-256 private key, PEM                    (0600)
transport.csr       certificate request for the certificate authority
transport.crt       certificate, as the authority issued it
authority.crt       the certificate authority's certificate
"""

import hashlib
import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from linkage_core.crypto import hpke, signing
from linkage_core.crypto.secret import Secret
from linkage_core.types import PartyName
from services.common import certificates
from services.common.clock import RandomBytes
from services.common.errors import ConfigurationFault
from services.common.identity import Realm, Role, is_spiffe_id

IDENTITY_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class TransportIdentity:
    """What mTLS needs, as PEM: the own certificate, its private key, and the authority whose certificates count."""

    certificate: bytes
    private_key: bytes = field(repr=False)
    authority: bytes


def fingerprint(identity_key: bytes, wrap_key: bytes | None) -> str:
    """Return 128 bits of SHA-256 over a party's public keys, in groups of four digits to read aloud."""
    digest = hashlib.sha256(identity_key + (wrap_key or b"")).hexdigest()[:32]
    return " ".join(digest[i : i + 4] for i in range(0, len(digest), 4))


@dataclass(frozen=True, slots=True)
class PublicIdentity:
    """The public half of a party's keys: what goes into an agreement or a roster."""

    name: PartyName
    role: Role
    realm: Realm
    identity_key: bytes
    wrap_key: bytes | None

    @property
    def spiffe_id(self) -> str:
        """The transport identity."""
        return self.realm.spiffe_id(self.role, self.name)

    @property
    def fingerprint(self) -> str:
        """What parties compare by telephone: see `fingerprint`."""
        return fingerprint(self.identity_key, self.wrap_key)

    def to_json(self) -> dict[str, str]:
        """Return the content of `party.json`."""
        content = {
            "name": self.name,
            "role": str(self.role),
            "trust_domain": self.realm.trust_domain,
            "agreement": self.realm.agreement,
            "spiffe_id": self.spiffe_id,
            "identity_key": self.identity_key.hex(),
        }
        return content if self.wrap_key is None else {**content, "wrap_key": self.wrap_key.hex()}


@dataclass(frozen=True, slots=True)
class PartyKeys:
    """A party's keys, loaded: private halves are `Secret`s."""

    public: PublicIdentity
    identity: Secret
    wrap: Secret | None
    transport: TransportIdentity

    @property
    def name(self) -> PartyName:
        """The party's name."""
        return self.public.name

    @property
    def role(self) -> Role:
        """The party's role."""
        return self.public.role


def create_party_keys(directory: Path, realm: Realm, role: Role, name: str, random: RandomBytes) -> PublicIdentity:
    """Make a party's keys and certificate request in a folder that has none; returns the public half."""
    if any((directory / file).exists() for file in ("party.json", "identity.key", "wrap.key", "transport.key")):
        raise ConfigurationFault(f"{directory} already holds keys; keys are never overwritten")
    if not is_spiffe_id(realm.spiffe_id(role, name)):
        raise ConfigurationFault(
            "names of parties and agreements have lower-case letters, digits, _ and - only, and trust domains are "
            f"DNS names in lower case; these make no identity: {realm.spiffe_id(role, name)}"
        )
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    identity = Secret(random(IDENTITY_KEY_BYTES))
    wrap = hpke.generate() if role is Role.PROVIDER else None
    public = PublicIdentity(
        PartyName(name), role, realm, signing.public_of(identity), hpke.public_of(wrap) if wrap else None
    )
    private_key, request = certificates.request_certificate(public.spiffe_id, realm.server_name(role, name))
    write_private(directory / "identity.key", identity.reveal().hex().encode())
    if wrap is not None:
        write_private(directory / "wrap.key", wrap.reveal().hex().encode())
    write_private(directory / "transport.key", private_key)
    (directory / "transport.csr").write_bytes(request)
    (directory / "party.json").write_text(json.dumps(public.to_json(), indent=2) + "\n")
    return public


def load_public_identity(path: Path) -> PublicIdentity:
    """Read a `party.json` (or the folder that holds it)."""
    file = path / "party.json" if path.is_dir() else path
    try:
        content = json.loads(file.read_text())
        wrap = content.get("wrap_key")
        return PublicIdentity(
            PartyName(content["name"]),
            Role(content["role"]),
            Realm(content["trust_domain"], content["agreement"]),
            bytes.fromhex(content["identity_key"]),
            bytes.fromhex(wrap) if wrap else None,
        )
    except FileNotFoundError:
        raise ConfigurationFault(f"{file} is missing: make keys with `symbolon keys new`") from None
    except (KeyError, ValueError, TypeError, AttributeError):
        raise ConfigurationFault(f"{file} is not a party's public identity") from None


def load_party_keys(directory: Path) -> PartyKeys:
    """Load a party's keys; raises one `ConfigurationFault` for everything that is missing or too open."""
    public = load_public_identity(directory)
    private = ["identity.key", "transport.key", *(["wrap.key"] if public.role is Role.PROVIDER else [])]
    faults = []
    for name in (*private, "transport.crt", "authority.crt"):
        file = directory / name
        if not file.exists():
            faults.append(f"{name} is missing")
        elif name in private and stat.S_IMODE(file.stat().st_mode) & 0o077:
            faults.append(f"{name} can be read by others: chmod 600")
    if faults:
        raise ConfigurationFault(f"the key folder {directory} cannot be used", tuple(faults))
    identity = _read_key(directory / "identity.key")
    wrap = _read_key(directory / "wrap.key") if public.role is Role.PROVIDER else None
    if len(identity) != IDENTITY_KEY_BYTES or signing.public_of(identity) != public.identity_key:
        faults.append("identity.key is not the key that party.json names")
    if wrap is not None and (len(wrap) != hpke.PRIVATE_KEY_BYTES or hpke.public_of(wrap) != public.wrap_key):
        faults.append("wrap.key is not the key that party.json names")
    transport = TransportIdentity(
        certificate=(directory / "transport.crt").read_bytes(),
        private_key=(directory / "transport.key").read_bytes(),
        authority=(directory / "authority.crt").read_bytes(),
    )
    faults += certificates.certificate_faults(transport.certificate, transport.private_key, transport.authority)
    if faults:
        raise ConfigurationFault(f"the key folder {directory} cannot be used", tuple(faults))
    return PartyKeys(public, identity, wrap, transport)


def load_signing_keys(directory: Path) -> tuple[PublicIdentity, Secret]:
    """Load the identity key alone, for somebody who signs documents and calls nobody: no certificate is needed.

    Raises one `ConfigurationFault` for a key that is missing, too open or not the one that party.json names.
    """
    public, file = load_public_identity(directory), directory / "identity.key"
    if not file.exists():
        fault = "identity.key is missing"
    elif stat.S_IMODE(file.stat().st_mode) & 0o077:
        fault = "identity.key can be read by others: chmod 600"
    else:
        identity = _read_key(file)
        if len(identity) == IDENTITY_KEY_BYTES and signing.public_of(identity) == public.identity_key:
            return public, identity
        fault = "identity.key is not the key that party.json names"
    raise ConfigurationFault(f"the key folder {directory} cannot be used", (fault,))


def _read_key(path: Path) -> Secret:
    """The key in a file, or an empty one if the file holds none: what is wrong is never shown."""
    try:
        return Secret(bytes.fromhex(path.read_text()))
    except ValueError:
        return Secret(b"")


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, durably, never replacing one that exists."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
