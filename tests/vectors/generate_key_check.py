"""Writes key_check.json: linkage secret, key check, canary digest, handle, match key and a CLK with diffusion.

It computes everything from the protocol's text with the standard library and clkhash alone, so that it checks
`linkage_core.encoding` instead of repeating it; only the canary's standardised values are taken from the rules. The
file is signed with the published key of RFC 8032, section 7.1, TEST 1. Run: python tests/vectors/generate_key_check.py
"""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any, Final

import rfc8785
from clkhash.clk import generate_clks
from clkhash.schema import from_json_dict
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from linkage_core.default_schema import people_schema
from linkage_core.standardise.canary import canary_records, standardised_canary

FILE: Final = Path(__file__).with_name("key_check.json")
SIGNING_KEY: Final = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")

LINEAGE: Final = bytes(range(16))
EPOCH: Final = 1
SHARES: Final = {"border": b"\x01" * 32, "register": b"\x02" * 32, "tax": b"\x03" * 32}
AGREEMENT: Final = bytes(range(32))
HANDLE_KEY: Final = b"\x04" * 32
LOCAL_ID: Final = "0000123"


def info(label: str, *context: bytes) -> bytes:
    """The protocol's HKDF info: label, then each part with its 4-byte length."""
    return f"symbolon/v1/{label}".encode() + b"".join(len(part).to_bytes(4, "big") + part for part in context)


def expand(key: bytes, label: str, length: int = 32) -> bytes:
    """HKDF-Expand with SHA-256 (RFC 5869, section 2.3), written out."""
    output, block = b"", b""
    while len(output) < length:
        block = hmac.digest(key, block + info(label) + bytes([len(output) // 32 + 1]), "sha256")
        output += block
    return output[:length]


def keyed_image(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256, truncated to 16 bytes."""
    return hmac.digest(key, message, "sha256")[:16]


def prefixed(*values: bytes) -> bytes:
    """Each value with its 4-byte big-endian length."""
    return b"".join(len(value).to_bytes(4, "big") + value for value in values)


def diffused(bits: str, key: bytes, t: int) -> str:
    """XOR diffusion over a string of 0 and 1, from the words of the protocol."""
    length = len(bits)
    stream = hashlib.shake_256(key).digest(8 * length * t)
    numbers = (int.from_bytes(stream[at : at + 2], "big") for at in range(0, len(stream), 2))
    output = ""
    for _ in range(length):
        chosen: list[int] = []
        while len(chosen) < t:
            number = next(numbers)
            if number < 65536 - 65536 % length and number % length not in chosen:
                chosen.append(number % length)
        output += str(sum(bits[index] == "1" for index in chosen) % 2)
    return output


def packed(bits: str) -> bytes:
    """Bits as bytes, most significant bit first, zeros at the end."""
    return bytes(int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8))


def vector() -> dict[str, Any]:
    """Compute the whole vector without its signature."""
    schema = people_schema()
    schema_json = schema.model_dump(mode="json")
    schema_hash = hashlib.sha256(rfc8785.dumps(schema_json)).digest()
    members = info("members", *(name.encode() for name in sorted(SHARES)))
    context = info("linkage-secret", LINEAGE, EPOCH.to_bytes(4, "big"), members, schema_hash)
    salt = hashlib.sha256(context).digest()
    secret = hmac.digest(salt, b"".join(SHARES[name] for name in sorted(SHARES)), "sha256")

    records = canary_records(schema)
    sources = {variable.name: variable.of for variable in schema.variables}
    parts = [json.dumps(standardised_canary(), sort_keys=True).encode()]
    first_clk = ""
    for clk in schema.clks:
        rows = list(zip(*(records.values[feature] for feature in clk.features), strict=True))
        plain = generate_clks(
            rows, from_json_dict(clk.clkhash), expand(secret, f"clk/{clk.name}", 64), validate=False, max_workers=1
        )
        of = {source for feature in clk.features for source in sources[feature]}
        present = [sum(bool(records.present[source][row]) for source in of) >= 2 for row in range(records.rows)]
        key = expand(secret, f"diffusion/{clk.name}")
        codes = [
            packed(diffused(bits.to01() if there else "0" * clk.length_bits, key, clk.diffusion_t))
            for bits, there in zip(plain, present, strict=True)
        ]
        first_clk = first_clk or codes[0].hex()
        parts += [clk.name.encode(), packed("".join("01"[there] for there in present)), b"".join(codes)]
    match_key = ""
    for spec in schema.match_keys:
        key = expand(secret, f"match-key/{spec.name}")
        there = [
            bool(records.present["given_name"][r] and records.present["family_name"][r]) for r in range(records.rows)
        ]
        there = [has and bool(records.complete["birth_date"][r]) for r, has in enumerate(there)]
        images = [
            keyed_image(key, prefixed(*(records.values[name][row].encode() for name in spec.variables)))
            if there[row]
            else bytes(16)
            for row in range(records.rows)
        ]
        match_key = match_key or images[0].hex()
        parts += [spec.name.encode(), packed("".join("01"[has] for has in there)), b"".join(images)]
    return {
        "format": "symbolon-key-check-vector/1",
        "input": {
            "lineage": LINEAGE.hex(),
            "epoch": EPOCH,
            "shares": {name: share.hex() for name, share in SHARES.items()},
            "agreement_hash": AGREEMENT.hex(),
            "schema": schema_json,
            "handle_key": HANDLE_KEY.hex(),
            "local_id": LOCAL_ID,
        },
        "expected": {
            "schema_hash": schema_hash.hex(),
            "linkage_secret": secret.hex(),
            "key_check": keyed_image(expand(secret, "key-check"), AGREEMENT).hex(),
            "canary_digest": keyed_image(expand(secret, "canary"), info("canary-records", *parts)).hex(),
            "handle": keyed_image(expand(HANDLE_KEY, "handle"), LOCAL_ID.encode()).hex(),
            "first_canary_clk": first_clk,
            "first_canary_match_key": match_key,
        },
    }


def signed_vector() -> dict[str, Any]:
    """Return the vector with its Ed25519 signature over the canonical JSON of the rest."""
    content = vector()
    signature = Ed25519PrivateKey.from_private_bytes(SIGNING_KEY).sign(rfc8785.dumps(content))
    return {**content, "signature": signature.hex()}


if __name__ == "__main__":
    FILE.write_text(json.dumps(signed_vector(), indent=2, ensure_ascii=True) + "\n", encoding="ascii")
