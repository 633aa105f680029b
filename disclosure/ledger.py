"""The ledger of the privacy budget: what may be appended to it, and what is found in it.

Everything here is a pure function of a checked chain (`disclosure.entries`); balances are derived from it
(`disclosure.balances`). A `LedgerStore` calls these functions inside its serializable transactions.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from disclosure.balances import Caps, balance
from disclosure.entries import Chain, Charge, Entry, cell_key_tables, reserved
from disclosure.errors import BudgetRefused, KeyReused, LedgerCorrupt, PolicyRefused, ReleaseFailed
from disclosure.table import CELL_KEY, Release


class LedgerStore(Protocol):
    """Durable ledgers. Each method is one serializable transaction over the entries of one lineage, in order."""

    def reserve(self, charge: Charge, caps: Caps) -> Entry:
        """Append what `decide_reservation` returns and commit it to disk before returning; pass its refusals on."""
        ...

    def record(self, reservation: Entry, result: bytes, at: str) -> Entry:
        """Append what `decide_recording` returns and keep the result under its release id, both or neither."""
        ...

    def find_by_question(self, lineage: str, question_hash: str) -> tuple[Entry, bytes] | None:
        """Return the entry that `best_release` picks and its result, or None."""
        ...

    def find_by_key(self, lineage: str, analyst: str, idempotency_key: str) -> tuple[Entry, bytes | None] | None:
        """Return the reservation that `reservation_under` finds and its result, if there is one yet, or None."""
        ...

    def released(self, lineage: str) -> Iterable[tuple[Entry, Release]]:
        """Yield every released table of a lineage with its RELEASED entry, in order; each fits its entry."""
        ...

    def entries(self, lineage: str) -> Sequence[Entry]:
        """Return every entry of a lineage in order of sequence."""
        ...


def decide_reservation(chain: Chain, charge: Charge, caps: Caps) -> Entry:
    """Return the RESERVED entry to append.

    Raises `KeyReused` if the analyst's idempotency key paid for something already, `BudgetRefused` for the first cap
    exceeded, and `PolicyRefused` for one table by cell-key perturbation too many.
    """
    if (charge.nano_rho < 1) != (charge.mechanism == CELL_KEY):
        raise LedgerCorrupt("a charge costs at least 1 nano-rho, and a table by cell-key perturbation none")
    if reservation_under(chain.entries, charge.analyst, charge.idempotency_key) is not None:
        raise KeyReused
    made = cell_key_tables(chain.entries)
    if charge.mechanism == CELL_KEY and made >= caps.cell_key_tables:
        raise PolicyRefused(
            "statistics.cell_keys.tables",
            f"{made} tables by cell-key perturbation were made, {caps.cell_key_tables} are allowed in all",
        )
    if charge.nano_rho > caps.release:
        raise BudgetRefused("budget.per_release_nano_rho", charge.nano_rho, caps.release)
    found = balance(chain.entries, caps, project=charge.project, wave=charge.wave, analyst=charge.analyst, at=charge.at)
    for allowance in found.allowances:
        if charge.nano_rho > allowance.left:
            raise BudgetRefused(allowance.clause, charge.nano_rho, allowance.left)
    return chain.next(reserved(charge))


def decide_recording(chain: Chain, reservation: Entry, result: bytes, at: str) -> Entry:
    """Return the RELEASED entry to append; raises `LedgerCorrupt` unless the reservation is in the chain and open."""
    recorded = any(entry.reservation == reservation.entry_hash for entry in chain.entries)
    if reservation.kind != "RESERVED" or reservation not in chain.entries or recorded:
        raise LedgerCorrupt(f"release {reservation.release_id}: no open reservation in the ledger")
    return chain.next(
        replace(
            reservation,
            kind="RELEASED",
            nano_rho=0,
            at=at,
            reservation=reservation.entry_hash,
            result_digest=hashlib.sha256(result).hexdigest(),
        )
    )


def best_release(entries: Sequence[Entry], question_hash: str) -> Entry | None:
    """Return the RELEASED entry of the most precise release of a question (the first of equals), or None."""
    prices = {entry.entry_hash: entry.nano_rho for entry in entries if entry.kind == "RESERVED"}
    released = [entry for entry in entries if entry.kind == "RELEASED" and entry.question_hash == question_hash]
    return max(released, key=lambda entry: prices[entry.reservation], default=None)


def reservation_under(entries: Sequence[Entry], analyst: str, idempotency_key: str) -> Entry | None:
    """Return the reservation that an analyst's idempotency key paid for, or None; an empty key names nothing."""
    if not idempotency_key:
        return None
    wanted = ("RESERVED", analyst, idempotency_key)
    return next((entry for entry in entries if (entry.kind, entry.analyst, entry.idempotency_key) == wanted), None)


def released_as(entries: Sequence[Entry], reservation: Entry) -> Entry | None:
    """Return the RELEASED entry of a reservation, or None for one without a result."""
    return next((entry for entry in entries if entry.reservation == reservation.entry_hash), None)


def answer_to_retry(found: tuple[Entry, bytes | None] | None, question_hash: str, nano_rho: int) -> bytes | None:
    """Return the result that a retried question was answered with, or None if its key has paid for nothing.

    Raises `KeyReused` if the key paid for another question (or other data, or another accuracy), and `ReleaseFailed` if
    the release failed or its process died: a retry says so again, and costs nothing.
    """
    if found is None:
        return None
    reservation, result = found
    if (reservation.question_hash, reservation.nano_rho) != (question_hash, nano_rho):
        raise KeyReused
    if result is None:
        raise ReleaseFailed(reservation.release_id, "retry")
    return result


def check_result(entry: Entry, result: bytes) -> None:
    """Check a stored result against its RELEASED entry; raises `LedgerCorrupt`."""
    if hashlib.sha256(result).hexdigest() != entry.result_digest:
        raise LedgerCorrupt(f"release {entry.release_id}: the stored result does not fit its ledger entry")
