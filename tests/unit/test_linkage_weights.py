"""Weights, false-match rates and the textbook's mixture, each against what is known of made-up pairs."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from linkage_core.errors import Unfit
from linkage_core.linking.probabilistic.choosing import one_to_one, ranks_of
from linkage_core.linking.probabilistic.evidence import MISSING, Comparison
from linkage_core.linking.probabilistic.false_matches import (
    BestByChance,
    UnrelatedCloseness,
    _rising,
    false_matches,
    linked_by_chance,
)
from linkage_core.linking.probabilistic.mixture import fit_mixture
from linkage_core.linking.probabilistic.patterns import Patterns, count_patterns, pooled
from linkage_core.linking.probabilistic.uncertainty import Captures, draw_false, draw_matches, within_bounds
from linkage_core.linking.probabilistic.weights import fit_weights

COMPARISONS = (Comparison("a", "clk", (0.6, 0.8)), Comparison("b", "clk", (0.6,)))
M = (np.array([0.1, 0.2, 0.7]), np.array([0.15, 0.85]))
U = (np.array([0.8, 0.15, 0.05]), np.array([0.9, 0.1]))


def independent(shares: tuple[NDArray[np.float64], ...], pairs: float) -> Patterns:
    levels = np.array(list(product(*(range(len(share)) for share in shares))), np.int8)
    weight = [math.prod(share[level] for share, level in zip(shares, row, strict=True)) for row in levels.tolist()]
    return Patterns(levels, pairs * np.array(weight))


def three(matches: float, others: float) -> tuple[tuple[Comparison, ...], Patterns, NDArray[np.float64]]:
    """Pairs of three comparisons, of which fewer cannot be told apart, and a first guess."""
    pairs = pooled([independent((*M, M[0]), matches), independent((*U, U[0]), others)])
    return (*COMPARISONS, COMPARISONS[0]), pairs, np.where(pairs.levels.sum(axis=1) >= 4, 0.9, 0.05)


def test_weights_of_independent_comparisons_are_those_of_naive_bayes() -> None:
    weights = fit_weights(COMPARISONS, independent(M, 1e6), independent(U, 1e6))
    for place in range(2):
        ratio = np.log2(M[place] / U[place])
        assert weights.levels[place] == pytest.approx(ratio - ratio[0], abs=0.001)
    assert weights.prior == pytest.approx(float(np.log2(M[0][0] / U[0][0]) + np.log2(M[1][0] / U[1][0])), abs=0.001)


def test_one_agreement_that_two_comparisons_tell_counts_once() -> None:
    levels = np.array([[0, 0], [2, 1]], np.int8)
    weights = fit_weights(COMPARISONS, Patterns(levels, np.array([1e5, 9e5])), Patterns(levels, np.array([9e5, 1e5])))
    assert float(np.subtract(*weights.of(levels)[::-1])) == pytest.approx(2 * math.log2(9), abs=0.01)


def test_more_alike_is_never_less_likely() -> None:
    odd = (np.array([0.1, 0.7, 0.2]), np.array([0.15, 0.85]))
    weights = fit_weights(COMPARISONS, independent(odd, 1e5), independent(U, 1e5))
    falling = (np.array([0.1, 0.1, 0.8]), np.array([0.95, 0.05]))
    assert (np.diff(weights.levels[0]) >= 0).all()
    assert fit_weights(COMPARISONS, independent(falling, 1e5), independent(U, 1e5)).levels[1].tolist() == [0, 0]


def test_a_comparison_that_links_lack_as_often_as_others_says_nothing_when_it_is_missing() -> None:
    whole, lacking = independent(M, 7e5), independent(U, 7e5)
    without_b = [
        count_patterns(np.where([False, True], MISSING, patterns.levels).astype(np.int8), patterns.weight * 3 / 7)
        for patterns in (whole, lacking)
    ]
    weights = fit_weights(COMPARISONS, pooled([whole, without_b[0]]), pooled([lacking, without_b[1]]))
    assert weights.prior + weights.missing[1] == pytest.approx(math.log2(M[0][0] / U[0][0]), abs=0.01)


def test_weights_without_links_are_refused_with_what_to_look_at() -> None:
    with pytest.raises(Unfit, match="see whether the files hold the same people"):
        fit_weights(COMPARISONS, independent(M, 0), independent(U, 1e3))


def test_codes_so_far_apart_that_no_other_pair_is_near_still_give_weights() -> None:
    levels = np.zeros((2, len(COMPARISONS)), np.int8) + np.array([[1], [0]], np.int8)
    weights = fit_weights(COMPARISONS, independent(M, 1e3), independent(U, 0))
    agreeing, nowhere = weights.of(levels).tolist()
    assert agreeing > nowhere


def test_the_mixture_finds_shares_and_matches_that_made_the_pairs() -> None:
    comparisons, both, start = three(2_000, 20_000)
    fitted = fit_mixture(comparisons, both, start, most_matches=5_000)
    assert fitted.matches * both.weight.sum() == pytest.approx(2_000, rel=0.05)
    assert fitted.m[0] == pytest.approx(M[0], abs=0.02)
    assert fitted.u[1] == pytest.approx(U[1], abs=0.02)


def test_a_mixture_of_more_matches_than_there_can_be_is_refused_with_what_to_change() -> None:
    comparisons, both, start = three(2_000, 20_000)
    with pytest.raises(Unfit, match=r"finds [12],\d\d\d matches where there can be 500 at most.*candidate_per_mille"):
        fit_mixture(comparisons, both, start, most_matches=500)


def test_a_mixture_that_does_not_converge_is_refused_with_what_to_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkage_core.linking.probabilistic.mixture.MOST_STEPS", 3)
    with pytest.raises(Unfit, match=r"did not converge in 3 steps.*candidate_per_mille"):
        fit_mixture(COMPARISONS, independent(U, 1_000), np.full(6, 0.5) + np.arange(6) / 20, most_matches=1_000)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 9)), min_size=1, max_size=12))
def test_rising_values_are_nearer_than_any_others_that_never_fall(blocks: list[tuple[float, int]]) -> None:
    values, weights = (np.array([block[side] for block in blocks], np.float64) for side in (0, 1))
    found = _rising(values, weights)
    assert (np.diff(found) >= 0).all()
    # The min-max formula of isotonic regression: max over starts before, min over ends after, of the mean between.
    for place in range(len(values)):
        twin = max(
            min(
                float(np.average(values[start : end + 1], weights=weights[start : end + 1]))
                for end in range(place, len(values))
            )
            for start in range(place + 1)
        )
        assert found[place] == pytest.approx(twin, abs=1e-9)


@pytest.mark.parametrize("free", [(40.0, 40.0), (30.0, 80.0)])
def test_links_by_chance_are_as_many_as_a_simulation_makes(free: tuple[float, float]) -> None:
    rng = np.random.default_rng(1)
    a, b, chance = int(free[0]), int(free[1]), 0.01
    made = []
    for _ in range(300):
        pairs = np.argwhere(rng.random((a, b)) < chance)
        rng.shuffle(pairs)
        left, right = set[int](), set[int]()
        for one, other in pairs.tolist():
            if one not in left and other not in right:
                left.add(one)
                right.add(other)
        made.append(len(left))
    # A pair's chance grows with falling score: -log(1 - p) is its rate.
    expected = float(linked_by_chance(free, np.array([-math.log1p(-chance)]), "one-to-one")[0])
    assert np.mean(made) == pytest.approx(expected, rel=0.06)


def scored(matches: int, size: int, seed: int) -> tuple[NDArray[np.float64], BestByChance]:
    """Links of two files, of which true ones score about 4 and best false ones about 0, and the best inside a file."""
    rng = np.random.default_rng(seed)
    best = rng.gumbel(0, 0.7, size)
    false = rng.gumbel(0, 0.7, size - matches)
    links = np.concatenate([rng.normal(5, 1, matches), false])
    return links, BestByChance.of(np.arange(size), best, size, size)


def candidates_everywhere(matches: int, size: int, seed: int) -> tuple[float, float]:
    """Matches estimated between two files whose records have ten near ones by chance, and the precision of links."""
    rng = np.random.default_rng(seed)
    near = rng.poisson(10 * size)
    one = np.concatenate([rng.integers(0, size, near), np.arange(matches)])
    other = np.concatenate([rng.integers(0, size, near), np.arange(matches)]) + size
    score = np.concatenate([rng.exponential(1, near), rng.normal(6, 2, matches)])
    true = np.arange(len(one)) >= near
    links = one_to_one(one, other, ranks_of(score, one, other))
    inside = rng.poisson(5 * size)
    ends, scores = rng.integers(0, size, 2 * inside), np.tile(rng.exponential(1, inside), 2)
    found = false_matches(
        score[links], (size, size), "one-to-one", [BestByChance.of(ends, scores, sampled=size, size=size)]
    )
    return found.matches, float(true[links][found.probability(score[links]) >= 0.5].mean())


@pytest.mark.parametrize("matches", [300, 700])
def test_where_nearly_every_record_is_near_some_other_the_links_by_chance_are_not_taken_for_matches(
    matches: int,
) -> None:
    estimated, precision = candidates_everywhere(matches, 2_000, seed=1)
    assert estimated == pytest.approx(matches, rel=0.3)
    assert precision > 0.7


@pytest.mark.parametrize("matches", [300, 700, 1_000, 1_700])
def test_false_matches_are_counted_right_without_truth(matches: int) -> None:
    links, chance = scored(matches, 2_000, matches)
    found = false_matches(links, (2_000, 2_000), "many-to-one", [chance])
    assert found.matches == pytest.approx(matches, rel=0.1)
    assert (np.diff(found.rate) >= 0).all()
    assert (np.diff(found.expected) >= 0).all()
    kept = found.rate < 0.5
    true = np.sort(-links[:matches])
    wrong = np.count_nonzero(kept) - np.searchsorted(true, -found.score[kept][-1], side="right")
    assert found.rate[kept].sum() == pytest.approx(wrong, abs=6 * math.sqrt(wrong + 1))


def test_a_score_between_links_is_as_probable_as_the_next_lower_link() -> None:
    links, chance = scored(500, 1_000, 5)
    found = false_matches(links, (1_000, 1_000), "one-to-one", [chance])
    between = (found.score[:-1] + found.score[1:]) / 2
    assert np.allclose(found.probability(between), 1 - found.rate[1:])
    assert found.probability(np.array([found.score[-1] - 1])).tolist() == [0]


def test_of_two_files_the_one_that_resembles_itself_more_counts() -> None:
    links, chance = scored(500, 1_000, 6)
    lonely = BestByChance(np.full(1_000, -np.inf), 1_000)
    alone = false_matches(links, (1_000, 1_000), "one-to-one", [chance])
    both = false_matches(links, (1_000, 1_000), "one-to-one", [lonely, chance])
    assert (both.expected == alone.expected).all()


def test_unrelated_closeness_is_the_tail_of_a_normal_distribution() -> None:
    assert UnrelatedCloseness(1.0, 2.0).per_pair(np.array([1.0, 1 + 2 * 1.959964])) == pytest.approx([0.5, 0.025])


def test_draws_of_false_links_span_what_two_files_say() -> None:
    many, few = (BestByChance(-np.sort(-np.arange(1_000.0))[:], 1_000), BestByChance(np.full(1_000, -np.inf), 1_000))
    scores, links = np.array([900.0]), np.array([500])
    drawn = draw_false(
        scores, links, {0: many, 1: few}, (300.0, 300.0), 0.0, "one-to-one", 0.0, 500, np.random.default_rng(1)
    )
    assert drawn.shape[1] == 1
    assert np.quantile(drawn, 0.1) == 0
    assert np.quantile(drawn, 0.9) > 5


def test_missed_matches_grow_with_those_that_one_clk_alone_shows() -> None:
    rng, none = np.random.default_rng(2), np.zeros(2_000)
    few, many = (np.median(draw_matches(Captures(900, once, 90, 1.0), 900, none, rng)) for once in (2, 80))
    assert 900 < few < 915 < many
    incomplete = np.median(draw_matches(Captures(900, 2, 90, 0.9), 950, none, rng))
    assert incomplete == pytest.approx(few / 0.9, rel=0.01)


def test_no_draw_leaves_what_can_be() -> None:
    drawn = within_bounds(np.array([50.0, 120.0, 500.0]), np.full(3, 80.0), 200.0, np.random.default_rng(3))
    assert drawn[:2].tolist() == [80, 120]
    assert 80 <= drawn[2] <= 200
