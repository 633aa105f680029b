"""What identifiers say once all links are made: people with two of them, and identifiers of two people.

Either is an error in a register, a person with two papers, or a false link or a missed one; counts cannot tell which.
They are for the linkage unit's operator only: a provider that learned them would learn how its file overlaps others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from linkage_core.linking.files import MatchKeyColumn
from linkage_core.linking.pool import RecordPool
from linkage_core.schema import LinkageSchema
from linkage_core.types import MatchKeyName, PartyName


@dataclass(frozen=True, slots=True)
class IdentifierConflicts:
    """One identifier's conflicts on the final groups.

    `groups_with_two_values`: groups whose records carry two or more values, *a person with two identifiers*.
    `groups_by_providers`: the same for each pair of providers of which one brings a value that differs from one of the
    other's; a provider with itself: two values within its own file. Pairs without such a group are left out.
    `values_in_two_groups`: values that ended in two or more groups, *an identifier used by two persons*.
    `values_repeated`: values that occur more than once in a file that should hold each person once, per provider.
    """

    match_key: MatchKeyName
    groups_with_two_values: int
    groups_by_providers: Mapping[tuple[PartyName, PartyName], int]
    values_in_two_groups: int
    values_repeated: Mapping[PartyName, int]


def identifier_keys(schema: LinkageSchema) -> tuple[MatchKeyName, ...]:
    """Return the match keys made of identifiers only, in the schema's order."""
    return tuple(MatchKeyName(key.name) for key in schema.match_keys if schema.is_identifier(key))


def count_conflicts(
    pool: RecordPool, schema: LinkageSchema, group: NDArray[np.int64], duplicates_allowed: NDArray[np.bool_]
) -> tuple[IdentifierConflicts, ...]:
    """Count each identifier of the schema; `group` int64, (records,), equal within a final group, below `pool.size`.

    `duplicates_allowed` bool, (providers,), as the agreement declares.
    """
    return tuple(
        _conflicts_of(name, pool, pool.match_keys[name], group, duplicates_allowed) for name in identifier_keys(schema)
    )


def key_agreement(
    columns: Sequence[MatchKeyColumn], row_a: NDArray[np.uint32], row_b: NDArray[np.uint32]
) -> NDArray[np.int8]:
    """Return for pairs of records whether their match keys agree: int8, (pairs, columns).

    1 equal, 0 different, -1 where one of the two lacks the key. Different identifiers are strong evidence against a
    pair, as strong as the share of true pairs that differ in them is small; a model of pairs weighs it.
    """
    agreement = np.empty((len(row_a), len(columns)), dtype=np.int8)
    for place, column in enumerate(columns):
        numbers = column.numbered()
        one, other = numbers[row_a], numbers[row_b]
        agreement[:, place] = np.where((one < 0) | (other < 0), -1, one == other)
    return agreement


def _conflicts_of(
    name: MatchKeyName,
    pool: RecordPool,
    column: MatchKeyColumn,
    group: NDArray[np.int64],
    duplicates_allowed: NDArray[np.bool_],
) -> IdentifierConflicts:
    told = np.flatnonzero(column.present)
    value, file = column.numbered()[told], pool.file_of[told].astype(np.int64)
    of_groups, several = _with_two(group[told], value)
    in_conflict = np.isin(group[told], several)
    return IdentifierConflicts(
        match_key=name,
        groups_with_two_values=of_groups,
        groups_by_providers=_by_providers(
            pool.providers, group[told][in_conflict], value[in_conflict], file[in_conflict]
        ),
        values_in_two_groups=_with_two(value, group[told])[0],
        values_repeated={
            provider: int(np.count_nonzero(np.bincount(value[file == number]) > 1))
            for number, provider in enumerate(pool.providers)
            if not duplicates_allowed[number]
        },
    )


def _with_two(key: NDArray[np.int64], value: NDArray[np.int64]) -> tuple[int, NDArray[np.int64]]:
    """Return how many keys come with two or more different values, and which."""
    pairs = np.unique(np.stack([key, value], axis=1), axis=0)
    keys, values = np.unique(pairs[:, 0], return_counts=True)
    return int(np.count_nonzero(values > 1)), keys[values > 1]


def _by_providers(
    providers: Sequence[PartyName], group: NDArray[np.int64], value: NDArray[np.int64], file: NDArray[np.int64]
) -> dict[tuple[PartyName, PartyName], int]:
    """Return for each pair of providers in how many groups one brings another value than the other."""
    counts = {}
    for one, other in combinations_with_replacement(sorted(range(len(providers)), key=lambda n: providers[n]), 2):
        # Two values among both providers' records, and both there: then one of either differs from one of the other.
        both = (file == one) | (file == other)
        _, differing = _with_two(group[both], value[both])
        _, met = _with_two(group[both], file[both])
        count = len(differing if one == other else np.intersect1d(differing, met))
        if count:
            counts[providers[one], providers[other]] = count
    return counts
