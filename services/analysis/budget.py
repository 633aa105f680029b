"""What an operator does about the privacy budget: show it, propose an increase, grant one that two persons approved.

None of it draws noise, and all of it may run beside the serving process, which counts an increase from its next
question on. Showing is meant for publication: what was spent and granted over the years, in rho and as an epsilon, and
how many tables were made that no rho covers.
"""

from collections.abc import Sequence
from typing import Final

from disclosure.balances import Allowance, Balance, Caps, balance
from disclosure.entries import Entry, cell_key_tables
from disclosure.increases import increases_of
from disclosure.measurements import epsilon_millionths
from disclosure.table import CELL_KEY
from linkage_core.agreement.document import Agreement
from linkage_core.agreement.increases import IncreaseDocument, check_approvals, new_increase
from linkage_core.errors import InputFault
from services.analysis.assembly import AnalysisService, open_service
from services.analysis.config import AnalysisConfig
from services.analysis.roster import read_roster
from services.common.audit import AuditLog
from services.common.locks import only_process

BUDGET: Final = "budget"
"""Name of the process that grants increases: it has a lock and an audit log of its own."""

MILLION: Final = 1_000_000


def propose(config: AnalysisConfig, cap: str, nano_rho: int, reason: str) -> IncreaseDocument:
    """Return an increase that nobody has approved yet; raises `InputFault` for a cap that there is not."""
    service = open_service(config, takes_into_force=False)
    try:
        document = service.agreement.document
        what, _, name = cap.partition(":")
        if what == "wave":
            document.wave(name)
        if what == "analyst" and read_roster(config.roster, service.agreement).identity_key(name) is None:
            raise InputFault(f"the roster names no analyst {name!r}")
        entries = service.ledger.entries(document.lineage)
        number = len(increases_of(entries, document.project))
        return new_increase(document.lineage, document.project, number, cap=cap, nano_rho=nano_rho, reason=reason)
    finally:
        service.close()


def grant(config: AnalysisConfig, document: IncreaseDocument) -> Entry:
    """Count an increase that two approvers of the roster signed; returns its ledger entry.

    Raises `Refused` or `Tampered` for everything else, and changes nothing then.
    """
    with only_process(config.data, BUDGET):
        service = open_service(config, takes_into_force=False)
        try:
            agreement = service.agreement
            check_approvals(document, read_roster(config.roster, agreement).approver_keys(agreement))
            granted = document.granted_by(service.keys.identity)
            at = service.clock().isoformat(timespec="seconds")
            caps = Caps.of(agreement.document.budget)
            entry = service.ledger.increase(granted, caps, agreement.hash.hex(), at)
            audit = AuditLog(config.data / f"audit-{BUDGET}.jsonl", service.keys.identity, service.clock)
            audit.append("budget-increased", nano_rho=entry.nano_rho)
            return entry
        finally:
            service.close()


def show(config: AnalysisConfig) -> dict[str, object]:
    """Return caps, increases and spending of the lineage, and what they mean as an epsilon; verifies the ledger."""
    service = open_service(config, takes_into_force=False)
    try:
        return _shown(service)
    finally:
        service.close()


def _shown(service: AnalysisService) -> dict[str, object]:
    document, budget = service.agreement.document, service.agreement.document.budget
    entries = service.ledger.entries(document.lineage)
    now = service.clock().isoformat(timespec="seconds")

    def balance_of(wave: str, analyst: str) -> Balance:
        return balance(entries, Caps.of(budget), project=document.project, wave=wave, analyst=analyst, at=now)

    whole = balance_of("", "")
    spent = [entry for entry in entries if entry.kind == "RESERVED"]
    analysts = sorted({entry.analyst for entry in spent if entry.project == document.project})
    return {
        "lineage": document.lineage,
        "population": document.population,
        "project": document.project,
        "delta": budget.delta_e15 / 10**15,
        "spent": _in_words(whole.total.spent, budget.delta_e15),
        "granted": _in_words(whole.total.cap, budget.delta_e15),
        "spent_by_year": _sums(spent, [entry.year for entry in spent]),
        "spent_by_project": _sums(spent, [entry.project for entry in spent]),
        "caps": {
            "total": _cap(whole.total),
            "project": _cap(whole.project),
            "year": _cap(whole.year),
            "waves": {wave.name: _cap(balance_of(wave.name, "").wave) for wave in document.waves},
            "analysts": {name: _cap(balance_of("", name).analyst) for name in analysts},
            "release": budget.per_release_nano_rho,
        },
        "increases": _increases(service, entries),
        "not_differentially_private": _not_private(document, entries),
    }


def _not_private(document: Agreement, entries: Sequence[Entry]) -> dict[str, object]:
    """Tables by cell-key perturbation: none is in the rho and the epsilon shown beside."""
    clause = document.statistics.cell_keys
    return {
        "mechanism": CELL_KEY,
        "tables": cell_key_tables(entries),
        "allowed": 0 if clause is None else clause.tables,
        "note": "what was spent, in rho and as an epsilon, does not cover these tables",
    }


def _increases(service: AnalysisService, entries: Sequence[Entry]) -> list[dict[str, object]]:
    documents = service.ledger.increase_documents(service.agreement.document.lineage)
    return [
        {
            "number": number,
            "at": entry.at,
            "cap": entry.cap,
            "nano_rho": entry.nano_rho,
            "reason": documents[entry.result_digest].increase.reason,
            "approved_by": [approval.approver for approval in documents[entry.result_digest].approvals],
        }
        for number, entry in enumerate(increases_of(entries, service.agreement.document.project))
    ]


def _in_words(nano_rho: int, delta_e15: int) -> dict[str, object]:
    return {"nano_rho": nano_rho, "epsilon": epsilon_millionths(nano_rho, delta_e15) / MILLION}


def _cap(allowance: Allowance | None) -> dict[str, int] | None:
    if allowance is None:
        return None
    return {"nano_rho": allowance.cap, "spent": allowance.spent, "left": allowance.left}


def _sums(entries: Sequence[Entry], names: Sequence[str]) -> dict[str, int]:
    sums = dict.fromkeys(sorted(names), 0)
    for entry, name in zip(entries, names, strict=True):
        sums[name] += entry.nano_rho
    return sums
