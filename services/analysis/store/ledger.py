"""The ledger of the privacy budget on SQLite or PostgreSQL: what `disclosure.ledger` decides, committed durably.

Every method reads the whole chain of a lineage, decides and appends inside one serializable transaction; two spenders
at once can never both take the last of the budget. The head is anchored outside before a charge counts as made.
"""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, Engine, insert, select

from disclosure.errors import LedgerCorrupt
from disclosure.ledger import (
    Caps,
    Charge,
    Entry,
    best_release,
    check_result,
    decide_recording,
    decide_reservation,
    verify_chain,
)
from disclosure.table import Release
from services.analysis.store.anchor import AnchorFile
from services.analysis.store.tables import ledger, releases
from services.common.database import transact


class SqlLedger:
    """`disclosure.ledger.LedgerStore` over a metadata store and an anchor file."""

    def __init__(self, engine: Engine, anchor: AnchorFile) -> None:
        self._engine = engine
        self._anchor = anchor

    def check(self, lineage: str) -> None:
        """Verify chain, anchor and stored results of a lineage, at start; then anchor the head.

        Raises `LedgerCorrupt`: the ledger was cut, changed, or is older than its anchor (a restored backup).
        """
        # The anchor first: another process may append and anchor in between, and only makes the chain longer.
        anchor = self._anchor.read(lineage)
        entries = self.entries(lineage)
        verify_chain(entries, lineage, anchor)
        if not entries:
            self._anchor.begin()
            return
        if not self._anchor.exists:
            raise LedgerCorrupt("the ledger has entries, and the anchor of its head is missing: find the anchor file")
        for entry in entries:
            if entry.kind == "RELEASED":
                check_result(entry, self._result(entry))
        self._anchor.advance(entries[-1])

    def reserve(self, charge: Charge, caps: Caps) -> Entry:
        """Append a RESERVED entry if every cap allows it, durable and anchored before this returns."""

        def work(connection: Connection) -> Entry:
            entries = self._anchored_entries(connection, charge.lineage)
            entry = decide_reservation(entries, charge, caps)
            connection.execute(insert(ledger).values(asdict(entry)))
            return entry

        entry = transact(self._engine, work)
        self._anchor.advance(entry)
        return entry

    def record(self, reservation: Entry, result: bytes, at: str) -> Entry:
        """Append a RELEASED entry and keep the result under its release id, both or neither."""

        def work(connection: Connection) -> Entry:
            entries = self._anchored_entries(connection, reservation.lineage)
            entry = decide_recording(entries, reservation, result, at)
            connection.execute(insert(ledger).values(asdict(entry)))
            kept = {"release_id": entry.release_id, "lineage": entry.lineage, "result": result}
            connection.execute(insert(releases).values(kept))
            return entry

        entry = transact(self._engine, work)
        self._anchor.advance(entry)
        return entry

    def find_by_question(self, lineage: str, question_hash: str) -> tuple[Entry, bytes] | None:
        """Return the entry that `best_release` picks and its result, or None."""
        entry = best_release(self.entries(lineage), question_hash)
        return None if entry is None else (entry, self._result(entry))

    def entries(self, lineage: str) -> Sequence[Entry]:
        """Return every entry of a lineage in order of sequence."""
        with self._engine.connect() as connection:
            return _entries(connection, lineage)

    def released(self, lineage: str) -> list[tuple[Entry, Release]]:
        """Return every released table of a lineage with its RELEASED entry, in order; each fits its entry."""
        found = []
        for entry in self.entries(lineage):
            if entry.kind == "RELEASED":
                result = self._result(entry)
                check_result(entry, result)
                found.append((entry, Release.from_json(result)))
        return found

    def _anchored_entries(self, connection: Connection, lineage: str) -> Sequence[Entry]:
        # The anchor is read first: whatever it holds was committed before the snapshot that the next line takes.
        anchor = self._anchor.read(lineage)
        entries = _entries(connection, lineage)
        verify_chain(entries, lineage, anchor)
        return entries

    def _result(self, entry: Entry) -> bytes:
        with self._engine.connect() as connection:
            wanted = select(releases.c.result).where(releases.c.release_id == entry.release_id)
            result: bytes | None = connection.execute(wanted).scalar_one_or_none()
        if result is None:
            raise LedgerCorrupt(f"release {entry.release_id}: the ledger names a result that is not in the store")
        return result


def _entries(connection: Connection, lineage: str) -> Sequence[Entry]:
    wanted = select(ledger).where(ledger.c.lineage == lineage).order_by(ledger.c.sequence)
    return [Entry(**row) for row in connection.execute(wanted).mappings()]
