"""Every party signs the same document, or there is no agreement: a refusal names the signature that is at fault."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from linkage_core.agreement.canonical import canonical_bytes
from linkage_core.agreement.signatures import SignedAgreement, parse_signed, signed_bytes, verify_agreement
from linkage_core.crypto.secret import Secret
from linkage_core.crypto.signing import sign
from linkage_core.errors import InputFault, Refused
from linkage_core.types import PartyName
from services.common.identity import Role
from tests.support.documents import invented_keys, parsed, signed_by_all, small_document
from tests.support.parties import ANALYSIS, LINKAGE_UNIT

AGREEMENT = parsed(small_document())
SIGNED = signed_by_all(AGREEMENT)
FILE = SIGNED.to_bytes()
TAX_KEY = invented_keys("tax", Role.PROVIDER).identity


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    """The signed file with its content changed and written canonically again."""
    content = json.loads(FILE)
    change(content)
    return canonical_bytes(content)


def refused_clause(file: bytes) -> str:
    with pytest.raises(Refused) as refusal:
        verify_agreement(file)
    return refusal.value.clause


def test_an_agreement_that_all_have_signed_is_verified() -> None:
    verified = verify_agreement(FILE)
    assert verified.document == AGREEMENT
    assert verified.hash == AGREEMENT.hash
    assert verified.file == FILE
    assert verified.identity_key(PartyName("tax")) == invented_keys("tax", Role.PROVIDER).public.identity_key
    context = verified.context("w1")
    assert (context.lineage, context.agreement, context.epoch, context.wave) == (b"\x5a" * 16, AGREEMENT.hash, 1, "w1")


def test_what_is_signed_is_the_hash_of_the_canonical_document() -> None:
    canonical = canonical_bytes(AGREEMENT.model_dump(mode="json"))
    assert signed_bytes(AGREEMENT) == b"symbolon/v1/agreement\x00\x00\x00\x20" + hashlib.sha256(canonical).digest()


@pytest.mark.parametrize("party", ["tax", "border", "register", LINKAGE_UNIT, ANALYSIS])
def test_a_missing_signature_is_refused_by_its_clause(party: str) -> None:
    assert refused_clause(changed(lambda c: c["signatures"].pop(party))) == f"signatures.{party}"


def test_signatures_of_two_parties_swapped_are_refused() -> None:
    def swap(content: dict[str, Any]) -> None:
        given = content["signatures"]
        given["tax"], given["border"] = given["border"], given["tax"]

    assert refused_clause(changed(swap)) == "signatures.border"


def test_a_signature_by_a_key_that_the_agreement_does_not_name_is_refused() -> None:
    foreign = sign(Secret(b"f" * 32), signed_bytes(AGREEMENT)).hex()
    assert refused_clause(changed(lambda c: c["signatures"].update(tax=foreign))) == "signatures.tax"


def test_a_signature_of_someone_who_is_no_party_is_refused() -> None:
    extra = sign(Secret(b"f" * 32), signed_bytes(AGREEMENT)).hex()
    assert refused_clause(changed(lambda c: c["signatures"].update(stranger=extra))) == "signatures.stranger"


def test_every_missing_signature_is_told_at_once() -> None:
    def drop(content: dict[str, Any]) -> None:
        del content["signatures"]["tax"], content["signatures"]["border"]

    with pytest.raises(Refused, match=r"signatures\.border: not signed; tax: not signed"):
        verify_agreement(changed(drop))


def test_a_signature_of_another_version_is_refused() -> None:
    other = sign(TAX_KEY, signed_bytes(parsed(small_document(title="Another")))).hex()
    assert refused_clause(changed(lambda c: c["signatures"].update(tax=other))) == "signatures.tax"


def test_a_signature_over_the_bare_hash_is_refused() -> None:
    bare = sign(TAX_KEY, AGREEMENT.hash).hex()
    assert refused_clause(changed(lambda c: c["signatures"].update(tax=bare))) == "signatures.tax"


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["agreement"].update(title="Larger agreement"),
        lambda c: c["agreement"]["budget"].update(total_nano_rho=2_000_000_000),
        lambda c: c["agreement"]["validity"].update(valid_until="2036-12-31"),
        lambda c: c["agreement"]["hardening"].update(minimum_t=1),
    ],
    ids=["title", "budget", "validity", "hardening"],
)
def test_a_clause_changed_after_signing_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    assert refused_clause(changed(change)).startswith("signatures.")


def test_a_party_that_puts_in_its_own_key_for_another_is_refused() -> None:
    def take_over(content: dict[str, Any]) -> None:
        document = content["agreement"]
        party = next(p for p in document["parties"] if p["name"] == "border")
        party["identity_key"] = invented_keys("mallory", Role.PROVIDER).public.identity_key.hex()
        mallory = invented_keys("mallory", Role.PROVIDER).identity
        content["signatures"]["border"] = sign(mallory, signed_bytes(parsed(document))).hex()

    assert refused_clause(changed(take_over)) != "signatures.border"


@pytest.mark.parametrize("signature", ["", "zz", "ab" * 63, "AB" * 64, " " + "ab" * 64])
def test_a_signature_in_another_spelling_is_an_input_fault(signature: str) -> None:
    with pytest.raises(InputFault, match=r"signatures\.tax"):
        verify_agreement(changed(lambda c: c["signatures"].update(tax=signature)))


@pytest.mark.parametrize(
    "file",
    [
        FILE + b"\n",
        json.dumps(json.loads(FILE), indent=1).encode(),
        FILE.replace(b'{"agreement":{', b'{"agreement":{"title":"What one reader sees",', 1),
        FILE.replace(b'"w1"', b'"\\u00771"'),
    ],
    ids=["a newline more", "indented", "a key that stands there twice", "a letter escaped"],
)
def test_a_file_in_another_spelling_is_refused(file: bytes) -> None:
    with pytest.raises(InputFault, match="not in the canonical form"):
        verify_agreement(file)


@pytest.mark.parametrize("file", [b"", b"{}", b"[]", FILE[:-1], FILE[1:], b"\xff" + FILE])
def test_what_is_no_agreement_file_is_an_input_fault(file: bytes) -> None:
    with pytest.raises(InputFault):
        verify_agreement(file)


def test_a_number_that_readers_disagree_about_is_an_input_fault() -> None:
    file = FILE.replace(b'"maximum_noise_sd":1000', b'"maximum_noise_sd":90071992547409930')
    with pytest.raises(InputFault, match=r"budget\.maximum_noise_sd: an integer beyond"):
        verify_agreement(file)


def test_nobody_signs_for_a_party_with_another_key() -> None:
    with pytest.raises(Refused) as refusal:
        SignedAgreement(agreement=AGREEMENT).signed_by(PartyName("tax"), Secret(b"f" * 32))
    assert refusal.value.clause == "parties.tax.identity_key"


def test_nobody_signs_who_is_no_party() -> None:
    with pytest.raises(InputFault, match="no party 'nobody'"):
        SignedAgreement(agreement=AGREEMENT).signed_by(PartyName("nobody"), TAX_KEY)


def test_a_file_keeps_the_signatures_it_has_while_others_sign() -> None:
    first = SignedAgreement(agreement=AGREEMENT).signed_by(PartyName("tax"), TAX_KEY)
    second = parse_signed(first.to_bytes()).signed_by(
        PartyName("border"), invented_keys("border", Role.PROVIDER).identity
    )
    assert second.signatures == {name: SIGNED.signatures[name] for name in ("tax", "border")}
