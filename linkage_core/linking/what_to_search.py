"""What a linkage run searches: its pool as encodings, the search of every pair, and what a cheaper one must find."""

from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.agreement.clauses import Matching
from linkage_core.linking.pool import SPINE, RecordPool
from linkage_core.linking.scoring import mean_of_dice
from linkage_core.schema import LinkageSchema
from linkage_core.searching.encodings import EncodingsInMemory, as_words
from linkage_core.searching.plan import Recall
from linkage_core.searching.search import Search, Span
from linkage_core.types import ClkName

PER_MILLE: Final = 1000

CHANCE: Final = 0.5
"""Dice of unrelated diffused CLKs: half of the bits of each are set."""

CLEARLY: Final = 1.5
"""How many times as far above chance as the candidate threshold a pair is that a search by chance must not miss."""


def encodings_of(pool: RecordPool) -> EncodingsInMemory:
    """Return the pool's CLKs as words; a record that lacks one has zeros there."""
    return EncodingsInMemory({clk: as_words(column.bits, column.present) for clk, column in pool.clks.items()})


def every_pair(
    pool: RecordPool, schema: LinkageSchema, matching: Matching, duplicates_allowed: NDArray[np.bool_], seed: int
) -> Search:
    """Return the search that compares every pair across files, and within files that may hold a person twice.

    Pairs of two records that the registry has settled are left out; with a spine, pairs without a spine record too.

    `seed`: the run's, 0 to 2^64 - 1, drawn after all files were there.
    """
    return Search(
        clks=tuple(ClkName(clk.name) for clk in schema.clks),
        spans=tuple(
            Span(start, stop, within=bool(within), settled=settled)
            for start, stop, within, settled in zip(
                pool.first[:-1], pool.first[1:], duplicates_allowed, pool.settled_of_files(), strict=True
            )
        ),
        spine=SPINE if pool.has_spine else None,
        threshold=matching.candidate_per_mille / PER_MILLE,
        exits=tuple(None for _ in schema.clks),
        maximum=matching.maximum_candidates_per_record * pool.size,
        seed=seed,
    )


def recall_of(schema: LinkageSchema, matching: Matching) -> Recall:
    """Return which share of which pairs the agreement wants found.

    Match weights can rest on one CLK alone, so with them pairs count by their highest Dice, clearly above what makes a
    candidate; what is barely one is mostly chance, and nobody promises to find it.
    """
    if matching.combination == "fellegi-sunter":
        return Recall(
            least=matching.least_search_recall_per_mille / PER_MILLE,
            link_threshold=min(CHANCE + CLEARLY * (matching.candidate_per_mille / PER_MILLE - CHANCE), 1.0),
            score=highest_dice,
        )
    return Recall(
        least=matching.least_search_recall_per_mille / PER_MILLE,
        link_threshold=matching.link_per_mille / PER_MILLE,
        score=partial(mean_of_dice, weights=[spec.weight for spec in schema.clks]),
    )


def highest_dice(dice: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the highest of each row of `dice`, float64 (pairs, CLKs), of what is a number; 0 without any."""
    highest: NDArray[np.float64] = np.nan_to_num(dice, nan=0.0).max(axis=1, initial=0.0)
    return highest
