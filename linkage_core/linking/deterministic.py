"""Deterministic passes: records with equal match keys become one group, in the declared order of keys.

A pass is all or nothing per connected set of groups, so that no order decides. A key is left out, and counted, when it
is *ambiguous* (more than once in a file without duplicates), *clashing* (it would bring two records of such a file
into one group) or *contradicted* (two of the records carry different identifiers, by a key of an earlier pass).
With a spine, a key that no spine record has links nothing: records of two sources meet only in a spine record.
What is left out here is kept with its reason, and still open to similarity, where different identifiers are evidence
against a pair and nothing more (`key_agreement`): an identifier has errors, and refusing for ever would make one
mistyped number two people.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.linking.files import MatchKeyColumn
from linkage_core.linking.identifiers import identifier_keys
from linkage_core.linking.pool import SPINE, RecordPool
from linkage_core.schema import LinkageSchema
from linkage_core.types import MatchKeyName

NO_PASS: Final = -1

AMBIGUOUS: Final = 0
CLASHING: Final = 1
CONTRADICTED: Final = 2


@dataclass(frozen=True, slots=True)
class PassCounts:
    """What one pass did, in distinct keys that at least two records share, and in records that it linked first."""

    match_key: MatchKeyName
    shared_keys: int
    used_keys: int
    ambiguous_keys: int
    clashing_keys: int
    contradicted_keys: int
    linked_records: int


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """Records whose key a pass left out: one entry a record and pass, ordered by pass, reason and record.

    `pass_number` int16; `record` int64; `key` int64, equal within a pass for equal keys; `reason` uint8: `AMBIGUOUS`,
    `CLASHING` or `CONTRADICTED`; all (entries,). Record numbers are the pool's. A provider that learned them would know
    which of its rows nearly matched: they stay in the linking process.
    """

    pass_number: NDArray[np.int16]
    record: NDArray[np.int64]
    key: NDArray[np.int64]
    reason: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.record)


@dataclass(frozen=True, slots=True, eq=False)
class KeyGroups:
    """Groups that match keys made.

    `group`: int64, (records,), the smallest record number of the record's group. `linked_by`: int16, (records,), the
    pass that first linked the record, or -1. `left_out`: the conflicts, of which `counts` has the numbers of keys.
    """

    group: NDArray[np.int64]
    linked_by: NDArray[np.int16]
    counts: tuple[PassCounts, ...]
    left_out: LeftOut


def link_by_keys(
    pool: RecordPool, schema: LinkageSchema, passes: Sequence[str], duplicates_allowed: NDArray[np.bool_]
) -> KeyGroups:
    """Run the passes in order; `duplicates_allowed` bool, (providers,), as the agreement declares.

    Groups that the registry has settled stay together, and count as one record does.
    """
    group = pool.group
    linked_by = pool.known.linked_by.copy()
    single = ~duplicates_allowed[pool.file_of]
    identifiers: list[MatchKeyColumn] = []
    counts = []
    left_out = []
    for number, name in enumerate(MatchKeyName(name) for name in passes):
        column = pool.match_keys[name]
        records, keys = _shared_keys(column)
        shared = _distinct(keys)

        ambiguous = _repeated(keys, pool.file_of[records], of=single[records])
        usable = ~np.isin(keys, ambiguous)
        left_out.append(_left_out(number, AMBIGUOUS, records, keys, ~usable))
        if pool.has_spine:
            usable &= np.isin(keys, keys[pool.file_of[records] == SPINE])
        records, keys = records[usable], keys[usable]

        proposed = _connect(group, records, keys)
        clashing = np.isin(proposed, _repeated(proposed, pool.file_of, of=single))
        contradicted = ~clashing & np.isin(proposed, _contradicted(proposed, single, identifiers))
        refused = clashing | contradicted
        left_out.append(_left_out(number, CLASHING, records, keys, clashing[records]))
        left_out.append(_left_out(number, CONTRADICTED, records, keys, contradicted[records]))

        joined = ~refused & _changed(group, proposed)
        first = joined & (linked_by == NO_PASS)
        linked_by[first] = number
        group = np.where(refused, group, proposed)
        if name in identifier_keys(schema):
            identifiers.append(column)
        counts.append(
            PassCounts(
                match_key=name,
                shared_keys=shared,
                used_keys=_distinct(keys[~refused[records]]),
                ambiguous_keys=len(ambiguous),
                clashing_keys=_distinct(keys[clashing[records]]),
                contradicted_keys=_distinct(keys[contradicted[records]]),
                linked_records=int(np.count_nonzero(first)),
            )
        )
    return KeyGroups(group, linked_by, tuple(counts), _together(left_out))


def _left_out(
    number: int, reason: int, records: NDArray[np.int64], keys: NDArray[np.int64], which: NDArray[np.bool_]
) -> LeftOut:
    count = int(np.count_nonzero(which))
    return LeftOut(
        pass_number=np.full(count, number, dtype=np.int16),
        record=records[which].astype(np.int64),
        key=keys[which].astype(np.int64),
        reason=np.full(count, reason, dtype=np.uint8),
    )


def _together(parts: Sequence[LeftOut]) -> LeftOut:
    return LeftOut(
        pass_number=np.concatenate([np.zeros(0, dtype=np.int16), *(part.pass_number for part in parts)]),
        record=np.concatenate([np.zeros(0, dtype=np.int64), *(part.record for part in parts)]),
        key=np.concatenate([np.zeros(0, dtype=np.int64), *(part.key for part in parts)]),
        reason=np.concatenate([np.zeros(0, dtype=np.uint8), *(part.reason for part in parts)]),
    )


def _shared_keys(column: MatchKeyColumn) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Return (record, number of its key) for every record whose key another record has too."""
    records = np.flatnonzero(column.present)
    keys = column.numbered()[records]
    shared = np.bincount(keys)[keys] > 1
    return records[shared], keys[shared]


def _distinct(values: NDArray[np.int64]) -> int:
    return len(np.unique(values))


def _repeated(what: NDArray[np.integer], file_of: NDArray[np.uint32], of: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return each value of `what` that two records of one file have, looking only at records marked in `of`."""
    pairs = np.stack([what[of].astype(np.int64), file_of[of].astype(np.int64)], axis=1)
    values, occurrences = np.unique(pairs, axis=0, return_counts=True)
    return np.unique(values[occurrences > 1, 0])


def _connect(group: NDArray[np.int64], records: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return every record's group once all groups that share a key are one, named by its smallest record number."""
    label = np.arange(len(group), dtype=np.int64)
    groups = group[records]
    while True:
        smallest_of_key = np.full(int(keys.max(initial=-1)) + 1, len(group), dtype=np.int64)
        np.minimum.at(smallest_of_key, keys, label[groups])
        lowered = label.copy()
        np.minimum.at(lowered, groups, smallest_of_key[keys])
        if np.array_equal(lowered, label):
            return label[group]
        label = lowered


def _contradicted(
    proposed: NDArray[np.int64], single: NDArray[np.bool_], identifiers: Sequence[MatchKeyColumn]
) -> NDArray[np.int64]:
    """Return the proposed groups in which files without duplicates bring different values of one identifier."""
    found = [np.zeros(0, dtype=np.int64)]
    for column in identifiers:
        told = np.flatnonzero(column.present & single)
        pairs = np.unique(np.stack([proposed[told], column.numbered()[told]], axis=1), axis=0)
        groups, values = np.unique(pairs[:, 0], return_counts=True)
        found.append(groups[values > 1])
    return np.unique(np.concatenate(found))


def _changed(group: NDArray[np.int64], proposed: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the records whose group is proposed to grow."""
    size_now = np.bincount(group, minlength=len(group))[group]
    size_then = np.bincount(proposed, minlength=len(group))[proposed]
    return size_then > size_now
