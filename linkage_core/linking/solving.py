"""From scored pairs to groups, with anonlink's greedy multi-party solver.

Each group that match keys made enters as one node: similarity neither splits it nor has to confirm it. The solver goes
through the pairs of nodes by falling score and joins two groups of nodes once every pair across them has been seen,
so two records of one file without duplicates, which are never a pair, never meet.
Order of equal scores: by node number, which the pool drew from the seed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage_core.linking.pool import RecordPool
from linkage_core.linking.scoring import ScoredPairs


@dataclass(frozen=True, slots=True, eq=False)
class SolvedGroups:
    """`group`: int64, (records,), the smallest record number of the group. `score`: float64, (records,), the best score
    with which similarity tied the record's node to another node of its group, 0 where it did not."""

    group: NDArray[np.int64]
    score: NDArray[np.float64]


def solve(
    pairs: ScoredPairs, group: NDArray[np.int64], pool: RecordPool, duplicates_allowed: NDArray[np.bool_]
) -> SolvedGroups:
    """Join key groups by `pairs`, all of which may become links; `group` as `KeyGroups.group`."""
    nodes = _between_nodes(pairs, group)
    nodes = nodes.take(~_clashes(nodes, group, pool.file_of, ~duplicates_allowed))
    nodes = _in_order(nodes)
    joined = np.arange(pool.size, dtype=np.int64)
    for members in _greedy(nodes):
        joined[members] = min(members)

    tied = joined[nodes.a] == joined[nodes.b]
    best = np.zeros(pool.size, dtype=np.float64)
    np.maximum.at(best, nodes.a[tied], nodes.score[tied])
    np.maximum.at(best, nodes.b[tied], nodes.score[tied])
    return SolvedGroups(group=joined[group], score=best[group])


def _between_nodes(pairs: ScoredPairs, group: NDArray[np.int64]) -> ScoredPairs:
    """Return each pair of different nodes once, with the best score among its pairs of records."""
    ends = np.stack([group[pairs.a], group[pairs.b]], axis=1)
    low, high = ends.min(axis=1), ends.max(axis=1)
    order = np.lexsort((-pairs.score, high, low))
    low, high, score = low[order], high[order], pairs.score[order]
    best = np.ones(len(low), dtype=np.bool_)
    best[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    best &= low != high
    return ScoredPairs(low[best].astype(np.uint32), high[best].astype(np.uint32), score[best])


def _clashes(
    nodes: ScoredPairs, group: NDArray[np.int64], file_of: NDArray[np.uint32], single: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return the pairs whose nodes together hold two records of one file without duplicates."""
    holds = np.zeros((len(group), len(single)), dtype=np.bool_)
    holds[group, file_of] = True
    clash = np.zeros(len(nodes), dtype=np.bool_)
    for file in np.flatnonzero(single):
        clash |= holds[nodes.a, file] & holds[nodes.b, file]
    return clash


def _in_order(nodes: ScoredPairs) -> ScoredPairs:
    order = np.lexsort((nodes.b, nodes.a, -nodes.score))
    return ScoredPairs(nodes.a[order], nodes.b[order], nodes.score[order])


def _greedy(nodes: ScoredPairs) -> list[list[int]]:
    """Run anonlink's native solver on pairs in order; it wants writable, contiguous uint32 arrays and does not sort."""
    from anonlink.solving import greedy_solve

    same = np.zeros(len(nodes), dtype=np.uint32)
    candidates = (nodes.score.copy(), (same, same.copy()), (nodes.a.copy(), nodes.b.copy()))
    return [[number for _, number in members] for members in greedy_solve(candidates)]
