"""Whether the 95 % intervals of precision and recall, estimated without truth, contain the true values.

Pairs of files of all three profiles, sizes and overlaps are drawn from seeds on which nothing was tuned, each encoded
under a key of its own and linked by the defaults.
"""

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.inputs import ONE, OTHER, LinkageTask, pair
from benchmarks.linking import encoded_file
from benchmarks.table import Figure, Row, Table
from linkage_core.crypto.secret import Secret
from linkage_core.linking.probabilistic.model import Interval, LinkageModel
from linkage_core.linking.run import link
from simulation.pair_profiles import PAIR_PROFILES

LINKAGES: Final = 50
SIZES: Final = (1_000, 5_000)
OVERLAPS: Final = (0.3, 0.9)
FIRST_SEED: Final = 7_000_000
"""Of linkages that no rule of the intervals was tuned on."""

ROUNDING: Final = 1e-4
"""Intervals have four decimals."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An estimate beside the truth: of precision or recall, of all links or of those of one quality class."""

    measure: str
    quality_class: int | None
    estimated: Interval
    true: float

    @property
    def covered(self) -> bool:
        """Whether the interval contains the true value."""
        return self.estimated.low - ROUNDING <= self.true <= self.estimated.high + ROUNDING


def table(quick: bool = False) -> Table:
    """Return the coverage over 50 linkages, or over six small ones."""
    return at_size(linkages=6, sizes=(1_000, 1_500)) if quick else at_size(linkages=LINKAGES)


def at_size(linkages: int, sizes: tuple[int, int] = SIZES) -> Table:
    """Return for precision and recall, of all links and of each class, how often and how closely truth is met."""
    judged: list[Judged] = []
    findings = 0
    for number in range(linkages):
        task = drawn_task(FIRST_SEED + number, sizes)
        made, model = judge(task, Secret(os.urandom(32)), number)
        judged += made
        findings += len(model.findings)
    kinds = sorted({(one.quality_class or 0, one.measure, one.quality_class) for one in judged})
    return Table(
        f"Quality without truth: {linkages} linkages of two files, of {sizes[0]:,} to {sizes[1]:,} persons each",
        ("estimate", "linkages", "covered", "mean error", "mean absolute error", "mean width"),
        tuple(_row(measure, quality_class, judged) for _, measure, quality_class in kinds),
        (
            "Covered: the 95 % interval contains the true value. Mean error: estimated less true.",
            f"Profiles {', '.join(PAIR_PROFILES)} in turn, overlaps of {OVERLAPS[0]:.0%} to {OVERLAPS[1]:.0%}, a fresh "
            "key each, the default schema and matching clause.",
            f"The guards of the model found something in {findings} of them; nothing is wrong with any.",
        ),
    )


def drawn_task(seed: int, sizes: tuple[int, int] = SIZES) -> LinkageTask:
    """Return two files of a profile, a size and an overlap that the seed draws."""
    draw = random.Random(seed)
    profile = list(PAIR_PROFILES)[seed % len(PAIR_PROFILES)]
    return pair(profile, draw.randint(*sizes), seed, round(draw.uniform(*OVERLAPS), 3))


def judge(task: LinkageTask, secret: Secret, seed: int) -> tuple[list[Judged], LinkageModel]:
    """Link two files and return every estimate of their model beside the truth, and the model."""
    files = [encoded_file(provider, task, records, secret) for provider, records in task.records.items()]
    result = link(files, task.schema, task.matching, seed)
    assert result.model is not None
    (quality,) = result.model.meetings
    groups = {provider: file.group for provider, file in result.groups.files.items()}
    one, other = _linked_rows(groups[ONE], groups[OTHER])
    right = task.persons[ONE][one] == task.persons[OTHER][other]
    persons = len(np.intersect1d(task.persons[ONE], task.persons[OTHER]))
    classes = np.maximum(result.groups.files[ONE].quality_class[one], result.groups.files[OTHER].quality_class[other])
    made = [
        Judged("precision", None, quality.precision, float(right.mean())),
        Judged("recall", None, quality.recall, float(right.sum()) / persons),
    ]
    for of_class in quality.classes:
        chosen = right[classes == of_class.quality_class]
        made += [
            Judged("precision", of_class.quality_class, of_class.precision, float(chosen.mean())),
            Judged("recall", of_class.quality_class, of_class.recall, float(chosen.sum()) / persons),
        ]
    return made, result.model


def _linked_rows(groups: NDArray[np.uint32], others: NDArray[np.uint32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows of two files without duplicates that are in one group."""
    _, one, other = np.intersect1d(groups, others, return_indices=True)
    return one, other


def _row(measure: str, quality_class: int | None, judged: Sequence[Judged]) -> Row:
    chosen = [one for one in judged if (one.measure, one.quality_class) == (measure, quality_class)]
    errors = np.array([one.estimated.estimate - one.true for one in chosen])
    return (
        measure if quality_class is None else f"{measure}, class {quality_class}",
        len(chosen),
        Figure(float(np.mean([one.covered for one in chosen])), ".0%"),
        Figure(float(errors.mean()), "+.4f"),
        Figure(float(np.abs(errors).mean()), ".4f"),
        Figure(float(np.mean([one.estimated.high - one.estimated.low for one in chosen])), ".4f"),
    )
