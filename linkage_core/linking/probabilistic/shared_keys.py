"""Pairs of records that share a match key: candidates whatever their CLKs say."""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.linking.files import MatchKeyColumn
from linkage_core.searching.candidates import unique_pairs
from linkage_core.types import MatchKeyName

MOST_SHARING: Final = 100
"""Records of all files that may share a key: a more frequent one names nobody, and its pairs grow with its square.
Agents leave keys out that are frequent in their own file, so few reach this."""


def pairs_sharing(
    match_keys: Mapping[MatchKeyName, MatchKeyColumn], names: Iterable[MatchKeyName], records: slice
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return all pairs, the smaller number first, of `records` that share a key of some of `names`; sorted."""
    return unique_pairs([_pairs_of(match_keys[name], records) for name in names])


def _pairs_of(column: MatchKeyColumn, records: slice) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the pairs of one key: records sorted by it, each with those that come k places later, k = 1, 2, ..."""
    present = np.flatnonzero(column.present[records]) + records.start
    values = np.ascontiguousarray(column.keys[present]).view("V16").reshape(-1)
    order = np.argsort(values, kind="stable")
    rows, values = present[order].astype(np.uint32), values[order]
    number = np.zeros(len(rows), np.int64)
    number[1:] = np.cumsum(values[1:] != values[:-1])
    few = np.bincount(number, minlength=1)[number] <= MOST_SHARING if len(rows) else np.zeros(0, np.bool_)
    rows, number = rows[few], number[few]
    one, other = [np.zeros(0, np.uint32)], [np.zeros(0, np.uint32)]
    for apart in range(1, MOST_SHARING):
        same = number[apart:] == number[:-apart]
        if not same.any():
            break
        one.append(rows[:-apart][same])
        other.append(rows[apart:][same])
    first, second = np.concatenate(one), np.concatenate(other)
    return np.minimum(first, second), np.maximum(first, second)
