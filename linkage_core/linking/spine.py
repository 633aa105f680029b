"""Links of every source to one spine, and of nothing else: records of two sources meet only in a spine record.

Source by source, so that none decides about another. A source that holds each person once is solved one-to-one with
anonlink's greedy solver. One that may hold a person several times, events for example, is many-to-one: each of its
records takes the best spine record that it has a pair with. anonlink has no such solver; where nothing is scarce,
greedy is best. Equal scores: by record number, which the pool drew from the seed. docs/decisions/0024.
"""

import numpy as np
from numpy.typing import NDArray

from linkage_core.linking.greedy import by_falling_score, greedy
from linkage_core.linking.pool import SPINE, RecordPool
from linkage_core.linking.scoring import ScoredPairs


def link_to_spine(
    pairs: ScoredPairs, group: NDArray[np.int64], pool: RecordPool, duplicates_allowed: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], int]:
    """Return the groups, each of one spine record at most, and how many sources had a pair to look at.

    Records that keys have linked stay as they are; a source without duplicates gets no second record into a group.
    """
    linked = group.copy()
    rounds = 0
    for source in range(SPINE + 1, len(pool.providers)):
        records = np.arange(pool.first[source], pool.first[source + 1])
        by_key = group[records] != records
        open_pairs = pairs.take((pool.file_of[pairs.b] == source) & (group[pairs.b] == pairs.b))
        if not duplicates_allowed[source]:
            open_pairs = open_pairs.take(~np.isin(open_pairs.a, group[records[by_key]]))
        if not len(open_pairs):
            continue
        rounds += 1
        best_first = by_falling_score(open_pairs)
        if duplicates_allowed[source]:
            _, best = np.unique(best_first.b, return_index=True)
            linked[best_first.b[best]] = best_first.a[best]
        else:
            for members in greedy(best_first):
                linked[members] = min(members)
    return linked[group], rounds
