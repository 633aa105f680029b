"""Released tables that this process has read: they never change, so each is read, checked and parsed once.

Every preview looks through them for a table that a coarser question adds up from. The shelf has room for so many bytes
of their stored form; what was not asked for longest makes way, and is read again when it is.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from disclosure.entries import Entry
from disclosure.ledger import check_result
from disclosure.table import Release

ROOM_BYTES: Final = 32 * 1024 * 1024
"""Of stored form: some 500 tables of 400 cells, which take about four times as much as objects."""


class Shelf:
    """The tables by the digest that their ledger entries carry. Safe for several threads."""

    def __init__(self, room_bytes: int = ROOM_BYTES) -> None:
        self._room = room_bytes
        self._tables: OrderedDict[str, tuple[Release, int]] = OrderedDict()
        self._taken = 0
        self._changing = threading.Lock()

    def table(self, entry: Entry, read: Callable[[Entry], bytes]) -> Release:
        """Return the table of a RELEASED entry; `read` gets its stored form if it is not on the shelf.

        Raises `LedgerCorrupt` if the stored form does not fit the entry or is no table.
        """
        with self._changing:
            found = self._tables.get(entry.result_digest)
            if found is not None:
                self._tables.move_to_end(entry.result_digest)
                return found[0]
        result = read(entry)
        check_result(entry, result)
        table = Release.from_json(result)
        with self._changing:
            if entry.result_digest not in self._tables:
                self._tables[entry.result_digest] = (table, len(result))
                self._taken += len(result)
            while self._taken > self._room:
                _, (_, size) = self._tables.popitem(last=False)
                self._taken -= size
        return table
