"""What linkages of invented people, whose truth is known, say of estimated rates and of groups of people.

Two things that no file tells without truth. How far estimates of precision and recall are off under such errors: their
intervals are made for files of any kind, so under errors of one kind they are shifted a little and too wide. And how
rates differ between groups. Both hold as far as real files err like the invented ones.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.agreement.declared_rates import GroupRates, SimulatedRates
from linkage_core.assessment.declaring import standard_error
from linkage_core.errors import InputFault
from linkage_core.linking.probabilistic.model import Interval

PER_MILLE: Final = 1000
LARGEST: Final = 100_000
LEAST_LINKAGES: Final = 20
"""Fewer say nothing of a spread."""
BELIEVED: Final = 1.0
"""Errors that each group is taken to have beside those seen, at everybody's rate: few seen say little."""
LEAST_ERROR: Final = 1e-4
"""Least standard error of an estimate; intervals have four decimals."""

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedLinkage:
    """One linkage of two files: estimates without truth, and the truth by group; counts int64, (groups,)."""

    precision: Interval
    recall: Interval
    links: Counts
    matches: Counts
    false_links: Counts
    missed: Counts

    @property
    def true_precision(self) -> float:
        """The share of links that are true."""
        return 1 - float(self.false_links.sum()) / max(int(self.links.sum()), 1)

    @property
    def true_recall(self) -> float:
        """The share of matches that are linked."""
        return 1 - float(self.missed.sum()) / max(int(self.matches.sum()), 1)


def simulated_rates(
    made: Sequence[SimulatedLinkage], *, errors: str, records: int, dimension: str = "", categories: Sequence[str] = ()
) -> SimulatedRates:
    """Return what the linkages say; `InputFault` for fewer than 20, `errors` and `records` name what was simulated.

    The counts' groups are the categories of the dimension; without a dimension nothing is said of groups.
    """
    if len(made) < LEAST_LINKAGES:
        raise InputFault(f"{len(made)} simulated linkages are too few to calibrate on: at least {LEAST_LINKAGES}")
    precision = np.array([_off(one.precision, one.true_precision) for one in made])
    recall = np.array([_off(one.recall, one.true_recall) for one in made])
    still = precision.std() == 0 or recall.std() == 0
    return SimulatedRates(
        errors=errors,
        records=records,
        linkages=len(made),
        precision_shift_per_mille=_nearest(PER_MILLE * precision.mean()),
        precision_spread_per_mille=_nearest(PER_MILLE * precision.std(ddof=1)),
        recall_shift_per_mille=_nearest(PER_MILLE * recall.mean()),
        recall_spread_per_mille=_nearest(PER_MILLE * recall.std(ddof=1)),
        correlation_per_cent=0 if still else _nearest(100 * float(np.corrcoef(precision, recall)[0, 1])),
        groups=_groups(made, dimension, categories) if dimension else (),
    )


def _off(estimated: Interval, true: float) -> float:
    """Return by how many of its standard errors an estimate is off."""
    return (estimated.estimate - true) / max(standard_error(estimated), LEAST_ERROR)


def _groups(made: Sequence[SimulatedLinkage], dimension: str, categories: Sequence[str]) -> tuple[GroupRates, ...]:
    """Return each category's shares of errors as multiples of everybody's.

    Standard errors by the jackknife over linkages, but no smaller than the count of errors allows.
    """
    false, false_error = _multiples(np.stack([one.false_links for one in made]), np.stack([one.links for one in made]))
    missed, missed_error = _multiples(np.stack([one.missed for one in made]), np.stack([one.matches for one in made]))
    return tuple(
        GroupRates(
            dimension=dimension,
            category=category,
            false_links_per_mille=_thousandths(false[place]),
            false_links_error_per_mille=_thousandths(false_error[place]),
            missed_matches_per_mille=_thousandths(missed[place]),
            missed_matches_error_per_mille=_thousandths(missed_error[place]),
        )
        for place, category in enumerate(categories)
    )


def _multiples(errors: Counts, of: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each group's multiple of everybody's rate, and its standard error; float64, (groups,) each."""
    all_errors, all_of = errors.sum(axis=0), of.sum(axis=0)
    multiple = _multiple(all_errors, all_of)
    without = np.stack([_multiple(all_errors - one, all_of - size) for one, size in zip(errors, of, strict=True)])
    spread = np.sqrt((len(without) - 1) / len(without) * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
    return multiple, np.maximum(spread, multiple / np.sqrt(all_errors + BELIEVED))


def _multiple(errors: Counts, of: Counts) -> NDArray[np.float64]:
    expected = errors.sum() * of / max(int(of.sum()), 1)
    multiple: NDArray[np.float64] = (errors + BELIEVED) / (expected + BELIEVED)
    return multiple


def _thousandths(multiple: float) -> int:
    return min(_nearest(PER_MILLE * multiple), LARGEST)


def _nearest(value: float) -> int:
    return math.floor(value + 0.5)
