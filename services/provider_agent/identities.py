"""The identities file: read, standardised and validated, block by block.

Memory per row while a file is validated: 20 bytes (16 of a keyed image of the local id, 4 of the row number), and 40
more for a moment when duplicates are looked for; 10 million people need about 600 MB. Nothing else grows with the file.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.crypto.secret import Secret
from linkage_core.encoding.keys import handles
from linkage_core.schema import LinkageSchema
from linkage_core.standardise.dates import DateFormat
from linkage_core.standardise.findings import Reason
from linkage_core.standardise.run import StandardisedRecords, standardise, standardise_column
from linkage_core.types import IDENTIFIER_BYTES, LocalId
from services.provider_agent.faults import Fault, FaultLog
from services.provider_agent.mapping import FileSource
from services.provider_agent.progress import Advance
from services.provider_agent.reader import Block, read_blocks

LOCAL_ID: Final = "local id"

Images = NDArray[np.bytes_]
"""Keyed 16-byte images of local ids, dtype S16: they sort and search like bytes, and hold no id."""


@dataclass(frozen=True, slots=True)
class FieldQuality:
    """How well one quasi-identifier is filled: rows with a usable and a complete value, and findings by reason."""

    present: int
    complete: int
    findings: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CheckedIdentities:
    """What a validated identities file gives: counts, and the sorted images of its local ids under the key given."""

    rows: int
    fields: Mapping[str, FieldQuality]
    images: Images = field(repr=False)


@dataclass(frozen=True, slots=True)
class IdentityBlock:
    """Some people: local ids and standardised records, in clear, and their row numbers."""

    numbers: list[int]
    local_ids: list[LocalId] = field(repr=False)
    records: StandardisedRecords = field(repr=False)


def images_of(key: Secret, local_ids: list[LocalId]) -> Images:
    """Return keyed images of local ids; under a provider's handle key they are its handles."""
    return np.frombuffer(b"".join(handles(key, local_ids)), dtype=f"S{IDENTIFIER_BYTES}")


def check_identities(
    source: FileSource, schema: LinkageSchema, today: date, key: Secret, faults: FaultLog, advance: Advance
) -> CheckedIdentities:
    """Read a whole identities file and log every fault; `key` (32 bytes) keys the images of local ids."""
    tally = _Tally(source, schema)
    images: list[Images] = []
    numbers: list[NDArray[np.uint32]] = []
    for block in read_blocks(source, faults):
        _future_dates(source, schema, block, today, faults)
        people = _standardised(source, schema, block, faults, tally)
        images.append(images_of(key, people.local_ids))
        numbers.append(np.array(people.numbers, dtype=np.uint32))
        advance(len(block.numbers))
    every = np.concatenate(images) if images else np.empty(0, dtype=f"S{IDENTIFIER_BYTES}")
    images.clear()
    order = np.argsort(every, kind="stable")
    in_order = every[order]
    repeated = np.flatnonzero(in_order[1:] == in_order[:-1]) + 1
    if repeated.size:
        rows = np.concatenate(numbers)
        for place in repeated:
            here, before = int(rows[order[place]]), int(rows[order[place - 1]])
            reason = "has a local id that occurs before; an identities file has one row per person"
            faults.add(Fault(source.label, here, LOCAL_ID, reason, f"row {before}"))
    return CheckedIdentities(tally.rows, tally.fields(), in_order)


def read_identities(source: FileSource, schema: LinkageSchema) -> Iterator[IdentityBlock]:
    """Yield the people of a file that was validated before; a fault now means that the file is another one."""
    faults = FaultLog()
    for block in read_blocks(source, faults):
        people = _standardised(source, schema, block, faults, None)
        faults.refuse("the identities file is not as it was validated")
        yield people
    faults.refuse("the identities file is not as it was validated")


class _Tally:
    """Counts of a file's quality, block by block."""

    def __init__(self, source: FileSource, schema: LinkageSchema) -> None:
        self._names = [item.name for item in schema.quasi_identifiers if item.name in source.columns]
        self._present: Counter[str] = Counter()
        self._complete: Counter[str] = Counter()
        self._findings: Counter[tuple[str, str]] = Counter()
        self.rows = 0

    def add(self, records: StandardisedRecords) -> None:
        self.rows += records.rows
        for name in self._names:
            self._present[name] += int(records.present[name].sum())
            self._complete[name] += int(records.complete[name].sum())

    def find(self, name: str, reason: Reason) -> None:
        self._findings[name, str(reason)] += 1

    def fields(self) -> dict[str, FieldQuality]:
        return {
            name: FieldQuality(
                self._present[name],
                self._complete[name],
                {reason: count for (field_, reason), count in sorted(self._findings.items()) if field_ == name},
            )
            for name in self._names
        }


def _standardised(
    source: FileSource, schema: LinkageSchema, block: Block, faults: FaultLog, tally: _Tally | None
) -> IdentityBlock:
    columns = {name: block.columns[column.column] for name, column in source.columns.items()}
    records, findings = standardise(schema, columns, date_formats=_date_formats(source))
    for finding in findings:
        if finding.reason.refuses:
            faults.add(Fault(source.label, block.numbers[finding.row], finding.field, finding.reason.advice))
        if tally is not None:
            tally.find(finding.field, finding.reason)
    local_ids = [LocalId(value.strip()) for value in block.columns[source.local_id]]
    for number, local_id in zip(block.numbers, local_ids, strict=True):
        if not local_id:
            faults.add(Fault(source.label, number, LOCAL_ID, "is empty; every person needs one"))
    if tally is not None:
        tally.add(records)
    return IdentityBlock(block.numbers, local_ids, records)


def _date_formats(source: FileSource) -> dict[str, DateFormat]:
    return {name: column.date_format for name, column in source.columns.items()}


def _future_dates(source: FileSource, schema: LinkageSchema, block: Block, today: date, faults: FaultLog) -> None:
    latest = today.isoformat()
    for item in schema.quasi_identifiers:
        if item.kind != "date" or item.name not in source.columns:
            continue
        column = source.columns[item.name]
        dates = standardise_column("date", block.columns[column.column], date_format=column.date_format).values
        for number, value in zip(block.numbers, dates, strict=True):
            if value > latest[: len(value)]:
                faults.add(Fault(source.label, number, item.name, "lies in the future; mend the value"))
