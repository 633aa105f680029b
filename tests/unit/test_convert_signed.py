"""A signed message is opened as exactly what was signed, by whom, to whom and where; else it is tampered with."""

from dataclasses import replace

import pytest

from linkage_core.crypto.secret import Secret
from linkage_core.crypto.signing import Context, Statement, public_of, sign
from linkage_core.errors import InputFault, Tampered
from linkage_core.types import AgreementHash, Lineage, PartyName
from services.wire import messages
from services.wire.convert.agreement import suspend_request, suspension_notice
from services.wire.convert.signed import (
    BODY_TYPES,
    open_message,
    sign_message,
    signed_from_bytes,
    signed_from_wire,
    signed_to_bytes,
    signed_to_wire,
)
from services.wire.messages import SignedStatement
from services.wire.v1 import agreement_pb2

KEY = Secret(b"k" * 32)
TAX, LINKAGE = PartyName("tax"), PartyName("linkage")
CONTEXT = Context(Lineage(b"l" * 16), AgreementHash(b"h" * 32), 2, "w1")
HEADER = messages.TokenBatchHeader(b"i" * 16, "tax", b"sealed", 7, 2, b"r" * 32)
BODIES: list[object] = [
    messages.SuspensionNotice(),
    messages.SealedShare(b"sealed"),
    messages.KeyCheck(b"k" * 16, b"c" * 16),
    messages.UploadManifest(
        7, 1, b"r" * 32, b"k" * 16, b"s" * 32, b"d" * 32, (messages.ClkStatement("a", 1024, 8, 300_000, 9_000),)
    ),
    HEADER,
    messages.WaveKeys(b"t" * 1216, b"p" * 1216),
    messages.DeliveryManifest(
        sign_message(KEY, LINKAGE, TAX, CONTEXT, HEADER), (messages.TableStatement("persons", 7),), 1, b"r" * 32
    ),
    messages.TransferCommit(b"i" * 16, b"r" * 32),
    messages.Question('{"table": "stock"}', "asking-1"),
]


def opened(
    signed: SignedStatement,
    expected: type,
    *,
    sender: PartyName = TAX,
    key: Secret = KEY,
    recipient: PartyName = LINKAGE,
    context: Context = CONTEXT,
) -> object:
    return open_message(
        signed, expected, sender=sender, sender_key=public_of(key), recipient=recipient, context=context
    )


def test_every_type_that_may_be_signed_is_tried_here() -> None:
    assert {type(body).__name__ for body in BODIES} == set(BODY_TYPES)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_a_message_comes_back_as_it_was_signed(body: object) -> None:
    signed = signed_from_bytes(signed_to_bytes(sign_message(KEY, TAX, LINKAGE, CONTEXT, body)))
    assert opened(signed, type(body)) == body
    assert signed_from_wire(signed_to_wire(signed)) == signed


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_a_message_is_never_opened_as_one_of_another_type(body: object) -> None:
    signed = sign_message(KEY, TAX, LINKAGE, CONTEXT, body)
    for other in BODIES:
        if type(other) is not type(body):
            with pytest.raises(Tampered, match="another type"):
                opened(signed, type(other))


SIGNED = sign_message(KEY, TAX, LINKAGE, CONTEXT, messages.KeyCheck(b"k" * 16, b"c" * 16))


@pytest.mark.parametrize(
    ("place", "named"),
    [
        ({"sender": PartyName("border")}, "sender"),
        ({"recipient": TAX}, "recipient"),
        ({"context": replace(CONTEXT, lineage=Lineage(b"o" * 16))}, "lineage"),
        ({"context": replace(CONTEXT, agreement=AgreementHash(b"o" * 32))}, "agreement"),
        ({"context": replace(CONTEXT, epoch=3)}, "epoch"),
        ({"context": replace(CONTEXT, wave="w2")}, "wave"),
        ({"context": replace(CONTEXT, wave="")}, "wave"),
        ({"key": Secret(b"o" * 32)}, "signature"),
    ],
    ids=["sender", "recipient", "lineage", "agreement", "epoch", "wave", "no wave", "key"],
)
def test_a_message_recorded_elsewhere_is_not_accepted_here(place: dict[str, object], named: str) -> None:
    with pytest.raises(Tampered, match=named):
        opened(SIGNED, messages.KeyCheck, **place)  # type: ignore[arg-type]  # one keyword of several types


@pytest.mark.parametrize(
    "change",
    [
        {"sender": PartyName("border")},
        {"recipient": PartyName("archive")},
        {"context": replace(CONTEXT, wave="w2")},
        {"body": b""},
        {"type": "SealedShare"},
    ],
    ids=["sender", "recipient", "wave", "body", "type"],
)
def test_a_field_rewritten_on_the_way_breaks_the_signature(change: dict[str, object]) -> None:
    statement = replace(SIGNED.statement, **change)  # type: ignore[arg-type]  # one keyword of several types
    forged = SignedStatement(statement, SIGNED.signature)
    expected = next(type(body) for body in BODIES if type(body).__name__ == statement.type)
    with pytest.raises(Tampered, match="signature"):
        opened(forged, expected, sender=statement.sender, recipient=statement.recipient, context=statement.context)


def test_a_body_that_is_signed_but_malformed_is_an_input_fault_without_its_content() -> None:
    statement = Statement("KeyCheck", TAX, LINKAGE, CONTEXT, b"\x0a\xffcanary")
    with pytest.raises(InputFault, match="malformed") as refusal:
        opened(SignedStatement(statement, sign(KEY, statement.signed_bytes())), messages.KeyCheck)
    assert "canary" not in str(refusal.value)


def test_a_type_with_hidden_bytes_is_tampered_with() -> None:
    statement = replace(SIGNED.statement, type="KeyCheck\x00")
    with pytest.raises(Tampered, match="another type"):
        opened(SignedStatement(statement, SIGNED.signature), messages.KeyCheck)


def test_a_store_that_gives_back_something_else_is_noticed() -> None:
    with pytest.raises(Tampered, match="malformed"):
        signed_from_bytes(b"\xff\xff\xff")


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_a_signed_message_shows_nothing_of_its_content(body: object) -> None:
    shown = repr(sign_message(KEY, TAX, LINKAGE, CONTEXT, body))
    for content in (b"sealed", b"k" * 16, b"c" * 16, b"stock"):
        assert content.decode() not in shown


def test_a_notice_of_suspension_survives_the_wire_and_a_request_without_one_is_refused() -> None:
    signed = sign_message(KEY, TAX, LINKAGE, CONTEXT, messages.SuspensionNotice())
    assert suspension_notice(suspend_request(signed)) == signed
    with pytest.raises(InputFault, match="no signed notice"):
        suspension_notice(agreement_pb2.SuspendAgreementRequest())
