"""Reconciled margins: they are the sums of their cells, never less precise than before, and least squares itself."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from disclosure.errors import QueryFault
from disclosure.estimates import numbers_of
from disclosure.reconciliation import covariance, margin, reconcile
from disclosure.table import Release
from tests.support.releases import every_subset, made_up, margins

SIZES = {"age": 3, "country": 4, "sex": 2}


def categories(names: Sequence[str], sizes: Mapping[str, int]) -> dict[str, list[str]]:
    return {name: [f"{name}{i}" for i in range(sizes[name])] for name in names}


@st.composite
def several_releases(draw: st.DrawFn) -> tuple[dict[str, int], list[Release]]:
    """Releases of one population over two to four sets of dimensions, at different noise."""
    sizes = {name: draw(st.integers(1, 4)) for name in SIZES}
    dates = [f"202{i}-01-01" for i in range(draw(st.integers(1, 2)))]
    seed = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    truth = seed.integers(0, 200, (len(dates), *sizes.values()))
    chosen = draw(st.lists(st.sampled_from(every_subset(tuple(SIZES))), min_size=2, max_size=4))
    releases = []
    for number, kept in enumerate(chosen):
        sd = draw(st.sampled_from([1.0, 4.5, 30.0]))
        exact = margins(truth, tuple(SIZES), kept)
        noisy = exact + np.rint(seed.normal(0, sd, exact.shape))
        releases.append(made_up(categories(kept, sizes), noisy, sd, own={"date": dates}, at=dates, number=number))
    return sizes, releases


@settings(max_examples=40, deadline=None)
@given(several_releases())
def test_margins_are_the_sums_of_their_cells_and_no_cell_is_less_precise_than_before(
    made: tuple[dict[str, int], list[Release]],
) -> None:
    _, releases = made
    found = reconcile(releases)
    for fine, coarse in itertools.permutations(found, 2):
        kept = coarse.numbers.dimensions
        if not set(kept) <= set(fine.numbers.dimensions):
            continue
        summed = margins(fine.values, fine.numbers.dimensions, kept)
        assert np.allclose(summed, coarse.values, atol=1e-6)
    assert all(each.sd <= each.raw_sd * (1 + 1e-9) for each in found)


@settings(max_examples=25, deadline=None)
@given(several_releases())
def test_they_are_the_generalised_least_squares_estimate_with_its_covariance(
    made: tuple[dict[str, int], list[Release]],
) -> None:
    sizes, releases = made
    design, measured, deviations = dense(sizes, releases)
    weights = 1 / deviations
    solution = np.linalg.pinv(design * weights[:, None])
    estimate = solution @ (measured * weights[:, None])  # (cells of the joint grid, own)
    spread = solution @ solution.T
    tables = [numbers_of(release) for release in releases]
    start = 0
    for found in reconcile(releases):
        rows = slice(start, start + found.values[0].size)
        start = rows.stop
        assert np.allclose(found.values.reshape(len(found.values), -1).T, design[rows] @ estimate, atol=1e-5)
        wanted = design[rows] @ spread @ design[rows].T
        assert np.allclose(covariance(tables, found.numbers.dimensions), wanted, atol=1e-6 * found.raw_sd**2)
        assert np.allclose(np.diag(wanted), found.sd**2, rtol=1e-6)


def dense(sizes: Mapping[str, int], releases: Sequence[Release]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The plain way: one column a cell of the joint grid, one row a released number."""
    rows, values, deviations = [], [], []
    for release in releases:
        table = numbers_of(release)
        matrix: NDArray[Any] = np.ones((1, 1))
        for name in SIZES:
            kept = np.eye(sizes[name]) if name in table.dimensions else np.ones((1, sizes[name]))
            matrix = np.kron(matrix, kept)
        rows.append(matrix)
        values.append(table.values.reshape(len(table.own), -1).T)
        deviations += [table.sd] * len(matrix)
    return np.vstack(rows), np.vstack(values), np.array(deviations)


def test_the_intervals_cover_the_truth_as_often_as_they_say() -> None:
    # 2,000 repetitions of 12 + 4 + 3 cells: the Monte Carlo error of a share of one cell is 0.5 %.
    seed = np.random.default_rng(5)
    repetitions = 2_000
    truth = seed.integers(0, 60, (1, 3, 4))
    names, sizes = ("age", "country"), {"age": 3, "country": 4}
    measured = {("age", "country"): 12.0, ("country",): 5.0, ("age",): 9.0}
    # Each repetition is a category of the measure's own axis: they are independent of each other.
    own = {"date": [str(number) for number in range(repetitions)]}
    releases: list[Release] = []
    for kept, sd in measured.items():
        noiseless = np.repeat(margins(truth, names, kept), repetitions, axis=0)
        noisy = noiseless + np.rint(seed.normal(0, sd, noiseless.shape))
        releases.append(made_up(categories(kept, sizes), noisy, sd, own=own, number=len(releases)))
    for found, kept in zip(reconcile(releases), measured, strict=True):
        wanted = margins(truth, names, kept)
        covered = ((found.low <= wanted) & (wanted <= found.high)).mean(axis=0)
        assert covered.min() > 0.93
        assert covered.max() < 0.97
        assert found.sd < found.raw_sd


def test_a_margin_of_one_release_is_a_sum_of_cells_with_the_noise_of_a_sum() -> None:
    values = np.arange(12).reshape(1, 3, 4)
    release = made_up(categories(("age", "country"), {"age": 3, "country": 4}), values, 10.0)
    summed, sd = margin(release, ["country"])
    assert summed.tolist() == [[12, 15, 18, 21]]
    assert math.isclose(sd, 10 * math.sqrt(3))
    with pytest.raises(QueryFault, match="no dimension region"):
        margin(release, ["region"])


def test_releases_of_another_population_time_or_bound_are_refused() -> None:
    by = {"sex": ["f", "m"]}
    first = made_up(by, np.array([10, 20]), 3.0)
    others = {
        "data version": made_up({}, np.array([30]), 3.0, data_version="ef" * 32),
        "rule": made_up({}, np.array([30]), 3.0, rule={"kind": "registered", "minimum_months": 0}),
        "at": made_up({}, np.array([30]), 3.0, own={"date": ["2023-01-01"]}, at=["2023-01-01"]),
        "where": made_up({}, np.array([30]), 3.0, where=[{"dimension": "sex", "in": ["f"]}]),
        "cells per person": made_up({}, np.array([30]), 3.0, bound_cells=2),
        "measure": made_up({}, np.array([30]), 3.0, measure="inflow"),
    }
    for differing, other in others.items():
        with pytest.raises(QueryFault, match=f"not of one population and time: they differ in {differing}"):
            reconcile([first, other])
    for other in (first, replace(made_up({}, np.array([30]), 4.2), derived_from=first.release_id)):
        with pytest.raises(QueryFault, match="there twice, or cells of it summed"):
            reconcile([first, other])
    with pytest.raises(QueryFault, match="nothing to reconcile"):
        reconcile([])
