"""Sealed tokens: what a provider carries from the linkage unit to the analysis service without being able to read it.

token = nonce (12) | AES-256-GCM-SIV(batch key, nonce, version 1 | flags 1 | quality class 1 | pseudonym y 16) | tag 16,
so every token has `TOKEN_BYTES` = 47 bytes, linked or not. The nonce is a counter over a fresh shuffle of the file: it
tells nothing about order, and GCM-SIV (RFC 8452) forgives a repeated one. If tokens had two sizes, or an unlinked row
none, a provider would learn from its own batch which of its people other agencies know.
"""

from typing import Final

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from numpy.typing import NDArray

from linkage_core.crypto.kdf import info
from linkage_core.crypto.secret import Secret
from linkage_core.crypto.signing import Context
from linkage_core.errors import InputFault, Tampered
from linkage_core.types import IDENTIFIER_BYTES, PartyName

VERSION: Final = 1
FLAGS: Final = 0
QUALITY_CLASSES: Final = 4
"""Quality classes are 0 (not linked) to 3; a token has room for no more."""

_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_CONTENT_BYTES: Final = 3 + IDENTIFIER_BYTES
TOKEN_BYTES: Final = _NONCE_BYTES + _CONTENT_BYTES + _TAG_BYTES
BATCH_KEY_BYTES: Final = 32


def associated_data(context: Context, project: str, provider: PartyName, batch_id: bytes) -> bytes:
    """Return what every token of a batch is bound to: in another batch, wave or provider it does not open."""
    return info("token", *context.parts(), project.encode(), provider.encode(), batch_id)


def seal_tokens(
    batch_key: Secret, quality: NDArray[np.uint8], pseudonyms: NDArray[np.uint8], associated: bytes
) -> bytes:
    """Seal one token a row, in the order given, which must be a fresh random one.

    `quality` is uint8 (n,) below `QUALITY_CLASSES`, `pseudonyms` uint8 (n, 16); n × `TOKEN_BYTES` bytes come back.
    A batch key must never seal a second batch. Raises `InputFault` for other shapes and types: tokens of two sizes
    would tell a provider which of its rows are linked.
    """
    if quality.dtype != np.uint8 or pseudonyms.dtype != np.uint8:
        raise InputFault("quality classes and pseudonyms must be uint8")
    if pseudonyms.shape != (len(quality), IDENTIFIER_BYTES):
        raise InputFault(f"{len(quality)} quality classes and pseudonyms of shape {pseudonyms.shape} do not fit")
    if len(quality) and int(quality.max()) >= QUALITY_CLASSES:
        raise InputFault(f"a token holds {QUALITY_CLASSES} quality classes")
    cipher = AESGCMSIV(batch_key.reveal())
    head = bytes((VERSION, FLAGS))
    tokens = bytearray()
    for row in range(len(quality)):
        nonce = row.to_bytes(_NONCE_BYTES, "big")
        tokens += nonce
        tokens += cipher.encrypt(nonce, head + quality[row].tobytes() + pseudonyms[row].tobytes(), associated)
    return bytes(tokens)


def open_tokens(batch_key: Secret, tokens: bytes, associated: bytes) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Open concatenated tokens into quality classes uint8 (n,) and pseudonyms uint8 (n, 16).

    Raises `Tampered` if any token was changed, or sealed for another batch, provider, wave or agreement.
    """
    if len(tokens) % TOKEN_BYTES:
        raise Tampered(f"tokens do not have {TOKEN_BYTES} bytes each")
    cipher = AESGCMSIV(batch_key.reveal())
    contents = bytearray()
    for start in range(0, len(tokens), TOKEN_BYTES):
        nonce = tokens[start : start + _NONCE_BYTES]
        try:
            contents += cipher.decrypt(nonce, tokens[start + _NONCE_BYTES : start + TOKEN_BYTES], associated)
        except InvalidTag:
            raise Tampered("a token does not open: it was changed, or belongs to another batch") from None
    rows = np.frombuffer(bytes(contents), dtype=np.uint8).reshape(-1, _CONTENT_BYTES)
    if (rows[:, 0] != VERSION).any() or (rows[:, 1] != FLAGS).any() or (rows[:, 2] >= QUALITY_CLASSES).any():
        raise Tampered("a token opens to a content that this version does not know")
    return rows[:, 2].copy(), rows[:, 3:].copy()
