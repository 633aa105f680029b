"""From weighed pairs and final groups to the model that is kept with a run, for its operator; see `model`."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from linkage_core.errors import Unfit
from linkage_core.linking.groups import LinkageGroups
from linkage_core.linking.pool import RecordPool
from linkage_core.linking.probabilistic.estimates import estimate_meeting
from linkage_core.linking.probabilistic.evidence import Comparison
from linkage_core.linking.probabilistic.final_links import final_links
from linkage_core.linking.probabilistic.guards import doubts
from linkage_core.linking.probabilistic.mixture import SMALLEST_SHARE, fit_mixture
from linkage_core.linking.probabilistic.model import ComparisonModel, LinkageModel, TextbookModel
from linkage_core.linking.probabilistic.patterns import Patterns, count_patterns, shares_by_level
from linkage_core.linking.probabilistic.run import Weighed

DECIMALS = 4


def summarise(
    weighed: Weighed, pool: RecordPool, group: NDArray[np.int64], groups: LinkageGroups, least: float, seed: int
) -> LinkageModel:
    """Return the model; `group`, int64, of every record, `groups` the same with their quality classes.

    `least`: the probability that the agreement asks for. `seed` draws the intervals.
    """
    quality_class = _by_record(pool, groups)
    meetings = tuple(
        estimate_meeting(
            weighed,
            one,
            final_links(weighed, one, group, quality_class, least),
            pool,
            least,
            np.random.default_rng((seed, place)),
        )
        for place, one in enumerate(weighed.linked)
    )
    findings = (*weighed.findings, *(finding for meeting in meetings for finding in doubts(meeting)))
    return LinkageModel(
        basis=weighed.basis,
        rounds=weighed.rounds,
        comparisons=tuple(_comparison(weighed, place, one) for place, one in enumerate(weighed.comparisons)),
        textbook=_textbook(weighed),
        meetings=meetings,
        findings=findings,
        prior=round(weighed.weights.prior, 3),
        weights_of="" if weighed.earlier is None else weighed.earlier.wave,
    )


def _by_record(pool: RecordPool, groups: LinkageGroups) -> NDArray[np.uint8]:
    """Return the quality class of every record of the pool."""
    return np.concatenate(
        [
            groups.files[provider].quality_class[pool.row_of[start:stop]]
            for provider, start, stop in zip(pool.providers, pool.first[:-1], pool.first[1:], strict=True)
        ]
    )


def _comparison(weighed: Weighed, place: int, comparison: Comparison) -> ComparisonModel:
    m = shares_by_level(weighed.matched, place, comparison.levels)
    u = shares_by_level(weighed.different, place, comparison.levels)
    ratio = np.log2(np.maximum(m, SMALLEST_SHARE) / np.maximum(u, SMALLEST_SHARE))
    return ComparisonModel(
        name=comparison.name,
        kind=comparison.kind,
        edges=_rounded(comparison.edges),
        chance=round(comparison.chance, DECIMALS),
        spread=round(comparison.spread, DECIMALS),
        m=_rounded(m.tolist()),
        u=_rounded(u.tolist(), 8),
        weight=_rounded(weighed.weights.levels[place].tolist(), 3),
        log_ratio=_rounded(ratio.tolist(), 3),
        missing_weight=round(float(weighed.weights.missing[place]), 3),
        missing_m=round(_missing(weighed.matched, place), DECIMALS),
        missing_u=round(_missing(weighed.different, place), DECIMALS),
        of_clk=comparison.of_clk,
    )


def _missing(patterns: Patterns, place: int) -> float:
    total = float(patterns.weight.sum())
    return float(patterns.weight[patterns.levels[:, place] < 0].sum()) / total if total else 0.0


def _textbook(weighed: Weighed) -> TextbookModel:
    """Fit the textbook mixture to the same candidate pairs, from where this model ends."""
    patterns = count_patterns(weighed.evidence.levels)
    start = count_patterns(weighed.evidence.levels, weighed.probability).weight / patterns.weight
    most = math.fsum(
        min(one.meeting.sizes) if one.meeting.way == "one-to-one" else len(one.meeting.pairs) for one in weighed.linked
    )
    try:
        fitted = fit_mixture(weighed.comparisons, patterns, start, most)
    except Unfit as refused:
        return TextbookModel(str(refused))
    return TextbookModel(
        "",
        tuple(_rounded(shares.tolist()) for shares in fitted.m),
        tuple(_rounded(shares.tolist(), 8) for shares in fitted.u),
        round(float(fitted.matches * patterns.weight.sum()), 1),
        fitted.steps,
    )


def _rounded(values: Sequence[float], decimals: int = DECIMALS) -> tuple[float, ...]:
    return tuple(round(value, decimals) for value in values)
