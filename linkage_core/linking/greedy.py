"""anonlink's native greedy solver on pairs of numbered nodes."""

import numpy as np

from linkage_core.linking.scoring import ScoredPairs


def by_falling_score(nodes: ScoredPairs) -> ScoredPairs:
    """Return the pairs best first; equal scores by node numbers, which the pool drew from the seed."""
    order = np.lexsort((nodes.b, nodes.a, -nodes.score))
    return ScoredPairs(nodes.a[order], nodes.b[order], nodes.score[order])


def greedy(nodes: ScoredPairs) -> list[list[int]]:
    """Return the groups of two nodes or more that the solver makes of pairs, taken in their order.

    Two groups join once every pair across them has come. The solver wants writable, contiguous uint32 arrays and does
    not sort.
    """
    from anonlink.solving import greedy_solve

    same = np.zeros(len(nodes), dtype=np.uint32)
    candidates = (nodes.score.copy(), (same, same.copy()), (nodes.a.copy(), nodes.b.copy()))
    return [[number for _, number in members] for members in greedy_solve(candidates)]
