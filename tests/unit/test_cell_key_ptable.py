"""The p-table of cell-key perturbation: it agrees with published ones, and is the one of maximum entropy."""

import itertools
import math
from bisect import bisect_right
from collections.abc import Sequence

import pytest
from pydantic import ValidationError

from disclosure.cell_keys.ptable import ptable_of
from disclosure.cell_keys.record_keys import KEYS
from linkage_core.agreement.cell_keys import CellKeys


def clause(deviation: int, variance_thousandths: int, smallest_count: int = 1) -> CellKeys:
    return CellKeys(
        maximum_deviation=deviation,
        variance_thousandths=variance_thousandths,
        smallest_count=smallest_count,
        tables=1,
    )


AGREED = [clause(5, 2_000), clause(5, 3_000, 3), clause(4, 2_500, 3), clause(15, 10_000), clause(20, 12_000, 5)]
"""With the parameters of ptable's own examples and of census tables among them (js there is smallest_count - 1)."""


def test_chances_agree_with_those_that_the_r_package_prints() -> None:
    # ptable 1.0.0, vignette "Introduction to the ptable-Package": create_cnt_ptable(D = 2, V = 1), column p of i = 2.
    chances = ptable_of(clause(2, 1_000)).chances(2)
    assert [round(chances[each], 4) for each in (-2, 0)] == [0.0638, 0.383]
    assert chances[-2] == pytest.approx(chances[2], abs=1e-9)


@pytest.mark.parametrize("agreed", AGREED)
def test_chances_are_those_of_maximum_entropy(agreed: CellKeys) -> None:
    # Of all chances with these moments only exp(a·d + b·d²) has the most entropy: its logarithms lie on a parabola.
    table = ptable_of(agreed)
    for count in range(1, agreed.last_count + 1):
        points = [(d, math.log(p)) for d, p in table.chances(count).items() if p > 1e-6]
        for four in zip(points, points[1:], points[2:], points[3:], strict=False):
            assert third_difference(four) == pytest.approx(0, abs=2e-3)


def third_difference(points: Sequence[tuple[int, float]]) -> float:
    """Newton's divided difference of four points, which is nought if they lie on a parabola."""
    found = [y for _, y in points]
    for step in range(1, len(points)):
        found = [(b - a) / (points[i + step][0] - points[i][0]) for i, (a, b) in enumerate(itertools.pairwise(found))]
    return found[0]


@pytest.mark.parametrize("agreed", AGREED)
def test_counts_keep_their_mean_and_vary_as_agreed(agreed: CellKeys) -> None:
    table = ptable_of(agreed)
    for count in range(1, agreed.last_count + 5):
        chances = table.chances(count)
        assert sum(chances.values()) == pytest.approx(1, abs=1e-12)
        assert sum(d * p for d, p in chances.items()) == pytest.approx(0, abs=1e-8)
        variance = sum(d * d * p for d, p in chances.items())
        assert variance == pytest.approx(agreed.variance_thousandths / 1000, abs=1e-6)


def test_a_p_table_is_the_same_on_every_machine() -> None:
    # Computed once and kept here: another table would give every cell that was published another value.
    assert [ptable_of(agreed).digest[:8] for agreed in AGREED[:3]] == ["0f06a907", "fd579729", "fa290e92"]


def test_intervals_hold_the_count_in_95_per_cent_of_cells_whatever_it_is() -> None:
    for agreed in AGREED:
        table = ptable_of(agreed)
        for count in range(agreed.last_count + 3):
            held = sum(
                chance
                for each, chance in table.chances(count).items()
                if chance and table.interval(count + each)[0] <= count <= table.interval(count + each)[1]
            )
            assert held >= 0.95


def test_a_value_that_never_appears_has_no_interval() -> None:
    with pytest.raises(ValueError, match="no such value"):
        ptable_of(clause(5, 3_000, 3)).interval(-6)


@pytest.mark.parametrize(
    ("deviation", "variance_thousandths", "smallest_count", "said"),
    [
        (2, 1_000, 3, "at least smallest_count"),
        (5, 5_000, 1, "below 5000 only"),
        (5, 2_000, 3, "above 2000 and below 5000 only"),
        (21, 2_000, 1, "less than or equal to 20"),
    ],
)
def test_parameters_that_no_p_table_can_have_are_refused(
    deviation: int, variance_thousandths: int, smallest_count: int, said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        clause(deviation, variance_thousandths, smallest_count)


def test_keys_fall_into_the_rows_as_their_ends_say() -> None:
    table = ptable_of(clause(5, 2_000))
    row = table.ends[3]
    for key in (0, row[0] - 1, row[0], row[2], KEYS - 1):
        assert table.perturbed(3, key) == 3 + table.deviations[3][bisect_right(row, key)]
    assert (table.perturbed(3, 0), table.perturbed(3, KEYS - 1)) == (0, 8)
    with pytest.raises(ValueError, match="32 bits"):
        table.perturbed(3, KEYS)
