"""The links that a score chooses between two files, each record at most once: greedy, as the solver chooses."""

import numpy as np
from numpy.typing import NDArray


def ranks_of(*keys: NDArray[np.generic]) -> NDArray[np.int64]:
    """Return each pair's rank, 0 the best: by the first key falling, ties by the next keys rising; int64, (pairs,)."""
    order = np.lexsort((*reversed(keys[1:]), -np.asarray(keys[0], np.float64)))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks


def one_to_one(row_a: NDArray[np.integer], row_b: NDArray[np.integer], ranks: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the places of the pairs that going through them by rank links, one a record; rising.

    Pairs that are the best of both their records are linked, their records leave, and so on: the same links as one by
    one, in a few rounds.
    """
    _, a = np.unique(row_a, return_inverse=True)
    _, b = np.unique(row_b, return_inverse=True)
    left = np.arange(len(ranks))
    chosen: list[NDArray[np.intp]] = []
    while len(left):
        best_a = np.full(a.max() + 1, len(ranks), np.int64)
        best_b = np.full(b.max() + 1, len(ranks), np.int64)
        np.minimum.at(best_a, a[left], ranks[left])
        np.minimum.at(best_b, b[left], ranks[left])
        best = left[(best_a[a[left]] == ranks[left]) & (best_b[b[left]] == ranks[left])]
        chosen.append(best)
        taken_a, taken_b = np.zeros(len(best_a), np.bool_), np.zeros(len(best_b), np.bool_)
        taken_a[a[best]] = taken_b[b[best]] = True
        left = left[~taken_a[a[left]] & ~taken_b[b[left]]]
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, np.intp)


def best_of_each(records: NDArray[np.integer], ranks: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the places of the best pair of each record; rising. For a side whose records may share a partner."""
    order = np.lexsort((ranks, records))
    first = np.ones(len(order), np.bool_)
    first[1:] = records[order][1:] != records[order][:-1]
    return np.sort(order[first])
