"""Intervals for noise plus linkage cover the truth: synthetic links, errors at known rates, estimates of them off."""

import math

import numpy as np
import pytest

from disclosure.bounding import MOVED_NOISE
from disclosure.uncertainty.adjusting import adjust
from disclosure.uncertainty.linked_cells import OUTSIDE, filled_cells, moved_cells, overlap_cells
from disclosure.uncertainty.rates import group_quality
from linkage_core.agreement.declared_rates import GroupRates, PairRates

REPETITIONS = 1_500
MATCHES = np.array([40, 160, 800])
MULTIPLES = np.array([2.0, 1.2, 0.9])
"""Of missed matches, by category; false links occur at everybody's rate."""
PRECISION, RECALL, PRECISION_ERROR, RECALL_ERROR = 0.98, 0.94, 0.008, 0.015
NOISE_SD = 6.0
CHANCE = 3.3
"""Standard errors by which a share may be off by luck: once in a thousand."""


def _drawn(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, PairRates]:
    """Return links and matches by category, and declared rates whose errors are what they say."""
    missed = random.binomial(MATCHES, MULTIPLES * (1 - RECALL))
    false = random.poisson((MATCHES - missed) * (1 - PRECISION) / PRECISION)
    declared = PairRates(
        providers=("one", "other"),
        precision_per_mille=min(round(1000 * random.normal(PRECISION, PRECISION_ERROR)), 1000),
        precision_error_per_mille=round(1000 * PRECISION_ERROR),
        recall_per_mille=round(1000 * random.normal(RECALL, RECALL_ERROR)),
        recall_error_per_mille=round(1000 * RECALL_ERROR),
        correlation_per_cent=0,
    )
    return MATCHES - missed + false, MATCHES, declared


@pytest.mark.parametrize("measure", ["overlap", "filled"])
def test_ninety_five_per_cent_of_intervals_cover_and_those_of_noise_alone_do_not(measure: str) -> None:
    random = np.random.default_rng(20)
    groups = [
        GroupRates(
            dimension="origin",
            category=str(place),
            false_links_per_mille=1000,
            false_links_error_per_mille=0,
            missed_matches_per_mille=round(1000 * multiple),
            missed_matches_error_per_mille=0,
        )
        for place, multiple in enumerate(MULTIPLES)
    ]
    links = overlap_cells(3, first_unknown=None, second_unknown=None) if measure == "overlap" else filled_cells(1, 4, 3)
    covered, by_noise = [], []
    for _ in range(REPETITIONS):
        linked, matched, declared = _drawn(random)
        if measure == "overlap":
            exact, truth = (np.concatenate([both, 900 - both, 950 - both]) for both in (linked, matched))
        else:
            exact, truth = (np.append(known, 1500 - known.sum()) for known in (linked, matched))
        noisy = exact + np.rint(random.normal(0, NOISE_SD, len(exact))).astype(np.int64)
        found = adjust(noisy, np.full(len(exact), NOISE_SD**2), links, group_quality(declared, [*groups, None]))
        low, high = found.interval(math.ceil(1.96 * NOISE_SD))
        covered.append((low <= truth) & (truth <= high))
        by_noise.append(np.abs(noisy - truth) <= math.ceil(1.96 * NOISE_SD))
    shares, of_noise = np.mean(covered, axis=0), np.mean(by_noise, axis=0)
    luck = CHANCE * math.sqrt(0.95 * 0.05 / REPETITIONS)
    assert (shares >= 0.95 - luck).all()
    assert (shares <= 0.98 + luck).all(), "wider than whole persons account for"
    # 800 matches, 46 of them missed: the noise alone has a half-width of 12.
    assert of_noise[2] < 0.5


RESIDENTS = np.array([60, 250, 1200])
TWICE, SHORT = 0.5, 0.2
"""Shares of people who would count twice, and who would not count, if their link were missed."""


def test_intervals_of_what_two_files_decide_cover_with_people_who_move_counted_beside() -> None:
    random = np.random.default_rng(21)
    covered, by_noise = [], []
    for _ in range(REPETITIONS):
        missed = random.binomial(MATCHES, 1 - RECALL)
        false = random.poisson((MATCHES - missed) * (1 - PRECISION) / PRECISION)
        _, _, declared = _drawn(random)
        found, missing, wrong = (
            random.multinomial(people, [TWICE, SHORT, 1 - TWICE - SHORT])[:, :2].T
            for people in (MATCHES - missed, missed, false)
        )
        exact = RESIDENTS + missing[0] - missing[1] - wrong[0] + wrong[1]
        beside = np.concatenate([found[0] + wrong[0], found[1] + wrong[1]])
        sd = np.repeat([NOISE_SD, MOVED_NOISE * NOISE_SD], [3, 6])
        noisy = np.concatenate([exact, beside]) + np.rint(random.normal(0, sd)).astype(np.int64)
        of_cell = np.array([0, 1, 2, *[OUTSIDE] * 6])
        links = moved_cells(3)
        quality = group_quality(declared, [None] * 3)
        low, high = adjust(noisy, sd**2, links, quality, of_cell).interval(math.ceil(1.96 * NOISE_SD))
        covered.append((low <= RESIDENTS) & (high >= RESIDENTS))
        by_noise.append(np.abs(noisy[:3] - RESIDENTS) <= math.ceil(1.96 * NOISE_SD))
    shares, of_noise = np.mean(covered, axis=0), np.mean(by_noise, axis=0)
    luck = CHANCE * math.sqrt(0.95 * 0.05 / REPETITIONS)
    assert (shares >= 0.95 - luck).all()
    assert (shares <= 0.98 + luck).all(), "wider than whole persons account for"
    # 800 matches, 48 of them missed, of whom 24 count twice and 10 not at all: the noise alone has a half-width of 12.
    assert of_noise[2] < 0.75


@pytest.mark.parametrize("missed_together", ["all rows alike", "second rows alone", "rows of those who are there once"])
def test_intervals_cover_what_a_file_fills_in_that_holds_some_people_twice(missed_together: str) -> None:
    random = np.random.default_rng(22)
    people, share = 1_000, 0.3
    covered = []
    for _ in range(REPETITIONS):
        rows = 1 + (random.random(people) < share)
        pairs, missed_share = int(rows.sum()), 1 - RECALL
        if missed_together == "all rows alike":
            missed = random.binomial(rows, missed_share) == rows
        elif missed_together == "second rows alone":
            missed = np.zeros(people, np.bool_)
        else:
            missed = (rows == 1) & (random.random(people) < missed_share * pairs / (rows == 1).sum())
        # The truth of rows is that so many pairs of rows are missed; the truth of people depends on which ones are.
        _, _, declared = _drawn(random)
        declared = declared.model_copy(update={"precision_per_mille": 1000, "precision_error_per_mille": 1})
        exact = np.array([people - missed.sum(), 500 + missed.sum()])
        noisy = exact + np.rint(random.normal(0, NOISE_SD, 2)).astype(np.int64)
        quality = group_quality(declared, [None, None], twice=True)
        low, high = adjust(noisy, np.full(2, NOISE_SD**2), filled_cells(1, 2, 1), quality).interval(12)
        truth = np.array([people, 500])
        covered.append((low <= truth) & (truth <= high))
    assert (np.mean(covered, axis=0) >= 0.95 - CHANCE * math.sqrt(0.95 * 0.05 / REPETITIONS)).all()
