"""How good the links of one meeting of files are, without truth: precision, recall, classes and the threshold's curve.

Precision comes of the false-match rates of the links kept; recall of the links that are true, over all pairs of one
person, found or not (`uncertainty`). Every estimate has a 95 % interval.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.linking.pool import RecordPool
from linkage_core.linking.probabilistic.anchored import count_anchors
from linkage_core.linking.probabilistic.evidence import Comparison
from linkage_core.linking.probabilistic.false_matches import FalseMatches, linked_by_chance
from linkage_core.linking.probabilistic.final_links import FinalLinks
from linkage_core.linking.probabilistic.model import (
    Anchored,
    ClassQuality,
    CurvePoint,
    Interval,
    MeetingQuality,
    NullSupport,
)
from linkage_core.linking.probabilistic.run import NOISE, Linked, Weighed
from linkage_core.linking.probabilistic.uncertainty import (
    Captures,
    draw_anchored_matches,
    draw_false,
    draw_matches,
    draw_repeated,
    interval,
    within_bounds,
)
from linkage_core.types import ClkName

POINTS: Final = 60
"""Of the curve over the threshold."""

CURVE_PROBABILITY: Final = 0.02
"""Probability of the last link that the curve shows: from there on nothing but chance would be linked."""

CARRIED: Final = 0.5
"""Share of a side's records that have a CLK, from which on it counts in capture and recapture."""

HOLDS: Final = 1
"""Level from which on a CLK shows a match."""

LEAST_COMPARABLE: Final = 0.001
"""Share of pairs with a CLK in common that is told from none."""

FALSE_FLOOR: Final = 0.001
"""Of every link, in how false links are shared out among classes: none of them is free of error."""


def estimate_meeting(
    weighed: Weighed,
    one: Linked,
    final: FinalLinks,
    pool: RecordPool,
    least: float,
    random: np.random.Generator,
) -> MeetingQuality:
    """Return how good the meeting's links are; `least`: the probability that the agreement asks for."""
    meeting, found = one.meeting, one.false
    kept = kept_links(one, least)
    ends = _ends(found, kept)
    # False links of the fit are few in all, and shared by all meetings.
    weights = sum(comparison.levels for comparison in weighed.comparisons) * kept / _all_kept(weighed, least)
    false = draw_false(
        found.score[ends - 1], ends, one.chance, _free(one), _taken(one), meeting.way, weights, kept, random
    )
    at_threshold = int(np.searchsorted(ends, kept)) if kept else -1
    false_kept = false[:, at_threshold] if kept else np.zeros(len(false))
    captures = _captures(weighed, one, pool, kept)
    comparable = (_comparable(weighed, one, pool, 2), _comparable(weighed, one, pool, 1))
    matches = (
        draw_matches(captures, float(kept), false_kept, random)
        if captures
        else _surplus(found, comparable, false_kept, random)
    )
    matches = within_bounds(matches, np.maximum(kept - false_kept, 0.0), _most(one), random)
    anchors = count_anchors(weighed, one, kept)
    anchored = None
    false_final = np.minimum(false_kept * _scale(weighed, found, final, kept), len(final))
    true_final = len(final) - false_final
    if anchors is not None:
        anchored = Anchored(
            pairs=anchors.pairs,
            recall=anchors.recall,
            model_recall=interval(_share(np.minimum(kept - false_kept, matches), matches)),
            compared=anchors.compared,
            precision=anchors.precision,
            model_precision=interval(_share(kept - false_kept, np.full(len(false_kept), float(kept)))),
        )
        matches = draw_anchored_matches(anchors, len(final), false_final, random)
    else:
        # Pairs that only other records hold together were missed by themselves: so may as many be that nothing holds.
        matches += max(len(final) - kept, 0) * random.uniform(0, 2, len(matches))
        matches += draw_repeated(_repeated(weighed, one), len(matches), random)
    matches = within_bounds(matches, true_final, _most(one), random)
    points = tuple(
        CurvePoint(
            round(float(found.score[end - 1]), 3),
            int(end),
            round(float(np.mean(of_end)), 2),
            interval(_share(end - of_end, np.full(len(of_end), float(end)))),
            interval(_share(np.minimum(end - of_end, matches), matches)),
        )
        for end, of_end in zip(ends.tolist(), false.T, strict=True)
    )
    best = _best(found, float(np.median(matches)))
    threshold = _score(found, kept)
    return MeetingQuality(
        providers=(str(pool.providers[meeting.files[0]]), str(pool.providers[meeting.files[1]])),
        settled=_settled(pool, meeting.sides),
        way=meeting.way,
        sizes=meeting.sizes,
        candidate_pairs=len(meeting.pairs),
        links=len(final),
        matches=interval(matches),
        threshold=threshold,
        recommended=_score(found, best),
        reason=_reason(kept, best),
        precision=_spanning(interval(_share(true_final, np.full(len(true_final), float(len(final))))), anchored),
        recall=interval(_share(true_final, matches)),
        classes=_classes(final, false_final, matches, random),
        curve=points,
        null=_null(weighed, one, pool, threshold),
        anchored=anchored,
        comparable=round(comparable[0], 4),
    )


def kept_links(one: Linked, least: float) -> int:
    """Return how many links are at least as probable as the agreement asks for, identifiers left out of account."""
    return int(np.count_nonzero(1 - one.false.rate >= least))


def _repeated(weighed: Weighed, one: Linked) -> float:
    """Return how many records have an equal in their file, of the sides whose records are linked once each."""
    once = {"one-to-one": (0, 1), "many-to-one": (1,), "within": ()}[one.meeting.way]
    return sum(weighed.repeated.get(one.meeting.files[side], 0.0) * one.meeting.sizes[side] for side in once)


def _all_kept(weighed: Weighed, least: float) -> int:
    return max(sum(kept_links(one, least) for one in weighed.linked), 1)


def _most(one: Linked) -> float:
    """Return how many matches there can be."""
    first, second = one.meeting.sizes
    return float(
        {"one-to-one": min(first, second), "many-to-one": first, "within": first * (first - 1) // 2}[one.meeting.way]
    )


def _scale(weighed: Weighed, found: FalseMatches, final: FinalLinks, kept: int) -> float:
    """Return how many false final links there are for each among those kept without looking at identifiers."""
    if not kept:
        return 0.0
    if not weighed.identifiers:
        return len(final) / kept
    doubt = (1 - final.probability + FALSE_FLOOR).sum()
    return float(doubt / (found.rate[:kept] + FALSE_FLOOR).sum())


def _spanning(precision: Interval, anchored: Anchored | None) -> Interval:
    """Return the interval, down to what anchors say where that lies below all that the model says."""
    if anchored is None or anchored.precision.high >= anchored.model_precision.low:
        return precision
    return Interval(precision.estimate, min(precision.low, anchored.precision.low), precision.high)


def _free(one: Linked) -> tuple[float, float]:
    first, second = one.meeting.sizes
    if one.meeting.way == "within":
        return float(first), float(second)
    matches = min(one.false.matches, first, second)
    return first - matches, second - matches if one.meeting.way == "one-to-one" else float(second)


def _taken(one: Linked) -> float:
    """Return the share of the second side that has a partner and may be linked all the same."""
    if one.meeting.way != "many-to-one":
        return 0.0
    return min(one.false.matches / max(one.meeting.sizes[1], 1), 1.0)


def _ends(found: FalseMatches, kept: int) -> NDArray[np.int64]:
    """Return how many links each point of the curve has, rising, the agreed threshold's among them."""
    shown = int(np.count_nonzero(1 - found.rate >= CURVE_PROBABILITY))
    if not shown:
        return np.array([kept] if kept else [], np.int64)
    scores = np.linspace(found.score[0], found.score[shown - 1], POINTS - 1)
    ends = np.searchsorted(-found.score, -scores, side="right")
    return np.unique(np.append(ends, kept)[np.append(ends, kept) > 0]).astype(np.int64)


def _captures(weighed: Weighed, one: Linked, pool: RecordPool, kept: int) -> Captures | None:
    """Count links between complete records by how many CLKs show them; None where no two CLKs can be compared."""
    places = [
        place
        for place, comparison in enumerate(weighed.comparisons)
        if comparison.kind == "clk"
        and min(_present(pool, comparison, side).mean() for side in one.meeting.sides) >= CARRIED
    ]
    if len(places) < 2:
        return None
    sides = [
        np.all([_present(pool, weighed.comparisons[place], side) for place in places], axis=0)
        for side in one.meeting.sides
    ]
    complete = float(sides[0].mean() * sides[1].mean())
    if complete < CARRIED * CARRIED:
        return None
    score = one.score[one.links]
    levels = weighed.evidence.levels[one.meeting.pairs[one.links]][:, places]
    whole = (levels >= 0).all(axis=1)
    shown = (levels >= HOLDS).sum(axis=1)
    linked = score >= (one.false.score[kept - 1] if kept else np.inf)
    return Captures(
        links=float(np.count_nonzero(whole & linked)),
        once=float(np.count_nonzero(whole & linked & (shown == 1))),
        partly=float(np.count_nonzero(whole & linked & (shown < len(places)))),
        complete=complete,
    )


def _present(pool: RecordPool, comparison: Comparison, side: range) -> NDArray[np.bool_]:
    return pool.clks[ClkName(comparison.name)].present[side.start : side.stop]


def _comparable(weighed: Weighed, one: Linked, pool: RecordPool, least: int) -> float:
    """Return the share of all pairs of records of the two sides that have so many CLKs in common, or all there are."""
    clks = [comparison for comparison in weighed.comparisons if comparison.kind == "clk"]
    kinds = [
        np.unique(np.stack([_present(pool, clk, side) for clk in clks], axis=1), axis=0, return_counts=True)
        for side in one.meeting.sides
    ]
    (first, of_first), (second, of_second) = kinds
    common = first.astype(np.int64) @ second.T.astype(np.int64) >= min(least, len(clks))
    return float((np.outer(of_first, of_second) * common).sum() / max(of_first.sum() * of_second.sum(), 1))


def _surplus(
    found: FalseMatches, comparable: tuple[float, float], false: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.float64]:
    """Return draws of all matches where recapture has nothing to go by: what is linked beyond chance, and more.

    `comparable`: the shares of pairs with two CLKs in common and with one. What one CLK alone shows is sometimes enough
    for a link and sometimes not, so the share of matches that can be found lies between the two, if people in both
    files lack as much as others.
    """
    low, high = np.log(np.maximum(comparable, LEAST_COMPARABLE))
    share = np.exp(random.uniform(low, max(low, high), len(false)))
    matches = found.matches / share * np.exp(np.abs(random.normal(0, 0.1, len(false))))
    drawn: NDArray[np.float64] = matches + np.sqrt(matches * (1 - share) / share) * random.standard_normal(len(false))
    return np.maximum(drawn, 0.0)


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return part / whole; all of nothing is whole."""
    share: NDArray[np.float64] = np.where(whole > 0, part / np.where(whole > 0, whole, 1), 1.0)
    return np.clip(share, 0.0, 1.0)


def _best(found: FalseMatches, matches: float) -> int:
    """Return how many links, by falling score, give the best F1."""
    if not len(found.rate):
        return 0
    true = np.cumsum(1 - found.rate)
    return int(np.argmax(true / (np.arange(1, len(true) + 1) + max(matches, 1.0)))) + 1


def _score(found: FalseMatches, links: int) -> float | None:
    return round(float(found.score[links - 1]), 3) if links else None


def _reason(kept: int, best: int) -> str:
    if not best:
        return "no pair is near enough to be judged"
    rule = "the highest F1 by the estimates: below it a link adds more false matches than it finds true ones"
    if best == kept:
        return f"{rule}; the agreed probability gives the same"
    more = "more" if best > kept else "fewer"
    return f"{rule}; it gives {abs(best - kept)} links {more} than the agreed probability"


def _classes(
    final: FinalLinks, false: NDArray[np.float64], matches: NDArray[np.float64], random: np.random.Generator
) -> tuple[ClassQuality, ...]:
    """Share the false links out among the classes, as their links' probabilities say."""
    doubt = 1 - final.probability + FALSE_FLOOR
    made = []
    for quality_class in np.unique(final.quality_class).tolist():
        of_class = final.quality_class == quality_class
        links = float(np.count_nonzero(of_class))
        wrong = np.minimum(random.poisson(false * (doubt[of_class].sum() / doubt.sum())), links)
        made.append(
            ClassQuality(
                quality_class,
                int(links),
                interval(_share(links - wrong, np.full(len(wrong), links))),
                interval(_share(links - wrong, matches)),
            )
        )
    return tuple(made)


def _null(weighed: Weighed, one: Linked, pool: RecordPool, threshold: float | None) -> tuple[NullSupport, ...]:
    sampled: Mapping[int, int] = {null.file: null.sampled for null in weighed.nulls}
    at = np.array([np.inf if threshold is None else threshold])
    return tuple(
        NullSupport(
            provider=str(pool.providers[file]),
            records=pool.first[file + 1] - pool.first[file],
            sampled=sampled[file],
            support=int(chance.count(at)[0]),
            expected_false=round(float(linked_by_chance(_free(one), chance.per_pair(at), one.meeting.way)[0]), 3),
        )
        for file, chance in sorted(one.chance.items())
        if file != NOISE
    )


def _settled(pool: RecordPool, sides: Sequence[range]) -> tuple[bool, bool]:
    first, second = (bool(pool.known.group[side.start] >= 0) for side in sides)
    return first, second
