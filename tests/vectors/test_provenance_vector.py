"""The vector of signed provenance: what this code signs and verifies is what the protocol's text says."""

import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from disclosure.entries import Entry
from disclosure.table import Release
from linkage_core.agreement.signatures import VerifiedAgreement, verify_agreement
from linkage_core.crypto.secret import Secret
from services.analysis.provenance import sign_provenance, verify_provenance

FOLDER = Path(__file__).parent


def load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="ascii"))
    return content


def table_of(vector: dict[str, Any]) -> bytes:
    """The table's file: its JSON without spaces, in the order of its fields."""
    return json.dumps(vector["input"]["table"], separators=(",", ":")).encode()


@pytest.fixture(scope="module")
def vector() -> dict[str, Any]:
    return load("provenance")


@pytest.fixture(scope="module")
def agreement() -> VerifiedAgreement:
    known = load("agreement")
    document = {"agreement": known["input"]["agreement"], "signatures": known["expected"]["signatures"]}
    return verify_agreement(rfc8785.dumps(document))


def test_the_vector_verifies(vector: dict[str, Any], agreement: VerifiedAgreement) -> None:
    table = table_of(vector)
    release, manifest = verify_provenance(table, bytes.fromhex(vector["expected"]["file"]), agreement)
    assert release.to_json() == table
    assert manifest.model_dump(mode="json") == vector["input"]["manifest"]


def test_this_code_signs_the_same_bytes(vector: dict[str, Any], agreement: VerifiedAgreement) -> None:
    said = vector["input"]["manifest"]
    entry = Entry(
        sequence=said["sequence"],
        kind="RELEASED",
        lineage=said["lineage"],
        agreement_hash=said["agreement"],
        project=said["project"],
        wave=said["wave"],
        analyst="ana",
        question_hash=said["question"],
        nano_rho=0,
        at=said["released_at"],
        reservation=said["reservation"],
        result_digest=vector["expected"]["table_sha256"],
        previous_hash="00" * 32,
        entry_hash=said["entry"],
    )
    release = Release.from_json(table_of(vector))
    key = Secret(bytes.fromhex(vector["input"]["analysis_private_key"]))
    assert sign_provenance(release, entry, key, agreement, said["code"]).hex() == vector["expected"]["file"]
