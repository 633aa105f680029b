"""From scored pairs to groups: of all sources with each other, or of each with the spine (`linking.spine`).

Each group that match keys made enters as one node: similarity neither splits it nor has to confirm it. anonlink's
greedy multi-party solver goes through the pairs of nodes by falling score and joins two groups of nodes once every pair
across them has been seen, so two records of one file without duplicates, which are never a pair, never meet. It is run
again with its groups as nodes until nothing joins: with three files, A and C often fall short of the threshold by
chance while both reach B. Measured on three files of 5,000 and 20,000 invented people, one round misses twice as many
true pairs as all rounds do, at the same precision to .0005. Inside a file with duplicates the later rounds ask for a
third of the pairs: see `LEAST_SHARE_INSIDE`.

Only the order of scores counts, so any monotone score gives the same groups: a mean of Dice, a match weight, a
probability. Order of equal scores: by node number, which the pool drew from the seed.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.linking.greedy import by_falling_score, greedy
from linkage_core.linking.pool import RecordPool
from linkage_core.linking.scoring import ScoredPairs
from linkage_core.linking.spine import link_to_spine

LEAST_SHARE_INSIDE: Final = Fraction(1, 3)
"""Of the pairs of records of one file across two groups, the share that may be links before the groups join. One pair
alone would chain people of one household; all of them would split a person with five records at the first pair that
falls short. Measured on the duplicates of FEBRL1 to FEBRL3: docs/decisions/0024."""


@dataclass(frozen=True, slots=True, eq=False)
class SolvedGroups:
    """`group`: int64, (records,), the smallest record number of the group. `tie`: int64, (records,), the best of the
    pairs (its place among those solved) that tie the record, or records that keys had joined with it, to others of its
    group; -1 without one. Weight and probability of a link are that pair's. `score`: float64, (records,), the tie's
    score, 0 without one. `rounds`: runs of the solver that had a pair to look at."""

    group: NDArray[np.int64]
    tie: NDArray[np.int64]
    score: NDArray[np.float64]
    rounds: int


def solve(
    pairs: ScoredPairs, group: NDArray[np.int64], pool: RecordPool, duplicates_allowed: NDArray[np.bool_]
) -> SolvedGroups:
    """Join key groups by `pairs`, all of which may become links; `group` as `KeyGroups.group`.

    `duplicates_allowed` bool, (providers,), as the agreement declares. In a pool with a spine the pairs are of a spine
    record and another, and `group` holds no two records without a spine record.
    """
    joined, rounds = (
        link_to_spine(pairs, group, pool, duplicates_allowed)
        if pool.has_spine
        else _link_all(pairs, group, pool.file_of, duplicates_allowed)
    )
    tie = _best_ties(pairs, group, joined)
    score = np.zeros(pool.size, dtype=np.float64)
    score[tie >= 0] = pairs.score[tie[tie >= 0]]
    return SolvedGroups(joined, tie, score, rounds)


def _link_all(
    pairs: ScoredPairs, group: NDArray[np.int64], file_of: NDArray[np.uint32], duplicates_allowed: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], int]:
    """Return the groups once nothing joins any more, and the rounds that it took."""
    rounds = 0
    while True:
        nodes = _between_nodes(pairs, group)
        nodes = nodes.take(_may_join(nodes, pairs, group, file_of, duplicates_allowed))
        if not len(nodes):
            return group, rounds
        rounds += 1
        joined = np.arange(len(group), dtype=np.int64)
        for members in greedy(by_falling_score(nodes)):
            joined[members] = min(members)
        group = joined[group]


def _between_nodes(pairs: ScoredPairs, group: NDArray[np.int64]) -> ScoredPairs:
    """Return each pair of different nodes once, sorted, with the best score among its pairs of records."""
    across = _packed(pairs, group)
    order = np.lexsort((-pairs.score, across))
    across, score = across[order], pairs.score[order]
    best = np.ones(len(across), dtype=np.bool_)
    best[1:] = across[1:] != across[:-1]
    low, high = (across >> np.uint64(32)).astype(np.uint32), across.astype(np.uint32)
    return ScoredPairs(low, high, score).take(best & (low != high))


def _may_join(
    nodes: ScoredPairs,
    pairs: ScoredPairs,
    group: NDArray[np.int64],
    file_of: NDArray[np.uint32],
    duplicates_allowed: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return the pairs of nodes that no file forbids to join.

    A file without duplicates forbids it if both nodes hold a record of it; one with duplicates, if moreover less than
    the least share of its pairs across the two may be links: a chain must not join what the file itself tells apart.
    """
    across = _packed(nodes, np.arange(len(group), dtype=np.int64))
    may = np.ones(len(nodes), dtype=np.bool_)
    for file, allowed in enumerate(duplicates_allowed):
        held = np.bincount(group[file_of == file], minlength=len(group))
        needed = held[nodes.a] * held[nodes.b]
        if not allowed:
            may &= needed == 0
            continue
        inside = pairs.take((file_of[pairs.a] == file) & (file_of[pairs.b] == file))
        there, count = np.unique(_packed(inside, group), return_counts=True)
        linkable = np.zeros(len(nodes), dtype=np.int64)
        place = np.flatnonzero(np.isin(across, there))
        linkable[place] = count[np.searchsorted(there, across[place])]
        may &= LEAST_SHARE_INSIDE.denominator * linkable >= LEAST_SHARE_INSIDE.numerator * needed
    return may


def _packed(pairs: ScoredPairs, group: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return both nodes of each pair in one number, the smaller one first."""
    one, other = group[pairs.a], group[pairs.b]
    return np.minimum(one, other).astype(np.uint64) << np.uint64(32) | np.maximum(one, other).astype(np.uint64)


def _best_ties(pairs: ScoredPairs, group: NDArray[np.int64], joined: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each record the best pair across key groups inside its final group, -1 without one; int64."""
    ties = np.flatnonzero((joined[pairs.a] == joined[pairs.b]) & (group[pairs.a] != group[pairs.b]))
    ties = ties[np.lexsort((pairs.b[ties], pairs.a[ties], -pairs.score[ties]))]
    rank = np.full(len(group), len(ties), dtype=np.int64)
    for ends in (pairs.a, pairs.b):
        np.minimum.at(rank, group[ends[ties]], np.arange(len(ties)))
    return np.append(ties, -1)[rank[group]]
