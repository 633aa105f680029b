"""Accounts of stocks and flows: the residual is shown, and figures agree only with a stated other change."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from disclosure.accounts import OtherChange, account
from disclosure.errors import QueryFault
from disclosure.table import Release
from tests.support.releases import made_up

BY = {"sex": ["f", "m"], "country": ["aa", "bb", "other"]}
DATES = ("2021-01-01", "2022-01-01", "2023-01-01")
YEARS = ("2021", "2022")


def releases(stock: NDArray[Any], inflow: NDArray[Any], outflow: NDArray[Any]) -> tuple[Release, Release, Release]:
    flows: dict[str, Any] = {"own": {"year": YEARS}, "bound_cells": 2, "at": None, "over": list(YEARS)}
    return (
        made_up(BY, stock, 4.0, own={"date": DATES}, at=list(DATES), over=None, bound_cells=3),
        made_up(BY, inflow, 3.0, measure="inflow", **flows),
        made_up(BY, outflow, 5.0, measure="outflow", **flows),
    )


def figures(seed: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return true stocks, inflows, outflows and other changes that balance."""
    draws = np.random.default_rng(seed)
    inflow, outflow = draws.integers(0, 90, (2, 2, 6))
    other = draws.integers(-20, 20, (2, 6))
    stock = np.cumsum(np.concatenate([draws.integers(300, 900, (1, 6)), inflow - outflow + other]), axis=0)
    return stock, inflow, outflow, other


def test_without_an_other_change_figures_stay_as_released_and_the_residual_is_shown() -> None:
    stock, inflow, outflow, other = figures(1)
    found = account(*releases(stock, inflow, outflow))
    assert not found.adjusted
    assert np.array_equal(found.stock.values, stock)
    assert np.array_equal(found.residual.values, other)
    assert np.allclose(found.residual.sd, np.sqrt(2 * 4**2 + 3**2 + 5**2))
    assert found.periods == YEARS
    assert found.cells[1] == ("f", "bb")


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 2.0, 50.0]))
def test_with_an_other_change_they_agree_and_none_is_less_precise_than_before(seed: int, other_sd: float) -> None:
    stock, inflow, outflow, other = figures(seed)
    noise = np.random.default_rng(seed)
    level, entries, exits = (part + np.rint(noise.normal(0, 4, part.shape)) for part in (stock, inflow, outflow))
    asked = OtherChange(other, np.full(other.shape, other_sd))
    found = account(*releases(level, entries, exits), asked)
    assert found.adjusted
    assert found.other is not None
    levels = found.stock.values
    left = levels[1:] - levels[:-1] - found.inflow.values + found.outflow.values - found.other.values
    assert np.allclose(left, 0, atol=1e-8)
    for part, sd in ((found.stock, 4), (found.inflow, 3), (found.outflow, 5), (found.other, other_sd)):
        assert (part.sd <= sd * (1 + 1e-9)).all()
    if not other_sd:
        assert np.allclose(found.other.values, other)


def test_adjusted_intervals_cover_the_truth_as_often_as_they_say() -> None:
    stock, inflow, outflow, other = figures(3)
    draws = np.random.default_rng(9)
    hits = np.zeros(6)
    repetitions = 300  # times 3 dates and 6 cells: the Monte Carlo error of a cell's share is 0.7 %
    for _ in range(repetitions):
        level, entries, exits = (
            part + np.rint(draws.normal(0, sd, part.shape)) for part, sd in ((stock, 4), (inflow, 3), (outflow, 5))
        )
        known = other + draws.normal(0, 2, other.shape)
        found = account(*releases(level, entries, exits), OtherChange(known, np.full(other.shape, 2.0)))
        hits += ((found.stock.low <= stock) & (stock <= found.stock.high)).mean(axis=0)
    assert hits.min() / repetitions > 0.92
    assert hits.max() / repetitions < 0.98


def test_parts_that_do_not_meet_are_refused() -> None:
    stock, inflow, outflow, _ = figures(4)
    level, entries, exits = releases(stock, inflow, outflow)
    early = made_up(
        BY,
        stock,
        4.0,
        own={"date": ("2020-07-01", *DATES[1:])},
        at=["2020-07-01", *DATES[1:]],
        over=None,
        bound_cells=3,
    )
    with pytest.raises(QueryFault, match="2021-01-01, 2022-01-01, 2023-01-01"):
        account(early, entries, exits)
    with pytest.raises(QueryFault, match="an account is of stock, inflow, outflow; these are stock, outflow, inflow"):
        account(level, exits, entries)
    other_version = made_up(
        BY,
        outflow,
        5.0,
        measure="outflow",
        own={"year": YEARS},
        at=None,
        over=list(YEARS),
        data_version="ef" * 32,
        bound_cells=2,
    )
    with pytest.raises(QueryFault, match="data version"):
        account(level, entries, other_version)
    with pytest.raises(QueryFault, match="shape"):
        account(level, entries, exits, OtherChange(np.zeros((3, 6)), np.zeros((3, 6))))
    gap = made_up(
        BY, inflow, 3.0, measure="inflow", own={"year": ("2021", "2023")}, at=None, over=["2021", "2023"], bound_cells=2
    )
    gone = made_up(
        BY,
        outflow,
        3.0,
        measure="outflow",
        own={"year": ("2021", "2023")},
        at=None,
        over=["2021", "2023"],
        bound_cells=2,
    )
    with pytest.raises(QueryFault, match="do not follow each other"):
        account(level, gap, gone)


@pytest.mark.parametrize(
    ("axis", "labels", "dates"),
    [
        ("quarter", ("2021-Q3", "2021-Q4"), ("2021-07-01", "2021-10-01", "2022-01-01")),
        ("month", ("2021-12", "2022-01"), ("2021-12-01", "2022-01-01", "2022-02-01")),
    ],
)
def test_quarters_and_months_meet_the_stock_at_their_first_days(
    axis: str, labels: tuple[str, ...], dates: tuple[str, ...]
) -> None:
    stock, inflow, outflow, other = figures(5)
    level = made_up(BY, stock, 4.0, own={"date": dates}, at=list(dates), over=None, bound_cells=3)
    flows: dict[str, Any] = {"own": {axis: labels}, "at": None, "over": list(labels), "bound_cells": 2}
    found = account(
        level,
        made_up(BY, inflow, 3.0, measure="inflow", **flows),
        made_up(BY, outflow, 5.0, measure="outflow", **flows),
    )
    assert np.array_equal(found.residual.values, other)
