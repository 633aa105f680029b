"""Writes provenance.json: the signed provenance of a release, as the analysis service of agreement.json attests it.

The signed bytes are written out from the protocol's text, so that the file checks `services.analysis.provenance`
instead of repeating it. The file is signed with the published key of RFC 8032, section 7.1, TEST 1.
Run: python tests/vectors/generate_provenance.py
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FILE: Final = Path(__file__).with_name("provenance.json")
SIGNING_KEY: Final = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
ANALYSIS_KEY: Final = hashlib.sha256(b"vector identity archive").digest()
"""Of the analysis service in agreement.json."""

TABLE: Final[dict[str, Any]] = {  # in the order in which a release is written
    "release_id": "e0" * 16,
    "question": {"format": "symbolon-question/2", "measure": "stock", "by": ["sex"], "at": ["2026-01-01"]},
    "question_hash": "b1" * 32,
    "agreement_hash": "a0" * 32,
    "data_version": "d4" * 32,
    "released_at": "2026-03-01T09:30:00+00:00",
    "mechanism": "discrete-gaussian",
    "nano_rho": 19_207_300,
    "noised": [
        {
            "name": "count",
            "width": 1,
            "noise_sd_millionths": 5_102_134,
            "half_width": 10,
            "bound_cells": 1,
            "l2_squared": 1,
            "nano_rho": 19_207_300,
            "values": [41, -2],
        }
    ],
    "unit": "persons",
    "decimals": 0,
    "axes": ["date", "sex"],
    "cells": [
        {
            "coordinates": ["2026-01-01", "f"],
            "value": 41,
            "low": 31,
            "high": 51,
            "noise_sd_millionths": 5_102_134,
            "flags": [],
            "corrected": None,
        },
        {
            "coordinates": ["2026-01-01", "m"],
            "value": -2,
            "low": -12,
            "high": 8,
            "noise_sd_millionths": 5_102_134,
            "flags": ["U"],
            "corrected": None,
        },
    ],
    "totals_axes": ["date"],
    "totals": [
        {
            "coordinates": ["2026-01-01"],
            "value": 39,
            "low": 24,
            "high": 54,
            "noise_sd_millionths": 7_215_508,
            "flags": [],
            "corrected": None,
        }
    ],
    "derived_from": "",
    "covers": "noise",
    "explanation": "",
    "declared_rates": None,
    "format": "symbolon-release/2",
}


def vector() -> dict[str, Any]:
    """Compute the whole vector without its signature."""
    agreement = json.loads(FILE.with_name("agreement.json").read_text(encoding="ascii"))
    table = json.dumps(TABLE, separators=(",", ":")).encode()
    manifest = {
        "format": "symbolon-provenance/1",
        "release": TABLE["release_id"],
        "result": hashlib.sha256(table).hexdigest(),
        "derived_from": "",
        "ledger_result": hashlib.sha256(table).hexdigest(),
        "lineage": agreement["input"]["agreement"]["lineage"],
        "project": "migration",
        "wave": "2026",
        "data_version": TABLE["data_version"],
        "question": TABLE["question_hash"],
        "released_at": TABLE["released_at"],
        "mechanism": TABLE["mechanism"],
        "nano_rho": TABLE["nano_rho"],
        "price_of_each": [TABLE["nano_rho"]],
        "sequence": 5,
        "entry": "ee" * 32,
        "reservation": "e0" * 32,
        "agreement": TABLE["agreement_hash"],
        "signed_under": agreement["expected"]["agreement_hash"],
        "signed_under_version": 1,
        "signer": "archive",
        "code": "0.1.0",
    }
    content = rfc8785.dumps(manifest)
    message = b"symbolon/v1/provenance" + len(content).to_bytes(4, "big") + content
    signature = Ed25519PrivateKey.from_private_bytes(ANALYSIS_KEY).sign(message).hex()
    return {
        "format": "symbolon-provenance-vector/1",
        "input": {"table": TABLE, "manifest": manifest, "analysis_private_key": ANALYSIS_KEY.hex()},
        "expected": {
            "table_sha256": hashlib.sha256(table).hexdigest(),
            "signed_bytes": message.hex(),
            "file": rfc8785.dumps({"provenance": manifest, "signature": signature}).hex(),
        },
    }


def signed_vector() -> dict[str, Any]:
    """Return the vector with its Ed25519 signature over the canonical JSON of the rest."""
    content = vector()
    signature = Ed25519PrivateKey.from_private_bytes(SIGNING_KEY).sign(rfc8785.dumps(content))
    return {**content, "signature": signature.hex()}


if __name__ == "__main__":
    FILE.write_text(json.dumps(signed_vector(), indent=2, ensure_ascii=True) + "\n", encoding="ascii")
