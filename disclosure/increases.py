"""Increases of the budget in the ledger: each signed document is counted once, and never more than it says."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from disclosure.balances import Caps
from disclosure.entries import Chain, Entry
from disclosure.errors import LedgerCorrupt
from linkage_core.agreement.increases import CLAUSE, IncreaseDocument, check_approvals, verify_granted
from linkage_core.errors import Refused, Tampered


def increases_of(entries: Sequence[Entry], project: str) -> list[Entry]:
    """Return the INCREASED entries of a project, in order."""
    return [entry for entry in entries if entry.kind == "INCREASED" and entry.project == project]


def decide_increase(
    chain: Chain, document: IncreaseDocument, *, project: str, caps: Caps, agreement_hash: str, at: str
) -> Entry:
    """Return the INCREASED entry to append; `check_approvals` comes before.

    Raises `Refused` for a document of another lineage or project, one that was counted already or whose number others
    took, and for a cap that the agreement does not set.
    """
    increase = document.increase
    if (increase.lineage, increase.project) != (chain.lineage, project):
        raise Refused(CLAUSE, "the increase is for another lineage or project")
    number = len(increases_of(chain.entries, project))
    if increase.number != number:
        raise Refused(CLAUSE, f"it is number {increase.number}, the next is {number}: it was counted, or overtaken")
    if (increase.cap == "project" and caps.project is None) or (increase.cap.startswith("year:") and caps.year is None):
        raise Refused(CLAUSE, f"the agreement sets no cap per {increase.cap.partition(':')[0]}")
    return chain.next(
        Entry(
            sequence=0,
            kind="INCREASED",
            lineage=increase.lineage,
            agreement_hash=agreement_hash,
            project=project,
            wave="",
            analyst="",
            question_hash="",
            nano_rho=increase.nano_rho,
            at=at,
            reservation="",
            result_digest=document.digest,
            previous_hash="",
            entry_hash="",
            cap=increase.cap,
        )
    )


def check_granted(
    document: IncreaseDocument,
    entry: Entry,
    service_key: bytes,
    approvers: Mapping[str, Mapping[str, bytes]] = MappingProxyType({}),
) -> None:
    """Check a stored increase against its INCREASED entry and the analysis service's key; raises `LedgerCorrupt`.

    `approvers`: of agreements that name some, by the agreement's hash, their keys by name. Were it not checked, whoever
    can write to the ledger's database, and holds the service's key, could grant budget.
    """
    increase = document.increase
    stated = (increase.lineage, increase.project, increase.cap, increase.nano_rho, document.digest)
    fits = stated == (entry.lineage, entry.project, entry.cap, entry.nano_rho, entry.result_digest)
    try:
        verify_granted(document, service_key)
        if (named := approvers.get(entry.agreement_hash)) is not None:
            check_approvals(document, named)
    except (Tampered, Refused):
        fits = False
    if not fits:
        raise LedgerCorrupt(f"ledger entry {entry.sequence}: the increase that it counts was not granted")
