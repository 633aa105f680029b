"""A secret gives itself away through `reveal()` alone."""

import copy
import json
import logging
import pickle

import pytest

from linkage_core.crypto.secret import Secret

MATERIAL = b"canary-key-material-0123456789ab"
SECRET = Secret(MATERIAL)


@pytest.mark.parametrize(
    "shown",
    [repr(SECRET), str(SECRET), f"{SECRET}", f"{SECRET!r}", "%s" % SECRET, repr([SECRET]), str({"key": SECRET})],  # noqa: UP031 - the old way of formatting is one of the ways out
)
def test_no_way_of_printing_shows_the_bytes(shown: str) -> None:
    assert "canary" not in shown
    assert MATERIAL.hex() not in shown
    assert "32 bytes" in shown


def test_logging_it_shows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("probe").warning("key %s", SECRET)
    assert "canary" not in caplog.text


@pytest.mark.parametrize("way_out", [pickle.dumps, copy.copy, copy.deepcopy, hash, json.dumps, bytes, iter, vars])
def test_it_cannot_be_pickled_copied_hashed_or_unpacked(way_out: object) -> None:
    assert callable(way_out)
    with pytest.raises(TypeError):
        way_out(SECRET)


def test_it_cannot_be_a_key_of_a_dictionary() -> None:
    with pytest.raises(TypeError, match="not hashable"):
        {SECRET: 1}  # noqa: B018 - making it is the attempt


def test_an_exception_that_holds_it_does_not_show_it() -> None:
    assert "canary" not in repr(ValueError(SECRET))


def test_equality_is_of_bytes_and_never_with_bare_bytes() -> None:
    assert Secret(MATERIAL) == SECRET
    assert Secret(b"another") != SECRET
    assert SECRET != MATERIAL
    assert (len(SECRET), SECRET.reveal()) == (32, MATERIAL)


def test_it_keeps_its_bytes_when_the_buffer_it_was_made_from_changes() -> None:
    buffer = bytearray(MATERIAL)
    secret = Secret(bytes(buffer))
    buffer[0] ^= 1
    assert secret.reveal() == MATERIAL
