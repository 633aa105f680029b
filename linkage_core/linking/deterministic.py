"""Deterministic passes: records with equal match keys become one group, in the declared order of keys.

A pass is all or nothing per connected set of groups, so that no order decides. A key is left out, and counted, when it
is *ambiguous* (more than once in a file without duplicates), *clashing* (it would bring two records of such a file
into one group) or *contradicted* (two of the records carry different identifiers, by a key of an earlier pass).
What is left out here is still open to similarity.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.linking.files import MatchKeyColumn
from linkage_core.linking.pool import RecordPool
from linkage_core.schema import LinkageSchema
from linkage_core.types import MatchKeyName

NO_PASS: Final = -1


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
class KeyGroups:
    """Groups that match keys made.

    `group`: int64, (records,), the smallest record number of the record's group. `linked_by`: int16, (records,), the
    pass that first linked the record, or -1.
    """

    group: NDArray[np.int64]
    linked_by: NDArray[np.int16]
    counts: tuple[PassCounts, ...]


def link_by_keys(
    pool: RecordPool, schema: LinkageSchema, passes: Sequence[str], duplicates_allowed: NDArray[np.bool_]
) -> KeyGroups:
    """Run the passes in order; `duplicates_allowed` bool, (providers,), as the agreement declares."""
    group = np.arange(pool.size, dtype=np.int64)
    linked_by = np.full(pool.size, NO_PASS, dtype=np.int16)
    single = ~duplicates_allowed[pool.file_of]
    identifiers: list[MatchKeyColumn] = []
    counts = []
    for number, name in enumerate(MatchKeyName(name) for name in passes):
        column = pool.match_keys[name]
        records, keys = _shared_keys(column)
        shared = _distinct(keys)

        ambiguous = _repeated(keys, pool.file_of[records], of=single[records])
        usable = ~np.isin(keys, ambiguous)
        records, keys = records[usable], keys[usable]

        proposed = _connect(group, records, keys)
        clashing = np.isin(proposed, _repeated(proposed, pool.file_of, of=single))
        contradicted = ~clashing & np.isin(proposed, _contradicted(proposed, single, identifiers))
        refused = clashing | contradicted

        joined = ~refused & _changed(group, proposed)
        linked_by[joined & (linked_by == NO_PASS)] = number
        group = np.where(refused, group, proposed)
        if _is_identifier(schema, name):
            identifiers.append(column)
        counts.append(
            PassCounts(
                match_key=name,
                shared_keys=shared,
                used_keys=_distinct(keys[~refused[records]]),
                ambiguous_keys=len(ambiguous),
                clashing_keys=_distinct(keys[clashing[records]]),
                contradicted_keys=_distinct(keys[contradicted[records]]),
                linked_records=int(np.count_nonzero(linked_by == number)),
            )
        )
    return KeyGroups(group, linked_by, tuple(counts))


def _shared_keys(column: MatchKeyColumn) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return (record, number of its key) for every record whose key another record has too."""
    records = np.flatnonzero(column.present)
    values = np.ascontiguousarray(column.keys[records]).view("V16").reshape(-1)
    _, keys, occurrences = np.unique(values, return_inverse=True, return_counts=True)
    shared = occurrences[keys] > 1
    return records[shared], keys[shared]


def _distinct(values: NDArray[np.intp]) -> int:
    return len(np.unique(values))


def _repeated(what: NDArray[np.integer], file_of: NDArray[np.uint32], of: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return each value of `what` that two records of one file have, looking only at records marked in `of`."""
    pairs = np.stack([what[of].astype(np.int64), file_of[of].astype(np.int64)], axis=1)
    values, occurrences = np.unique(pairs, axis=0, return_counts=True)
    return np.unique(values[occurrences > 1, 0])


def _connect(group: NDArray[np.int64], records: NDArray[np.intp], keys: NDArray[np.intp]) -> NDArray[np.int64]:
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
        _, value = np.unique(np.ascontiguousarray(column.keys[told]).view("V16").reshape(-1), return_inverse=True)
        pairs = np.unique(np.stack([proposed[told], value.astype(np.int64)], axis=1), axis=0)
        groups, values = np.unique(pairs[:, 0], return_counts=True)
        found.append(groups[values > 1])
    return np.unique(np.concatenate(found))


def _changed(group: NDArray[np.int64], proposed: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the records whose group is proposed to grow."""
    size_now = np.bincount(group, minlength=len(group))[group]
    size_then = np.bincount(proposed, minlength=len(group))[proposed]
    return size_then > size_now


def _is_identifier(schema: LinkageSchema, name: MatchKeyName) -> bool:
    """Whether the key is made of identifiers only: two values of it then mean two people, or an error."""
    kinds = {quasi.name: quasi.kind for quasi in schema.quasi_identifiers}
    sources = {variable.name: variable.of for variable in schema.variables}
    key = next(key for key in schema.match_keys if key.name == name)
    return all(kinds[source] == "identifier" for variable in key.variables for source in sources[variable])
