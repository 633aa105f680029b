"""The identities file: read, standardised and validated, block by block.

Memory per row while a file is validated: 20 bytes (16 of a keyed image of the local id, 4 of the row number), and 40
more for a moment when duplicates are looked for; 10 million people need about 600 MB. Nothing else grows with the file.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.crypto.secret import Secret
from linkage_core.encoding.keys import handles
from linkage_core.schema import LinkageSchema
from linkage_core.standardise.countries import with_places
from linkage_core.standardise.formats import ColumnFormat
from linkage_core.standardise.run import StandardisedColumns, StandardisedRecords, Standardiser
from linkage_core.types import IDENTIFIER_BYTES, LocalId
from services.provider_agent.blocks import Block
from services.provider_agent.faults import Fault, FaultLog
from services.provider_agent.mapping import FileSource
from services.provider_agent.progress import Advance
from services.provider_agent.reader import read_blocks

LOCAL_ID: Final = "local id"

Images = NDArray[np.bytes_]
"""Keyed 16-byte images of local ids, dtype S16: they sort and search like bytes, and hold no id."""


@dataclass(frozen=True, slots=True)
class FieldQuality:
    """How well one quasi-identifier is filled: rows with a usable and a complete value, and findings by reason.

    `candidates`: codes of the countries that an ambiguous value may mean -> rows with such a value.
    """

    present: int
    complete: int
    findings: Mapping[str, int]
    candidates: Mapping[tuple[str, ...], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckedIdentities:
    """What a validated identities file gives: counts, and the sorted images of its local ids under the key given."""

    rows: int
    fields: Mapping[str, FieldQuality]
    images: Images = field(repr=False)


@dataclass(frozen=True, slots=True)
class IdentityBlock:
    """Some people: local ids and standardised records, in clear."""

    local_ids: list[LocalId] = field(repr=False)
    records: StandardisedRecords = field(repr=False)


def images_of(key: Secret, local_ids: list[LocalId]) -> Images:
    """Return keyed images of local ids; under a provider's handle key they are its handles."""
    return handles(key, local_ids).view(f"S{IDENTIFIER_BYTES}").ravel()


Observe = Callable[[StandardisedColumns, Mapping[str, list[str]], Standardiser], None]
"""Told each block while a file is validated: as standardised, as the file has it, and by whom."""


def check_identities(
    source: FileSource,
    schema: LinkageSchema,
    today: date,
    key: Secret,
    faults: FaultLog,
    advance: Advance,
    observe: Observe | None = None,
) -> CheckedIdentities:
    """Read a whole identities file and log every fault; `key` (32 bytes) keys the images of local ids."""
    tally = _Tally(source, schema)
    images: list[Images] = []
    numbers: list[NDArray[np.uint32]] = []
    dates = [item.name for item in schema.quasi_identifiers if item.kind == "date" and item.name in source.columns]
    with Standardiser(schema, _formats(source)) as standardiser:
        for block in read_blocks(source, faults):
            texts = _mapped(source, block)
            columns = standardiser.read(texts)
            for name in dates:
                for row in standardiser.later_than(columns, name, today):
                    faults.add(Fault(source.label, block.numbers[row], name, "lies in the future; mend the value"))
            _log(source, block, columns, faults)
            local_ids = _local_ids(source, block, faults)
            tally.add(columns, standardiser)
            if observe is not None:
                observe(columns, texts, standardiser)
            images.append(images_of(key, local_ids))
            numbers.append(np.array(block.numbers, dtype=np.uint32))
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
    with Standardiser(schema, _formats(source)) as standardiser:
        for block in read_blocks(source, faults):
            columns = standardiser.read(_mapped(source, block))
            _log(source, block, columns, faults)
            local_ids = _local_ids(source, block, faults)
            faults.refuse("the identities file is not as it was validated")
            yield IdentityBlock(local_ids, standardiser.form(columns))
    faults.refuse("the identities file is not as it was validated")


class _Tally:
    """Counts of a file's quality, block by block."""

    def __init__(self, source: FileSource, schema: LinkageSchema) -> None:
        self._names = [item.name for item in schema.quasi_identifiers if item.name in source.columns]
        self._present: Counter[str] = Counter()
        self._complete: Counter[str] = Counter()
        self._findings: Counter[tuple[str, str]] = Counter()
        self._countries = {item.name for item in schema.quasi_identifiers if item.kind == "country"}
        self._candidates: dict[str, Counter[tuple[str, ...]]] = {name: Counter() for name in self._names}
        self.rows = 0

    def add(self, columns: StandardisedColumns, standardiser: Standardiser) -> None:
        self.rows += columns.rows
        for name in self._names:
            self._present[name] += int(columns.present[name].sum())
            self._complete[name] += int(columns.complete[name].sum())
            if name in self._countries:
                self._candidates[name] += standardiser.ambiguous_countries(columns, name)
        self._findings.update((finding.field, str(finding.reason)) for finding in columns.findings)

    def fields(self) -> dict[str, FieldQuality]:
        return {
            name: FieldQuality(
                self._present[name],
                self._complete[name],
                {reason: count for (field_, reason), count in sorted(self._findings.items()) if field_ == name},
                self._candidates[name],
            )
            for name in self._names
        }


def _mapped(source: FileSource, block: Block) -> dict[str, list[str]]:
    mapped = {}
    for name, column in source.columns.items():
        values = block.columns[column.column]
        if column.codes is not None:
            codes = column.codes
            values = [codes.get(value.strip(), value) for value in values]
        mapped[name] = (
            values if column.place_column is None else with_places(values, block.columns[column.place_column])
        )
    return mapped


def _log(source: FileSource, block: Block, columns: StandardisedColumns, faults: FaultLog) -> None:
    for finding in columns.findings:
        if finding.reason.refuses:
            faults.add(Fault(source.label, block.numbers[finding.row], finding.field, finding.reason.advice))


def _local_ids(source: FileSource, block: Block, faults: FaultLog) -> list[LocalId]:
    local_ids = [LocalId(value.strip()) for value in block.columns[source.local_id]]
    if "" in local_ids:
        for number, local_id in zip(block.numbers, local_ids, strict=True):
            if not local_id:
                faults.add(Fault(source.label, number, LOCAL_ID, "is empty; every person needs one"))
    return local_ids


def _formats(source: FileSource) -> dict[str, ColumnFormat]:
    return {name: column.written for name, column in source.columns.items()}
