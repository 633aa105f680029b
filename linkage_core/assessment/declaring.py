"""From a run's estimates to what is declared of it: so coarse that a figure says no more than its error allows.

Estimates are corrected first by what simulated linkages say of them, where those are given. A rate is then rounded to a
step that is at most half its standard error, at least one per mille; the step's own variance (step² / 12) is added to
the error's. That widens an interval by less than 1.1 % and hides what one person changes in files of a thousand matches
and more.
"""

import math
from dataclasses import dataclass
from typing import Final

from linkage_core.agreement.declared_rates import PairRates, SimulatedRates
from linkage_core.linking.probabilistic.model import Interval, LinkageModel, MeetingQuality

NORMAL_QUANTILE: Final = 1.959964
STEPS: Final = (1, 2, 5, 10, 20, 50, 100)
"""Per mille."""
PER_MILLE: Final = 1000
CORRELATION_STEP: Final = 10
LARGEST_CORRELATION: Final = 90
"""In per cent: what is read off three intervals is no more exact."""


@dataclass(frozen=True, slots=True)
class Declarable:
    """Rates of every two files that met once, and the pairs of providers that did not: those met in parts."""

    pairs: tuple[PairRates, ...]
    left_out: tuple[tuple[str, str], ...]


def declarable(model: LinkageModel, simulated: SimulatedRates | None = None) -> Declarable:
    """Return what may be declared of a run; what is `simulated` holds for every pair of files.

    Files that met in several parts, as in a wave that adds to the registry, have no rates of their own.
    """
    of_pair: dict[tuple[str, str], list[MeetingQuality]] = {}
    for meeting in model.meetings:
        one, other = sorted(meeting.providers)
        if one != other:
            of_pair.setdefault((one, other), []).append(meeting)
    return Declarable(
        tuple(
            coarse_rates(pair, meetings[0].precision, meetings[0].recall, meetings[0].matches, simulated)
            for pair, meetings in sorted(of_pair.items())
            if len(meetings) == 1
        ),
        tuple(sorted(pair for pair, meetings in of_pair.items() if len(meetings) > 1)),
    )


def coarse_rates(
    providers: tuple[str, str],
    precision: Interval,
    recall: Interval,
    matches: Interval,
    simulated: SimulatedRates | None = None,
) -> PairRates:
    """Return the declared rates of two files' links from the estimates of precision, recall and number of matches."""
    one, other = sorted(providers)
    by_precision, by_recall = (0, PER_MILLE), (0, PER_MILLE)
    if simulated is not None:
        by_precision = simulated.precision_shift_per_mille, simulated.precision_spread_per_mille
        by_recall = simulated.recall_shift_per_mille, simulated.recall_spread_per_mille
    precision_rate, precision_error = _coarse(precision, *by_precision)
    recall_rate, recall_error = _coarse(recall, *by_recall)
    correlation = _correlation(precision, recall, matches) if simulated is None else simulated.correlation_per_cent
    steps = math.floor(correlation / CORRELATION_STEP + 0.5)
    return PairRates(
        providers=(one, other),
        precision_per_mille=precision_rate,
        precision_error_per_mille=precision_error,
        recall_per_mille=recall_rate,
        recall_error_per_mille=recall_error,
        correlation_per_cent=min(max(CORRELATION_STEP * steps, -LARGEST_CORRELATION), LARGEST_CORRELATION),
    )


def standard_error(interval: Interval) -> float:
    """Return the standard error of an estimate whose 95 % interval this is."""
    return (interval.high - interval.low) / (2 * NORMAL_QUANTILE)


def _coarse(interval: Interval, shift_per_mille: int, spread_per_mille: int) -> tuple[int, int]:
    """Return an estimate and its standard error in per mille, the estimate in whole steps and not 0."""
    error = standard_error(interval)
    rate = PER_MILLE * interval.estimate - shift_per_mille * error
    error *= spread_per_mille
    step = max((step for step in STEPS if 2 * step <= error), default=STEPS[0])
    rounded = step * math.floor(rate / step + 0.5)
    return min(max(rounded, step), PER_MILLE), max(1, math.floor(math.hypot(error, step / math.sqrt(12)) + 0.5))


def _correlation(precision: Interval, recall: Interval, matches: Interval) -> float:
    """Return the correlation of the logarithms of precision and recall, in per cent.

    Precision / recall is matches / links: so the interval of the matches tells how the errors of the two move together.
    """
    of_precision, of_recall, of_matches = (
        standard_error(one) / one.estimate if one.estimate else 0.0 for one in (precision, recall, matches)
    )
    if not of_precision * of_recall:
        return 0.0
    return 100 * (of_precision**2 + of_recall**2 - of_matches**2) / (2 * of_precision * of_recall)
