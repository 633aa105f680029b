"""The ledger of the privacy budget: append-only, hash-chained, in integers. Balances are derived, never stored.

One chain per lineage: across agreements, projects, waves and re-linkings, because people do not change with them. A
RESERVED entry is the charge; it is durable before any noise exists and is never taken back. A RELEASED entry says
which result came of it. A reservation without a result (a crash, a failure) stays charged: its noise may have been
seen, so asking again is a new reservation with noise of its own, and both count.

Everything here is a pure function of entries; a `LedgerStore` calls them inside its serializable transactions.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final, Literal, Protocol

from disclosure.errors import BudgetRefused, LedgerCorrupt
from linkage_core.agreement.canonical import canonical_bytes
from linkage_core.agreement.clauses import Budget

FORMAT: Final = "symbolon-ledger/1"

Kind = Literal["RESERVED", "RELEASED"]


@dataclass(frozen=True, slots=True)
class Charge:
    """What a release is about to spend: who asks what of which wave, when (ISO 8601, UTC), for how many nano-rho."""

    lineage: str
    agreement_hash: str
    project: str
    wave: str
    analyst: str
    question_hash: str
    nano_rho: int
    at: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger; digests and ids are hexadecimal.

    RESERVED carries the price and no result. RELEASED repeats its reservation's facts with `nano_rho` 0, names the
    reservation by its `entry_hash`, and carries the SHA-256 of the stored result.
    """

    sequence: int
    kind: Kind
    lineage: str
    agreement_hash: str
    project: str
    wave: str
    analyst: str
    question_hash: str
    nano_rho: int
    at: str
    reservation: str
    result_digest: str
    previous_hash: str
    entry_hash: str

    @property
    def release_id(self) -> str:
        """Name of the release that this entry belongs to: the beginning of its reservation's hash."""
        return (self.reservation or self.entry_hash)[:32]


@dataclass(frozen=True, slots=True)
class Caps:
    """What may be spent at most, in nano-rho: by the lineage in all, per wave, per analyst, per release."""

    total: int
    wave: int
    analyst: int
    release: int

    @classmethod
    def of(cls, budget: Budget) -> "Caps":
        """Return the caps of an agreement's budget."""
        return cls(
            total=budget.total_nano_rho,
            wave=budget.per_wave_nano_rho,
            analyst=budget.per_analyst_nano_rho,
            release=budget.per_release_nano_rho,
        )


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left under each cap, in nano-rho, never below 0."""

    total: int
    wave: int
    analyst: int
    release: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head of the chain that was written down elsewhere: a ledger that does not hold it was cut or replaced."""

    sequence: int
    entry_hash: str


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

    def entries(self, lineage: str) -> Sequence[Entry]:
        """Return every entry of a lineage in order of sequence."""
        ...


def verify_chain(entries: Sequence[Entry], lineage: str, anchor: Anchor | None = None) -> None:
    """Check every link of a lineage's chain, and that it holds the anchor; raises `LedgerCorrupt`.

    A chain cannot show by itself that its newest entries were cut off: only an anchor kept elsewhere can.
    """
    previous, open_reservations = _genesis(lineage), dict[str, Entry]()
    for position, entry in enumerate(entries):
        if entry.sequence != position or entry.lineage != lineage or entry.previous_hash != previous:
            raise LedgerCorrupt(f"ledger entry {position}: does not follow the entry before it")
        if entry.entry_hash != _entry_hash(entry):
            raise LedgerCorrupt(f"ledger entry {position}: does not fit its hash")
        if entry.kind == "RESERVED":
            open_reservations[entry.entry_hash] = entry
        elif open_reservations.pop(entry.reservation, None) is None:
            raise LedgerCorrupt(f"ledger entry {position}: records a result without an open reservation")
        previous = entry.entry_hash
    if anchor is not None:
        held = entries[anchor.sequence].entry_hash if anchor.sequence < len(entries) else None
        if held != anchor.entry_hash:
            raise LedgerCorrupt(f"the ledger does not hold the anchored entry {anchor.sequence}")


def balance(entries: Sequence[Entry], caps: Caps, *, wave: str, analyst: str) -> Balance:
    """Return what is left under each cap for this analyst and wave."""
    reserved = [entry for entry in entries if entry.kind == "RESERVED"]
    return Balance(
        total=max(0, caps.total - sum(entry.nano_rho for entry in reserved)),
        wave=max(0, caps.wave - sum(entry.nano_rho for entry in reserved if entry.wave == wave)),
        analyst=max(0, caps.analyst - sum(entry.nano_rho for entry in reserved if entry.analyst == analyst)),
        release=caps.release,
    )


def decide_reservation(entries: Sequence[Entry], charge: Charge, caps: Caps) -> Entry:
    """Return the RESERVED entry to append; raises `BudgetRefused` for the first cap exceeded, or `LedgerCorrupt`."""
    verify_chain(entries, charge.lineage)
    if charge.nano_rho < 1:
        raise LedgerCorrupt("a charge must cost at least 1 nano-rho")
    left = balance(entries, caps, wave=charge.wave, analyst=charge.analyst)
    for clause, rest in (
        ("budget.per_release_nano_rho", left.release),
        ("budget.total_nano_rho", left.total),
        ("budget.per_wave_nano_rho", left.wave),
        ("budget.per_analyst_nano_rho", left.analyst),
    ):
        if charge.nano_rho > rest:
            raise BudgetRefused(clause, charge.nano_rho, rest)
    return _appended(entries, _reserved(charge))


def decide_recording(entries: Sequence[Entry], reservation: Entry, result: bytes, at: str) -> Entry:
    """Return the RELEASED entry to append; raises `LedgerCorrupt` unless the reservation is in the chain and open."""
    verify_chain(entries, reservation.lineage)
    recorded = any(entry.reservation == reservation.entry_hash for entry in entries)
    if reservation.kind != "RESERVED" or reservation not in entries or recorded:
        raise LedgerCorrupt(f"release {reservation.release_id}: no open reservation in the ledger")
    return _appended(
        entries,
        replace(
            reservation,
            kind="RELEASED",
            nano_rho=0,
            at=at,
            reservation=reservation.entry_hash,
            result_digest=hashlib.sha256(result).hexdigest(),
        ),
    )


def best_release(entries: Sequence[Entry], question_hash: str) -> Entry | None:
    """Return the RELEASED entry of the most precise release of a question (the first of equals), or None."""
    prices = {entry.entry_hash: entry.nano_rho for entry in entries if entry.kind == "RESERVED"}
    released = [entry for entry in entries if entry.kind == "RELEASED" and entry.question_hash == question_hash]
    return max(released, key=lambda entry: prices[entry.reservation], default=None)


def check_result(entry: Entry, result: bytes) -> None:
    """Check a stored result against its RELEASED entry; raises `LedgerCorrupt`."""
    if hashlib.sha256(result).hexdigest() != entry.result_digest:
        raise LedgerCorrupt(f"release {entry.release_id}: the stored result does not fit its ledger entry")


def _genesis(lineage: str) -> str:
    return hashlib.sha256(canonical_bytes({"format": FORMAT, "lineage": lineage})).hexdigest()


def _entry_hash(entry: Entry) -> str:
    content = {name: value for name, value in asdict(entry).items() if name != "entry_hash"}
    return hashlib.sha256(canonical_bytes({"format": FORMAT, **content})).hexdigest()


def _reserved(charge: Charge) -> Entry:
    return Entry(
        sequence=0, kind="RESERVED", reservation="", result_digest="", previous_hash="", entry_hash="", **asdict(charge)
    )


def _appended(entries: Sequence[Entry], entry: Entry) -> Entry:
    previous = entries[-1].entry_hash if entries else _genesis(entry.lineage)
    linked = replace(entry, sequence=len(entries), previous_hash=previous)
    return replace(linked, entry_hash=_entry_hash(linked))
