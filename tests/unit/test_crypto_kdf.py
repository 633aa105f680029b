"""Keys by label: HKDF as RFC 5869 has it, under an `info` that says exactly one thing."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from linkage_core.crypto.kdf import expand, extract, info, keyed_image, keyed_images
from linkage_core.crypto.secret import Secret


def test_extract_is_that_of_rfc_5869_test_case_1() -> None:
    salt, material = bytes.fromhex("000102030405060708090a0b0c"), Secret(b"\x0b" * 22)
    assert extract(salt, material).reveal().hex() == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"


def test_expand_is_that_of_rfc_5869_written_out() -> None:
    key = Secret(hashlib.sha256(b"uniform").digest())
    first = hmac.digest(key.reveal(), info("label", b"part") + b"\x01", "sha256")
    second = hmac.digest(key.reveal(), first + info("label", b"part") + b"\x02", "sha256")
    assert expand(key, "label", b"part", length=50).reveal() == (first + second)[:50]


def test_extract_then_expand_is_hkdf() -> None:
    whole = HKDF(SHA256(), 64, b"salt", info("clk/names")).derive(b"input material")
    assert expand(extract(b"salt", Secret(b"input material")), "clk/names", length=64).reveal() == whole


def test_the_info_is_the_label_and_each_part_behind_its_length() -> None:
    assert info("clk/names") == b"symbolon/v1/clk/names"
    assert info("token", b"", b"ab") == b"symbolon/v1/token\x00\x00\x00\x00\x00\x00\x00\x02ab"


@pytest.mark.parametrize("label", ["a\x00\x00\x00\x01b", "a\nb", "tab\t", "größe", "\x7f"])
def test_a_label_that_could_hide_a_part_is_refused(label: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        info(label)


def test_label_context_and_key_each_change_what_is_derived() -> None:
    key, other = Secret(b"k" * 32), Secret(b"o" * 32)
    derived = [
        expand(key, "a"),
        expand(key, "b"),
        expand(key, "a", b""),
        expand(key, "a", b"x"),
        expand(other, "a"),
    ]
    assert len({secret.reveal() for secret in derived}) == len(derived)


def test_a_keyed_image_is_a_truncated_hmac() -> None:
    assert keyed_image(Secret(b"k" * 32), b"message") == hmac.digest(b"k" * 32, b"message", "sha256")[:16]


@given(st.binary(max_size=64), st.lists(st.binary(max_size=200), max_size=8))
def test_keyed_images_of_many_messages_are_those_of_each(key: bytes, messages: list[bytes]) -> None:
    assert keyed_images(Secret(key), messages) == b"".join(keyed_image(Secret(key), message) for message in messages)


def test_a_key_longer_than_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match="65 bytes"):
        keyed_images(Secret(bytes(65)), [b"message"])
