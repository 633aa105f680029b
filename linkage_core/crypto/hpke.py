"""Sealing for one recipient: HPKE (RFC 9180), base mode, single shot, hybrid post-quantum.

Suite: MLKEM768-X25519 / HKDF-SHA256 / AES-256-GCM. A sealed value is 1,136 bytes longer than its content.
Keys travel as their components: private 96 bytes (ML-KEM-768 seed 64, X25519 32), public 1,216 bytes
(ML-KEM-768 1,184, X25519 32).
"""

from typing import Final

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from linkage_core.crypto.secret import Secret
from linkage_core.errors import Tampered, Unfit

_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_SEED_BYTES: Final = 64
_MLKEM_PUBLIC_BYTES: Final = 1184
PRIVATE_KEY_BYTES: Final = 96
PUBLIC_KEY_BYTES: Final = 1216
SEAL_OVERHEAD_BYTES: Final = 1136


def generate() -> Secret:
    """Make a fresh private key from the operating system's randomness."""
    return Secret(MLKEM768PrivateKey.generate().private_bytes_raw() + X25519PrivateKey.generate().private_bytes_raw())


def public_of(private_key: Secret) -> bytes:
    """Return the 1,216-byte public half of a private key."""
    mlkem, x25519 = _components(private_key)
    return mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()


def seal(public_key: bytes, plaintext: bytes, info: bytes) -> bytes:
    """Seal `plaintext` so that only the holder of the private key, naming the same `info`, can open it.

    Raises `Tampered` for a public key that is not one.
    """
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise Tampered(f"a sealing key has {PUBLIC_KEY_BYTES} bytes, got {len(public_key)}")
    try:
        key = MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(public_key[:_MLKEM_PUBLIC_BYTES]),
            X25519PublicKey.from_public_bytes(public_key[_MLKEM_PUBLIC_BYTES:]),
        )
        return _SUITE.encrypt(plaintext, key, info)
    except ValueError:
        raise Tampered("the sealing key is not a valid ML-KEM-768/X25519 key") from None


def open_sealed(private_key: Secret, sealed: bytes, info: bytes) -> bytes:
    """Open a sealed value; raises `Tampered` if it was changed, meant for another key, or bound to another `info`."""
    try:
        return _SUITE.decrypt(sealed, MLKEM768X25519PrivateKey(*_components(private_key)), info)
    except (InvalidTag, ValueError):
        raise Tampered("a sealed value does not open: it was changed, or sealed for another key or context") from None


def assert_supported() -> None:
    """Raise `Unfit` unless this installation's cryptography can seal and open with the suite."""
    try:
        key = generate()
        works = open_sealed(key, seal(public_of(key), b"probe", b"probe"), b"probe") == b"probe"
    except UnsupportedAlgorithm:
        works = False
    if not works:
        raise Unfit("this build of `cryptography` has no ML-KEM-768/X25519 HPKE: install cryptography >= 50")


def _components(private_key: Secret) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    raw = private_key.reveal()
    if len(raw) != PRIVATE_KEY_BYTES:
        raise Tampered(f"an opening key has {PRIVATE_KEY_BYTES} bytes, got {len(raw)}")
    return MLKEM768PrivateKey.from_seed_bytes(raw[:_SEED_BYTES]), X25519PrivateKey.from_private_bytes(raw[_SEED_BYTES:])
