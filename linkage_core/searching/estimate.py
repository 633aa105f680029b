"""What a search would cost at each of some thresholds, before it begins: candidates, disk, memory, time, recall.

A sample of records is compared with all others at the lowest threshold, and one block with another, to see how fast
this machine compares. Everything else follows by scaling up, and by the plan that a run would make from the sample.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.cost import VECTORS
from linkage_core.comparing.dice import find_pairs
from linkage_core.comparing.pairwise import dice_of_pairs
from linkage_core.errors import Unfit
from linkage_core.lsh.rows import CodedRows
from linkage_core.lsh.sample import SampledPairs, sample_pairs
from linkage_core.searching.encodings import Encodings
from linkage_core.searching.engine import cores
from linkage_core.searching.plan import Recall, choose
from linkage_core.searching.search import BLOCK_ROWS, Search

PILOT_RECORDS: Final = 20
SAMPLED_RECORDS: Final = 1000
SAMPLED_CANDIDATES: Final = 2_000_000
"""Candidates that the sample may hold: fewer records are sampled where there would be more."""

SHORTEST_SECONDS: Final = 1e-6
"""What a comparison takes at least: a clock that did not move says nothing."""

SOLVER_BYTES: Final = 450
"""Memory of a pair that may be linked, at its peak in anonlink's solver."""

PROGRAM_BYTES: Final = 400 << 20
"""Memory of a linking process before it holds any record: libraries and kernels."""

COPIES: Final = 3
"""How often every record's encodings lie in memory at the peak: as read, pooled, and on the way between."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A search at one threshold.

    `candidates`: pairs that a search of every pair would keep on disk, in `disk_bytes`. `memory_bytes`: of the whole
    run at its peak. `seconds`: of comparing, on this machine. `recall`: expected share of the pairs that may be linked
    and are each other's best, among those that the lowest threshold of the estimate proposes.
    """

    threshold: float
    candidates: int
    disk_bytes: int
    memory_bytes: int
    way: str
    seconds: float
    recall: float


def estimate_search(
    every_pair: Search,
    encodings: Encodings,
    recall: Recall,
    thresholds: Sequence[float],
    timer: Callable[[], float],
) -> tuple[Estimate, ...]:
    """Return an estimate for each threshold, in their order; `timer` gives seconds.

    Raises `Unfit` where no two records may be compared.
    """
    lowest = replace(every_pair, threshold=min(thresholds))
    if not lowest.pairs():
        raise Unfit("no two records may be compared: a side is empty. Are all files uploaded?")
    coded = lowest.coded(encodings)
    pilot = _sampled(lowest, coded, recall, PILOT_RECORDS)
    affordable = SAMPLED_CANDIDATES * pilot.records // max(len(pilot.record), 1)
    sample = _sampled(lowest, coded, recall, max(min(SAMPLED_RECORDS, affordable), PILOT_RECORDS))
    speed = _speed(every_pair, coded, timer)
    dice = np.stack([dice_of_pairs(rows.words, sample.record, sample.partner) for rows in coded], axis=1)
    return tuple(_at(replace(lowest, threshold=at), coded, sample, dice, recall, speed) for at in thresholds)


def require_fits(estimate: Estimate, maximum_candidates: int, memory_bytes: int, disk_bytes: int) -> None:
    """Raise one `Unfit` with everything that a search would exceed, and what to change."""
    faults = []
    if estimate.candidates > maximum_candidates:
        faults.append(
            f"about {estimate.candidates} candidates, the agreement allows {maximum_candidates}: raise "
            "matching.candidate_per_mille, or matching.maximum_candidates_per_record"
        )
    if estimate.memory_bytes > memory_bytes:
        faults.append(
            f"about {estimate.memory_bytes >> 20} MiB of memory, there are {memory_bytes >> 20}: take a larger "
            "machine, or raise matching.link_per_mille"
        )
    if estimate.disk_bytes > disk_bytes:
        faults.append(
            f"about {estimate.disk_bytes >> 20} MiB of disk, there are {disk_bytes >> 20}: make room in the data "
            "folder, or raise matching.candidate_per_mille"
        )
    if faults:
        raise Unfit(f"at threshold {estimate.threshold:g} the run would not fit: {'; '.join(faults)}")


def _sampled(search: Search, coded: Sequence[CodedRows], recall: Recall, records: int) -> SampledPairs:
    """Return all candidates of a sample, linkable or not."""
    drawn = search.draw("estimate", records)
    return sample_pairs(coded, search.wanted, drawn, search.threshold, 0.0, recall.score, threads=cores())


def _speed(search: Search, coded: Sequence[CodedRows], timer: Callable[[], float]) -> float:
    """Return how many pairs of CLKs all cores compare a second, from one block with another."""
    left, right = coded[0].words[:BLOCK_ROWS], coded[0].words[-BLOCK_ROWS:]
    start = timer()
    find_pairs(left, right, search.threshold, maximum=search.maximum)
    return len(left) * len(right) * cores() / max(timer() - start, SHORTEST_SECONDS)


def _at(
    search: Search,
    coded: Sequence[CodedRows],
    sample: SampledPairs,
    dice: NDArray[np.float64],
    recall: Recall,
    speed: float,
) -> Estimate:
    """Return the estimate at the search's threshold."""
    linkable = recall.score(dice) >= recall.link_threshold
    reaches = (sample.apart >= 0) & (dice >= search.threshold)
    proposed = np.asarray(reaches.any(axis=1))
    best = sample.best & linkable
    kept = linkable & proposed
    of_run = SampledPairs(
        record=sample.record[kept],
        partner=sample.partner[kept],
        best=sample.best[kept],
        apart=np.where(reaches, sample.apart, -1)[kept],
        records=sample.records,
    )
    chosen = choose(search, coded, of_run, recall)
    share, found = _share_of_time(chosen, coded), _expected_recall(chosen)
    # A pair of two records that may be drawn is seen from both of them.
    asking = search.asking
    pairs = np.where(np.isin(sample.partner, asking), 0.5, 1.0) * (len(asking) / sample.records)
    candidates = round(float(pairs[proposed].sum()))
    row_bytes = sum(rows.words.shape[1] * 8 + 17 for rows in coded)
    return Estimate(
        threshold=search.threshold,
        candidates=candidates,
        disk_bytes=candidates * (8 + 8 * len(coded)),
        memory_bytes=PROGRAM_BYTES
        + COPIES * search.records * row_bytes
        + round(float(pairs[kept].sum())) * SOLVER_BYTES,
        way="every pair" if chosen.is_exact else "first words of every pair" if chosen.plan is None else "tables",
        seconds=search.pairs() * len(coded) / speed * share,
        recall=found * float(proposed[best].mean()) if best.any() else 1.0,
    )


def _share_of_time(search: Search, coded: Sequence[CodedRows]) -> float:
    """Return how long a search takes, the search of every pair to its last bit being 1."""
    if search.plan is not None:
        return 1 / search.plan.cost_of_exact
    shares = [
        1.0 if exit_ is None else VECTORS.of(exit_.words, exit_.expected_survivors) / rows.words.shape[1]
        for exit_, rows in zip(search.exits, coded, strict=True)
    ]
    return sum(shares) / len(shares)


def _expected_recall(search: Search) -> float:
    """Return the share of a record's best pairs that a search is expected to find of those that are proposed."""
    if search.plan is not None:
        return search.plan.expected_recall
    return min((exit_.expected_recall for exit_ in search.exits if exit_ is not None), default=1.0)
