"""From candidate pairs to match weights and probabilities, without truth. The steps:

1. Where links are chosen: pairs of files, each by itself. Until step 5 nobody has an identifier, but for step 4.
2. A first order of the pairs: by how close their codes are, and by those that share an identifier, if there are enough.
3. Links in that order, and how many of them are false, by what pairs of different people show (`self_comparison`).
4. Weights that tell these links, and pairs that share an identifier, from pairs of different people; each pair counted
   with its probability in the light of identifiers. With them 3 again, until the links stay. A wave of few records
   takes the weights that an earlier one learnt, from step 2 on, and learns none.
5. The probability of every pair, and what identifiers add to it (`identifier_weights`).

Without any file that is known to hold each person once there are no pairs of different people to learn from. Then only
the noise of codes is known: what is closer counts as one person, and relatives and namesakes are not told apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from linkage_core.errors import Unfit
from linkage_core.linking.probabilistic.earlier import EarlierModel
from linkage_core.linking.probabilistic.evidence import AGREES, Comparison, Evidence
from linkage_core.linking.probabilistic.false_matches import (
    BestByChance,
    Chance,
    FalseMatches,
    UnrelatedCloseness,
    false_matches,
)
from linkage_core.linking.probabilistic.identifier_weights import IdentifierWeights, weigh_identifiers, without
from linkage_core.linking.probabilistic.layout import Meeting
from linkage_core.linking.probabilistic.model import Finding
from linkage_core.linking.probabilistic.patterns import Patterns, count_patterns, pooled
from linkage_core.linking.probabilistic.self_comparison import SelfComparison
from linkage_core.linking.probabilistic.weights import Weights, fit_weights

ROUNDS: Final = 8
SAME_LINKS: Final = 0.9995
"""Share of links that stay from round to round, from which on the model counts as settled."""

KEY_CLOSENESS: Final = 10.0
"""What an agreeing match key counts for in the first order, in standard deviations of a CLK."""

LEAST_ANCHORS: Final = 200
"""Pairs that share an identifier, from which on weights are first fitted to them."""

TIE_BITS: Final = 0.02
"""Bits of match weight for each standard deviation of closeness: it orders pairs of one pattern, hardly others."""

SURE_LINK: Final = 0.5

NOISE: Final = -1
"""In the place of a file: what is known of chance is the noise of codes."""

Basis = Literal["self-comparison", "chance"]


@dataclass(frozen=True, slots=True, eq=False)
class Linked:
    """The links that match weights choose at one meeting: places among its pairs, and how many of them are false.

    `score`: float64, (pairs,), what chose them, as if nobody had an identifier. `chance`: what is known of pairs of
    different people, by the place of the file that it was learnt in; -1 for the noise of codes.
    """

    meeting: Meeting
    links: NDArray[np.intp]
    false: FalseMatches
    score: NDArray[np.float64]
    chance: Mapping[int, Chance]


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """Candidate pairs with their match weight, in bits, and the probability of a link there: float64, (pairs,).

    `matched`, `different`: patterns of links, each counted with its probability, and of pairs of different people,
    counted as often as such pairs are expected among the candidates. `anchors`: bool, (pairs,), that share an
    identifier. `nulls`: the self-comparisons that it was learnt from. `rounds`: fits until the links stayed.
    `identifiers`: places of comparisons that anchor. `findings`: why files were left out of what was learnt. `earlier`:
    where the weights come from if these files did not teach them. `repeated`: by the place of a file that holds
    undeclared duplicates, the share of its records that have an equal there.
    """

    evidence: Evidence
    comparisons: tuple[Comparison, ...]
    basis: Basis
    weights: Weights
    weight: NDArray[np.float64]
    probability: NDArray[np.float64]
    linked: tuple[Linked, ...]
    matched: Patterns
    different: Patterns
    anchors: NDArray[np.bool_]
    nulls: tuple[SelfComparison, ...]
    rounds: int
    identifiers: tuple[int, ...]
    findings: tuple[Finding, ...] = ()
    earlier: EarlierModel | None = None
    repeated: Mapping[int, float] = field(default_factory=dict)


def weigh(
    evidence: Evidence,
    comparisons: tuple[Comparison, ...],
    met: Sequence[Meeting],
    nulls: Sequence[SelfComparison],
    unrelated: UnrelatedCloseness,
    identifiers: Sequence[int],
    earlier: EarlierModel | None = None,
) -> Weighed:
    """Weigh candidate pairs; `unrelated`: how close records are by chance; `identifiers`: places of comparisons.

    `earlier`: whose weights are used, and none learnt; its comparisons have to be these.

    Raises `Unfit` where the pairs do not tell matches from others, with what to change.
    """
    if not len(evidence) or not met:
        raise Unfit(
            "no pair of records is near in any CLK or shares a match key: lower matching.candidate_per_mille, or see "
            "whether the files hold the same people"
        )
    anchors = (evidence.levels[:, list(identifiers)] == AGREES).any(axis=1)
    nulls = [null for null in nulls if len(null.evidence)]
    if not nulls:
        return _by_chance(evidence, comparisons, met, unrelated, anchors, identifiers, earlier)
    different = pooled([count_patterns(n.evidence.levels, _pairs_for_each(n, met, nulls)) for n in nulls])

    # 2. A first order.
    unnumbered = replace(evidence, levels=without(evidence.levels, identifiers))
    unnumbered_nulls = [
        replace(null, evidence=replace(null.evidence, levels=without(null.evidence.levels, identifiers)))
        for null in nulls
    ]
    unlike = Patterns(without(different.levels, identifiers), different.weight)
    weights = None if earlier is None else earlier.weights(identifiers)
    if weights is None and anchors.sum() >= LEAST_ANCHORS:
        weights = fit_weights(comparisons, count_patterns(unnumbered.levels[anchors]), unlike)
    linked, score = _link(unnumbered, comparisons, met, unnumbered_nulls, weights)

    # 3. and 4. Links and weights, in turn.
    rounds, before, now = 0, frozenset[int](), _sure_links(linked, score)
    while earlier is None and rounds < ROUNDS and (rounds == 0 or len(now & before) < SAME_LINKS * len(now | before)):
        sure = _revised(evidence, linked, score, different, identifiers)[1]
        taught = anchors | _chosen(linked, len(evidence))
        weights = fit_weights(comparisons, count_patterns(unnumbered.levels[taught], sure[taught]), unlike)
        linked, score = _link(unnumbered, comparisons, met, unnumbered_nulls, weights)
        rounds, before, now = rounds + 1, now, _sure_links(linked, score)
    if weights is None:
        raise Unfit("match weights were not fitted")

    # 5. Probabilities.
    numbers, probability = _revised(evidence, linked, score, different, identifiers, earlier)
    return Weighed(
        evidence,
        comparisons,
        "self-comparison",
        numbers.joined(weights),
        score + numbers.of(evidence.levels),
        probability,
        linked,
        _matched(evidence, linked, score),
        different,
        anchors,
        tuple(nulls),
        rounds,
        tuple(identifiers),
        earlier=earlier,
    )


def _link(
    evidence: Evidence,
    comparisons: tuple[Comparison, ...],
    met: Sequence[Meeting],
    nulls: Sequence[SelfComparison],
    weights: Weights | None,
) -> tuple[tuple[Linked, ...], NDArray[np.float64]]:
    """Return the links that weights choose, or the first order where there are none, and each pair's score."""
    score = _scores(evidence, comparisons, weights)
    best = {
        null.file: BestByChance.of(null.place, _scores(null.evidence, comparisons, weights), null.sampled, null.size)
        for null in nulls
    }
    linked = []
    for meeting in met:
        of_meeting = score[meeting.pairs]
        links = meeting.links(of_meeting)
        chance = _chance(best, meeting, of_meeting[links])
        false = false_matches(of_meeting[links], meeting.sizes, meeting.way, list(chance.values()))
        linked.append(Linked(meeting, links, false, of_meeting, chance))
    return tuple(linked), score


def _chance(best: Mapping[int, BestByChance], meeting: Meeting, links: NDArray[np.float64]) -> dict[int, Chance]:
    """Return what is known of different people of two files: what their own pairs show, or else those of others."""
    if meeting.way == "within":
        return {file: of_file.fitted_to_bulk(links, meeting.sizes) for file, of_file in best.items()}
    return {file: best[file] for file in meeting.files if file in best} or dict(best)


def _scores(evidence: Evidence, comparisons: tuple[Comparison, ...], weights: Weights | None) -> NDArray[np.float64]:
    if weights is None:
        keys = [place for place, comparison in enumerate(comparisons) if comparison.kind == "match-key"]
        agreeing = (evidence.levels[:, keys] == AGREES).sum(axis=1)
        first: NDArray[np.float64] = evidence.closeness + KEY_CLOSENESS * agreeing
        return first
    return weights.of(evidence.levels) + TIE_BITS * evidence.closeness


def _sure_links(linked: Sequence[Linked], score: NDArray[np.float64]) -> frozenset[int]:
    places = [one.meeting.pairs[one.links] for one in linked]
    return frozenset(
        place
        for one, of_one in zip(linked, places, strict=True)
        for place in of_one[one.false.probability(score[of_one]) >= SURE_LINK].tolist()
    )


def _revised(
    evidence: Evidence,
    linked: Sequence[Linked],
    score: NDArray[np.float64],
    different: Patterns,
    identifiers: Sequence[int],
    earlier: EarlierModel | None = None,
) -> tuple[IdentifierWeights, NDArray[np.float64]]:
    """Return what identifiers add, and every pair's probability, float64 (pairs,), in their light."""
    numbers = (
        weigh_identifiers(_matched(evidence, linked, score), different, identifiers)
        if earlier is None
        else earlier.identifier_weights(identifiers)
    )
    probability = np.zeros(len(evidence))
    for one in linked:
        probability[one.meeting.pairs] = one.false.probability(score[one.meeting.pairs])
    return numbers, numbers.revise(probability, evidence.levels)


def _chosen(linked: Sequence[Linked], pairs: int) -> NDArray[np.bool_]:
    """Return which pairs are links: bool, (pairs,)."""
    chosen = np.zeros(pairs, np.bool_)
    for one in linked:
        chosen[one.meeting.pairs[one.links]] = True
    return chosen


def _matched(evidence: Evidence, linked: Sequence[Linked], score: NDArray[np.float64]) -> Patterns:
    """Return the patterns of all links, each counted with its probability."""
    places = [one.meeting.pairs[one.links] for one in linked]
    sure = [one.false.probability(score[of_one]) for one, of_one in zip(linked, places, strict=True)]
    return count_patterns(evidence.levels[np.concatenate(places)], np.concatenate(sure))


def _pairs_for_each(null: SelfComparison, met: Sequence[Meeting], nulls: Sequence[SelfComparison]) -> float:
    """Return how many pairs of different people among all that were compared each pair of a null stands for."""
    known = {one.file for one in nulls}
    pairs = 0.0
    for meeting in met:
        speaking = known & set(meeting.files) or known
        if null.file in speaking:
            pairs += meeting.sizes[0] * meeting.sizes[1] / len(speaking)
    return pairs / null.comparisons_made


def _by_chance(
    evidence: Evidence,
    comparisons: tuple[Comparison, ...],
    met: Sequence[Meeting],
    unrelated: UnrelatedCloseness,
    anchors: NDArray[np.bool_],
    identifiers: Sequence[int],
    earlier: EarlierModel | None,
) -> Weighed:
    """Weigh against the noise of codes alone: every pair beyond it counts as a match, relatives included."""
    closeness = _scores(evidence, comparisons, None)
    linked, probability = [], np.zeros(len(evidence))
    for meeting in met:
        of_meeting = closeness[meeting.pairs]
        links = meeting.links(of_meeting)
        false = false_matches(of_meeting[links], meeting.sizes, meeting.way, [unrelated])
        probability[meeting.pairs] = false.probability(of_meeting)
        linked.append(Linked(meeting, links, false, of_meeting, {NOISE: unrelated}))
    matched = count_patterns(evidence.levels, probability)
    different = count_patterns(evidence.levels, 1 - probability)
    weights = fit_weights(comparisons, matched, different) if earlier is None else earlier.weights(())
    return Weighed(
        evidence, comparisons, "chance", weights, _scores(evidence, comparisons, weights), probability, tuple(linked),
        matched, different, anchors, (), int(earlier is None), tuple(identifiers), earlier=earlier,
    )  # fmt: skip
