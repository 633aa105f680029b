"""Signatures are Ed25519 over a domain-separated statement; nothing shows what a statement holds."""

import pytest

from linkage_core.crypto.secret import Secret
from linkage_core.crypto.signing import Context, Statement, public_of, sign, verify
from linkage_core.errors import Tampered
from linkage_core.types import AgreementHash, Lineage, PartyName

CONTEXT = Context(Lineage(b"l" * 16), AgreementHash(b"h" * 32), 2, "w1")
STATEMENT = Statement("KeyCheck", PartyName("tax"), PartyName("linkage"), CONTEXT, b"canary-of-a-key-check")


def test_a_signature_is_that_of_rfc_8032_test_2() -> None:
    key = Secret(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    assert public_of(key).hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    assert sign(key, b"\x72").hex().startswith("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da")


@pytest.mark.parametrize("public", [b"", b"short", bytes(31), b"\xff" * 32])
def test_a_public_key_that_is_none_fits_no_signature(public: bytes) -> None:
    with pytest.raises(Tampered):
        verify(public, b"message", sign(Secret(b"k" * 32), b"message"), "a message")


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65)])
def test_what_is_no_signature_does_not_fit(signature: bytes) -> None:
    with pytest.raises(Tampered):
        verify(public_of(Secret(b"k" * 32)), b"message", signature, "a message")


def test_a_signature_of_another_signer_does_not_fit() -> None:
    with pytest.raises(Tampered):
        verify(public_of(Secret(b"k" * 32)), b"message", sign(Secret(b"o" * 32), b"message"), "a message")


def test_a_statement_does_not_show_its_body() -> None:
    assert "canary" not in repr(STATEMENT)
    assert b"canary-of-a-key-check" in STATEMENT.signed_bytes()


def test_a_statement_begins_with_the_protocol_and_its_type() -> None:
    assert STATEMENT.signed_bytes().startswith(b"symbolon/v1/statement/KeyCheck\x00\x00\x00\x03tax")
    assert STATEMENT.seal_info().startswith(b"symbolon/v1/seal/KeyCheck\x00\x00\x00\x03tax")
