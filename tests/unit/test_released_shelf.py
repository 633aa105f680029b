"""Released tables are read once, checked, and make way when there is no more room."""

import pytest

from disclosure.entries import Entry
from disclosure.errors import LedgerCorrupt
from disclosure.measurements import OpenDPNoise
from disclosure.query.parsing import parse_question
from disclosure.release import release
from disclosure.table import Release
from services.analysis.store.shelf import Shelf
from tests.disclosure_cases import document
from tests.disclosure_world import ASKING, KEY, DuckDbCounter, MemoryLedger, terms


def released(*days: str) -> tuple[list[Entry], dict[str, bytes]]:
    """RELEASED entries of tables about different days, and their stored forms by release id."""
    ledger = MemoryLedger()
    for day in days:
        release(
            parse_question(document("stock", at=[day])),
            terms=terms(),
            asking=ASKING,
            ledger=ledger,
            counter=DuckDbCounter({}),
            noise=OpenDPNoise(),
            truncation_key=KEY,
        )
    return [entry for entry in ledger.chain if entry.kind == "RELEASED"], ledger.results


class Store:
    """Stored forms, and how often each was read."""

    def __init__(self, results: dict[str, bytes]) -> None:
        self.results = results
        self.read: list[str] = []

    def __call__(self, entry: Entry) -> bytes:
        self.read.append(entry.release_id)
        return self.results[entry.release_id]


def test_a_table_is_read_once() -> None:
    entries, results = released("2019-01-01", "2019-01-02")
    shelf, store = Shelf(), Store(results)
    tables = [shelf.table(entry, store) for entry in entries * 3]
    assert tables == [Release.from_json(results[entry.release_id]) for entry in entries] * 3
    assert store.read == [entry.release_id for entry in entries]


def test_what_was_not_asked_for_longest_makes_way() -> None:
    entries, results = released("2019-01-01", "2019-01-02", "2019-01-03")
    first, second, third = entries
    sizes = sorted(len(results[entry.release_id]) for entry in entries)
    two_tables = sum(sizes[1:])  # noise has digits, so the three stored forms differ in length: room for any two
    shelf, store = Shelf(two_tables), Store(results)
    for entry in (first, second, first, third, first, second):
        shelf.table(entry, store)
    assert store.read == [entry.release_id for entry in (first, second, third, second)]


def test_a_table_larger_than_the_shelf_is_read_each_time() -> None:
    (entry,), results = released("2019-01-01")
    shelf, store = Shelf(10), Store(results)
    assert shelf.table(entry, store) == shelf.table(entry, store)
    assert len(store.read) == 2


def test_a_changed_table_is_never_handed_out() -> None:
    (entry,), results = released("2019-01-01")
    store = Store({entry.release_id: results[entry.release_id].replace(b"2019", b"2018")})
    with pytest.raises(LedgerCorrupt, match="does not fit"):
        Shelf().table(entry, store)
