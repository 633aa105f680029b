"""What is known of the links of two files: declared precision and recall, by category where that is declared."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.agreement.declared_rates import GroupRates, PairRates

PER_MILLE: Final = 1000
LEAST_SHARE: Final = 0.05
"""Least precision or recall of a category: relative rates beyond it say only that hardly anything holds."""


@dataclass(frozen=True, slots=True, eq=False)
class GroupQuality:
    """Precision and recall of each category's links, and how they follow from what is declared; float64, (groups,).

    A category's share of false links is everybody's times `false`, its share of missed matches everybody's times
    `missed`; both multiples have standard errors. `covariance`: float64, (2, 2), of everybody's precision and recall.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    false: NDArray[np.float64]
    false_error: NDArray[np.float64]
    missed: NDArray[np.float64]
    missed_error: NDArray[np.float64]
    covariance: NDArray[np.float64]
    false_share: float
    missed_share: float

    def __len__(self) -> int:
        """The number of groups."""
        return len(self.precision)

    @property
    def ratio(self) -> NDArray[np.float64]:
        """Matches for each link: precision / recall."""
        return self.precision / self.recall


def group_quality(
    declared: PairRates, groups: Sequence[GroupRates | None] = (None,), *, twice: bool = False
) -> GroupQuality:
    """Return the quality of the links of each group, for which None means: as everybody's.

    `twice`: one of the files may hold a person in two rows, and rates are of pairs of rows. A person is not linked if
    both pairs are missed, so of P people who are in both files, and of at most 2 P pairs, between none and twice the
    share of pairs are missed; likewise false. Anything in between is as likely: a standard error of share / √3 more,
    whose interval has both ends in it.
    """
    missed_share = 1 - declared.recall_per_mille / PER_MILLE
    false_share = 1 - declared.precision_per_mille / PER_MILLE
    false, false_error, missed, missed_error = (
        np.array([standard if group is None else getattr(group, name) / PER_MILLE for group in groups], np.float64)
        for name, standard in (
            ("false_links_per_mille", 1.0),
            ("false_links_error_per_mille", 0.0),
            ("missed_matches_per_mille", 1.0),
            ("missed_matches_error_per_mille", 0.0),
        )
    )
    errors = np.array([declared.precision_error_per_mille, declared.recall_error_per_mille]) / PER_MILLE
    if twice:
        errors = np.hypot(errors, np.array([false_share, missed_share]) / math.sqrt(3))
    correlation = np.array([[100, declared.correlation_per_cent], [declared.correlation_per_cent, 100]]) / 100
    return GroupQuality(
        precision=np.maximum(1 - false * false_share, LEAST_SHARE),
        recall=np.maximum(1 - missed * missed_share, LEAST_SHARE),
        false=false,
        false_error=false_error,
        missed=missed,
        missed_error=missed_error,
        covariance=np.outer(errors, errors) * correlation,
        false_share=false_share,
        missed_share=missed_share,
    )
