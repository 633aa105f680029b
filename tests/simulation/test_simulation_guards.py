"""The guards of the self-comparison on files that break its conditions, made of real encodings.

For each either a guard says so, or the estimates' intervals hold the truth all the same.
"""

import numpy as np
import pytest
from numpy.typing import NDArray

from linkage_core.errors import Unfit
from tests.support.broken_files import PERSONS, Everybody, Judged, Part, Persons, everybody, judged

MIXED: NDArray[np.int64] = np.random.default_rng(3).permutation(PERSONS)
SHARED = MIXED[600:1000]
"""In both files, where the first one holds the first thousand and the other one those from 600 to 1,600."""

DRAWS = 4


@pytest.fixture(scope="module")
def people() -> Everybody:
    return everybody()


def first(*parts: Persons) -> list[Part]:
    """Rows of the register."""
    return [(0, np.concatenate(parts))]


def second(*parts: Persons) -> list[Part]:
    """Rows that people filled in."""
    return [(1, np.concatenate(parts))]


def halves(what: NDArray[np.bool_], draw: int = 0) -> tuple[Persons, Persons]:
    """Those of whom it is so, and the others, in an order drawn anew each time."""
    rng = np.random.default_rng(100 + draw)
    return rng.permutation(np.flatnonzero(what)), rng.permutation(np.flatnonzero(~what))


def of_both_halves(people: Everybody, what: NDArray[np.bool_], shared: int) -> list[Judged]:
    """Link a file of one half and `shared` of the other with a file of the other and `shared` of the first."""
    drawn = [halves(what, draw) for draw in range(DRAWS)]
    return [judged(people, first(one, two[:shared]), second(two, one[:shared])) for one, two in drawn]


def assert_nothing_misleads(found: list[Judged]) -> None:
    """Intervals of 95 % may miss once."""
    assert all(not one.findings for one in found)
    assert sum(one.intervals_hold_the_truth() for one in found) >= DRAWS - 1


def of_some_origins(people: Everybody) -> NDArray[np.bool_]:
    return np.isin(people.origin, np.unique(people.origin)[::2])


def every_second_of_a_household(people: Everybody) -> NDArray[np.bool_]:
    order = np.lexsort((np.random.default_rng(6).random(PERSONS), people.household.astype(str)))
    place = np.empty(PERSONS, np.int64)
    place[order] = np.arange(PERSONS)
    every_second: NDArray[np.bool_] = place % 2 == 0
    return every_second


# ------------------------------------------------------------------------ other people: the intervals hold all the same


def test_people_of_other_origins_in_either_file_do_not_mislead(people: Everybody) -> None:
    assert_nothing_misleads(of_both_halves(people, of_some_origins(people), shared=300))


def test_heads_of_households_against_their_dependants_do_not_mislead(people: Everybody) -> None:
    heads = people.birth_year < np.median(people.birth_year)
    assert_nothing_misleads(of_both_halves(people, heads, shared=200))


def test_households_split_between_the_files_do_not_mislead(people: Everybody) -> None:
    assert_nothing_misleads(of_both_halves(people, every_second_of_a_household(people), shared=200))


# ----------------------------------------------------------------------------------------------------------- duplicates


@pytest.mark.parametrize("rows", [50, 150])
def test_undeclared_duplicates_are_told_and_what_they_hide_is_in_the_interval(people: Everybody, rows: int) -> None:
    """The further rows are of persons in both files, with errors of their own: each is a match that nothing links."""
    found = judged(people, [*first(MIXED[:1000]), (1, SHARED[:rows])], second(MIXED[600:1600]))
    assert found.findings == {("duplicates-inside", ("one",))}
    assert found.recall < 0.9
    assert found.intervals_hold_the_truth()


def test_undeclared_duplicates_of_other_persons_hide_nothing_and_the_interval_reaches_there(people: Everybody) -> None:
    found = judged(people, [*first(MIXED[:1000]), (1, MIXED[:50])], second(MIXED[600:1600]))
    assert found.findings == {("duplicates-inside", ("one",))}
    assert found.recall > 0.97
    assert found.intervals_hold_the_truth()


def test_where_both_files_hold_duplicates_only_noise_is_known_and_the_intervals_are_wide_enough(
    people: Everybody,
) -> None:
    found = judged(
        people,
        [*first(MIXED[:1000]), (1, SHARED[:50])],
        [*second(MIXED[600:1600]), (0, SHARED[100:150])],
    )
    assert found.model.basis == "chance"
    assert {name for name, _ in found.findings} == {"duplicates-inside", "no-file-without-duplicates"}
    assert found.intervals_hold_the_truth()


def test_a_file_of_which_two_fifths_come_twice_is_told_to_be_none_of_persons(people: Everybody) -> None:
    found = judged(people, [*first(MIXED[:1000]), (1, MIXED[:400])], second(MIXED[600:1600]))
    assert found.findings == {("not-one-to-one", ("one",))}
    assert found.intervals_hold_the_truth()


# ---------------------------------------------------------------------------------------------- little or nothing there


@pytest.mark.parametrize("common", [15, 5])
def test_hardly_any_overlap_makes_intervals_wide_instead_of_wrong(people: Everybody, common: int) -> None:
    found: Judged = judged(people, first(MIXED[:1200]), second(MIXED[1200 - common : 2400 - common]))
    assert found.quality.recall.low < 0.5
    assert found.intervals_hold_the_truth()


def test_no_overlap_at_all_is_refused_with_what_to_see_to(people: Everybody) -> None:
    with pytest.raises(Unfit, match="see whether the files hold the same people"):
        judged(people, first(MIXED[:1200]), second(MIXED[1200:]))


def test_a_file_of_another_population_is_refused_with_what_to_see_to(people: Everybody) -> None:
    some, others = halves(of_some_origins(people))
    with pytest.raises(Unfit, match="see whether the files hold the same people"):
        judged(people, first(some), second(others))


def test_a_file_whose_names_are_nearly_all_missing_links_little_and_says_how_little() -> None:
    found = judged(everybody(missing_names=0.9), first(MIXED[:1000]), second(MIXED[600:1600]))
    assert ("hardly-comparable", ("one", "other")) in found.findings
    assert found.recall < 0.2
    assert found.intervals_hold_the_truth()
