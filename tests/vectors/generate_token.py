"""Writes token.json: from group ids over pseudonyms to sealed tokens and synthetic keys.

It computes everything from the protocol's text with the standard library and `cryptography`'s AES and AES-GCM-SIV
alone, so that it checks `linkage_core.tokens` and `linkage_core.pseudonyms` instead of repeating them. The file is
signed with the published key of RFC 8032, section 7.1, TEST 1. Run: python tests/vectors/generate_token.py
"""

import hmac
import json
from pathlib import Path
from typing import Any, Final

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

FILE: Final = Path(__file__).with_name("token.json")
SIGNING_KEY: Final = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")

LINEAGE: Final = bytes(range(16))
AGREEMENT: Final = bytes(range(32))
EPOCH: Final = 1
WAVE: Final = "2026"
PROJECT: Final = "migration"
PROVIDER: Final = "tax"
BATCH_ID: Final = b"\x55" * 16
BATCH_KEY: Final = b"\x66" * 32
LINKAGE_MASTER: Final = b"\x77" * 32
ANALYSIS_MASTER: Final = b"\x88" * 32
LINKAGE_LABEL: Final = "linkage-unit"
ANALYSIS_LABEL: Final = "analysis-service"
VERSION: Final = 1
GROUPS: Final = (b"\x01" * 16, bytes(range(16)), b"\x01" * 16)
QUALITY: Final = (3, 0, 1)


def info(label: str, *context: bytes) -> bytes:
    """The protocol's HKDF info: label, then each part with its 4-byte length."""
    return f"symbolon/v1/{label}".encode() + b"".join(len(part).to_bytes(4, "big") + part for part in context)


def expand(key: bytes, label: str, *context: bytes) -> bytes:
    """HKDF-Expand with SHA-256 (RFC 5869, section 2.3) for 32 bytes: one block."""
    return hmac.digest(key, info(label, *context) + b"\x01", "sha256")


def block(key: bytes, value: bytes) -> bytes:
    """One block of AES-256: the first of CBC over a zero vector."""
    return Cipher(AES(key), CBC(bytes(16))).encryptor().update(value)


def vector() -> dict[str, Any]:
    """Compute the whole vector without its signature."""
    k_lu = expand(LINKAGE_MASTER, LINKAGE_LABEL, LINEAGE, PROJECT.encode())
    k_as = expand(ANALYSIS_MASTER, ANALYSIS_LABEL, LINEAGE, PROJECT.encode())
    pseudonyms = [hmac.digest(expand(k_lu, "group-prf"), group, "sha256")[:16] for group in GROUPS]
    permutation = expand(k_as, "synthetic-key", VERSION.to_bytes(4, "big"))
    context = (LINEAGE, AGREEMENT, EPOCH.to_bytes(4, "big"), WAVE.encode())
    associated = info("token", *context, PROJECT.encode(), PROVIDER.encode(), BATCH_ID)
    tokens = []
    for row, (quality, pseudonym) in enumerate(zip(QUALITY, pseudonyms, strict=True)):
        nonce = row.to_bytes(12, "big")
        content = bytes([1, 0, quality]) + pseudonym
        tokens.append(nonce + AESGCMSIV(BATCH_KEY).encrypt(nonce, content, associated))
    return {
        "format": "symbolon-token-vector/1",
        "input": {
            "lineage": LINEAGE.hex(),
            "agreement_hash": AGREEMENT.hex(),
            "epoch": EPOCH,
            "wave": WAVE,
            "project": PROJECT,
            "provider": PROVIDER,
            "batch_id": BATCH_ID.hex(),
            "batch_key": BATCH_KEY.hex(),
            "linkage_unit_master_key": LINKAGE_MASTER.hex(),
            "analysis_service_master_key": ANALYSIS_MASTER.hex(),
            "linkage_unit_label": LINKAGE_LABEL,
            "analysis_service_label": ANALYSIS_LABEL,
            "synthetic_key_version": VERSION,
            "groups": [group.hex() for group in GROUPS],
            "quality": list(QUALITY),
        },
        "expected": {
            "k_lu": k_lu.hex(),
            "k_as": k_as.hex(),
            "pseudonyms": [pseudonym.hex() for pseudonym in pseudonyms],
            "associated_data": associated.hex(),
            "tokens": [token.hex() for token in tokens],
            "synthetic_keys": [block(permutation, pseudonym).hex() for pseudonym in pseudonyms],
        },
    }


def signed_vector() -> dict[str, Any]:
    """Return the vector with its Ed25519 signature over the canonical JSON of the rest."""
    content = vector()
    signature = Ed25519PrivateKey.from_private_bytes(SIGNING_KEY).sign(rfc8785.dumps(content))
    return {**content, "signature": signature.hex()}


if __name__ == "__main__":
    FILE.write_text(json.dumps(signed_vector(), indent=2, ensure_ascii=True) + "\n", encoding="ascii")
