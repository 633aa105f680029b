"""Keys derived by label: HKDF-SHA256 with the protocol's unambiguous `info`.

`info` = `symbolon/v1/<label>`, then each context part as a 4-byte big-endian length and its bytes, so that no two
different lists of parts give the same string. Source: RFC 5869; `protos/README.md`, section Keys.
"""

import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from linkage_core.crypto.secret import Secret
from linkage_core.types import IDENTIFIER_BYTES

KEY_BYTES: Final = 32

_BLOCK_BYTES: Final = 64
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))


def info(label: str, *context: bytes) -> bytes:
    """Return the HKDF `info` of a label and its context parts; no two different lists of them share one.

    Raises `ValueError` for a label that is not printable ASCII: since a part's length begins with an unprintable byte
    (parts are far below 512 MiB), no label can be taken for a shorter one followed by parts.
    """
    if not (label.isascii() and label.isprintable()):
        raise ValueError("a key label must be printable ASCII")
    parts = [f"symbolon/v1/{label}".encode("ascii")]
    for part in context:
        parts.append(len(part).to_bytes(4, "big") + part)
    return b"".join(parts)


def extract(salt: bytes, material: Secret) -> Secret:
    """HKDF-Extract: concentrate key material into one 32-byte pseudorandom key."""
    return Secret(HKDF.extract(SHA256(), salt, material.reveal()))


def expand(key: Secret, label: str, *context: bytes, length: int = KEY_BYTES) -> Secret:
    """HKDF-Expand: derive `length` bytes for one label and context from a uniformly random key."""
    return Secret(HKDFExpand(SHA256(), length, info(label, *context)).derive(key.reveal()))


def keyed_image(key: Secret, message: bytes) -> bytes:
    """HMAC-SHA256 truncated to 16 bytes: the protocol's form of handles, match keys, pseudonyms and key checks."""
    return hmac.digest(key.reveal(), message, "sha256")[:IDENTIFIER_BYTES]


def keyed_images(key: Secret, messages: Iterable[bytes]) -> bytes:
    """Return the keyed images of many messages, one after the other: `keyed_image` of each, at half its cost.

    The key's two blocks (RFC 2104) are digested once. Raises `ValueError` for a key of more than 64 bytes.
    """
    if len(key) > _BLOCK_BYTES:
        raise ValueError(f"a key of {len(key)} bytes does not fit a block of SHA-256")
    block = key.reveal().ljust(_BLOCK_BYTES, b"\0")
    inner, outer = sha256(block.translate(_INNER)).copy, sha256(block.translate(_OUTER)).copy
    images = bytearray()
    for message in messages:
        digest, image = inner(), outer()
        digest.update(message)
        image.update(digest.digest())
        images += image.digest()[:IDENTIFIER_BYTES]
    return bytes(images)
