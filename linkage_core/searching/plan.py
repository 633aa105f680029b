"""Which search: every pair while there are few, else the cheapest that is expected to reach the agreed recall.

1. Few pairs, or an agreement that wants all of them: compare every pair to the last bit.
2. A seeded sample of records that are not settled is compared with all others exactly.
3. The fewest tables that reach the recall by the sample, if they cost less than comparing every pair.
4. Otherwise every pair is compared, each only on its first words where that is expected to reach the recall.

After the search a second, independent sample measures what it found (`measure`). Both are drawn from the run's seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.statistical_exit import StatisticalExit, choose_exit
from linkage_core.lsh.plan import plan_tables
from linkage_core.lsh.rows import CodedRows
from linkage_core.lsh.sample import MeasuredRecall, SampledPairs, Score, agreement_of, sample_pairs
from linkage_core.searching.encodings import Encodings
from linkage_core.searching.engine import cores
from linkage_core.searching.search import Search

COMPARED_IN_FULL: Final = 400_000_000
"""Pairs of records up to which every one is compared to its last bit: measured, below it a plan and its sample cost
more than they save (`make bench NAMES=search`)."""

PLANNING_RECORDS: Final = 2500
"""Records of a sample: with 1,000, plans for a million people fell short by as much as they were allowed to miss."""

MEASURING_RECORDS: Final = 2500

SAMPLED_PAIRS_A_RECORD: Final = 2 * (PLANNING_RECORDS + MEASURING_RECORDS)
"""Pairs that both samples compare for each record, there and back: where a small wave meets a large registry, comparing
all that counts is cheaper than looking how to compare less."""


@dataclass(frozen=True, slots=True)
class Recall:
    """How much a search must find, and of what: pairs whose `score` of their Dice reaches `link_threshold`.

    `least`: share of such pairs of records that are each other's best, 0 to 1; 1 is every pair.
    """

    least: float
    link_threshold: float
    score: Score


def plan_search(every_pair: Search, encodings: Encodings, recall: Recall) -> Search:
    """Return `every_pair`, or the cheaper search that is expected to reach the recall."""
    if _in_full(every_pair, recall):
        return every_pair
    coded = every_pair.coded(encodings)
    sample = _sample(every_pair, coded, recall, every_pair.draw("plan", PLANNING_RECORDS))
    return choose(every_pair, coded, sample, recall)


def choose(every_pair: Search, coded: Sequence[CodedRows], sample: SampledPairs, recall: Recall) -> Search:
    """Return the search that `plan_search` would make from this sample."""
    if _in_full(every_pair, recall):
        return every_pair
    plan = plan_tables(
        agreement_of(sample, coded, every_pair.seed),
        rows=[len(rows.usable()) for rows in coded],
        pairs=[every_pair.wanted.among(rows.usable()) for rows in coded],
        wanted_recall=recall.least,
        seed=every_pair.seed,
    )
    if plan is not None:
        return replace(every_pair, plan=plan)
    return replace(every_pair, exits=tuple(_exits(every_pair, sample, coded, recall)))


def measure(
    search: Search,
    encodings: Encodings,
    recall: Recall,
    row_a: NDArray[np.uint32],
    row_b: NDArray[np.uint32],
) -> MeasuredRecall | None:
    """Return what the pairs that a search found hold of a sample's; None where every pair was compared to its last bit.

    `row_a` < `row_b`: the found pairs that reach the link threshold.
    """
    if search.is_exact:
        return None
    coded = search.coded(encodings)
    sample = _sample(search, coded, recall, search.draw("measure", MEASURING_RECORDS))
    return MeasuredRecall.of(sample, sample.among(row_a, row_b))


def describe(search: Search, measured: MeasuredRecall | None) -> dict[str, str | int]:
    """Return the search as a run's manifest states it."""
    if search.plan is not None:
        described: dict[str, str | int] = {"search": "tables", **search.plan.describe()}
    else:
        described = {"search": "every pair"}
        for clk, exit_ in zip(search.clks, search.exits, strict=True):
            if exit_ is not None:
                described |= {f"{name}_{clk}": value for name, value in exit_.describe().items()}
    if measured is not None:
        described |= {
            "measured_recall": f"{measured.recall:.6f}",
            "measured_recall_of_linkable": f"{measured.recall_of_linkable:.6f}",
            "measured_on_records": measured.records,
            "measured_on_pairs": measured.best_pairs,
        }
    return described


def _in_full(every_pair: Search, recall: Recall) -> bool:
    few = max(COMPARED_IN_FULL, SAMPLED_PAIRS_A_RECORD * every_pair.records)
    return recall.least == 1 or every_pair.pairs() <= few


def _sample(search: Search, coded: Sequence[CodedRows], recall: Recall, records: NDArray[np.uint32]) -> SampledPairs:
    return sample_pairs(
        coded, search.wanted, records, search.threshold, recall.link_threshold, recall.score, threads=cores()
    )


def _exits(
    search: Search, sample: SampledPairs, coded: Sequence[CodedRows], recall: Recall
) -> list[StatisticalExit | None]:
    """Return for each CLK the cheapest exit that keeps the share of the best pairs which that CLK proposes."""
    exits = []
    for clk, rows in enumerate(coded):
        proposed = np.flatnonzero(sample.best & (sample.apart[:, clk] >= 0))
        both = rows.ones[sample.record[proposed]] + rows.ones[sample.partner[proposed]]
        dice = 1 - sample.apart[proposed, clk] / both
        exits.append(choose_exit(dice, both, search.threshold, rows.length_bits, recall.least))
    return exits
