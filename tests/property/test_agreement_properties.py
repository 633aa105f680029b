"""One changed byte of a signed agreement, anywhere, and it is none."""

from hypothesis import given, settings
from hypothesis import strategies as st

from linkage_core.agreement.signatures import VerifiedAgreement, verify_agreement
from linkage_core.errors import InputFault, Refused
from tests.support.documents import parsed, signed_by_all, small_document

FILE = signed_by_all(parsed(small_document())).to_bytes()


def verdict(file: bytes) -> VerifiedAgreement | None:
    """What verifying gives; None for a refusal by clause or an input fault, and nothing else is caught."""
    try:
        return verify_agreement(file)
    except (InputFault, Refused):
        return None


def test_the_unchanged_file_is_an_agreement() -> None:
    assert verdict(FILE) is not None


@settings(max_examples=400)
@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused(place: int, difference: int) -> None:
    changed = bytearray(FILE)
    changed[place] ^= difference
    assert verdict(bytes(changed)) is None


@given(st.integers(0, len(FILE) - 1), st.integers(1, 200))
def test_a_piece_cut_out_is_refused(place: int, length: int) -> None:
    assert verdict(FILE[:place] + FILE[place + length :]) is None


@given(st.integers(0, len(FILE)), st.binary(min_size=1, max_size=4))
def test_bytes_put_in_are_refused(place: int, more: bytes) -> None:
    assert verdict(FILE[:place] + more + FILE[place:]) is None
