"""The ledger's format: the ledger writes the vector, and the vector's hashes follow from its text alone."""

import hashlib
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from disclosure.entries import Entry, verify_chain
from tests.vectors.generate_ledger_chain import VECTOR, document

STORED: dict[str, Any] = json.loads(VECTOR.read_text(encoding="utf-8"))


def plain_digest(value: dict[str, Any]) -> str:
    """SHA-256 of canonical JSON, which for ASCII texts and integers is sorted keys without spaces."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()


def test_the_ledger_writes_the_vector() -> None:
    assert document() == STORED


def test_the_vectors_hashes_follow_from_its_text_without_our_code() -> None:
    previous = plain_digest({"format": STORED["format"], "lineage": STORED["entries"][0]["lineage"]})
    for entry in STORED["entries"]:
        assert entry["previous_hash"] == previous
        unused = {name for name in ("idempotency_key", "cap", "mechanism") if not entry[name]}
        content = {name: value for name, value in entry.items() if name not in {"entry_hash", *unused}}
        previous = plain_digest({"format": STORED["format"], **content})
        assert entry["entry_hash"] == previous
    released = STORED["entries"][1]
    assert released["result_digest"] == hashlib.sha256(STORED["result"].encode()).hexdigest()
    assert released["reservation"] == STORED["entries"][0]["entry_hash"]
    assert STORED["entries"][2]["result_digest"] == plain_digest(STORED["increase"]["increase"])


def test_the_vectors_approvals_are_signatures_over_its_text() -> None:
    increase = json.dumps(STORED["increase"]["increase"], sort_keys=True, separators=(",", ":")).encode("ascii")
    for approval in STORED["increase"]["approvals"]:
        signed = b"symbolon/v1/budget-increase"
        for part in (approval["approver"].encode("ascii"), increase):
            signed += len(part).to_bytes(4, "big") + part
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(approval["identity_key"]))
        key.verify(bytes.fromhex(approval["signature"]), signed)


def test_the_stored_chain_verifies() -> None:
    verify_chain([Entry(**entry) for entry in STORED["entries"]], STORED["entries"][0]["lineage"])
