"""From candidates to the pairs that may be linked: by learnt match weights, or, among few records, by the mean Dice."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.agreement.clauses import Matching
from linkage_core.linking.pool import RecordPool
from linkage_core.linking.probabilistic.candidates import Gathered, gather, weigh_candidates
from linkage_core.linking.probabilistic.earlier import EarlierModel
from linkage_core.linking.probabilistic.run import Weighed
from linkage_core.linking.scoring import ScoredPairs, joined, weighted_mean
from linkage_core.linking.solving import SolvedGroups
from linkage_core.linking.what_to_search import PER_MILLE
from linkage_core.schema import LinkageSchema
from linkage_core.searching.candidates import Found
from linkage_core.searching.encodings import Encodings
from linkage_core.searching.search import Search
from linkage_core.types import ClkName

LEAST_RECORDS: Final = 200
"""Records of all files, settled ones aside, from which on weights are learnt from them: a wave that brings few new or
corrected rows has few pairs to learn from, or none. It takes the weights of an earlier wave; without one the mean Dice
decides."""


@dataclass(frozen=True, slots=True, eq=False)
class Linkable:
    """The pairs that may be linked, and counts of all that were scored.

    `pairs`: with the score that orders them, a match weight or a mean of Dice. `found`: two of uint32, (pairs,), the
    pairs by which the search's recall is measured. `candidates`: pairs near enough in each CLK. `scored`: all pairs
    that got a score. `probability`: float64, of each linkable pair, and `weighed`, where weights were learnt.
    """

    pairs: ScoredPairs
    found: tuple[NDArray[np.uint32], NDArray[np.uint32]]
    candidates: dict[ClkName, int]
    scored: int
    split_blocks: int
    skipped_pairs: int
    probability: NDArray[np.float64] | None = None
    weighed: Weighed | None = None

    def weight_of_ties(self, solved: SolvedGroups) -> NDArray[np.float64]:
        """Return the match weight of the pair that ties each record, not a number where there is none."""
        weight = np.full(len(self.pairs), np.nan) if self.weighed is None else self.pairs.score
        return np.append(weight, np.nan)[solved.tie]

    def scored_by_probability(self, solved: SolvedGroups) -> SolvedGroups:
        """Return the groups with the probability of each record's tie as its score; with mean Dice, as they are."""
        if self.probability is None:
            return solved
        return replace(solved, score=np.append(self.probability, 0.0)[solved.tie])


def linkable_pairs(
    findings: Iterable[Found],
    search: Search,
    pool: RecordPool,
    encodings: Encodings,
    schema: LinkageSchema,
    matching: Matching,
    duplicates_allowed: NDArray[np.bool_],
    tell: Callable[[int, int], None],
    earlier: EarlierModel | None = None,
) -> Linkable:
    """Score what a search found, as the agreement combines, and keep what reaches the agreed probability or mean.

    `tell(done, of how many)` counts the files that are compared with themselves. `earlier`: what a wave of the same
    schema learnt, for few records.
    """
    few = len(search.asking) < LEAST_RECORDS
    if matching.combination == "weighted-mean" or (few and earlier is None):
        return _by_mean(findings, search, schema, matching)
    earlier = earlier if few else None
    gathered = gather(findings, search, pool, encodings, earlier)
    if earlier is not None and not len(gathered.evidence):
        return _nothing_near(gathered)
    weighed = weigh_candidates(gathered, search, pool, encodings, schema, duplicates_allowed, tell, earlier)
    evidence = weighed.evidence
    sure = weighed.probability >= matching.least_probability_per_mille / PER_MILLE
    return Linkable(
        pairs=ScoredPairs(evidence.row_a[sure], evidence.row_b[sure], weighed.weight[sure]),
        found=(evidence.row_a, evidence.row_b),
        candidates=gathered.candidates,
        scored=len(evidence),
        split_blocks=gathered.split_blocks,
        skipped_pairs=gathered.skipped_pairs,
        probability=weighed.probability[sure],
        weighed=weighed,
    )


def _nothing_near(gathered: Gathered) -> Linkable:
    """Return that nothing may be linked: few new records may well be of people whom nobody else knows."""
    evidence = gathered.evidence
    none = ScoredPairs(evidence.row_a, evidence.row_b, np.zeros(0))
    found = (evidence.row_a, evidence.row_b)
    return Linkable(none, found, gathered.candidates, 0, gathered.split_blocks, gathered.skipped_pairs)


def _by_mean(findings: Iterable[Found], search: Search, schema: LinkageSchema, matching: Matching) -> Linkable:
    kept: list[ScoredPairs] = []
    counts = dict.fromkeys(search.clks, 0)
    pairs = split_blocks = skipped_pairs = 0
    for found in findings:
        scored = weighted_mean(found.candidates, schema.clks)
        kept.append(scored.take(scored.score >= matching.link_per_mille / PER_MILLE))
        for clk, dice in found.candidates.dice.items():
            counts[clk] += int(np.count_nonzero(dice >= search.threshold))
        pairs += len(scored)
        split_blocks += found.split_blocks
        skipped_pairs += found.skipped_pairs
    linkable = joined(kept)
    return Linkable(linkable, (linkable.a, linkable.b), counts, pairs, split_blocks, skipped_pairs)
