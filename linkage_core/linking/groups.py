"""The result of linking: each row's linkage group, what linked it, how well, and the class that its token may carry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.linking.deterministic import NO_PASS, KeyGroups
from linkage_core.linking.pool import RecordPool
from linkage_core.linking.solving import SolvedGroups
from linkage_core.types import PartyName

UNLINKED: Final = 0
BY_KEY: Final = 1
HIGH: Final = 2
ACCEPTED: Final = 3
LINKED_CLASSES: Final = (BY_KEY, HIGH, ACCEPTED)
"""Classes of linked rows, best first."""

NOT_LINKED: Final = "none"
BY_SIMILARITY: Final = "similarity"


@dataclass(frozen=True, slots=True, eq=False)
class FileGroups:
    """Groups of one file, in the file's own row order.

    `group`: uint32, numbers shared by all files, every row has one. `linked_by`: int16, index into
    `LinkageGroups.ways`. `score`: float64, of the best link that similarity gave the row, its probability or its mean
    Dice, as the agreement combines; 1 if a key linked it, 0 if nothing did. `weight`: float64, that link's match weight
    in bits, not a number where there is none.
    `quality_class`: uint8, 0 to 3, what the row's token carries; never anything else of this.
    """

    group: NDArray[np.uint32]
    linked_by: NDArray[np.int16]
    score: NDArray[np.float64]
    weight: NDArray[np.float64]
    quality_class: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class LinkageGroups:
    """Every row's group. `ways`: what may have linked a row: `none`, the passes' match keys, `similarity`."""

    group_count: int
    ways: tuple[str, ...]
    files: Mapping[PartyName, FileGroups]


def assemble(
    pool: RecordPool,
    by_key: KeyGroups,
    solved: SolvedGroups,
    weight: NDArray[np.float64],
    *,
    high_quality: float,
    minimum_class_count: int,
) -> LinkageGroups:
    """Number the groups, class every row (`high_quality` from 0 to 1, `>=`), and return to each file's row order."""
    starts, group = np.unique(solved.group, return_inverse=True)
    alone = np.bincount(group, minlength=len(starts))[group] == 1
    keyed = (by_key.linked_by != NO_PASS) & ~alone  # what linked a settled record may have left its group

    ways = (NOT_LINKED, *(counts.match_key for counts in by_key.counts), BY_SIMILARITY)
    linked_by = np.where(keyed, by_key.linked_by + 1, np.where(alone, 0, len(ways) - 1)).astype(np.int16)
    score = np.where(keyed, 1.0, np.where(alone, 0.0, np.maximum(solved.score, pool.known.score)))
    quality = np.where(keyed, BY_KEY, np.where(alone, UNLINKED, np.where(score >= high_quality, HIGH, ACCEPTED)))
    quality = _merge_small_classes(quality.astype(np.uint8), pool, minimum_class_count)

    files = {}
    for file, provider in enumerate(pool.providers):
        numbers = slice(pool.first[file], pool.first[file + 1])
        order = np.argsort(pool.row_of[numbers])
        files[provider] = FileGroups(
            group=group[numbers][order].astype(np.uint32),
            linked_by=linked_by[numbers][order],
            score=score[numbers][order],
            weight=weight[numbers][order],
            quality_class=quality[numbers][order],
        )
    return LinkageGroups(len(starts), ways, files)


def _merge_small_classes(quality: NDArray[np.uint8], pool: RecordPool, minimum: int) -> NDArray[np.uint8]:
    """Merge a class of linked rows that is small in some file with its neighbour, the worse one first.

    The analysis service sees classes file by file; a class of few rows would single them out. Unlinked rows keep one
    constant, and the last class of linked rows stays: shared synthetic keys tell apart linked and unlinked rows anyway.
    Rows of the registry that the wave does not bring get no token, and do not count.
    """
    quality, brought = quality.copy(), pool.known.in_wave
    while True:
        counts = np.zeros((len(pool.providers), 4), dtype=np.int64)
        np.add.at(counts, (pool.file_of[brought], quality[brought]), 1)
        used = [value for value in LINKED_CLASSES if counts[:, value].any()]
        small = [value for value in used if ((counts[:, value] > 0) & (counts[:, value] < minimum)).any()]
        if not small or len(used) < 2:
            return quality
        place = used.index(small[0])
        neighbour = used[place + 1] if place + 1 < len(used) else used[place - 1]
        merged = max(small[0], neighbour)
        quality[(quality == small[0]) | (quality == neighbour)] = merged
