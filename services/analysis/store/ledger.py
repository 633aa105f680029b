"""The ledger of the privacy budget on SQLite or PostgreSQL: what `disclosure.ledger` decides, committed durably.

Every charge is decided and appended inside one serializable transaction; two spenders at once can never both take the
last of the budget. The head is anchored outside before a charge counts as made.

What was verified once stays in memory, and decisions are made on that copy: a transaction reads only what others have
appended since, and that the store still holds the newest verified entry. Changing an older row under a running process
changes no decision, and the next start finds it.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from types import MappingProxyType

from sqlalchemy import Connection, Engine, insert, select

from disclosure.balances import Caps
from disclosure.entries import Chain, Charge, Entry
from disclosure.errors import LedgerCorrupt
from disclosure.increases import check_granted, decide_increase
from disclosure.ledger import (
    best_release,
    check_result,
    decide_recording,
    decide_reservation,
    released_as,
    reservation_under,
)
from disclosure.table import Release
from linkage_core.agreement.increases import IncreaseDocument, parse_increase
from services.analysis.store.anchor import AnchorFile
from services.analysis.store.shelf import Shelf
from services.analysis.store.tables import increases, ledger, releases
from services.analysis.store.turns import Turns
from services.common.database import reading, transact


class SqlLedger:
    """`disclosure.ledger.LedgerStore` over a metadata store and an anchor file, for one project.

    Other projects of the lineage may keep their charges in the same store, each with an anchor file of its own.
    `approvers`: see `check_granted`.
    """

    def __init__(
        self,
        engine: Engine,
        anchor: AnchorFile,
        project: str,
        approvers: Mapping[str, Mapping[str, bytes]] = MappingProxyType({}),
    ) -> None:
        self._engine = engine
        self._anchor = anchor
        self._project = project
        self._approvers = approvers
        self._turns = Turns(engine)
        self._chains: dict[str, Chain] = {}
        self._shelf = Shelf()
        self._updating = threading.Lock()

    def check(self, lineage: str) -> None:
        """Verify chain, anchor, increases and stored results of a lineage, at start; then anchor the head.

        Raises `LedgerCorrupt`: the ledger was cut, changed, or is older than its anchor (a restored backup).
        """
        with reading(self._engine) as connection:
            chain = self._checked(connection, lineage)
        entries = chain.entries
        if not self._anchor.exists and any(entry.project == self._project for entry in entries):
            raise LedgerCorrupt("the ledger has entries, and the anchor of its head is missing: find the anchor file")
        self._check_results(lineage, entries)
        self._keep(chain)
        if entries:
            self._anchor.advance(entries[-1])
        else:
            self._anchor.begin()

    def turn(self, lineage: str) -> AbstractContextManager[None]:
        """Hold every other release of the lineage back, here and in other processes, while the block lasts."""
        return self._turns.turn(lineage)

    def reserve(self, charge: Charge, caps: Caps) -> Entry:
        """Append a RESERVED entry if every cap allows it, durable and anchored before this returns."""
        return self._append(charge.lineage, lambda chain, _: decide_reservation(chain, charge, caps))

    def record(self, reservation: Entry, result: bytes, at: str) -> Entry:
        """Append a RELEASED entry and keep the result under its release id, both or neither."""

        def work(chain: Chain, connection: Connection) -> Entry:
            entry = decide_recording(chain, reservation, result, at)
            kept = {"release_id": entry.release_id, "lineage": entry.lineage, "result": result}
            connection.execute(insert(releases).values(kept))
            return entry

        return self._append(reservation.lineage, work)

    def increase(self, document: IncreaseDocument, caps: Caps, agreement_hash: str, at: str) -> Entry:
        """Append an INCREASED entry and keep the granted document, both or neither; pass refusals on."""

        def work(chain: Chain, connection: Connection) -> Entry:
            entry = decide_increase(
                chain, document, project=self._project, caps=caps, agreement_hash=agreement_hash, at=at
            )
            check_granted(document, entry, self._anchor.public_key, self._approvers)
            kept = {"digest": document.digest, "lineage": entry.lineage, "document": document.to_bytes()}
            connection.execute(insert(increases).values(kept))
            return entry

        return self._append(document.increase.lineage, work)

    def find_by_question(self, lineage: str, question_hash: str) -> tuple[Entry, bytes] | None:
        """Return the entry that `best_release` picks and its result, or None."""
        entry = best_release(self.entries(lineage), question_hash)
        return None if entry is None else (entry, self._result(entry))

    def find_by_key(self, lineage: str, analyst: str, idempotency_key: str) -> tuple[Entry, bytes | None] | None:
        """Return the reservation that an idempotency key paid for and its result, if there is one yet, or None."""
        entries = self.entries(lineage)
        reservation = reservation_under(entries, analyst, idempotency_key)
        if reservation is None:
            return None
        entry = released_as(entries, reservation)
        if entry is None:
            return reservation, None
        result = self._result(entry)
        check_result(entry, result)
        return reservation, result

    def entries(self, lineage: str) -> Sequence[Entry]:
        """Return every entry of a lineage in order of sequence, verified."""
        with reading(self._engine) as connection:
            chain = self._checked(connection, lineage)
        self._keep(chain)
        return chain.entries

    def find_release(self, lineage: str, release_id: str) -> tuple[Entry, Release] | None:
        """Return the RELEASED entry of a release and its table, which fits it, or None."""
        for entry in self.entries(lineage):
            if entry.kind == "RELEASED" and entry.release_id == release_id:
                return entry, self._shelf.table(entry, self._result)
        return None

    def released(self, lineage: str) -> Iterator[tuple[Entry, Release]]:
        """Yield every released table of a lineage with its RELEASED entry, in order; each fits its entry."""
        for entry in self.entries(lineage):
            if entry.kind == "RELEASED":
                yield entry, self._shelf.table(entry, self._result)

    def increase_documents(self, lineage: str) -> dict[str, IncreaseDocument]:
        """Return the documents behind the lineage's increases, by digest."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(increases.c.document).where(increases.c.lineage == lineage)).scalars()
            documents = [parse_increase(row) for row in rows]
        return {document.digest: document for document in documents}

    def _append(self, lineage: str, decide: Callable[[Chain, Connection], Entry]) -> Entry:
        def work(connection: Connection) -> tuple[Chain, Entry]:
            chain = self._checked(connection, lineage)
            entry = decide(chain, connection)
            connection.execute(insert(ledger).values(asdict(entry)))
            return chain, entry

        chain, entry = transact(self._engine, work)
        self._keep(chain.followed_by([entry]))
        self._anchor.advance(entry)
        return entry

    def _checked(self, connection: Connection, lineage: str) -> Chain:
        """The whole chain as the connection's transaction sees it; only what is new is read and verified."""
        # The anchor is read first: whatever it holds was committed before the snapshot that the next lines take.
        anchor = self._anchor.read(lineage)
        known = self._chains.get(lineage, Chain(lineage))
        head = len(known.entries) - 1
        wanted = select(ledger).where(ledger.c.lineage == lineage, ledger.c.sequence >= max(head, 0))
        rows = connection.execute(wanted.order_by(ledger.c.sequence)).mappings()
        new = [Entry(**row) for row in rows]
        if head >= 0 and new[:1] != [known.entries[head]]:
            raise LedgerCorrupt(f"the ledger does not hold entry {head} any more: it was cut or replaced")
        chain = known.followed_by(new[1:] if head >= 0 else new)
        chain.check_anchor(anchor)
        for place, entry in enumerate(chain.entries[len(known.entries) :], len(known.entries)):
            # Another project's increase raises no cap here, and is for its own service to check.
            if entry.kind == "INCREASED" and entry.project == self._project:
                check_granted(_document(connection, entry), entry, self._anchor.public_key, self._approvers)
                self._check_version(entry, chain.entries[:place])
        return chain

    def _check_version(self, increase: Entry, before: Sequence[Entry]) -> None:
        """An increase under another version than the one in force, which names approvers, came before that was used."""
        if increase.agreement_hash in self._approvers:
            return
        if any(entry.project == self._project and entry.agreement_hash in self._approvers for entry in before):
            raise LedgerCorrupt(f"ledger entry {increase.sequence}: an increase under a superseded agreement")

    def _keep(self, chain: Chain) -> None:
        with self._updating:
            known = self._chains.get(chain.lineage)
            if known is None or len(known.entries) < len(chain.entries):
                self._chains[chain.lineage] = chain

    def _check_results(self, lineage: str, entries: Sequence[Entry]) -> None:
        with reading(self._engine) as connection:
            wanted = select(releases.c.release_id, releases.c.result).where(releases.c.lineage == lineage)
            results = {str(name): bytes(result) for name, result in connection.execute(wanted)}
        for entry in entries:
            if entry.kind == "RELEASED":
                if entry.release_id not in results:
                    raise _missing(entry)
                check_result(entry, results[entry.release_id])

    def _result(self, entry: Entry) -> bytes:
        with reading(self._engine) as connection:
            wanted = select(releases.c.result).where(releases.c.release_id == entry.release_id)
            result: bytes | None = connection.execute(wanted).scalar_one_or_none()
        if result is None:
            raise _missing(entry)
        return result


def _missing(entry: Entry) -> LedgerCorrupt:
    return LedgerCorrupt(f"release {entry.release_id}: the ledger names a result that is not in the store")


def _document(connection: Connection, entry: Entry) -> IncreaseDocument:
    wanted = select(increases.c.document).where(increases.c.digest == entry.result_digest)
    document: bytes | None = connection.execute(wanted).scalar_one_or_none()
    if document is None:
        raise LedgerCorrupt(f"ledger entry {entry.sequence}: counts an increase that is not in the store")
    return parse_increase(document)
