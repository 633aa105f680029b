"""Whether published 95 % intervals cover the truth where tables have noise and linkage errors, cell by cell.

Each repetition is a small population of its own, written down by two agencies, linked as in production under a key of
its own; precision and recall are estimated anew from the self-comparison null, without truth, and rounded as they are
declared. Relative rates by origin come from other simulated populations. Truth is the same table by true people.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.inputs import ONE, OTHER
from benchmarks.linked_population import GROUPS, LinkedPopulation, repetitions
from benchmarks.linked_population import Table as Counted
from benchmarks.table import Figure, Row, Table
from disclosure.bounding import MOVED_NOISE, ContributionBound
from disclosure.measurements import Mechanism, OpenDPNoise, half_width, price_nano_rho
from disclosure.post_selection import Reading
from disclosure.table import MILLION
from disclosure.uncertainty.adjusting import adjust
from disclosure.uncertainty.linked_cells import OUTSIDE, LinkedCells, filled_cells, moved_cells, overlap_cells
from disclosure.uncertainty.rates import group_quality
from linkage_core.agreement.declared_rates import SimulatedRates
from linkage_core.assessment.declaring import coarse_rates
from linkage_core.assessment.simulated_rates import SimulatedLinkage, simulated_rates

REPETITIONS: Final = 1_000
TRAINING: Final = 100
"""Populations that relative rates by origin are learnt on."""
FIRST_SEED: Final = 8_000_000
TRAINING_SEED: Final = 7_500_000

SETTINGS: Final = (("dirty", 600), ("dirty", 2_000), ("usual", 600))
NOISE_SDS: Final = (3, 6, 12)
MINIMUM_CELL_COUNT: Final = 10
LEAST_PUBLISHED: Final = 100
"""Linkages in which a cell must be published to be a worst one."""
UNKNOWN: Final = len(GROUPS)
BOUND: Final = ContributionBound(cells=1, l2_squared=1, truncates=False)


def table(quick: bool = False) -> Table:
    """Return the coverage over 1,000 linkages a setting, or over 30 of 600 people."""
    return at_size(SETTINGS[:1], 30, 20) if quick else at_size(SETTINGS, REPETITIONS, TRAINING)


def at_size(settings: Sequence[tuple[str, int]], number: int, training: int, kept: Path | None = None) -> Table:
    """Return for every setting, measure and noise how often intervals cover; `kept`: a folder of what was linked."""
    rows: list[Row] = []
    for errors, people in settings:
        learnt = list(repetitions(errors, people, TRAINING_SEED, training, _file(kept, errors, people, "training")))
        known = simulated(learnt, errors, people)
        made = list(repetitions(errors, people, FIRST_SEED, number, _file(kept, errors, people, "measured")))
        for name in made[0].tables:
            rows += [_row(name, made, known, noise_sd, f"{errors}, {people:,}") for noise_sd in NOISE_SDS]
    return Table(
        f"Coverage of 95 % intervals for noise plus linkage: {number} linkages a setting, linkage in the loop",
        (
            "table",
            "noise SD",
            "covered",
            *GROUPS,
            "unknown",
            "worst cell",
            "published",
            "of them covered",
            "worst of them",
            "rates as estimated",
            "noise only",
            "its worst cell",
        ),
        tuple(rows),
        (
            "± is two Monte Carlo standard errors, over linkages. A published cell is one without the flag U; a cell "
            "counts as a worst one if published in 100 linkages at least. Near the threshold noise lifted some of them "
            "there, which their intervals know (`disclosure.post_selection`).",
            "dirty, usual: how the two agencies err; then how many people. Groups are origins of names. Unknown: the "
            "category of people whom the file that knows the origin does not hold, as linked.",
            "Precision and recall are estimated anew in each linkage, corrected by what "
            f"{training} other populations with the same errors say, and rounded as they are declared. Rates as "
            "estimated: without that correction, and without rates by origin.",
            "By both files: the register knows the origin of seven in ten, tax tells the others'. By signs of life in "
            "either file or in both. For these, people whom a missed link would move stand beside, with noise of "
            f"their own, {MOVED_NOISE} times that of the table.",
            "Not covered, because truth is counted from the same files: people whom no file holds, late or wrong "
            "registrations, truncation of flows, wrongly recorded categories; and rates that differ by more than "
            "origin, or under other errors than those simulated.",
        ),
    )


def _file(folder: Path | None, errors: str, people: int, name: str) -> Path | None:
    return None if folder is None else folder / f"{errors}-{people}-{name}.jsonl"


def simulated(learnt: Sequence[LinkedPopulation], errors: str, people: int) -> SimulatedRates:
    """Return what other populations, written down with the same errors, say of estimated rates and of origins."""
    return simulated_rates(
        [
            SimulatedLinkage(one.precision, one.recall, one.links, one.matches, one.false_links, one.missed)
            for one in learnt
        ],
        errors=errors,
        records=people,
        dimension="origin",
        categories=GROUPS,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Hits:
    """Whether intervals cover: bool, (linkages, cells) each; `cells` as of the table, `published` those without U."""

    adjusted: NDArray[np.bool_]
    noise_only: NDArray[np.bool_]
    published: NDArray[np.bool_]


def _row(name: str, made: Sequence[LinkedPopulation], known: SimulatedRates | None, noise_sd: int, setting: str) -> Row:
    hits = hits_of(name, made, known, noise_sd)
    categories = made[0].tables[name].observed.shape[-1]
    by_group = [hits.adjusted[:, place::categories] if place < categories else None for place in range(UNKNOWN + 1)]
    return (
        f"{setting}: {name}",
        noise_sd,
        _share(hits.adjusted),
        *(None if group is None else _share(group) for group in by_group),
        _worst(hits.adjusted),
        Figure(float(hits.published.mean()), ".1%"),
        _share(hits.adjusted, hits.published),
        _worst(hits.adjusted, hits.published),
        _share(hits_of(name, made, None, noise_sd).adjusted),
        _share(hits.noise_only),
        _worst(hits.noise_only),
    )


def hits_of(name: str, made: Sequence[LinkedPopulation], known: SimulatedRates | None, noise_sd: int) -> _Hits:
    """Return which cells of a table intervals cover in each linkage."""
    adjusted, noise_only, published = [], [], []
    mechanism = _mechanism(noise_sd)
    least = half_width(mechanism.noise_sd_millionths)
    reading = Reading(mechanism.noise_sd_millionths, least, MINIMUM_CELL_COUNT)
    for one in made:
        counted = one.tables[name]
        links = _links(name, counted)
        declared = coarse_rates((ONE, OTHER), one.precision, one.recall, one.estimated_matches, known)
        quality = group_quality(declared, [*(known.groups if known else [None] * UNKNOWN), None])
        exact = counted.observed.ravel()
        noisy = np.array(OpenDPNoise().add_noise(exact.tolist(), mechanism), np.int64)
        variance = np.full(len(noisy), float(noise_sd) ** 2)
        widening = np.array([reading.widening(value) for value in noisy.tolist()])
        cells, truth = counted.true.size, counted.true.ravel()
        of_cell = np.arange(cells, dtype=np.int64)
        if counted.moved is not None:
            beside = OpenDPNoise().add_noise(counted.moved.ravel().tolist(), _mechanism(MOVED_NOISE * noise_sd))
            noisy = np.concatenate([noisy, beside])
            variance = np.append(variance, np.full(2 * cells, float(MOVED_NOISE * noise_sd) ** 2))
            of_cell = np.append(of_cell, np.full(2 * cells, OUTSIDE))
        low, high = adjust(noisy, variance, links, quality, of_cell).interval(least, widening)
        adjusted.append((low[:cells] <= truth) & (truth <= high[:cells]))
        noise_only.append(np.abs(noisy[:cells] - truth) <= least)
        published.append([reading.reads(value) for value in noisy[:cells].tolist()])
    return _Hits(np.array(adjusted), np.array(noise_only), np.array(published))


def _links(name: str, counted: Counted) -> LinkedCells:
    rows, categories = counted.observed.shape
    if name == "overlap":
        return overlap_cells(categories, first_unknown=UNKNOWN, second_unknown=None)
    if counted.moved is None:
        return filled_cells(rows, categories, UNKNOWN)
    links = moved_cells(rows * categories)
    return replace(links, group=links.group % categories)


def _mechanism(noise_sd: int) -> Mechanism:
    return Mechanism(noise_sd * MILLION, BOUND, price_nano_rho(noise_sd * MILLION, BOUND))


def _share(hits: NDArray[np.bool_], of: NDArray[np.bool_] | None = None) -> str | None:
    """Return the share of cells covered, with two Monte Carlo standard errors; linkages are what is independent."""
    counted = np.ones_like(hits) if of is None else of
    if not counted.any():
        return None
    covered, cells = (hits & counted).sum(axis=1), counted.sum(axis=1)
    share = covered.sum() / cells.sum()
    error = np.sqrt(((covered - share * cells) ** 2).sum()) / cells.sum()
    return f"{share:.1%} ± {2 * error:.1%}"


def _worst(hits: NDArray[np.bool_], of: NDArray[np.bool_] | None = None) -> str | None:
    counted = np.ones_like(hits) if of is None else of
    often = np.flatnonzero(counted.sum(axis=0) >= min(LEAST_PUBLISHED, len(hits)))
    if not len(often):
        return None
    shares = {cell: (hits & counted)[:, cell].sum() / counted[:, cell].sum() for cell in often.tolist()}
    cell = min(shares, key=lambda one: shares[one])
    error = math.sqrt(shares[cell] * (1 - shares[cell]) / counted[:, cell].sum())
    return f"{shares[cell]:.1%} ± {2 * error:.1%}"
