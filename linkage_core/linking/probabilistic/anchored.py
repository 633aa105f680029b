"""What pairs that share an identifier say about links that are made without looking at it: an independent check.

Of people whose identifier is known in both files everyone's true partner is known, but for errors in identifiers. So
the share of anchored pairs that the other evidence links is its recall, and the share of its links that agree in their
identifiers is its precision, once allowed for how often identifiers of sure links differ.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage_core.linking.probabilistic.evidence import AGREES, MISSING
from linkage_core.linking.probabilistic.model import Interval
from linkage_core.linking.probabilistic.run import LEAST_ANCHORS, Linked, Weighed

NORMAL_95 = 1.96


@dataclass(frozen=True, slots=True)
class AnchorCounts:
    """`pairs` of one meeting that share an identifier, of which the other evidence links `linked`.

    `compared`: its links of records that both have an identifier, of which `agreeing` share it; `sure` and
    `sure_agreeing`: the same of the better half of them.
    """

    pairs: int
    linked: int
    compared: int
    agreeing: int
    sure: int
    sure_agreeing: int

    @property
    def recall(self) -> Interval:
        """The share of anchored pairs that are linked."""
        return wilson(self.linked, self.pairs)

    @property
    def precision(self) -> Interval:
        """The share of links that agree, over that of sure links: they differ by errors in identifiers alone."""
        right = wilson(self.sure_agreeing, self.sure)
        agreeing = wilson(self.agreeing, self.compared)
        return Interval(
            round(min(agreeing.estimate / max(right.estimate, 1e-9), 1.0), 4),
            round(min(agreeing.low / max(right.high, 1e-9), 1.0), 4),
            round(min(agreeing.high / max(right.low, 1e-9), 1.0), 4),
        )


def count_anchors(weighed: Weighed, one: Linked, kept: int) -> AnchorCounts | None:
    """Count a meeting's anchored pairs; `kept`: links made without identifiers. None where anchors are few."""
    anchors = weighed.anchors[one.meeting.pairs]
    if int(anchors.sum()) < LEAST_ANCHORS or not kept or weighed.basis == "chance":
        return None
    score = one.score[one.links]
    links = one.links[score >= one.false.score[kept - 1]]
    identifiers = weighed.evidence.levels[one.meeting.pairs[links]][:, list(weighed.identifiers)]
    agreeing = (identifiers == AGREES).any(axis=1)
    comparable = (identifiers != MISSING).any(axis=1)
    sure = comparable & (one.score[links] >= _median(one.score[links][comparable]))
    return AnchorCounts(
        pairs=int(anchors.sum()),
        linked=int(anchors[links].sum()),
        compared=int(comparable.sum()),
        agreeing=int((agreeing & comparable).sum()),
        sure=int(sure.sum()),
        sure_agreeing=int((agreeing & sure).sum()),
    )


def wilson(part: int, whole: int) -> Interval:
    """Return part / whole with its 95 % interval (E. B. Wilson, JASA 22, 1927); four decimals."""
    if not whole:
        return Interval(0.0, 0.0, 1.0)
    share, square = part / whole, NORMAL_95**2
    centre = (share + square / (2 * whole)) / (1 + square / whole)
    half = NORMAL_95 * math.sqrt(share * (1 - share) / whole + square / (4 * whole**2)) / (1 + square / whole)
    return Interval(
        round(share, 4), round(min(max(centre - half, 0.0), share), 4), round(max(min(centre + half, 1.0), share), 4)
    )


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values)) if len(values) else np.inf
