"""Writes `ledger_chain.json`: a charge with its result, an increase, a charge without a result, a table by cell keys.

The first charge has no idempotency key: empty, it enters no hash, as in ledgers from before there were any. So it is
with the mechanism, which only the table by cell-key perturbation names.

Run: `python -m tests.vectors.generate_ledger_chain`.
"""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from disclosure.balances import Caps
from disclosure.entries import Charge, Entry, verify_chain
from disclosure.increases import decide_increase
from disclosure.ledger import decide_recording, decide_reservation
from disclosure.table import CELL_KEY
from linkage_core.agreement.increases import Increase, IncreaseDocument
from linkage_core.crypto.secret import Secret

VECTOR = Path(__file__).with_name("ledger_chain.json")

CAPS = Caps(total=2_000_000_000, wave=1_000_000_000, analyst=500_000_000, release=100_000_000, cell_key_tables=1)
LINEAGE = "000102030405060708090a0b0c0d0e0f"
RESULT = b'{"format":"symbolon-release/1"}'
APPROVERS = {"auer": Secret(b"\1" * 32), "berger": Secret(b"\2" * 32)}
SERVICE = Secret(b"\3" * 32)


def increase() -> IncreaseDocument:
    """An increase that two approvers signed and the analysis service granted; Ed25519 signatures are reproducible."""
    document = IncreaseDocument(
        increase=Increase(
            lineage=LINEAGE,
            project="migration",
            number=0,
            cap="wave:2025",
            nano_rho=250_000_000,
            reason="census year: tables by municipality",
        )
    )
    for approver, key in APPROVERS.items():
        document = document.approved_by(approver, key)
    return document.granted_by(SERVICE)


def chain() -> list[Entry]:
    """The chain of the vector, made with the ledger's own functions."""
    first = Charge(
        lineage=LINEAGE,
        agreement_hash="a0" * 32,
        project="migration",
        wave="2025",
        analyst="analyst-one",
        question_hash="b1" * 32,
        nano_rho=49_999_294,
        at="2026-01-15T09:30:00+00:00",
    )
    entries = [decide_reservation(verify_chain([], LINEAGE), first, CAPS)]
    entries.append(decide_recording(verify_chain(entries, LINEAGE), entries[0], RESULT, "2026-01-15T09:30:02+00:00"))
    entries.append(
        decide_increase(
            verify_chain(entries, LINEAGE),
            increase(),
            project="migration",
            caps=CAPS,
            agreement_hash="a0" * 32,
            at="2026-01-15T09:30:30+00:00",
        )
    )
    lost = replace(
        first, question_hash="c2" * 32, nano_rho=1, at="2026-01-15T09:31:00+00:00", idempotency_key="asking-2"
    )
    entries.append(decide_reservation(verify_chain(entries, LINEAGE), lost, CAPS))
    by_cell_keys = replace(
        first, question_hash="d3" * 32, nano_rho=0, at="2026-01-15T09:32:00+00:00", mechanism=CELL_KEY
    )
    return [*entries, decide_reservation(verify_chain(entries, LINEAGE), by_cell_keys, CAPS)]


def document() -> dict[str, Any]:
    """The vector as data."""
    return {
        "format": "symbolon-ledger/1",
        "result": RESULT.decode(),
        "increase": increase().model_dump(mode="json"),
        "entries": [asdict(entry) for entry in chain()],
    }


if __name__ == "__main__":
    VECTOR.write_text(json.dumps(document(), indent=2) + "\n", encoding="utf-8")
