import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from linkage_core.crypto.secret import Secret
from linkage_core.crypto.signing import Context
from linkage_core.pseudonyms import analysis_service_key, group_pseudonyms, linkage_unit_key, synthetic_keys
from linkage_core.tokens import TOKEN_BYTES, associated_data, open_tokens, seal_tokens
from linkage_core.types import AgreementHash, Lineage, PartyName

FILE = Path(__file__).with_name("token.json")


@pytest.fixture(scope="module")
def vector() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="ascii"))
    return content


def rows(values: list[str]) -> NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex("".join(values)), np.uint8).reshape(len(values), -1)


def hexes(values: NDArray[np.uint8]) -> list[str]:
    return [row.tobytes().hex() for row in values]


def test_every_value_of_the_vector_is_what_this_code_derives(vector: dict[str, Any]) -> None:
    given = vector["input"]
    lineage = Lineage(bytes.fromhex(given["lineage"]))
    context = Context(lineage, AgreementHash(bytes.fromhex(given["agreement_hash"])), given["epoch"], given["wave"])
    masters = [Secret(bytes.fromhex(given[f"{who}_master_key"])) for who in ("linkage_unit", "analysis_service")]
    k_lu = linkage_unit_key(masters[0], lineage, given["project"])
    k_as = analysis_service_key(masters[1], lineage, given["project"])
    pseudonyms = group_pseudonyms(k_lu, rows(given["groups"]))
    batch_id = bytes.fromhex(given["batch_id"])
    associated = associated_data(context, given["project"], PartyName(given["provider"]), batch_id)
    quality = np.array(given["quality"], np.uint8)
    tokens = seal_tokens(Secret(bytes.fromhex(given["batch_key"])), quality, pseudonyms, associated)
    assert {
        "k_lu": k_lu.reveal().hex(),
        "k_as": k_as.reveal().hex(),
        "pseudonyms": hexes(pseudonyms),
        "associated_data": associated.hex(),
        "tokens": [tokens[at : at + TOKEN_BYTES].hex() for at in range(0, len(tokens), TOKEN_BYTES)],
        "synthetic_keys": hexes(synthetic_keys(k_as, given["synthetic_key_version"], pseudonyms)),
    } == vector["expected"]


def test_the_tokens_of_the_vector_open_to_what_was_sealed(vector: dict[str, Any]) -> None:
    given, expected = vector["input"], vector["expected"]
    tokens = bytes.fromhex("".join(expected["tokens"]))
    quality, pseudonyms = open_tokens(
        Secret(bytes.fromhex(given["batch_key"])), tokens, bytes.fromhex(expected["associated_data"])
    )
    assert quality.tolist() == given["quality"]
    assert hexes(pseudonyms) == expected["pseudonyms"]


def test_one_group_in_two_rows_has_one_synthetic_key_and_two_tokens(vector: dict[str, Any]) -> None:
    expected = vector["expected"]
    assert expected["synthetic_keys"][0] == expected["synthetic_keys"][2] != expected["synthetic_keys"][1]
    assert expected["tokens"][0][24:] != expected["tokens"][2][24:]
