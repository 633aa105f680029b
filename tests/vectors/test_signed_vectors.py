"""Every signed vector is what its generator writes, byte for byte, and its signature covers all of it."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from linkage_core.agreement.canonical import canonical_bytes
from linkage_core.crypto.secret import Secret
from linkage_core.crypto.signing import public_of, verify
from linkage_core.errors import Tampered

FOLDER = Path(__file__).parent
RFC_8032_TEST_1 = Secret(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
VECTORS = ("agreement", "manifest", "provenance", "token")


def load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="ascii"))
    return content


@pytest.mark.parametrize("name", VECTORS)
def test_the_generator_writes_the_file_byte_for_byte(name: str) -> None:
    generated = runpy.run_path(str(FOLDER / f"generate_{name}.py"))["signed_vector"]()
    written = json.dumps(generated, indent=2, ensure_ascii=True) + "\n"
    assert (FOLDER / f"{name}.json").read_bytes() == written.encode("ascii")


@pytest.mark.parametrize("name", VECTORS)
def test_the_vector_is_signed(name: str) -> None:
    content = load(name)
    signature = bytes.fromhex(content.pop("signature"))
    verify(public_of(RFC_8032_TEST_1), canonical_bytes(content), signature, "the vector")


@pytest.mark.parametrize("part", ["format", "input", "expected"])
@pytest.mark.parametrize("name", VECTORS)
def test_a_vector_with_a_part_taken_out_is_noticed(name: str, part: str) -> None:
    content = load(name)
    signature = bytes.fromhex(content.pop("signature"))
    del content[part]
    with pytest.raises(Tampered):
        verify(public_of(RFC_8032_TEST_1), canonical_bytes(content), signature, "the vector")
