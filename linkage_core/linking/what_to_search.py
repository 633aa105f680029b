"""What a linkage run searches: its pool as encodings, the search of every pair, and what a cheaper one must find."""

from functools import partial
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.agreement.clauses import Matching
from linkage_core.comparing.chance import CHANCE, dice_above_chance, spreads_reached_by
from linkage_core.linking.pool import SPINE, RecordPool
from linkage_core.linking.scoring import mean_of_dice
from linkage_core.schema import LinkageSchema
from linkage_core.searching.encodings import EncodingsInMemory, as_words
from linkage_core.searching.plan import Recall
from linkage_core.searching.search import Search, Span
from linkage_core.types import ClkName

PER_MILLE: Final = 1000

UNRELATED_CANDIDATES: Final = 2.0
"""Unrelated records of the largest file that all CLKs together propose for any one record. With fewer, matches are lost
that nothing else would find; with many more, what is left after the matches is chance, and how much of it is linked
becomes hard to tell (decision 29)."""

LEAST_SPREADS: Final = 2.5
"""Standard deviations above chance that a candidate reaches however small the files are: levels of Dice begin there."""

THRESHOLD_DECIMALS: Final = 4

CLEARLY: Final = 1.5
"""How many times as far above chance as the candidate threshold a pair is that a search by chance must not miss."""


def encodings_of(pool: RecordPool) -> EncodingsInMemory:
    """Return the pool's CLKs as words; a record that lacks one has zeros there."""
    return EncodingsInMemory({clk: as_words(column.bits, column.present) for clk, column in pool.clks.items()})


def candidate_threshold(pool: RecordPool, schema: LinkageSchema, matching: Matching) -> float:
    """Return the Dice from which a pair is a candidate: the agreed one, else what the size of the files asks for.

    Larger files hold more unrelated pairs for each match, so one fixed distance from chance is too strict for a few
    thousand records, and lets dozens of unrelated ones through for each of a million. It follows from the shortest CLK.
    """
    if matching.candidate_per_mille is not None:
        return matching.candidate_per_mille / PER_MILLE
    compared = len(schema.clks) * max(stop - start for start, stop in pairwise(pool.first))
    share = min(UNRELATED_CANDIDATES / max(compared, 1), CHANCE)
    spreads = max(spreads_reached_by(share), LEAST_SPREADS)
    return round(dice_above_chance(spreads, min(clk.length_bits for clk in schema.clks)), THRESHOLD_DECIMALS)


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
        threshold=candidate_threshold(pool, schema, matching),
        exits=tuple(None for _ in schema.clks),
        maximum=matching.maximum_candidates_per_record * pool.size,
        seed=seed,
    )


def recall_of(schema: LinkageSchema, matching: Matching, threshold: float) -> Recall:
    """Return which share of which pairs the agreement wants found, by a search for candidates from `threshold` on.

    Match weights can rest on one CLK alone, so with them pairs count by their highest Dice, clearly above what makes a
    candidate; what is barely one is mostly chance, and nobody promises to find it.
    """
    if matching.combination == "fellegi-sunter":
        return Recall(
            least=matching.least_search_recall_per_mille / PER_MILLE,
            link_threshold=min(CHANCE + CLEARLY * (threshold - CHANCE), 1.0),
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
