"""Attacks on a published table and its provenance: each is made, and each is found without asking anybody."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rfc8785

from disclosure.entries import Entry
from disclosure.table import Release
from linkage_core.agreement.signatures import VerifiedAgreement
from linkage_core.crypto.kdf import info
from linkage_core.crypto.secret import Secret
from linkage_core.crypto.signing import sign
from linkage_core.errors import InputFault, Tampered
from services.analysis.provenance import sign_provenance, verify_provenance
from tests.support.parties import ANALYSIS, LINKAGE_UNIT, Parties, make_parties
from tests.support.releases import made_up

RELEASE = replace(made_up({"sex": ["f", "m"]}, np.array([41, -2]), 5.0), release_id="e0" * 16)
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


def attested(
    parties: Parties, release: Release = RELEASE, signer: str = ANALYSIS, agreement: VerifiedAgreement | None = None
) -> bytes:
    """The provenance of a release, signed under an agreement (None: that of the parties)."""
    signed_under = agreement or parties.verified
    entry = Entry(
        sequence=1,
        kind="RELEASED",
        lineage=signed_under.document.lineage,
        agreement_hash=release.agreement_hash,
        project=signed_under.document.project,
        wave="w1",
        analyst="ana",
        question_hash=release.question_hash,
        nano_rho=0,
        at=release.released_at,
        reservation="e0" * 32,
        result_digest=hashlib.sha256(release.to_json()).hexdigest(),
        previous_hash="00" * 32,
        entry_hash="ee" * 32,
    )
    return sign_provenance(release, entry, parties.keys[signer].identity, signed_under, "0.1.0")


def changed(document: bytes, change: Change) -> bytes:
    data = json.loads(document)
    change(data)
    return json.dumps(data, separators=(",", ":")).encode()


def test_a_table_and_its_provenance_verify_and_name_no_analyst(parties: Parties) -> None:
    provenance = attested(parties)
    release, manifest = verify_provenance(RELEASE.to_json(), provenance, parties.verified)
    assert release == RELEASE
    assert (manifest.wave, manifest.signer, manifest.sequence) == ("w1", ANALYSIS, 1)
    assert b"ana" not in provenance.replace(b'"analysis"', b"")


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table["cells"][0].update(value=42),
        lambda table: table["cells"][1].update(flags=[]),
        lambda table: table["noised"][0]["values"].reverse(),
        lambda table: table.update(released_at="2026-03-02T09:00:00+00:00"),
        lambda table: table["question"].update(at=["2025-01-01"]),
        lambda table: table["cells"].pop(),
    ],
    ids=["value", "flag", "noisy numbers", "time", "question", "cell left out"],
)
def test_a_changed_table_is_found(parties: Parties, change: Change) -> None:
    with pytest.raises(Tampered, match="the table is not the one that was released"):
        verify_provenance(changed(RELEASE.to_json(), change), attested(parties), parties.verified)


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file["provenance"].update(wave="w2"),
        lambda file: file["provenance"].update(sequence=2),
        lambda file: file["provenance"].update(nano_rho=1),
        lambda file: file["provenance"].update(code="9.9"),
        lambda file: file.update(signature="00" * 64),
    ],
    ids=["wave", "place in the ledger", "price", "code", "signature"],
)
def test_a_changed_manifest_is_found(parties: Parties, change: Change) -> None:
    with pytest.raises(Tampered, match="signature of the provenance"):
        verify_provenance(RELEASE.to_json(), changed(attested(parties), change), parties.verified)


def test_a_table_changed_together_with_its_digest_is_found(parties: Parties) -> None:
    table = changed(RELEASE.to_json(), lambda data: data["cells"][0].update(value=42))
    digest = hashlib.sha256(table).hexdigest()
    forged = changed(attested(parties), lambda file: file["provenance"].update(result=digest))
    with pytest.raises(Tampered, match="signature of the provenance"):
        verify_provenance(table, forged, parties.verified)


def test_another_party_cannot_attest_a_table(parties: Parties) -> None:
    for signer in (LINKAGE_UNIT, "register"):
        with pytest.raises(Tampered, match="signature of the provenance"):
            verify_provenance(RELEASE.to_json(), attested(parties, signer=signer), parties.verified)


def test_a_signature_under_another_label_does_not_count(parties: Parties) -> None:
    file = json.loads(attested(parties))
    content = rfc8785.dumps(file["provenance"])
    for label in ("declared-rates", "audit", "agreement"):
        signature = sign(parties.keys[ANALYSIS].identity, info(label, content)).hex()
        with pytest.raises(Tampered, match="signature of the provenance"):
            verify_provenance(RELEASE.to_json(), rfc8785.dumps({**file, "signature": signature}), parties.verified)


def test_another_agreement_does_not_verify_it(parties: Parties, tmp_path: Path) -> None:
    strangers = make_parties(tmp_path)  # the same clauses, other keys
    with pytest.raises(Tampered, match="signature of the provenance"):
        verify_provenance(RELEASE.to_json(), attested(parties), strangers.verified)
    verified = parties.verified
    later = verified.document.model_copy(update={"version": 2})
    amended = VerifiedAgreement(later, later.hash, verified.file)
    with pytest.raises(Tampered, match="signed under version 1 of the agreement, not this one"):
        verify_provenance(RELEASE.to_json(), attested(parties), amended)
    moved = verified.document.model_copy(update={"lineage": "ff" * 16})
    with pytest.raises(Tampered, match="another lineage"):
        verify_provenance(RELEASE.to_json(), attested(parties), VerifiedAgreement(moved, moved.hash, verified.file))


def test_a_release_of_an_earlier_version_verifies_under_the_version_that_it_was_made_under(parties: Parties) -> None:
    verified = parties.verified
    later = verified.document.model_copy(update={"version": 2})
    amended = VerifiedAgreement(later, later.hash, b"")
    made_before = replace(RELEASE, agreement_hash=verified.hash.hex())
    provenance = attested(parties, made_before, agreement=amended)
    for agreement in (verified, amended):
        assert verify_provenance(made_before.to_json(), provenance, agreement)[1].signed_under_version == 2


def test_the_provenance_of_another_table_does_not_fit(parties: Parties) -> None:
    other = replace(RELEASE, release_id="e1" * 16)
    with pytest.raises(Tampered, match="the table is not the one"):
        verify_provenance(other.to_json(), attested(parties), parties.verified)


def test_a_manifest_that_says_other_things_than_its_table_is_found(parties: Parties) -> None:
    file = json.loads(attested(parties))
    file["provenance"]["nano_rho"] = 7
    message = info("provenance", rfc8785.dumps(file["provenance"]))
    file["signature"] = sign(parties.keys[ANALYSIS].identity, message).hex()  # the service itself would have to lie
    with pytest.raises(Tampered, match="other things than the table: nano_rho"):
        verify_provenance(RELEASE.to_json(), rfc8785.dumps(file), parties.verified)


@pytest.mark.parametrize("spelled", [b" ", b"\n"])
def test_files_in_another_spelling_are_refused(parties: Parties, spelled: bytes) -> None:
    with pytest.raises(InputFault, match="byte for byte"):
        verify_provenance(RELEASE.to_json() + spelled, attested(parties), parties.verified)
    with pytest.raises(InputFault, match="canonical form"):
        verify_provenance(RELEASE.to_json(), attested(parties) + spelled, parties.verified)
    with pytest.raises(InputFault, match="not well formed"):
        verify_provenance(RELEASE.to_json(), b"{}", parties.verified)
    with pytest.raises(InputFault, match="not a release"):
        verify_provenance(b"{}", attested(parties), parties.verified)


def test_a_key_that_is_not_the_service_s_signs_in_vain(parties: Parties) -> None:
    file = json.loads(attested(parties))
    file["signature"] = sign(Secret(b"x" * 32), info("provenance", rfc8785.dumps(file["provenance"]))).hex()
    with pytest.raises(Tampered, match="signature of the provenance"):
        verify_provenance(RELEASE.to_json(), rfc8785.dumps(file), parties.verified)
