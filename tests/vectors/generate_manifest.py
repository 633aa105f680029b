"""Writes manifest.json: an upload manifest (M3) as its sender signs it and as it travels.

The protobuf encoding is written out field by field from its wire format, the signed bytes from the protocol's text, so
that the file checks `services.wire` instead of repeating it. The file is signed with the published key of RFC 8032,
section 7.1, TEST 1. Run: python tests/vectors/generate_manifest.py
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FILE: Final = Path(__file__).with_name("manifest.json")
SIGNING_KEY: Final = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")

SENDER_KEY: Final = b"\x11" * 32
CHUNKS: Final = (b"first chunk", b"second chunk", b"third chunk")
CONTEXT: Final = {"lineage": bytes(range(16)), "agreement_hash": bytes(range(32)), "epoch": 3, "wave": "2026"}
MANIFEST: Final[dict[str, Any]] = {
    "row_count": 70_000,
    "chunk_count": len(CHUNKS),
    "root": hashlib.sha256(b"".join(hashlib.sha256(chunk).digest() for chunk in CHUNKS)).digest(),
    "key_check": b"\x22" * 16,
    "schema_hash": b"\x33" * 32,
    "standardisation_digest": b"\x44" * 32,
    "clks": [
        {"name": "names-year", "length_bits": 1024, "diffusion_t": 8, "fill_ppm": 291_000, "d_ppm": 2_190},
        {"name": "names-day", "length_bits": 2048, "diffusion_t": 10, "fill_ppm": 300_001, "d_ppm": 0},
    ],
}


def varint(value: int) -> bytes:
    """A number in groups of seven bits, lowest first."""
    groups = b""
    while value > 127:
        groups += bytes([value & 127 | 128])
        value >>= 7
    return groups + bytes([value])


def number(field: int, value: int) -> bytes:
    """An integer field; zero is not written."""
    return varint(field << 3) + varint(value) if value else b""


def text(field: int, value: bytes | str) -> bytes:
    """A bytes, string or message field; an empty one is not written."""
    content = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(content)) + content if content else b""


def body() -> bytes:
    """The UploadManifest in protobuf's wire format."""
    m = MANIFEST
    encoded = number(1, m["row_count"]) + number(2, m["chunk_count"]) + text(3, m["root"]) + text(4, m["key_check"])
    encoded += text(5, m["schema_hash"]) + text(6, m["standardisation_digest"])
    for clk in m["clks"]:
        inner = text(1, clk["name"]) + number(2, clk["length_bits"]) + number(3, clk["diffusion_t"])
        encoded += text(7, inner + number(4, clk["fill_ppm"]) + number(5, clk["d_ppm"]))
    return encoded


def vector() -> dict[str, Any]:
    """Compute the whole vector without its signature."""
    content = body()
    lineage, agreement, wave = CONTEXT["lineage"], CONTEXT["agreement_hash"], CONTEXT["wave"]
    assert isinstance(lineage, bytes)
    assert isinstance(agreement, bytes)
    assert isinstance(wave, str)
    parts = (b"tax", b"linkage", lineage, agreement, (3).to_bytes(4, "big"), wave.encode(), content)
    message = b"symbolon/v1/statement/UploadManifest"
    message += b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    signature = Ed25519PrivateKey.from_private_bytes(SENDER_KEY).sign(message)
    context = text(1, lineage) + text(2, agreement) + number(3, 3) + text(4, wave)
    wire = text(1, "UploadManifest") + text(2, "tax") + text(3, "linkage") + text(4, context) + text(5, content)
    return {
        "format": "symbolon-manifest-vector/1",
        "input": {
            "sender": "tax",
            "recipient": "linkage",
            "context": {name: _plain(value) for name, value in CONTEXT.items()},
            "manifest": {name: _plain(value) for name, value in MANIFEST.items()},
            "chunks": [chunk.hex() for chunk in CHUNKS],
            "sender_private_key": SENDER_KEY.hex(),
        },
        "expected": {
            "body": content.hex(),
            "signed_bytes": message.hex(),
            "statement_signature": signature.hex(),
            "wire": (wire + text(6, signature)).hex(),
        },
    }


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value


def signed_vector() -> dict[str, Any]:
    """Return the vector with its Ed25519 signature over the canonical JSON of the rest."""
    content = vector()
    signature = Ed25519PrivateKey.from_private_bytes(SIGNING_KEY).sign(rfc8785.dumps(content))
    return {**content, "signature": signature.hex()}


if __name__ == "__main__":
    FILE.write_text(json.dumps(signed_vector(), indent=2, ensure_ascii=True) + "\n", encoding="ascii")
