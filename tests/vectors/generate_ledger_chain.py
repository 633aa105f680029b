"""Writes `ledger_chain.json`: two charges, one of them without a result.

Run: `python -m tests.vectors.generate_ledger_chain`.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from disclosure.ledger import Caps, Charge, Entry, decide_recording, decide_reservation

VECTOR = Path(__file__).with_name("ledger_chain.json")

CAPS = Caps(total=2_000_000_000, wave=1_000_000_000, analyst=500_000_000, release=100_000_000)
RESULT = b'{"format":"symbolon-release/1"}'


def chain() -> list[Entry]:
    """The chain of the vector, made with the ledger's own functions."""
    first = Charge(
        lineage="000102030405060708090a0b0c0d0e0f",
        agreement_hash="a0" * 32,
        project="migration",
        wave="2025",
        analyst="analyst-one",
        question_hash="b1" * 32,
        nano_rho=49_999_294,
        at="2026-01-15T09:30:00+00:00",
    )
    entries = [decide_reservation([], first, CAPS)]
    entries.append(decide_recording(entries, entries[0], RESULT, "2026-01-15T09:30:02+00:00"))
    lost = Charge(**(asdict(first) | {"question_hash": "c2" * 32, "nano_rho": 1, "at": "2026-01-15T09:31:00+00:00"}))
    return [*entries, decide_reservation(entries, lost, CAPS)]


def document() -> dict[str, Any]:
    """The vector as data."""
    return {"format": "symbolon-ledger/1", "result": RESULT.decode(), "entries": [asdict(entry) for entry in chain()]}


if __name__ == "__main__":
    VECTOR.write_text(json.dumps(document(), indent=2) + "\n", encoding="utf-8")
