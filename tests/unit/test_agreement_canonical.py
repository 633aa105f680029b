"""What is signed has one spelling: canonical JSON, without the numbers about which readers disagree."""

import hashlib

import pytest
from pydantic import JsonValue

from linkage_core.agreement.canonical import LARGEST_INTEGER, canonical_bytes, digest
from linkage_core.errors import InputFault


def test_the_order_of_keys_and_the_spaces_of_a_file_do_not_matter() -> None:
    assert canonical_bytes({"b": [1, True, None], "a": "é"}) == '{"a":"é","b":[1,true,null]}'.encode()
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_the_digest_is_sha_256_of_the_canonical_form() -> None:
    assert digest({"a": 1}) == hashlib.sha256(b'{"a":1}').digest()


def test_keys_are_ordered_by_utf_16_code_units() -> None:
    assert canonical_bytes({"\ufb33": 1, "\U0001f600": 2, "a": 3}) == '{"a":3,"\U0001f600":2,"\ufb33":1}'.encode()


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (1.0, "$: a float"),
        ({"a": {"b": [0, 0.5]}}, "$.a.b[1]: a float"),
        ({"a": float("nan")}, "$.a: a float"),
        ({"a": [LARGEST_INTEGER + 1]}, "$.a[0]: an integer beyond"),
        ({"a": -LARGEST_INTEGER - 1}, "$.a: an integer beyond"),
    ],
)
def test_floats_and_large_integers_are_refused_with_their_place(value: JsonValue, fault: str) -> None:
    with pytest.raises(InputFault) as refusal:
        canonical_bytes(value)
    assert len(refusal.value.faults) == 1
    assert refusal.value.faults[0].startswith(fault)


def test_every_forbidden_number_is_named_and_none_is_shown() -> None:
    with pytest.raises(InputFault) as refusal:
        canonical_bytes({"a": 1.25, "b": [2**60, 3.75], "c": 1})
    assert [fault.partition(":")[0] for fault in refusal.value.faults] == ["$.a", "$.b[0]", "$.b[1]"]
    assert "1.25" not in str(refusal.value)


def test_the_largest_integers_are_allowed() -> None:
    assert canonical_bytes([LARGEST_INTEGER, -LARGEST_INTEGER]) == b"[9007199254740991,-9007199254740991]"


def test_a_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(InputFault, match="not valid Unicode"):
        canonical_bytes({"a": "\ud800"})
