"""A token opens in its batch alone, and tells nothing to whoever carries it."""

import numpy as np
import pytest

from linkage_core.crypto.secret import Secret
from linkage_core.crypto.signing import Context
from linkage_core.errors import InputFault, Tampered
from linkage_core.tokens import QUALITY_CLASSES, TOKEN_BYTES, associated_data, open_tokens, seal_tokens
from linkage_core.types import AgreementHash, Lineage, PartyName

KEY = Secret(b"b" * 32)
CONTEXT = Context(Lineage(b"l" * 16), AgreementHash(b"h" * 32), 1, "w1")
BATCH = associated_data(CONTEXT, "migration", PartyName("tax"), b"i" * 16)
QUALITY = np.array([0, 3, 0, 1], np.uint8)
PSEUDONYMS = np.arange(64, dtype=np.uint8).reshape(4, 16)
TOKENS = seal_tokens(KEY, QUALITY, PSEUDONYMS, BATCH)


def tampered(key: Secret, tokens: bytes, associated: bytes) -> None:
    with pytest.raises(Tampered):
        open_tokens(key, tokens, associated)


def test_every_token_has_one_size_linked_or_not() -> None:
    assert TOKEN_BYTES == 47
    sizes = [len(seal_tokens(KEY, np.array([q], np.uint8), PSEUDONYMS[:1], BATCH)) for q in range(QUALITY_CLASSES)]
    assert sizes == [TOKEN_BYTES] * QUALITY_CLASSES
    assert len(TOKENS) == 4 * TOKEN_BYTES


def test_nothing_outside_the_cipher_text_depends_on_what_a_token_holds() -> None:
    other = seal_tokens(KEY, QUALITY[::-1].copy(), PSEUDONYMS[::-1].copy(), BATCH)
    for start in range(0, len(TOKENS), TOKEN_BYTES):
        assert TOKENS[start : start + 12] == other[start : start + 12]
        assert TOKENS[start + 12 : start + TOKEN_BYTES] != other[start + 12 : start + TOKEN_BYTES]


def test_two_tokens_of_one_person_look_like_tokens_of_two() -> None:
    same = np.repeat(PSEUDONYMS[:1], 50, axis=0)
    tokens = seal_tokens(KEY, np.zeros(50, np.uint8), same, BATCH)
    sealed = [tokens[start + 12 : start + TOKEN_BYTES] for start in range(0, len(tokens), TOKEN_BYTES)]
    assert len(set(sealed)) == 50
    # Neither do they share any run of bytes that a carrier could sort by.
    assert len({token[:4] for token in sealed}) == 50


@pytest.mark.parametrize(
    "associated",
    [
        associated_data(CONTEXT, "migration", PartyName("tax"), b"j" * 16),
        associated_data(CONTEXT, "migration", PartyName("border"), b"i" * 16),
        associated_data(CONTEXT, "another", PartyName("tax"), b"i" * 16),
        associated_data(Context(CONTEXT.lineage, CONTEXT.agreement, 1, "w2"), "migration", PartyName("tax"), b"i" * 16),
        associated_data(Context(CONTEXT.lineage, CONTEXT.agreement, 2, "w1"), "migration", PartyName("tax"), b"i" * 16),
        associated_data(
            Context(CONTEXT.lineage, AgreementHash(b"o" * 32), 1, "w1"), "migration", PartyName("tax"), b"i" * 16
        ),
        associated_data(
            Context(Lineage(b"o" * 16), CONTEXT.agreement, 1, "w1"), "migration", PartyName("tax"), b"i" * 16
        ),
        b"",
    ],
    ids=["batch", "provider", "project", "wave", "epoch", "agreement", "lineage", "nothing"],
)
def test_a_token_carried_to_another_place_does_not_open(associated: bytes) -> None:
    tampered(KEY, TOKENS, associated)


def test_a_token_of_another_batch_among_the_own_ones_does_not_open() -> None:
    other_key = Secret(b"o" * 32)
    foreign = seal_tokens(other_key, QUALITY, PSEUDONYMS, BATCH)
    tampered(KEY, foreign, BATCH)
    tampered(KEY, TOKENS[: 3 * TOKEN_BYTES] + foreign[3 * TOKEN_BYTES :], BATCH)


def test_nonces_of_two_tokens_swapped_do_not_open() -> None:
    swapped = bytearray(TOKENS)
    swapped[:12], swapped[TOKEN_BYTES : TOKEN_BYTES + 12] = TOKENS[TOKEN_BYTES : TOKEN_BYTES + 12], TOKENS[:12]
    tampered(KEY, bytes(swapped), BATCH)


@pytest.mark.parametrize("length", [1, TOKEN_BYTES - 1, TOKEN_BYTES + 1])
def test_tokens_of_another_length_are_refused(length: int) -> None:
    tampered(KEY, TOKENS[:length], BATCH)


def test_an_order_of_their_own_does_not_keep_tokens_from_opening() -> None:
    backwards = b"".join(TOKENS[start : start + TOKEN_BYTES] for start in range(3 * TOKEN_BYTES, -1, -TOKEN_BYTES))
    quality, pseudonyms = open_tokens(KEY, backwards, BATCH)
    assert quality.tolist() == QUALITY[::-1].tolist()
    assert (pseudonyms == PSEUDONYMS[::-1]).all()


def test_no_row_gives_no_token() -> None:
    assert seal_tokens(KEY, np.zeros(0, np.uint8), np.zeros((0, 16), np.uint8), BATCH) == b""
    quality, pseudonyms = open_tokens(KEY, b"", BATCH)
    assert (quality.shape, pseudonyms.shape) == ((0,), (0, 16))


@pytest.mark.parametrize(
    ("quality", "pseudonyms"),
    [
        (np.array([4], np.uint8), PSEUDONYMS[:1]),
        (np.array([255], np.uint8), PSEUDONYMS[:1]),
        (np.array([1], np.int64), PSEUDONYMS[:1]),
        (np.array([1], np.uint8), PSEUDONYMS[:1].astype(np.uint16)),
        (np.array([1], np.uint8), PSEUDONYMS[:2]),
        (np.array([1, 1], np.uint8), PSEUDONYMS[:1]),
        (np.array([1], np.uint8), PSEUDONYMS[:1, :15]),
    ],
    ids=["class 4", "class 255", "wide classes", "wide pseudonyms", "a pseudonym more", "one less", "short ones"],
)
def test_what_would_not_give_one_size_is_never_sealed(quality: np.ndarray, pseudonyms: np.ndarray) -> None:
    with pytest.raises(InputFault):
        seal_tokens(KEY, quality, pseudonyms, BATCH)


@pytest.mark.parametrize(
    "content", [b"\x02\x00\x01", b"\x01\x01\x01", b"\x01\x00\x04"], ids=["version", "flags", "class"]
)
def test_a_content_of_another_version_is_refused_even_when_it_opens(content: bytes) -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

    nonce = bytes(12)
    sealed = AESGCMSIV(KEY.reveal()).encrypt(nonce, content + bytes(16), BATCH)
    with pytest.raises(Tampered, match="does not know"):
        open_tokens(KEY, nonce + sealed, BATCH)


def test_a_refusal_shows_neither_key_nor_content() -> None:
    with pytest.raises(Tampered) as refusal:
        open_tokens(Secret(b"canary" * 5 + b"ca"), TOKENS, BATCH)
    assert "canary" not in str(refusal.value)
    assert TOKENS[:16].hex() not in str(refusal.value)
