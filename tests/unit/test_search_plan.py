"""Plans, measured recall and estimates of a search, on invented CLKs whose truth is known."""

import json
from dataclasses import replace
from functools import partial
from itertools import count

import numpy as np
import pytest

from linkage_core.agreement.canonical import canonical_bytes
from linkage_core.errors import Unfit
from linkage_core.linking.scoring import mean_of_dice
from linkage_core.searching import plan as plan_module
from linkage_core.searching.encodings import EncodingsInMemory
from linkage_core.searching.engine import cores
from linkage_core.searching.estimate import Estimate, estimate_search, require_fits
from linkage_core.searching.plan import Recall, describe, measure, plan_search
from linkage_core.searching.search import Search, Span
from tests.support.searches import all_pairs, findings, in_memory, pairs

PEOPLE = 3000
SETTLED = 1500
SPANS = [Span(0, PEOPLE, within=False), Span(PEOPLE, 2 * PEOPLE, within=False)]
ADDED = [replace(span, settled=SETTLED) for span in SPANS]
SEED = 21


def recall(least: float, link_threshold: float = 0.6) -> Recall:
    return Recall(least, link_threshold, partial(mean_of_dice, weights=[1, 1]))


@pytest.fixture(scope="module")
def encodings() -> EncodingsInMemory:
    """Two files of the same people: half full CLKs of 1,024 bits, of which some bits differ in each file."""
    rng = np.random.default_rng(4)
    clks = []
    for _ in range(2):
        codes = rng.integers(0, 2, (PEOPLE, 1024), dtype=np.uint8)
        errors = rng.choice([0.0, 0.02, 0.08, 0.15], (PEOPLE, 1))
        clks.append(np.packbits(np.concatenate([codes, codes ^ (rng.random(codes.shape) < errors)]), axis=1))
    return in_memory(*clks)


@pytest.fixture
def planned_from_here_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files as small as these be searched by chance."""
    monkeypatch.setattr(plan_module, "COMPARED_IN_FULL", 1000)
    monkeypatch.setattr(plan_module, "SAMPLED_PAIRS_A_RECORD", 0)


def true_pairs(search: Search, encodings: EncodingsInMemory) -> set[tuple[int, int]]:
    return {(a, b) for a, b in pairs(findings(search, encodings)) if b == a + PEOPLE}


def test_few_pairs_are_compared_in_full(encodings: EncodingsInMemory) -> None:
    search = all_pairs(encodings, SPANS, 0.6, SEED)
    assert plan_search(search, encodings, recall(0.9)) == search


@pytest.mark.usefixtures("planned_from_here_on")
def test_an_agreement_that_wants_every_pair_gets_every_pair(encodings: EncodingsInMemory) -> None:
    search = all_pairs(encodings, SPANS, 0.6, SEED)
    assert plan_search(search, encodings, recall(1.0)) == search


@pytest.mark.usefixtures("planned_from_here_on")
def test_a_planned_search_finds_the_share_that_the_agreement_wants_and_measures_it(
    encodings: EncodingsInMemory,
) -> None:
    exact = all_pairs(encodings, SPANS, 0.6, SEED)
    search = plan_search(exact, encodings, recall(0.95))
    assert search.plan is not None
    found, expected = true_pairs(search, encodings), true_pairs(exact, encodings)
    share = len(found & expected) / len(expected)
    assert len(expected) > 0.99 * PEOPLE
    assert 0.94 < share < 1

    ends = np.array(sorted(found), np.uint32)
    measured = measure(search, encodings, recall(0.95), ends[:, 0], ends[:, 1])
    assert measured is not None
    assert measured.best_pairs > 500
    assert abs(measured.recall - share) < 0.04
    described = describe(search, measured)
    assert described["search"] == "tables"
    assert described["measured_recall"] == f"{measured.recall:.6f}"
    assert described["lsh_seed"] == f"{SEED:016x}"


@pytest.mark.usefixtures("planned_from_here_on")
def test_a_search_beside_settled_records_is_planned_and_measured_on_those_that_are_not(
    encodings: EncodingsInMemory,
) -> None:
    exact = all_pairs(encodings, ADDED, 0.6, SEED)
    search = plan_search(exact, encodings, recall(0.95))
    assert search.plan is not None
    assert set(search.draw("any", 2000).tolist()) <= set(search.asking.tolist())
    found, expected = true_pairs(search, encodings), true_pairs(exact, encodings)
    assert max(a for a, _ in expected) < PEOPLE - SETTLED
    share = len(found & expected) / len(expected)
    assert 0.94 < share < 1
    ends = np.array(sorted(found), np.uint32)
    measured = measure(search, encodings, recall(0.95), ends[:, 0], ends[:, 1])
    assert measured is not None
    assert measured.records == 2500
    assert abs(measured.recall - share) < 0.04


@pytest.mark.usefixtures("planned_from_here_on")
@pytest.mark.parametrize("least", [0.9, 0.95])
def test_what_a_manifest_states_of_a_search_can_be_signed_whatever_the_seed(
    encodings: EncodingsInMemory, least: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    if least == 0.9:
        monkeypatch.setattr(plan_module, "plan_tables", lambda *_arguments, **_options: None)
    largest = replace(all_pairs(encodings, SPANS, 0.6, SEED), seed=2**64 - 1)
    search = plan_search(largest, encodings, recall(least))
    assert not search.is_exact
    nothing = np.zeros(0, np.uint32)
    stated = describe(search, measure(search, encodings, recall(least), nothing, nothing))
    assert json.loads(canonical_bytes(dict(stated))) == stated


@pytest.mark.usefixtures("planned_from_here_on")
def test_the_same_seed_plans_the_same_search_and_another_another(encodings: EncodingsInMemory) -> None:
    exact = all_pairs(encodings, SPANS, 0.6, SEED)
    planned = plan_search(exact, encodings, recall(0.95))
    assert planned == plan_search(exact, encodings, recall(0.95))
    assert planned.plan != plan_search(replace(exact, seed=SEED + 1), encodings, recall(0.95)).plan


@pytest.mark.usefixtures("planned_from_here_on")
def test_where_no_plan_reaches_the_recall_every_pair_is_compared_on_its_first_words_at_least(
    encodings: EncodingsInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_module, "plan_tables", lambda *_arguments, **_options: None)
    exact = all_pairs(encodings, SPANS, 0.6, SEED)
    search = plan_search(exact, encodings, recall(0.95))
    assert search.plan is None
    assert not search.is_exact
    found, expected = pairs(findings(search, encodings)), pairs(findings(exact, encodings))
    assert set(found) <= set(expected)
    assert len(true_pairs(search, encodings)) >= 0.94 * len(true_pairs(exact, encodings))
    assert "exit_words_main" in describe(search, None)


def test_an_exact_search_has_nothing_to_measure(encodings: EncodingsInMemory) -> None:
    search = all_pairs(encodings, SPANS, 0.6, SEED)
    nothing = np.zeros(0, np.uint32)
    assert measure(search, encodings, recall(0.95), nothing, nothing) is None
    assert describe(search, None) == {"search": "every pair"}


# ----------------------------------------------------------------------------------------------------------- estimates


def ticking() -> float:
    """A clock that moves half a second each time it is looked at."""
    return next(CLOCK)


CLOCK = count(0, 0.5)


@pytest.mark.parametrize("spans", [SPANS, ADDED])
def test_an_estimate_tells_about_how_many_candidates_a_threshold_gives(
    encodings: EncodingsInMemory, spans: list[Span]
) -> None:
    search = all_pairs(encodings, spans, 0.6, SEED)
    thresholds = [0.56, 0.6, 0.9]
    estimates = estimate_search(search, encodings, recall(0.95), thresholds, ticking)
    assert [item.threshold for item in estimates] == thresholds
    for item in estimates:
        exact = len(pairs(findings(replace(search, threshold=item.threshold), encodings)))
        assert 0.8 * exact < item.candidates < 1.25 * exact
        assert item.disk_bytes == item.candidates * 24
        assert item.way == "every pair"
        assert item.seconds == pytest.approx(0.5 * 2 * search.pairs() / (2 * PEOPLE) ** 2 / cores())  # a block a half
    assert estimates[0].recall >= estimates[1].recall > estimates[2].recall


@pytest.mark.usefixtures("planned_from_here_on")
def test_an_estimate_names_the_search_that_a_run_would_choose(encodings: EncodingsInMemory) -> None:
    search = all_pairs(encodings, SPANS, 0.6, SEED)
    (estimate,) = estimate_search(search, encodings, recall(0.95), [0.6], ticking)
    assert estimate.way == "tables"
    assert 0.94 < estimate.recall < 1


def test_an_empty_side_has_nothing_to_estimate(encodings: EncodingsInMemory) -> None:
    search = all_pairs(encodings, [Span(0, 0, within=False), Span(0, 2 * PEOPLE, within=False)], 0.6)
    with pytest.raises(Unfit, match="a side is empty"):
        estimate_search(search, encodings, recall(0.95), [0.6], ticking)


def test_everything_that_would_not_fit_is_told_at_once_with_what_to_change() -> None:
    estimate = Estimate(0.6, 1000, 24_000, 5 << 20, "every pair", 1.0, 1.0)
    require_fits(estimate, 1000, 5 << 20, 24_000)
    with pytest.raises(Unfit) as fault:
        require_fits(estimate, 999, (5 << 20) - 1, 23_999)
    for advice in ("candidate_per_mille", "larger machine", "make room"):
        assert advice in str(fault.value)
