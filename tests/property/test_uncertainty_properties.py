"""The linear maps of linkage errors, and the intervals that are made with them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from disclosure.post_selection import NORMAL_QUANTILE
from disclosure.uncertainty.adjusting import adjust
from disclosure.uncertainty.linked_cells import (
    OUTSIDE,
    LinkedCells,
    filled_cells,
    moved_cells,
    overlap_cells,
)
from disclosure.uncertainty.rates import group_quality
from linkage_core.agreement.declared_rates import GroupRates, PairRates


def declared(precision: int = 1000, recall: int = 1000, precision_error: int = 0, recall_error: int = 0) -> PairRates:
    return PairRates(
        providers=("one", "other"),
        precision_per_mille=precision,
        precision_error_per_mille=precision_error,
        recall_per_mille=recall,
        recall_error_per_mille=recall_error,
        correlation_per_cent=0,
    )


CATEGORIES = 3
SHAPES: dict[str, tuple[int, LinkedCells]] = {
    "overlap": (9, overlap_cells(3, first_unknown=None, second_unknown=None)),
    "overlap, the first file knows": (9, overlap_cells(3, first_unknown=2, second_unknown=None)),
    "overlap, the second file knows": (9, overlap_cells(3, first_unknown=None, second_unknown=2)),
    "filled": (6, filled_cells(2, 3, unknown=2)),
    "people who move counted beside": (18, replace(moved_cells(6), group=np.tile(np.arange(6) % 3, 2))),
}
shapes = st.sampled_from(list(SHAPES.values()))
rates = st.builds(declared, st.integers(700, 1000), st.integers(700, 1000), st.integers(0, 50), st.integers(0, 50))
groups = st.lists(
    st.builds(
        lambda *figures: GroupRates(
            dimension="origin",
            category="some",
            false_links_per_mille=figures[0],
            false_links_error_per_mille=figures[1],
            missed_matches_per_mille=figures[2],
            missed_matches_error_per_mille=figures[3],
        ),
        *[st.integers(0, 2000)] * 4,
    )
    | st.none(),
    min_size=CATEGORIES,
    max_size=CATEGORIES,
)


def counts(cells: int) -> st.SearchStrategy[np.ndarray]:
    return arrays.arrays(np.int64, cells, elements=st.integers(-50, 5000))


@given(st.data(), shapes, st.integers(1, 100))
def test_links_without_error_leave_values_and_intervals_as_the_noise_made_them(
    data: st.DataObject, shape: tuple[int, LinkedCells], noise_sd: int
) -> None:
    cells, links = shape
    noisy = data.draw(counts(cells))
    found = adjust(noisy, np.full(cells, float(noise_sd**2)), links, group_quality(declared(), [None] * CATEGORIES))
    half_width = int(np.ceil(NORMAL_QUANTILE * noise_sd))
    low, high = found.interval(half_width)
    assert found.value.tolist() == noisy.tolist()
    assert (noisy - low).tolist() == (high - noisy).tolist() == [half_width] * cells


@given(st.data(), shapes, rates, groups, st.integers(1, 100))
def test_no_interval_is_narrower_than_that_of_the_noise_alone(
    data: st.DataObject, shape: tuple[int, LinkedCells], known: PairRates, by_group: list[GroupRates | None], sd: int
) -> None:
    cells, links = shape
    found = adjust(data.draw(counts(cells)), np.full(cells, float(sd**2)), links, group_quality(known, by_group))
    half_width = int(np.ceil(NORMAL_QUANTILE * sd))
    low, high = found.interval(half_width)
    assert (found.variance >= sd**2).all()
    assert (high - low >= 2 * half_width).all()


@given(st.data(), rates, groups)
def test_rows_of_each_file_are_conserved(
    data: st.DataObject, known: PairRates, by_group: list[GroupRates | None]
) -> None:
    quality = group_quality(known, by_group)
    for name in ("overlap", "overlap, the first file knows", "overlap, the second file knows"):
        cells, links = SHAPES[name]
        noisy = data.draw(counts(cells))
        both, first, second = adjust(noisy, np.ones(cells), links, quality).value.reshape(3, -1).sum(axis=1)
        raw_both, raw_first, raw_second = noisy.reshape(3, -1).sum(axis=1)
        assert both + first == pytest.approx(raw_both + raw_first, abs=1e-6)
        assert both + second == pytest.approx(raw_both + raw_second, abs=1e-6)
    cells, links = SHAPES["filled"]
    noisy = data.draw(counts(cells))
    residents = adjust(noisy, np.ones(cells), links, quality).value.reshape(2, -1).sum(axis=1)
    assert residents == pytest.approx(noisy.reshape(2, -1).sum(axis=1), abs=1e-6)


@given(st.data(), shapes, rates, groups)
def test_a_sum_is_the_sum_of_its_cells_and_errors_of_moves_inside_it_cancel(
    data: st.DataObject, shape: tuple[int, LinkedCells], known: PairRates, by_group: list[GroupRates | None]
) -> None:
    cells, links = shape
    noisy, quality = data.draw(counts(cells)), group_quality(known, by_group)
    number = np.array([place % 2 for place in range(cells)])
    cell_by_cell = adjust(noisy, np.full(cells, 4.0), links, quality)
    summed = adjust(noisy, np.full(cells, 4.0), links, quality, number)
    assert summed.value == pytest.approx(np.bincount(number, cell_by_cell.value), abs=1e-6)
    cells, links = SHAPES["filled"]
    noisy = data.draw(counts(cells))
    everybody = adjust(noisy, np.full(cells, 4.0), links, quality, np.zeros(cells, np.int64))
    assert everybody.variance == pytest.approx([4.0 * cells])


def test_one_missed_link_moves_an_overlap_by_one_down_and_twice_one_up() -> None:
    known = group_quality(declared(recall=500))
    cells = overlap_cells(1, first_unknown=None, second_unknown=None)
    # One link found where half of all matches are missed: there are two, and one of them stood in halves.
    assert adjust(np.array([1, 1, 1]), np.zeros(3), cells, known).value.tolist() == [2, 0, 0]


def test_one_false_link_does_the_reverse() -> None:
    known = group_quality(declared(precision=500))
    cells = overlap_cells(1, first_unknown=None, second_unknown=None)
    assert adjust(np.array([2, 0, 0]), np.zeros(3), cells, known).value.tolist() == [1, 1, 1]


def test_who_counts_twice_is_taken_out_of_the_measure_and_who_falls_short_of_the_score_is_put_in() -> None:
    beside = np.array([0, OUTSIDE, OUTSIDE])
    for counted, expected in (([10, 4, 0], 6), ([10, 0, 4], 14), ([10, 4, 4], 10)):
        found = adjust(np.array(counted), np.zeros(3), moved_cells(1), group_quality(declared(recall=500)), beside)
        assert found.value.tolist() == [expected]


@given(arrays.arrays(np.int64, 9, elements=st.integers(0, 5000)), st.integers(1, 40), st.integers(1, 40))
def test_variances_of_estimated_rates_follow_the_delta_method(
    noisy: np.ndarray, precision_error: int, recall_error: int
) -> None:
    known = declared(960, 930, precision_error, recall_error)
    cells, links = SHAPES["overlap"]
    spread = adjust(noisy, np.zeros(cells), links, group_quality(known, [None] * 3)).variance
    still = adjust(noisy, np.zeros(cells), links, group_quality(declared(960, 930), [None] * 3)).variance
    by_rates = (precision_error / 930) ** 2 + (960 * recall_error / 930**2) ** 2
    expected = np.tile((noisy[:3] ** 2) * by_rates, 3)
    assert spread - still == pytest.approx(expected, rel=1e-9, abs=1e-9)
