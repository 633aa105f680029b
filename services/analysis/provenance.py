"""Where a released table comes from, signed by the analysis service: a third party verifies it without asking anybody.

    1. The signature is by the analysis service that the agreement names.
    2. The manifest belongs to this version of the agreement, or to its lineage where it was signed under another one.
    3. The table has the digest that was signed, which for a measured table is the one in the ledger's entry.
    4. What the manifest says of the table is what the table says of itself.

The signed bytes are `symbolon/v1/provenance` followed by the canonical JSON of the manifest and its length, as the
protocol binds every signed document. Analysts are not named in it.
"""

import hashlib
from importlib.metadata import version
from typing import Final, Literal

from pydantic import Field, ValidationError

from disclosure.entries import Entry
from disclosure.errors import LedgerCorrupt
from disclosure.table import Release
from linkage_core.agreement.canonical import canonical_bytes
from linkage_core.agreement.clauses import Hex16, WaveNameText
from linkage_core.agreement.signatures import SignatureHex, VerifiedAgreement
from linkage_core.crypto import signing
from linkage_core.crypto.kdf import info
from linkage_core.crypto.secret import Secret
from linkage_core.errors import InputFault, Tampered
from linkage_core.schema import Clause, Digest, Name

_PURPOSE: Final = "provenance"


class Manifest(Clause):
    """All that is attested of one table. `result` is the SHA-256 of its JSON form, digests are hexadecimal.

    `ledger_result` is the digest that the ledger keeps. It differs from `result` only where the table was summed from
    the cells of the release that `derived_from` names, at no price: then `entry` and `reservation` are that release's.
    `sequence` and `entry` are the place and the hash of the RELEASED entry in the lineage's ledger, `reservation` the
    hash of the entry that charged for it. `agreement` is the version that it was released under, `signed_under` the one
    in force when this was signed. `price_of_each` has the nano-rho of each vector that got noise. `code` is the version
    of the service that signed.
    """

    format: Literal["symbolon-provenance/1"] = "symbolon-provenance/1"
    release: Hex16
    result: Digest
    derived_from: str = Field(pattern="^([0-9a-f]{32})?$")
    ledger_result: Digest
    lineage: Hex16
    project: Name
    wave: WaveNameText
    data_version: Digest
    question: Digest
    released_at: str
    mechanism: str
    nano_rho: int = Field(ge=0)
    price_of_each: tuple[int, ...]
    sequence: int = Field(ge=1)
    entry: Digest
    reservation: Digest
    agreement: Digest
    signed_under: Digest
    signed_under_version: int = Field(ge=1)
    signer: Name
    code: str


class _Signed(Clause):
    provenance: Manifest
    signature: SignatureHex


def code_version() -> str:
    """Return the version of this program."""
    return version("symbolon")


def sign_provenance(release: Release, entry: Entry, key: Secret, agreement: VerifiedAgreement, code: str) -> bytes:
    """Return the signed manifest of a table and the RELEASED entry of its release, canonical JSON.

    Raises `LedgerCorrupt` for a measured table that is not the one in the ledger: nothing else is ever attested.
    """
    document, result = agreement.document, hashlib.sha256(release.to_json()).hexdigest()
    if not release.derived_from and result != entry.result_digest:
        raise LedgerCorrupt(f"release {release.release_id}: the table to attest does not fit its ledger entry")
    stated = {
        "release": release.release_id,
        "result": result,
        "ledger_result": entry.result_digest,
        "lineage": entry.lineage,
        "project": entry.project,
        "wave": entry.wave,
        "sequence": entry.sequence,
        "entry": entry.entry_hash,
        "reservation": entry.reservation,
        "signed_under": agreement.hash.hex(),
        "signed_under_version": document.version,
        "signer": document.analysis_service.name,
        "code": code,
    }
    manifest = Manifest.model_validate(stated | _said_by(release))
    signature = signing.sign(key, _signed_bytes(manifest)).hex()
    return canonical_bytes({"provenance": manifest.model_dump(mode="json"), "signature": signature})


def verify_provenance(table: bytes, provenance: bytes, agreement: VerifiedAgreement) -> tuple[Release, Manifest]:
    """Verify a table, in the JSON form of a release, against its provenance, and return both.

    Raises `InputFault` for files that are no such documents, and `Tampered` if one of the steps above fails.
    """
    release, manifest = _read_table(table), verify_origin(provenance, agreement)
    # 3
    if hashlib.sha256(table).hexdigest() != manifest.result:
        raise Tampered("the table is not the one that was released: its digest differs from the signed one")
    # 4
    said = {"release": release.release_id, **_said_by(release)}
    differing = sorted(name for name, value in said.items() if getattr(manifest, name) != value)
    if differing:
        raise Tampered(f"the provenance says other things than the table: {', '.join(differing)}")
    return release, manifest


def verify_origin(provenance: bytes, agreement: VerifiedAgreement) -> Manifest:
    """Return what the agreement's analysis service attested, without the table: steps 1 and 2."""
    try:
        signed = _Signed.model_validate_json(provenance)
    except ValidationError as error:
        faults = tuple(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise InputFault("the provenance is not well formed", faults) from None
    if canonical_bytes(signed.model_dump(mode="json")) != provenance:
        raise InputFault("the provenance is not in the canonical form that it was signed in")
    # 1
    service, manifest = agreement.document.analysis_service, signed.provenance
    key = agreement.identity_key(service.name)
    signing.verify(key, _signed_bytes(manifest), bytes.fromhex(signed.signature), "the provenance")
    # 2
    if manifest.lineage != agreement.document.lineage:
        raise Tampered("the provenance belongs to another lineage")
    if agreement.hash.hex() not in (manifest.signed_under, manifest.agreement):
        raise Tampered(
            f"the provenance was signed under version {manifest.signed_under_version} of the agreement, not this one"
        )
    return manifest


def _said_by(release: Release) -> dict[str, object]:
    return {
        "derived_from": release.derived_from,
        "data_version": release.data_version,
        "question": release.question_hash,
        "released_at": release.released_at,
        "mechanism": release.mechanism,
        "nano_rho": release.nano_rho,
        "price_of_each": tuple(vector.nano_rho for vector in release.noised),
        "agreement": release.agreement_hash,
    }


def _read_table(table: bytes) -> Release:
    try:
        release = Release.from_json(table)
    except LedgerCorrupt:
        raise InputFault("the table is not a release as `--format json` writes it") from None
    if release.to_json() != table:
        raise InputFault("the table is not in the form that it was released in, byte for byte")
    return release


def _signed_bytes(manifest: Manifest) -> bytes:
    return info(_PURPOSE, canonical_bytes(manifest.model_dump(mode="json")))
