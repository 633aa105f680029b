"""Tokens come back as they went, and any flipped bit is found; synthetic keys never collide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from linkage_core.crypto.secret import Secret
from linkage_core.errors import Tampered
from linkage_core.pseudonyms import synthetic_keys
from linkage_core.tokens import TOKEN_BYTES, open_tokens, seal_tokens

KEY = Secret(b"b" * 32)
ROWS = st.lists(st.tuples(st.integers(0, 3), st.binary(min_size=16, max_size=16)), max_size=20)


def columns(rows: list[tuple[int, bytes]]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    pseudonyms = np.frombuffer(b"".join(y for _, y in rows), np.uint8).reshape(-1, 16)
    return np.array([q for q, _ in rows], np.uint8), pseudonyms


@given(ROWS, st.binary(max_size=30))
def test_tokens_come_back_as_they_went(rows: list[tuple[int, bytes]], associated: bytes) -> None:
    quality, pseudonyms = columns(rows)
    tokens = seal_tokens(KEY, quality, pseudonyms, associated)
    assert len(tokens) == len(rows) * TOKEN_BYTES
    back_quality, back_pseudonyms = open_tokens(KEY, tokens, associated)
    assert (back_quality == quality).all()
    assert (back_pseudonyms == pseudonyms).all()


@given(ROWS.filter(bool), st.data())
def test_a_flipped_bit_in_any_token_is_found(rows: list[tuple[int, bytes]], data: st.DataObject) -> None:
    tokens = bytearray(seal_tokens(KEY, *columns(rows), b"batch"))
    bit = data.draw(st.integers(0, len(tokens) * 8 - 1))
    tokens[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Tampered):
        open_tokens(KEY, bytes(tokens), b"batch")


@given(st.sets(st.binary(min_size=16, max_size=16), min_size=1, max_size=50), st.integers(0, 2**32 - 1))
def test_two_people_never_share_a_synthetic_key(pseudonyms: set[bytes], version: int) -> None:
    rows = np.frombuffer(b"".join(sorted(pseudonyms)), np.uint8).reshape(-1, 16)
    keys = synthetic_keys(KEY, version, rows)
    assert len({key.tobytes() for key in keys}) == len(pseudonyms)
