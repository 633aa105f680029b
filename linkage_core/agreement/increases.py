"""Increases of the privacy budget: a document that two approvers sign, and that the analysis service counts once.

1. Somebody proposes: which cap of which lineage and project, by how much, and why. The document's number says how many
   increases the project had before: a document that was counted, or that others overtook, fits no longer.
2. Two approvers sign it, each with a key of their own. Approvers are on the signed roster and are no analysts: nobody
   who asks questions raises what questions may cost.
3. The analysis service checks both signatures against its roster, and against the agreement where that names
   approvers, and countersigns. Only a countersigned document makes
   an entry of the ledger (`disclosure.increases`), and every balance reads its amount from there.

The countersignature is what a ledger checks from then on, so that approvers may come and go.
"""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue, ValidationError

from linkage_core.agreement.canonical import LARGEST_INTEGER, canonical_bytes
from linkage_core.agreement.clauses import Hex16
from linkage_core.agreement.signatures import SignatureHex
from linkage_core.crypto import signing
from linkage_core.crypto.kdf import info
from linkage_core.crypto.secret import Secret
from linkage_core.errors import InputFault, Refused, Tampered
from linkage_core.schema import Clause, Name

APPROVALS: Final = 2
"""How many persons must approve."""

CLAUSE: Final = "budget.increase"
"""What a refused increase names; the agreement fixes the caps, and who may raise them stands on the roster."""


class Increase(Clause):
    """What is proposed. `cap` is `total`, `project`, `wave:NAME`, `analyst:NAME` or `year:YYYY`."""

    format: Literal["symbolon-increase/1"] = "symbolon-increase/1"
    lineage: Hex16
    project: Name
    number: int = Field(ge=0)
    cap: str = Field(
        pattern=r"^(total|project|wave:[a-z0-9][a-z0-9_-]{0,39}|analyst:[a-z][a-z0-9_-]{0,39}|year:[0-9]{4})$"
    )
    nano_rho: int = Field(ge=1, le=LARGEST_INTEGER)
    reason: str = Field(min_length=10, max_length=1_000)


class Approval(Clause):
    """One approver's signature."""

    approver: Name
    identity_key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    signature: SignatureHex


class IncreaseDocument(Clause):
    """The file that is passed around: the increase, its approvals, and at last the analysis service's signature."""

    increase: Increase
    approvals: tuple[Approval, ...] = ()
    granted: SignatureHex | None = None

    def to_bytes(self) -> bytes:
        """Return the canonical JSON of the file."""
        return canonical_bytes(self.model_dump(mode="json"))

    @property
    def digest(self) -> str:
        """SHA-256 of the increase itself (hexadecimal): the same whoever approved it, in whatever order."""
        return hashlib.sha256(canonical_bytes(self.increase.model_dump(mode="json"))).hexdigest()

    def approved_by(self, approver: str, key: Secret) -> "IncreaseDocument":
        """Return the document with one approval more; raises `Refused` for an approver or a key that signed already."""
        public = signing.public_of(key).hex()
        if any(public == given.identity_key or approver == given.approver for given in self.approvals):
            raise Refused(CLAUSE, f"{approver} has approved already: another person must")
        signature = signing.sign(key, _approved_bytes(self.increase, approver)).hex()
        approval = Approval(approver=approver, identity_key=public, signature=signature)
        return self.model_copy(update={"approvals": (*self.approvals, approval), "granted": None})

    def granted_by(self, key: Secret) -> "IncreaseDocument":
        """Return the document with the analysis service's signature; `check_approvals` comes before."""
        return self.model_copy(update={"granted": signing.sign(key, _granted_bytes(self)).hex()})


def new_increase(lineage: str, project: str, number: int, *, cap: str, nano_rho: int, reason: str) -> IncreaseDocument:
    """Return an increase that nobody has approved yet; one `InputFault` lists every fault."""
    stated: dict[str, JsonValue] = {"lineage": lineage, "project": project, "number": number, "cap": cap}
    return parse_increase(canonical_bytes({"increase": {**stated, "nano_rho": nano_rho, "reason": reason}}))


def parse_increase(file: bytes) -> IncreaseDocument:
    """Read an increase without judging it; one `InputFault` lists every fault."""
    try:
        return IncreaseDocument.model_validate_json(file)
    except ValidationError as error:
        faults = tuple(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise InputFault("the increase is not well formed", faults) from None


def check_approvals(document: IncreaseDocument, approvers: Mapping[str, bytes]) -> None:
    """Return if two persons among `approvers` (Ed25519 keys, 32 bytes, by name) signed the increase.

    Raises `Refused` for too few, for one person or key twice and for somebody else; `Tampered` if a signature does not
    fit.
    """
    given = document.approvals
    if len({item.approver for item in given}) != len(given) or len({item.identity_key for item in given}) != len(given):
        raise Refused(CLAUSE, "one person or one key approved twice")
    for item in given:
        if approvers.get(item.approver) != bytes.fromhex(item.identity_key):
            raise Refused(
                CLAUSE, f"{item.approver} is no approver of the roster and the agreement, or has another key there"
            )
        signed = _approved_bytes(document.increase, item.approver)
        signing.verify(
            bytes.fromhex(item.identity_key), signed, bytes.fromhex(item.signature), f"the approval of {item.approver}"
        )
    if len(given) < APPROVALS:
        raise Refused(CLAUSE, f"{APPROVALS} persons must approve, {len(given)} did")


def verify_granted(document: IncreaseDocument, service_key: bytes) -> None:
    """Return if the analysis service with this Ed25519 key (32 bytes) granted it; raises `Tampered` if not."""
    if len(document.approvals) < APPROVALS or document.granted is None:
        raise Tampered("the increase was not granted")
    signing.verify(service_key, _granted_bytes(document), bytes.fromhex(document.granted), "the increase")


def _approved_bytes(increase: Increase, approver: str) -> bytes:
    return info("budget-increase", approver.encode(), canonical_bytes(increase.model_dump(mode="json")))


def _granted_bytes(document: IncreaseDocument) -> bytes:
    content = document.model_dump(mode="json", exclude={"granted"})
    return info("budget-granted", canonical_bytes(content))
