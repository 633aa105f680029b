"""The entries of the privacy budget's ledger and their hash chain: append-only, in integers.

One chain per lineage: across agreements, projects, waves and re-linkings, because people do not change with them. A
RESERVED entry is the charge; it is durable before any noise exists and is never taken back. A RELEASED entry says
which result came of it. A reservation without a result (a crash, a failure) stays charged: its noise may have been
seen. An INCREASED entry raises a cap by what two approvers signed for.

A table by cell-key perturbation costs no rho, since no rho covers it: its entries name that mechanism, so that whoever
reads the chain can count such tables.

A `Chain` holds entries whose every link was checked, so that whoever decides on one need not check it again.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final, Literal

from disclosure.errors import LedgerCorrupt
from disclosure.table import CELL_KEY
from linkage_core.agreement.canonical import canonical_bytes

FORMAT: Final = "symbolon-ledger/1"

Kind = Literal["RESERVED", "RELEASED", "INCREASED"]

_LATER_FIELDS: Final = frozenset({"idempotency_key", "cap", "mechanism"})
"""Fields that the first ledgers had not: an empty one does not enter an entry's hash, so that their chains hold."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What a release is about to spend: who asks what of which wave, when (ISO 8601, UTC), for how many nano-rho.

    `idempotency_key` is the analyst's name for this one asking: a second charge under it is refused. Empty: none.
    `mechanism` is `table.CELL_KEY` for a table that costs nothing and is not differentially private; else empty.
    """

    lineage: str
    agreement_hash: str
    project: str
    wave: str
    analyst: str
    question_hash: str
    nano_rho: int
    at: str
    idempotency_key: str = ""
    mechanism: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger; digests and ids are hexadecimal.

    RESERVED carries the price and no result. RELEASED repeats its reservation's facts with `nano_rho` 0, names the
    reservation by its `entry_hash`, and carries the SHA-256 of the stored result. INCREASED carries the amount, the cap
    that it raises (`total`, `project`, `wave:NAME`, `analyst:NAME` or `year:YYYY`) and the SHA-256 of the signed
    increase; it belongs to no wave, analyst or question. `at` never goes back along a chain.
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
    idempotency_key: str = ""
    cap: str = ""
    mechanism: str = ""

    @property
    def release_id(self) -> str:
        """Name of the release that this entry belongs to: the beginning of its reservation's hash."""
        return (self.reservation or self.entry_hash)[:32]

    @property
    def year(self) -> str:
        """The calendar year (UTC) that a charge counts in."""
        return self.at[:4]


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head of the chain that was written down elsewhere: a ledger that does not hold it was cut or replaced."""

    sequence: int
    entry_hash: str


@dataclass(frozen=True, slots=True)
class Chain:
    """Entries of one lineage whose every link was checked. It begins empty and grows by `followed_by` only."""

    lineage: str
    entries: tuple[Entry, ...] = ()

    def followed_by(self, more: Iterable[Entry]) -> "Chain":
        """Return the chain with more entries, each checked against all before it; raises `LedgerCorrupt`."""
        added = tuple(more)
        previous = self.entries[-1].entry_hash if self.entries else _genesis(self.lineage)
        open_reservations = {entry.entry_hash for entry in self.entries if entry.kind == "RESERVED"}
        open_reservations.difference_update(entry.reservation for entry in self.entries)
        increases = {entry.result_digest for entry in self.entries if entry.kind == "INCREASED"}
        for position, entry in enumerate(added, len(self.entries)):
            if entry.sequence != position or entry.lineage != self.lineage or entry.previous_hash != previous:
                raise LedgerCorrupt(f"ledger entry {position}: does not follow the entry before it")
            if entry.entry_hash != _entry_hash(entry):
                raise LedgerCorrupt(f"ledger entry {position}: does not fit its hash")
            if entry.kind == "RESERVED":
                if (entry.nano_rho < 1) != (entry.mechanism == CELL_KEY):
                    raise LedgerCorrupt(f"ledger entry {position}: only a table by cell keys, and each, costs nothing")
                open_reservations.add(entry.entry_hash)
            elif entry.kind == "INCREASED":
                if entry.result_digest in increases:
                    raise LedgerCorrupt(f"ledger entry {position}: counts an increase that was counted before")
                increases.add(entry.result_digest)
            elif entry.reservation in open_reservations:
                open_reservations.remove(entry.reservation)
            else:
                raise LedgerCorrupt(f"ledger entry {position}: records a result without an open reservation")
            previous = entry.entry_hash
        return replace(self, entries=self.entries + added)

    def check_anchor(self, anchor: Anchor | None) -> None:
        """Raise `LedgerCorrupt` unless the chain holds the anchor.

        A chain cannot show by itself that its newest entries were cut off: only an anchor kept elsewhere can.
        """
        if anchor is None:
            return
        held = self.entries[anchor.sequence].entry_hash if anchor.sequence < len(self.entries) else None
        if held != anchor.entry_hash:
            raise LedgerCorrupt(f"the ledger does not hold the anchored entry {anchor.sequence}")

    def next(self, entry: Entry) -> Entry:
        """Return an entry as it would stand at the end of this chain: numbered, linked, hashed, not before its head."""
        previous, at = _genesis(self.lineage), entry.at
        if self.entries:
            previous, at = self.entries[-1].entry_hash, max(at, self.entries[-1].at)
        linked = replace(entry, sequence=len(self.entries), at=at, previous_hash=previous)
        return replace(linked, entry_hash=_entry_hash(linked))


def verify_chain(entries: Sequence[Entry], lineage: str, anchor: Anchor | None = None) -> Chain:
    """Check every link of a lineage's chain, and that it holds the anchor; raises `LedgerCorrupt`."""
    chain = Chain(lineage).followed_by(entries)
    chain.check_anchor(anchor)
    return chain


def reserved(charge: Charge) -> Entry:
    """Return the RESERVED entry of a charge, not linked yet."""
    return Entry(
        sequence=0, kind="RESERVED", reservation="", result_digest="", previous_hash="", entry_hash="", **asdict(charge)
    )


def cell_key_tables(entries: Iterable[Entry]) -> int:
    """Return how many tables by cell-key perturbation were begun, which no rho covers."""
    return sum(entry.kind == "RESERVED" and entry.mechanism == CELL_KEY for entry in entries)


def _genesis(lineage: str) -> str:
    return hashlib.sha256(canonical_bytes({"format": FORMAT, "lineage": lineage})).hexdigest()


def _entry_hash(entry: Entry) -> str:
    content = {
        name: value
        for name, value in asdict(entry).items()
        if name != "entry_hash" and (value != "" or name not in _LATER_FIELDS)
    }
    return hashlib.sha256(canonical_bytes({"format": FORMAT, **content})).hexdigest()
