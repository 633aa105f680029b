import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from linkage_core.crypto.secret import Secret
from linkage_core.crypto.signing import Context, public_of
from linkage_core.types import AgreementHash, Lineage, PartyName
from services.wire.convert.signed import open_message, sign_message, signed_from_bytes, signed_to_bytes
from services.wire.messages import ClkStatement, UploadManifest

FILE = Path(__file__).with_name("manifest.json")


@pytest.fixture(scope="module")
def vector() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="ascii"))
    return content


def context_of(given: dict[str, Any]) -> Context:
    lineage, agreement = bytes.fromhex(given["lineage"]), bytes.fromhex(given["agreement_hash"])
    return Context(Lineage(lineage), AgreementHash(agreement), given["epoch"], given["wave"])


def manifest_of(given: dict[str, Any]) -> UploadManifest:
    return UploadManifest(
        given["row_count"],
        given["chunk_count"],
        bytes.fromhex(given["root"]),
        bytes.fromhex(given["key_check"]),
        bytes.fromhex(given["schema_hash"]),
        bytes.fromhex(given["standardisation_digest"]),
        tuple(ClkStatement(**clk) for clk in given["clks"]),
    )


def test_every_value_of_the_vector_is_what_this_code_derives(vector: dict[str, Any]) -> None:
    given = vector["input"]
    key = Secret(bytes.fromhex(given["sender_private_key"]))
    sender, recipient = PartyName(given["sender"]), PartyName(given["recipient"])
    signed = sign_message(key, sender, recipient, context_of(given["context"]), manifest_of(given["manifest"]))
    assert {
        "body": signed.statement.body.hex(),
        "signed_bytes": signed.statement.signed_bytes().hex(),
        "statement_signature": signed.signature.hex(),
        "wire": signed_to_bytes(signed).hex(),
    } == vector["expected"]


def test_what_travels_is_read_back_as_what_was_meant(vector: dict[str, Any]) -> None:
    given = vector["input"]
    manifest = open_message(
        signed_from_bytes(bytes.fromhex(vector["expected"]["wire"])),
        UploadManifest,
        sender=PartyName(given["sender"]),
        sender_key=public_of(Secret(bytes.fromhex(given["sender_private_key"]))),
        recipient=PartyName(given["recipient"]),
        context=context_of(given["context"]),
    )
    assert manifest == manifest_of(given["manifest"])


def test_the_root_covers_the_chunks_in_order(vector: dict[str, Any]) -> None:
    chunks = [bytes.fromhex(chunk) for chunk in vector["input"]["chunks"]]
    digests = b"".join(hashlib.sha256(chunk).digest() for chunk in chunks)
    assert hashlib.sha256(digests).hexdigest() == vector["input"]["manifest"]["root"]
