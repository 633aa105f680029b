"""Payload tables: text of a file into the closed types of the agreement, validated against the identities.

Memory per local person while a table is read: 4 bytes to count its rows, beside the 16 of its image; nothing grows with
the payload file.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.agreement.document import Agreement
from linkage_core.agreement.payload import PayloadTable
from linkage_core.crypto.secret import Secret
from linkage_core.types import LocalId
from services.provider_agent.blocks import Block
from services.provider_agent.columns import Typed, typed_column
from services.provider_agent.faults import Fault, FaultLog
from services.provider_agent.identities import LOCAL_ID, Images, images_of
from services.provider_agent.mapping import PayloadSource
from services.provider_agent.progress import Advance
from services.provider_agent.reader import read_blocks

NOT_THERE: Final = -1
"""Position of a local id that the identities file does not have."""


@dataclass(frozen=True, slots=True)
class PayloadBlock:
    """Some rows of a payload table: `people` are positions in the sorted images, int64 (rows,)."""

    people: NDArray[np.int64]
    columns: Mapping[str, Typed] = field(repr=False)


@dataclass(frozen=True, slots=True)
class TableQuality:
    """How well a payload table is filled: rows, and by column values present and values outside the public list."""

    rows: int
    present: Mapping[str, int]
    unlisted: Mapping[str, int]


def positions_of(images: Images, wanted: Images) -> NDArray[np.int64]:
    """Return where each wanted image is in the sorted `images`, or `NOT_THERE`."""
    if not images.size:
        return np.full(len(wanted), NOT_THERE, dtype=np.int64)
    places = np.minimum(np.searchsorted(images, wanted), len(images) - 1)
    return np.where(images[places] == wanted, places, NOT_THERE).astype(np.int64)


def check_table(
    source: PayloadSource,
    table: PayloadTable,
    agreement: Agreement,
    key: Secret,
    images: Images | None,
    faults: FaultLog,
    advance: Advance,
    observe: Callable[[PayloadBlock], None] | None = None,
) -> TableQuality:
    """Read a whole payload file and log every fault.

    `images` are the identities' sorted images under `key`; None if that file could not be read whole, so that its own
    faults do not return as faults of every payload row. `observe` is told each block of typed rows.
    """
    rows = 0
    present: Counter[str] = Counter()
    unlisted: Counter[str] = Counter()
    for block in read_table(source, table, agreement, key, images, faults):
        rows += len(block.people)
        for name, column in block.columns.items():
            present[name] += int(column.present.sum())
            unlisted[name] += column.unlisted
        if observe is not None:
            observe(block)
        advance(len(block.people))
    return TableQuality(rows, dict(present), {name: count for name, count in unlisted.items() if count})


def read_table(
    source: PayloadSource,
    table: PayloadTable,
    agreement: Agreement,
    key: Secret,
    images: Images | None,
    faults: FaultLog,
) -> Iterator[PayloadBlock]:
    """Yield the typed rows of a payload file; what is wrong goes to the log, and must refuse the whole file."""
    counts = np.zeros(0 if images is None else len(images), dtype=np.uint32)
    for block in read_blocks(source, faults):
        people = _people(source, block, key, images, faults)
        _rows_per_person(source, table, block, people, counts, faults)
        columns = {
            column.name: typed_column(source, column, block, _codes(agreement, column.code_list), faults)
            for column in table.columns
        }
        if table.kind == "spell":
            _order_of_spells(source, table, block, columns, faults)
        yield PayloadBlock(people, columns)


def _codes(agreement: Agreement, name: str | None) -> tuple[Mapping[str, int], str]:
    code_list = agreement.statistics.code_list(name) if name else None
    if code_list is None:
        return {}, ""
    return {code: place for place, code in enumerate(code_list.codes)}, code_list.unknown


def _people(
    source: PayloadSource, block: Block, key: Secret, images: Images | None, faults: FaultLog
) -> NDArray[np.int64]:
    if images is None:
        return np.full(len(block.numbers), NOT_THERE, dtype=np.int64)
    local_ids = [LocalId(value.strip()) for value in block.columns[source.local_id]]
    people = positions_of(images, images_of(key, local_ids))
    for row in np.flatnonzero(people == NOT_THERE):
        reason = "is not in the identities file" if local_ids[row] else "is empty"
        faults.add(Fault(source.label, block.numbers[row], LOCAL_ID, f"{reason}; every row belongs to a local person"))
    return people


def _rows_per_person(
    source: PayloadSource,
    table: PayloadTable,
    block: Block,
    people: NDArray[np.int64],
    counts: NDArray[np.uint32],
    faults: FaultLog,
) -> None:
    """Count rows by person, block by block, and log each row beyond the agreed number."""
    known = np.flatnonzero(people != NOT_THERE)
    persons = people[known]
    order = np.argsort(persons, kind="stable")
    in_order = persons[order]
    first = np.searchsorted(in_order, in_order, side="left")
    rank_in_block = np.arange(len(in_order)) - first
    beyond = counts[in_order] + rank_in_block + 1 > table.rows_per_person
    for row in known[order[np.flatnonzero(beyond)]]:
        reason = "is one row more than the agreement allows per person"
        detail = f"rows_per_person {table.rows_per_person}"
        faults.add(Fault(source.label, block.numbers[row], LOCAL_ID, reason, detail))
    np.add.at(counts, persons, 1)


def _order_of_spells(
    source: PayloadSource, table: PayloadTable, block: Block, columns: Mapping[str, Typed], faults: FaultLog
) -> None:
    start, end = columns[table.start or ""], columns[table.end or ""]
    for row in np.flatnonzero(start.present & end.present & (end.values < start.values)):
        faults.add(Fault(source.label, block.numbers[row], table.end or "", "lies before the start of the spell"))
