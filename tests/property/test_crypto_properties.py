"""What is signed, and what keys are bound to, says exactly one thing."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from linkage_core.crypto.kdf import info
from linkage_core.crypto.secret import Secret
from linkage_core.crypto.signing import Context, Statement, public_of, seal_info, sign, verify
from linkage_core.errors import Tampered
from linkage_core.types import AgreementHash, Lineage, PartyName

KEY = Secret(b"\x07" * 32)
LABELS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
SHORT = st.binary(max_size=6)
# Small alphabets, so that two different lists often concatenate to the same bytes.
PARTS = st.lists(
    st.sampled_from([b"", b"a", b"ab", b"b", b"\x00", b"\x00\x00\x00\x01", b"a\x00\x00\x00\x00"]), max_size=4
)
FIELDS = ("type", "sender", "recipient", "lineage", "agreement", "epoch", "wave", "body")


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    context = Context(
        Lineage(draw(SHORT)), AgreementHash(draw(SHORT)), draw(st.integers(0, 2**32 - 1)), draw(st.text(max_size=4))
    )
    name = st.text(st.sampled_from("ab\x00\x01"), max_size=3).map(PartyName)
    return Statement(draw(LABELS), draw(name), draw(name), context, draw(SHORT))


def changed(statement: Statement, field: str, other: Statement) -> Statement:
    """The statement with one field taken from another one."""
    if field in ("lineage", "agreement", "epoch", "wave"):
        context = replace(statement.context, **{field: getattr(other.context, field)})
        return replace(statement, context=context)
    return replace(statement, **{field: getattr(other, field)})


@given(LABELS, PARTS, LABELS, PARTS)
def test_two_infos_are_equal_only_if_label_and_parts_are(
    label: str, parts: list[bytes], other_label: str, other_parts: list[bytes]
) -> None:
    same = (label, parts) == (other_label, other_parts)
    assert (info(label, *parts) == info(other_label, *other_parts)) == same


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=4), st.data())
def test_moving_the_border_between_two_parts_changes_the_info(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), min_size=len(parts) - 1, max_size=len(parts) - 1)))
    other = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assume(other != parts)
    assert info("x", *parts) != info("x", *other)


@given(statements(), statements(), st.sampled_from(FIELDS))
def test_changing_any_field_of_a_statement_breaks_its_signature(
    statement: Statement, other: Statement, field: str
) -> None:
    forged = changed(statement, field, other)
    assume(forged != statement)
    signature = sign(KEY, statement.signed_bytes())
    verify(public_of(KEY), statement.signed_bytes(), signature, "the statement")
    with pytest.raises(Tampered, match="the statement"):
        verify(public_of(KEY), forged.signed_bytes(), signature, "the statement")


@given(statements(), statements())
def test_two_statements_share_signed_bytes_only_if_they_are_equal(one: Statement, other: Statement) -> None:
    assert (one.signed_bytes() == other.signed_bytes()) == (one == other)


@given(statements(), statements(), st.sampled_from([f for f in FIELDS if f != "body"]))
def test_a_seal_is_bound_to_every_field_but_the_body(one: Statement, other: Statement, field: str) -> None:
    forged = changed(one, field, other)
    assume(forged != one)
    assert one.seal_info() != forged.seal_info()
    assert one.seal_info() == seal_info(one.type, one.sender, one.recipient, one.context)


@given(st.binary(max_size=40), st.integers(0, 64 * 8 - 1))
def test_a_flipped_bit_of_a_signature_breaks_it(message: bytes, bit: int) -> None:
    forged = bytearray(sign(KEY, message))
    forged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Tampered):
        verify(public_of(KEY), message, bytes(forged), "a message")
