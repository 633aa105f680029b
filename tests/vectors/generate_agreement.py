"""Writes agreement.json: a whole agreement, its canonical bytes and hash, what each party signs, and the signed file.

The document is written out here, and everything else is computed from the protocol's text with `rfc8785` and
`cryptography` alone. Keys are made from published seeds and protect nothing. The file is signed with the published key
of RFC 8032, section 7.1, TEST 1. Run: python tests/vectors/generate_agreement.py
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

FILE: Final = Path(__file__).with_name("agreement.json")
SIGNING_KEY: Final = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
ROLES: Final = {"linkage": "linkage-unit", "archive": "analysis-service", "register": "provider", "border": "provider"}


def identity_key(name: str) -> Ed25519PrivateKey:
    """The party's Ed25519 key: SHA-256 of a text is its seed."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"vector identity {name}".encode()).digest())


def wrap_key(name: str) -> str:
    """The party's public hybrid key, ML-KEM-768 then X25519, in hexadecimal."""
    seed = hashlib.shake_256(f"vector wrap {name}".encode()).digest(96)
    mlkem = MLKEM768PrivateKey.from_seed_bytes(seed[:64]).public_key().public_bytes_raw()
    return (mlkem + X25519PrivateKey.from_private_bytes(seed[64:]).public_key().public_bytes_raw()).hex()


def party(name: str, role: str) -> dict[str, Any]:
    """One signatory."""
    return {
        "name": name,
        "role": role,
        "legal_entity": f"Office of {name}",
        "spiffe_id": f"spiffe://vector.example/agreement/vector/{role}/{name}",
        "identity_key": identity_key(name).public_key().public_bytes_raw().hex(),
        "wrap_key": wrap_key(name) if role == "provider" else None,
    }


def column(name: str, type_: str, **more: object) -> dict[str, Any]:
    """A payload column with every field written out."""
    plain = {"required": False, "code_list": None, "minimum": None, "maximum": None, "coarsening": ""}
    return {"name": name, "type": type_, **plain, **more}


def table(provider: str, name: str, kind: str, columns: list[dict[str, Any]], **more: object) -> dict[str, Any]:
    """A payload table with every field written out."""
    plain = {"time": None, "start": None, "end": None, "rows_per_person": 1}
    return {"provider": provider, "name": name, "kind": kind, "columns": columns, **plain, **more}


def feature(variable: str, n: int, positional: bool, bits: int) -> dict[str, Any]:
    """A feature of a clkhash schema."""
    return {
        "identifier": variable,
        "format": {"type": "string", "encoding": "ascii"},
        "hashing": {
            "comparison": {"type": "ngram", "n": n, "positional": positional},
            "strategy": {"bitsPerFeature": bits},
            "hash": {"type": "blakeHash"},
        },
    }


def document() -> dict[str, Any]:
    """The agreement, every default written out, as it is hashed."""
    return {
        "format": "symbolon-agreement/1",
        "id": "vector",
        "lineage": bytes(range(16)).hex(),
        "version": 1,
        "supersedes": None,
        "title": "Vector – naïve façade, 日本",
        "legal_basis": "Statistics Act, section 1",
        "purpose": "A fixed example",
        "population": "Residents",
        "project": "migration",
        "trust_domain": "vector.example",
        "certificate_authority": "no certificate: this is a test vector",
        "parties": [party(name, role) for name, role in ROLES.items()],
        "same_entity": None,
        "epoch": 1,
        "linkage": {
            "standardisation": {"version": 1, "digest": "5d" * 32},
            "quasi_identifiers": [
                {"name": "family_name", "kind": "family-name", "required": True, "scheme": None},
                {"name": "birth_date", "kind": "date", "required": False, "scheme": None},
            ],
            "variables": [
                {"name": "names", "of": ["family_name"], "form": "sorted-tokens"},
                {"name": "date", "of": ["birth_date"], "form": "date-digits"},
            ],
            "match_keys": [
                {"name": "names-date", "variables": ["names", "date"], "entropy_bits": 40, "max_occurrences": 5}
            ],
            "clks": [
                {
                    "name": "names-date",
                    "clkhash": {
                        "version": 3,
                        "clkConfig": {"l": 1024, "kdf": {"type": "HKDF", "hash": "SHA256"}},
                        "features": [feature("names", 2, False, 200), feature("date", 1, True, 100)],
                    },
                    "diffusion_t": 8,
                    "weight": 1,
                }
            ],
        },
        "hardening": {
            "minimum_t": 8,
            "lowest_fill_per_mille": 200,
            "highest_fill_per_mille": 400,
            "maximum_d_ppm": 10_000,
            "minimum_length_bits": 1024,
        },
        "matching": {
            "passes": ["names-date"],
            "combination": "weighted-mean",
            "candidate_per_mille": 700,
            "link_per_mille": 780,
            "least_probability_per_mille": 500,
            "solver": "greedy",
            "sources_with_duplicates": ["border"],
            "spine": None,
            "least_search_recall_per_mille": 995,
            "maximum_candidates_per_record": 100,
            "high_quality_per_mille": 900,
            "minimum_class_count": 10,
        },
        "volume": {"minimum_rows": 1, "maximum_rows": 1_000_000, "maximum_change_per_mille": 300},
        "waves": [
            {"name": "2026", "kind": "complete", "corrects": None, "tokens_not_before": "2026-06-01T00:00:00Z"},
            {"name": "2027", "kind": "incremental", "corrects": None, "tokens_not_before": "2027-06-01T00:00:00Z"},
            {"name": "2027b", "kind": "incremental", "corrects": "2027", "tokens_not_before": "2027-09-01T00:00:00Z"},
        ],
        "payload": [
            table("register", "persons", "person", [column("sex", "category", code_list="sex")]),
            table(
                "register",
                "residence",
                "spell",
                [column("start", "date", required=True), column("end", "date")],
                start="start",
                end="end",
                rows_per_person=20,
            ),
            table(
                "border",
                "crossings",
                "event",
                [column("year", "year", required=True, minimum=2000, maximum=2100, coarsening="year of the crossing")],
                time="year",
                rows_per_person=500,
            ),
        ],
        "unmatched_rows": "keep",
        "statistics": {
            "code_lists": [{"name": "sex", "codes": ["F", "M"], "unknown": "unknown"}],
            "dimensions": [
                {
                    "name": "sex",
                    "kind": "attribute",
                    "code_list": "sex",
                    "bands": [],
                    "sources": [{"provider": "register", "table": "persons", "column": "sex"}],
                }
            ],
            "residence": {"provider": "register", "table": "residence"},
            "crossings": None,
            "variables": [],
            "sources": [{"name": "border", "table": {"provider": "border", "table": "crossings"}}],
        },
        "period": {"start": "2020-01-01", "end": "2025-12-31"},
        "retention": {
            "clks_days": 0,
            "registry_days": 3650,
            "registry_encodings_until": "2028-01-31",
            "payload_days": 365,
        },
        "validity": {"valid_from": "2026-01-01", "valid_until": "2030-12-31"},
        "budget": {
            "privacy_unit": "synthetic-key",
            "total_nano_rho": 1_000_000_000,
            "per_wave_nano_rho": 500_000_000,
            "per_analyst_nano_rho": 500_000_000,
            "per_release_nano_rho": 100_000_000,
            "per_project_nano_rho": 400_000_000,
            "per_year_nano_rho": None,
            "wave_allotments_nano_rho": {},
            "delta_e15": 1_000_000_000,
            "flow_cells_per_person": 2,
            "maximum_cells": 10_000,
            "maximum_noise_sd": 1_000,
        },
        "minimum_cell_count": 10,
        "impact_assessment": "DPIA 2026/1",
        "destroyed_at_end": ["encodings", "registry", "payload"],
    }


def vector() -> dict[str, Any]:
    """Compute the whole vector without its signature."""
    agreement = document()
    canonical = rfc8785.dumps(agreement)
    digest = hashlib.sha256(canonical).digest()
    message = b"symbolon/v1/agreement" + len(digest).to_bytes(4, "big") + digest
    signatures = {name: identity_key(name).sign(message).hex() for name in ROLES}
    file = rfc8785.dumps({"agreement": agreement, "signatures": signatures})
    return {
        "format": "symbolon-agreement-vector/1",
        "input": {
            "agreement": agreement,
            "identity_private_keys": {name: identity_key(name).private_bytes_raw().hex() for name in ROLES},
        },
        "expected": {
            "canonical_bytes": canonical.hex(),
            "agreement_hash": digest.hex(),
            "schema_hash": hashlib.sha256(rfc8785.dumps(agreement["linkage"])).hexdigest(),
            "signed_bytes": message.hex(),
            "signatures": signatures,
            "signed_file_sha256": hashlib.sha256(file).hexdigest(),
        },
    }


def signed_vector() -> dict[str, Any]:
    """Return the vector with its Ed25519 signature over the canonical JSON of the rest."""
    content = vector()
    signature = Ed25519PrivateKey.from_private_bytes(SIGNING_KEY).sign(rfc8785.dumps(content))
    return {**content, "signature": signature.hex()}


if __name__ == "__main__":
    FILE.write_text(json.dumps(signed_vector(), indent=2, ensure_ascii=True) + "\n", encoding="ascii")
