import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from linkage_core.agreement.canonical import canonical_bytes
from linkage_core.agreement.document import parse_agreement
from linkage_core.agreement.signatures import SignedAgreement, signed_bytes, verify_agreement
from linkage_core.crypto.secret import Secret
from linkage_core.types import PartyName

FILE = Path(__file__).with_name("agreement.json")


@pytest.fixture(scope="module")
def vector() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="ascii"))
    return content


def test_every_value_of_the_vector_is_what_this_code_derives(vector: dict[str, Any]) -> None:
    agreement = parse_agreement(json.dumps(vector["input"]["agreement"]).encode())
    signed = SignedAgreement(agreement=agreement)
    for name, key in vector["input"]["identity_private_keys"].items():
        signed = signed.signed_by(PartyName(name), Secret(bytes.fromhex(key)))
    file = signed.to_bytes()
    assert {
        "canonical_bytes": canonical_bytes(agreement.model_dump(mode="json")).hex(),
        "agreement_hash": agreement.hash.hex(),
        "schema_hash": agreement.schema_hash.hex(),
        "signed_bytes": signed_bytes(agreement).hex(),
        "signatures": signed.signatures,
        "signed_file_sha256": hashlib.sha256(file).hexdigest(),
    } == vector["expected"]
    assert verify_agreement(file).hash == agreement.hash


def test_the_document_writes_out_every_clause(vector: dict[str, Any]) -> None:
    """Else a new clause with a default would change what is hashed without changing the vector's input."""
    document = vector["input"]["agreement"]
    assert parse_agreement(json.dumps(document).encode()).model_dump(mode="json") == document
