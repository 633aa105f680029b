import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from linkage_core.agreement.canonical import canonical_bytes, digest
from linkage_core.crypto.secret import Secret
from linkage_core.crypto.signing import public_of, verify
from linkage_core.encoding.canary import canary_digest
from linkage_core.encoding.keys import LinkageKeys, handles, linkage_secret
from linkage_core.encoding.run import Encoder
from linkage_core.errors import Tampered
from linkage_core.schema import LinkageSchema
from linkage_core.standardise.canary import canary_records
from linkage_core.types import AgreementHash, ClkName, Lineage, LocalId, MatchKeyName, PartyName

FILE = Path(__file__).with_name("key_check.json")
RFC_8032_TEST_1 = Secret(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))


@pytest.fixture(scope="module")
def vector() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="ascii"))
    return content


def test_every_value_of_the_vector_is_what_this_code_derives(vector: dict[str, Any]) -> None:
    given, expected = vector["input"], vector["expected"]
    schema = LinkageSchema.model_validate_json(json.dumps(given["schema"]))
    schema_hash = digest(schema.model_dump(mode="json"))
    shares = {PartyName(name): Secret(bytes.fromhex(share)) for name, share in given["shares"].items()}
    secret = linkage_secret(
        Lineage(bytes.fromhex(given["lineage"])), given["epoch"], sorted(shares), schema_hash, shares
    )
    keys = LinkageKeys(secret)
    with Encoder(schema, keys) as encoder:
        encoded = encoder.encode(canary_records(schema))
    [handle] = handles(Secret(bytes.fromhex(given["handle_key"])), [LocalId(given["local_id"])])
    assert {
        "schema_hash": schema_hash.hex(),
        "linkage_secret": secret.reveal().hex(),
        "key_check": keys.key_check(AgreementHash(bytes.fromhex(given["agreement_hash"]))).hex(),
        "canary_digest": canary_digest(keys, schema).hex(),
        "handle": handle.tobytes().hex(),
        "first_canary_clk": encoded.clks[ClkName("given-date")].bits[0].tobytes().hex(),
        "first_canary_match_key": encoded.match_keys[MatchKeyName("names-date")].values[0].tobytes().hex(),
    } == expected


def test_the_vector_is_signed_and_a_changed_byte_breaks_its_signature(vector: dict[str, Any]) -> None:
    content = {name: value for name, value in vector.items() if name != "signature"}
    signature = bytes.fromhex(vector["signature"])
    verify(public_of(RFC_8032_TEST_1), canonical_bytes(content), signature, "the vector")
    content["expected"] = {**content["expected"], "key_check": "0" * 32}
    with pytest.raises(Tampered):
        verify(public_of(RFC_8032_TEST_1), canonical_bytes(content), signature, "the vector")


def test_the_generator_gives_the_file(vector: dict[str, Any]) -> None:
    assert runpy.run_path(str(FILE.with_name("generate_key_check.py")))["signed_vector"]() == vector
