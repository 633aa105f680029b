"""How an attack is judged: who is known, who was named rightly, and what a sample leaves possible."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from linkage_core.assessment.attacks import RIDGE, attack_together, ridge_map, scored
from linkage_core.assessment.intervals import upper_bound
from linkage_core.assessment.key_evidence import AttackedKey, impossible
from linkage_core.assessment.known_pairs import AttackedClk, AttackResult, Split, judge, split_rows
from linkage_core.errors import InputFault


@given(st.integers(1, 3000).flatmap(lambda of: st.tuples(st.integers(0, of - 1), st.just(of))))
def test_the_upper_bound_leaves_so_few_hits_a_chance_of_one_in_twenty(counted: tuple[int, int]) -> None:
    hits, of = counted
    assert binom.cdf(hits, of, upper_bound(hits, of)) == pytest.approx(0.05, rel=1e-6)


def test_no_hit_in_three_hundred_leaves_about_one_per_cent_possible() -> None:
    """The rule of three: Hanley and Lippman-Hand, JAMA 249 (1983)."""
    assert upper_bound(0, 300) == pytest.approx(3 / 300, rel=0.01)


@pytest.mark.parametrize(("hits", "of"), [(0, 0), (7, 7)])
def test_where_nothing_was_missed_everything_is_possible(hits: int, of: int) -> None:
    assert upper_bound(hits, of) == 1.0


@pytest.mark.parametrize(("hits", "of"), [(-1, 3), (4, 3)])
def test_more_hits_than_tries_are_no_count(hits: int, of: int) -> None:
    with pytest.raises(ValueError, match="hits"):
        upper_bound(hits, of)


def test_known_rows_are_never_attacked_and_never_candidates() -> None:
    split = split_rows(100, np.random.default_rng(1))
    assert len(split.known) == 40
    assert sorted([*split.known, *split.candidates]) == list(range(100))
    assert set(split.targets) == set(split.candidates)


def test_a_sample_of_targets_is_attacked_among_everybody() -> None:
    split = split_rows(100, np.random.default_rng(1), most_known=10, most_targets=5)
    assert (len(split.known), len(split.targets), len(split.candidates)) == (10, 5, 60)
    assert set(split.targets) <= set(split.candidates)


def test_a_file_too_small_to_know_anybody_in_is_refused() -> None:
    with pytest.raises(InputFault, match="0 are known"):
        split_rows(2, np.random.default_rng(1))


def clk(values: list[str], present: list[bool] | None = None) -> AttackedClk:
    codes = np.random.default_rng(4).integers(0, 256, (len(values), 8), np.uint8)
    return AttackedClk("names", codes, np.array(present or [True] * len(values)), {"name": values}, [codes], 1)


def test_naming_another_person_of_the_same_values_counts_as_right() -> None:
    rows = np.array([1, 2, 3])
    split = Split(known=np.array([0]), targets=rows, candidates=rows)
    scores = np.array([[0, 1, 0], [0, 1, 0], [1, 0, 0]], np.float32)
    assert judge(scores, [clk(["a", "b", "b", "c"])], split) == AttackResult(reidentified=2, of=3)


def test_a_row_that_lacks_a_clk_is_never_given_to_a_person_who_has_it() -> None:
    split = Split(known=np.array([0]), targets=np.array([1, 2]), candidates=np.array([1, 2]))
    attacked = [clk(["a", "b", "c"]), clk(["a", "", "c"], [True, False, True])]
    scores = scored(attacked, split, lambda _clk, _split: np.array([[0, 9], [9, 0]], np.float32))
    assert np.argmax(scores, axis=1).tolist() == [0, 1]


def test_parts_of_other_lengths_are_refused_by_name_and_count() -> None:
    short = AttackedClk("short", np.zeros((2, 8), np.uint8), np.ones(3, np.bool_), {"name": ["a"] * 3}, [], 1)
    with pytest.raises(InputFault) as refused:
        attack_together([short], split_rows(3, np.random.default_rng(1)))
    assert refused.value.faults == (
        "CLK short: parts of 2, 3 rows, expected 3",
        "CLK short: no imitation",
    )


@pytest.mark.parametrize("rows", [5, 12, 60])
def test_ridge_learns_the_same_map_from_few_rows_and_from_many(rows: int) -> None:
    """Fewer rows than bits, as many, more: Hoerl and Kennard's solution, which is one whichever system is solved."""
    random = np.random.default_rng(6)
    x, y = random.normal(size=(rows, 12)).astype(np.float32), random.normal(size=(rows, 3)).astype(np.float32)
    closed = np.linalg.inv(x.T.astype(np.float64) @ x + 4 * RIDGE * np.eye(12)) @ x.T @ y
    assert ridge_map(x, y) == pytest.approx(closed, abs=1e-5)


def key(codes: list[int], clear: list[str], present: list[bool] | None = None) -> AttackedKey:
    values = np.repeat(np.array(codes, np.uint8)[:, None], 16, axis=1)
    return AttackedKey("names", values, np.array(present or [True] * len(codes)), clear)


def test_a_key_that_a_known_row_has_is_a_person_of_that_rows_values() -> None:
    split = Split(known=np.array([0]), targets=np.array([1, 2]), candidates=np.array([1, 2]))
    assert impossible([key([7, 7, 9], ["a", "a", "b"])], [], split).tolist() == [[False, True], [True, False]]


def test_keys_of_unknown_people_tell_how_often_their_values_occur() -> None:
    rows = np.array([1, 2, 3])
    split = Split(known=np.array([0]), targets=rows, candidates=rows)
    excluded = impossible([key([1, 5, 6, 6], ["z", "a", "b", "b"])], [], split)
    assert excluded.tolist() == [[False, True, True], [True, False, False], [True, False, False]]


def test_a_row_without_a_key_is_a_person_who_lacks_its_values() -> None:
    rows = np.array([1, 2])
    split = Split(known=np.array([0]), targets=rows, candidates=rows)
    excluded = impossible([key([1, 0, 3], ["a", "", "b"], [True, False, True])], [], split)
    assert excluded.tolist() == [[False, True], [True, False]]


def test_a_key_that_a_household_shares_gives_its_members_away() -> None:
    """A key needs a part of one person: of an address alone it opens the household of every known person."""
    people = [(f"household {n // 4}", f"person {n}") for n in range(400)]
    clear = [household for household, _ in people]
    codes = np.random.default_rng(3).permutation(256)[:100].astype(np.uint8)
    household = key([int(codes[n // 4]) for n in range(400)], clear)
    split = split_rows(400, np.random.default_rng(2))
    left = (~impossible([household], [], split)).sum(axis=1)
    assert np.mean(left <= 3) > 0.7


def test_a_row_of_one_frequency_class_is_nobody_of_another() -> None:
    split = Split(known=np.array([0]), targets=np.array([1, 2]), candidates=np.array([1, 2, 3]))
    family, given = np.array([1, 1, 2, 1], np.uint8), np.array([0, 1, 0, 0], np.uint8)
    assert impossible([], [family], split).tolist() == [[False, True, False], [True, False, True]]
    assert impossible([], [family, given], split).tolist() == [[False, True, True], [True, False, True]]
