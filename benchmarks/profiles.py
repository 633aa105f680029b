"""Pairs of files in three profiles, linked in clear text by Splink and encoded by us: quality, and for whom it fails.

`python -m benchmarks profiles`, or `make bench NAMES=profiles`. The files are drawn anew from a seed on which nothing
was tuned; Splink runs in a process of its own, and so does each of our runs, so that memory can be told.
"""

import os
import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.in_clear import ClearRun, link_in_clear
from benchmarks.inputs import ONE, OTHER, LinkageTask, pair
from benchmarks.linking import SEED, encoded_file
from benchmarks.table import Bars, Figure, Row, Table
from benchmarks.timing import seconds, spread
from linkage_core.assessment.quality import PairQuality, assess
from linkage_core.crypto.secret import Secret
from linkage_core.linking.run import link
from linkage_core.types import PartyName
from simulation.pair_profiles import PAIR_PROFILES
from simulation.pairs import draw_pair

RECORDS: Final = 50_000
KEYS: Final = 3
PAIR_SEED: Final = 4_000_000
"""Of files that no model, schema or threshold was chosen on."""

GAP_DRAWS: Final = 20_000
"""Draws of every origin's recall that say how large a gap chance alone makes."""

WARM_RECORDS: Final = 300
"""Files that each of our processes links first, so that no compilation is timed."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a way of linking found in a pair of files, and what it took."""

    way: str
    quality: PairQuality
    recall_by_origin: Mapping[str, float]
    seconds: float
    mebibytes: float
    """Peak resident memory of the process."""


def table(quick: bool = False) -> Table:
    """Return the three profiles at 50,000 records a file under three keys, or quick, at 3,000 under one."""
    return at_size(records=3_000, keys=1) if quick else at_size(records=RECORDS, keys=KEYS)


def at_size(records: int, keys: int, profiles: Sequence[str] = tuple(PAIR_PROFILES)) -> Table:
    """Return quality, recall by origin, time and memory of both on each profile; ours under `keys` keys drawn anew."""
    rows: list[Row] = []
    notes: list[str] = []
    versions: set[str] = set()
    for profile in profiles:
        task, origins = pair(profile, records, PAIR_SEED), _origins(profile, records)
        run = link_in_clear(task.clear[ONE], task.clear[OTHER])
        versions |= {f"{name} {number}" for name, number in run.versions.items()}
        best = run.best_threshold(task.persons[ONE], task.persons[OTHER])
        in_clear = [_judged(run, task, origins, "Splink, at .5")]
        with_truth = [_judged(run, task, origins, f"Splink, with truth: {best:.2f}", best)]
        encoded = [_ours(profile, records) for _ in range(keys)]
        rows += [_row(profile, found) for found in (in_clear, with_truth, encoded)]
        sizes = _persons_by_origin(task, origins)
        notes += [_by_origin(profile, found, sizes) for found in (in_clear, encoded)]
    return Table(
        f"Pairs of files in three profiles: {records:,} and {records:,} records, 60 % of the persons in both",
        ("profile and way", "precision", "recall", "F1", "lowest F1", "largest gap", "seconds", "peak MiB"),
        tuple(rows),
        (
            f"{', '.join(sorted(versions))}, in a process of its own; {os.cpu_count()} threads each. "
            "benchmarks/splink/link.py is its model.",
            f"Ours: the default schema and matching clause, means over {keys} keys drawn in this run; each run in a "
            "process of its own, encoding included, standardisation not. Splink's seconds run from files read to links "
            "chosen. Both get the same standardised values.",
            "Splink, with truth: the probability of the highest F1, chosen knowing who is who, which no real run can.",
            "Largest gap: between the origins of names with the highest and the lowest recall; of means over the keys.",
            "By chance: what that gap would be, on average and in one run of twenty, if all origins had one recall.",
            *notes,
        ),
        chart=Bars("F1"),
    )


def _origins(profile: str, records: int) -> NDArray[np.object_]:
    """The origin of each name of the first file."""
    one, _ = draw_pair(profile, records, PAIR_SEED)
    return one.origin


def _persons_by_origin(task: LinkageTask, origins: NDArray[np.object_]) -> dict[str, int]:
    """How many persons of each origin are in both files."""
    both = np.isin(task.persons[ONE], task.persons[OTHER])
    return dict(zip(*(values.tolist() for values in np.unique(origins[both], return_counts=True)), strict=True))


def _judged(
    run: ClearRun, task: LinkageTask, origins: NDArray[np.object_], way: str, least: float | None = None
) -> Found:
    persons, others = task.persons[ONE], task.persons[OTHER]
    quality = run.quality(persons, others) if least is None else run.quality(persons, others, least)
    linked = slice(0, quality.linked)
    right = run.one[linked][persons[run.one[linked]] == others[run.other[linked]]]
    found = np.zeros(len(persons), dtype=bool)
    found[right] = True
    return Found(way, quality, recall_by(origins, found, persons, others), run.total_seconds, run.peak_mebibytes)


def recall_by(
    origins: NDArray[np.object_], found: NDArray[np.bool_], persons: NDArray[np.int64], others: NDArray[np.int64]
) -> dict[str, float]:
    """Return for each origin the share of its persons in both files whose row in the first was found (a mask)."""
    both = np.isin(persons, others)
    return {origin: float(found[both & (origins == origin)].mean()) for origin in np.unique(origins[both]).tolist()}


def _ours(profile: str, records: int) -> Found:
    """Link under a fresh key, in a process of its own."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_link_encoded, (profile, records, os.urandom(32)))


def _link_encoded(profile: str, records: int, secret: bytes) -> Found:
    _groups(pair(profile, WARM_RECORDS), secret)
    task, origins = pair(profile, records, PAIR_SEED), _origins(profile, records)
    took, groups = seconds(lambda: _groups(task, secret))
    quality = assess(groups, task.persons).by_providers[ONE, OTHER]
    persons, others = task.persons[ONE], task.persons[OTHER]
    row_of = np.full(int(max(persons.max(), others.max())) + 1, -1)
    row_of[others] = np.arange(len(others))
    partner = row_of[persons]
    found = (partner >= 0) & (groups[ONE] == groups[OTHER][partner])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Found("ours", quality, recall_by(origins, found, persons, others), took, peak)


def _groups(task: LinkageTask, secret: bytes) -> dict[PartyName, NDArray[np.uint32]]:
    files = [encoded_file(provider, task, records, Secret(secret)) for provider, records in task.records.items()]
    return {p: file.group for p, file in link(files, task.schema, task.matching, SEED).groups.files.items()}


def _row(profile: str, found: Sequence[Found]) -> Row:
    qualities = [each.quality for each in found]
    return (
        f"{profile}: {found[0].way}",
        *(
            Figure(float(np.mean(values)), ".4f")
            for values in ([q.precision for q in qualities], [q.recall for q in qualities], [q.f1 for q in qualities])
        ),
        Figure(min(q.f1 for q in qualities), ".4f"),
        Figure(_gap(_means(found)), ".4f"),
        spread([each.seconds for each in found]),
        Figure(max(each.mebibytes for each in found), ",.0f"),
    )


def _means(found: Sequence[Found]) -> dict[str, float]:
    """Recall by origin, means over runs."""
    return {o: float(np.mean([each.recall_by_origin[o] for each in found])) for o in found[0].recall_by_origin}


def _gap(recalls: Mapping[str, float]) -> float:
    return max(recalls.values()) - min(recalls.values())


def gap_by_chance(recall: float, persons: Sequence[int]) -> tuple[float, float]:
    """Return the largest gap between groups of so many `persons` that all have this recall: mean and 95 % quantile.

    A largest gap is never nothing: the highest and the lowest of many shares lie apart though nothing parts them.
    """
    shares = np.random.default_rng(0).binomial(persons, recall, (GAP_DRAWS, len(persons))) / np.asarray(persons)
    gaps = shares.max(axis=1) - shares.min(axis=1)
    return float(gaps.mean()), float(np.quantile(gaps, 0.95))


def _by_origin(profile: str, found: Sequence[Found], persons: Mapping[str, int]) -> str:
    recalls = sorted(_means(found).items(), key=lambda item: item[1])
    overall = sum(recall * persons[origin] for origin, recall in recalls) / sum(persons.values())
    mean, high = gap_by_chance(overall, [persons[origin] for origin, _ in recalls])
    listed = ", ".join(f"{origin} {recall:.4f}" for origin, recall in recalls)
    return f"Recall, {profile}, {found[0].way}: {listed}; gap by chance {mean:.4f}, {high:.4f}."
