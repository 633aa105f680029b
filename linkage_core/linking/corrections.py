"""Corrected rows, which their provider delivers with another encoding under the same handle: where they belong.

A corrected row is placed by its new content, like a new one: key or similarity may lead it to its group, or to another
one. Where neither does, its provider's word that it is the same person counts: it stays in the group of its handle, as
long as that group does not speak against it. Links are made from the link threshold on, and kept from the candidate
threshold on: after a marriage or a move some CLK still resembles what the others hold, after a mistaken identity none.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.linking.identifiers import identifier_keys, key_agreement
from linkage_core.linking.pool import SPINE, RecordPool
from linkage_core.linking.scoring import mean_of_dice
from linkage_core.linking.solving import SolvedGroups
from linkage_core.schema import LinkageSchema
from linkage_core.searching.encodings import EncodingsInMemory
from linkage_core.searching.search import dice_where_present
from linkage_core.types import ClkName

DIFFERENT: Final = 0
"""As `key_agreement` tells it."""


def keep_corrected(
    solved: SolvedGroups,
    pool: RecordPool,
    encodings: EncodingsInMemory,
    schema: LinkageSchema,
    threshold: float,
    duplicates_allowed: NDArray[np.bool_],
) -> SolvedGroups:
    """Return the groups with each corrected record that linked to nothing back in its handle's group, if it may stay.

    It may if some CLK's Dice with one of the group's records reaches the candidate `threshold`, none of them carries
    another identifier, and no other record of its file, one without duplicates, has taken its place. With a spine only
    pairs with a spine record count, and a corrected spine record takes back each of its people that nothing else has
    taken meanwhile. No pair ties what is kept so: it has no weight, and its score is the mean Dice, below any that
    links, whatever the agreement combines by. Costs in proportion to the corrected records and their groups.
    """
    alone = np.bincount(solved.group, minlength=pool.size)[solved.group] == 1
    record, member = _pairs_with_groups(pool, np.flatnonzero((pool.known.was >= 0) & alone))
    if not len(record):
        return solved
    dice = np.stack(
        [dice_where_present(encodings.by_clk[ClkName(clk.name)], record, member) for clk in schema.clks], axis=1
    )
    score = mean_of_dice(dice, [clk.weight for clk in schema.clks])
    near = (dice >= threshold).any(axis=1)
    keys = [pool.match_keys[name] for name in identifier_keys(schema)]
    against = (key_agreement(keys, record, member) == DIFFERENT).any(axis=1)
    against |= _taken(solved.group, pool, duplicates_allowed, record, solved.group[member])
    group, scores = solved.group.copy(), solved.score.copy()
    of_spine = pool.has_spine & (pool.file_of[record] == SPINE)
    returning = np.flatnonzero(near & ~against & of_spine & alone[member])
    group[member[returning]] = record[returning]
    scores[member[returning]] = score[returning]
    np.maximum.at(scores, record[returning], score[returning])

    near &= ~np.isin(record, record[against]) & ~of_spine
    order = np.lexsort((member, -score, record))
    order = order[near[order]]
    kept, first = np.unique(record[order], return_index=True)
    best = order[first]
    group[kept] = group[member[best]]
    scores[kept] = score[best]
    return replace(solved, group=_named_by_smallest(group), score=scores)


def _pairs_with_groups(pool: RecordPool, records: NDArray[np.intp]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return each of some corrected records with each settled record of its handle's group."""
    settled = np.flatnonzero(pool.known.group >= 0)
    settled = settled[np.argsort(pool.known.group[settled], kind="stable")]
    groups = pool.known.group[settled]
    start = np.searchsorted(groups, pool.known.was[records], side="left")
    sizes = np.searchsorted(groups, pool.known.was[records], side="right") - start
    places = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(start, sizes)
    record, member = np.repeat(records, sizes).astype(np.uint32), settled[places].astype(np.uint32)
    if pool.has_spine:
        meeting = (pool.file_of[record] == SPINE) != (pool.file_of[member] == SPINE)
        return record[meeting], member[meeting]
    return record, member


def _taken(
    group: NDArray[np.int64],
    pool: RecordPool,
    duplicates_allowed: NDArray[np.bool_],
    record: NDArray[np.uint32],
    into: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return for which records a file that holds a person once has another record in the group that they would join."""
    files = len(pool.providers)
    held = np.unique(group * files + pool.file_of)
    return np.isin(into * files + pool.file_of[record], held) & ~duplicates_allowed[pool.file_of[record]]


def _named_by_smallest(group: NDArray[np.int64]) -> NDArray[np.int64]:
    _, first, place = np.unique(group, return_index=True, return_inverse=True)
    return first[place].astype(np.int64)
