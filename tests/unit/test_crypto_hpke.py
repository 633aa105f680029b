"""A sealed value opens for its recipient, in its context, unchanged; otherwise never."""

import pytest

from linkage_core.crypto import hpke
from linkage_core.crypto.secret import Secret
from linkage_core.errors import Tampered

KEY = hpke.generate()
PUBLIC = hpke.public_of(KEY)
SEALED = hpke.seal(PUBLIC, b"a share of the secret", b"info")


def test_what_is_sealed_opens_for_the_holder_of_the_key() -> None:
    assert hpke.open_sealed(KEY, SEALED, b"info") == b"a share of the secret"


def test_the_installation_has_the_suite() -> None:
    hpke.assert_supported()


@pytest.mark.parametrize("length", [0, 1, 32, 5000])
def test_a_seal_adds_the_same_number_of_bytes_whatever_it_holds(length: int) -> None:
    assert len(hpke.seal(PUBLIC, bytes(length), b"info")) == length + hpke.SEAL_OVERHEAD_BYTES


def test_two_seals_of_one_value_have_nothing_in_common() -> None:
    other = hpke.seal(PUBLIC, b"a share of the secret", b"info")
    assert other != SEALED
    assert other[:32] != SEALED[:32]


def test_keys_have_the_lengths_that_documents_hold() -> None:
    assert (len(KEY), len(PUBLIC)) == (hpke.PRIVATE_KEY_BYTES, hpke.PUBLIC_KEY_BYTES)


@pytest.mark.parametrize(
    ("sealed", "info"),
    [
        (SEALED, b"inf0"),
        (SEALED, b""),
        (SEALED[:-1], b"info"),
        (SEALED[:100], b"info"),
        (b"", b"info"),
        (SEALED + b"\x00", b"info"),
    ],
    ids=["wrong info", "no info", "a byte short", "cut", "empty", "a byte more"],
)
def test_a_seal_with_another_info_or_length_does_not_open(sealed: bytes, info: bytes) -> None:
    with pytest.raises(Tampered):
        hpke.open_sealed(KEY, sealed, info)


@pytest.mark.parametrize("at", [0, 500, 1087, 1088, 1110, 1120, 1125, -17, -16, -1])
def test_a_changed_byte_in_any_part_of_a_seal_keeps_it_shut(at: int) -> None:
    changed = bytearray(SEALED)
    changed[at] ^= 1
    with pytest.raises(Tampered):
        hpke.open_sealed(KEY, bytes(changed), b"info")


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(Tampered):
        hpke.open_sealed(hpke.generate(), SEALED, b"info")


@pytest.mark.parametrize("half", [slice(0, 64), slice(64, 96)])
def test_neither_half_of_the_hybrid_key_opens_it_alone(half: slice) -> None:
    mixed = bytearray(hpke.generate().reveal())
    mixed[half] = KEY.reveal()[half]
    with pytest.raises(Tampered):
        hpke.open_sealed(Secret(bytes(mixed)), SEALED, b"info")


@pytest.mark.parametrize("public", [b"", PUBLIC[:-1], PUBLIC + b"\x00", b"\xff" * 1216])
def test_a_public_key_that_is_none_is_refused(public: bytes) -> None:
    with pytest.raises(Tampered):
        hpke.seal(public, b"value", b"info")


def test_a_private_key_of_a_wrong_length_is_refused_without_showing_it() -> None:
    with pytest.raises(Tampered, match="96 bytes, got 12") as refusal:
        hpke.open_sealed(Secret(b"canary-bytes"), SEALED, b"info")
    assert "canary" not in str(refusal.value)
