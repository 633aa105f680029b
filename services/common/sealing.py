"""Encryption at rest: data keys under a key-encryption key, and what they seal.

One random 256-bit data key per artefact (an agreement's wave and table); its wrap lies in a folder that backups leave
out. Destroying the wrap destroys the artefact, as far as no copy of wrap and key-encryption key exists elsewhere.
Production wraps with a KMS or Vault behind the same protocol; the file is the embedded form.
"""

import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from linkage_core.crypto.kdf import info
from linkage_core.crypto.secret import Secret
from linkage_core.errors import Tampered
from services.common.clock import RandomBytes
from services.common.errors import ConfigurationFault
from services.common.files import create_durably, destroy_durably, flush_folder, write_durably
from services.common.keystore import write_private

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_SAFE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,200}")


class KeyEncryptionKey(Protocol):
    """Wraps and unwraps data keys; `context` names what a key is for and must be the same both times."""

    def wrap(self, key: Secret, context: str) -> bytes:
        """Return the wrapped form of a data key."""

    def unwrap(self, wrapped: bytes, context: str) -> Secret:
        """Return the data key; raises `Tampered` if the wrap or its context was changed."""


@dataclass(frozen=True, slots=True)
class FileKeyEncryptionKey:
    """A key-encryption key in a file of mode 0600."""

    _key: Secret = field(repr=False)
    _random: RandomBytes = field(repr=False)

    @classmethod
    def load_or_create(cls, path: Path, random: RandomBytes) -> "FileKeyEncryptionKey":
        """Load the key, or make it on first use; refuses a file that others can read."""
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_private(path, random(KEY_BYTES).hex().encode())
        return cls.load(path, random)

    @classmethod
    def load(cls, path: Path, random: RandomBytes) -> "FileKeyEncryptionKey":
        """Load a key that must be there; refuses a file that others can read."""
        if not path.exists():
            raise ConfigurationFault(f"the key-encryption key {path} is missing: mount it where its service has it")
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigurationFault(f"the key-encryption key {path} can be read by others: chmod 600")
        return cls(Secret(bytes.fromhex(path.read_text())), random)

    def wrap(self, key: Secret, context: str) -> bytes:
        """Return the wrapped form of a data key."""
        return seal_bytes(self._key, key.reveal(), info("wrap", context.encode()), self._random)

    def unwrap(self, wrapped: bytes, context: str) -> Secret:
        """Return the data key; raises `Tampered` if the wrap or its context was changed."""
        return Secret(open_bytes(self._key, wrapped, info("wrap", context.encode())))


class DataKeys:
    """The data keys of one service, by name, as wraps in a folder of their own."""

    def __init__(self, kek: KeyEncryptionKey, wraps: Path, random: RandomBytes) -> None:
        self._kek = kek
        self._wraps = wraps
        self._random = random
        wraps.mkdir(parents=True, exist_ok=True, mode=0o700)

    def open_or_create(self, name: str) -> Secret:
        """Return the data key of that name, made and wrapped on first use, and on disk before this returns.

        However many threads and processes ask at once, one key is made, and all get that one: what was sealed under a
        key whose wrap another one replaced would never open again.
        """
        path = self._path(name)
        if path.exists():
            flush_folder(self._wraps)  # whoever made it may be about to
        else:
            create_durably(path, self._kek.wrap(Secret(self._random(KEY_BYTES)), name))
        return self.open(name)

    def keep(self, name: str, secret: Secret) -> None:
        """Keep a secret of any length under a name (a private key, a share), replacing an earlier one."""
        write_durably(self._path(name), self._kek.wrap(secret, name))

    def open(self, name: str) -> Secret:
        """Return the key of that name; raises `Tampered` if there is none: it was destroyed, or never made."""
        path = self._path(name)
        if not path.exists():
            raise Tampered(f"there is no data key {name}: what it sealed is destroyed")
        return self._kek.unwrap(path.read_bytes(), name)

    def has(self, name: str) -> bool:
        """Tell whether there is a key of that name."""
        return self._path(name).exists()

    def destroy(self, name: str) -> None:
        """Remove the wrap of a key, and with it everything that the key sealed. Nothing happens if it is gone.

        On disk before this returns: a store that then notes the destruction never looks at the wrap again.
        """
        path = self._path(name)
        if path.exists():
            destroy_durably(path, self._random(path.stat().st_size))

    def _path(self, name: str) -> Path:
        if not _SAFE_NAME.fullmatch(name):
            raise ValueError(f"a data key's name has lower-case letters, digits, dots and dashes only: {name!r}")
        return self._wraps / f"{name}.wrap"


def seal_bytes(key: Secret, plaintext: bytes, associated: bytes, random: RandomBytes) -> bytes:
    """Seal with AES-256-GCM under a random nonce, which comes first."""
    nonce = random(_NONCE_BYTES)
    return nonce + AESGCM(key.reveal()).encrypt(nonce, plaintext, associated)


def open_bytes(key: Secret, sealed: bytes, associated: bytes) -> bytes:
    """Open what `seal_bytes` made; raises `Tampered` if it, its key or its associated data differ."""
    try:
        return AESGCM(key.reveal()).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], associated)
    except (InvalidTag, ValueError):
        raise Tampered("a sealed value at rest does not open: it was changed, moved, or its key is another") from None


class SealedFolder:
    """Files sealed under one data key; a file's name is bound to its content."""

    def __init__(self, folder: Path, key: Secret, random: RandomBytes) -> None:
        self._folder = folder
        self._key = key
        self._random = random
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def write(self, name: str, plaintext: bytes) -> None:
        """Seal and write a file durably, replacing one of that name."""
        write_durably(self._folder / name, seal_bytes(self._key, plaintext, info("file", name.encode()), self._random))

    def read(self, name: str) -> bytes:
        """Read and open a file; raises `Tampered` if it was changed or renamed."""
        return open_bytes(self._key, (self._folder / name).read_bytes(), info("file", name.encode()))
