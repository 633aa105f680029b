"""Stocks and flows in one account: stock, inflow, outflow, stock, and what they leave unexplained.

Stock(t+1) = stock(t) + inflow - outflow is not an identity of released figures: births and deaths, statuses that are
not known, people whose dimension changes (as age does), re-linking and the bound on flows stand between them. So the
residual is shown with its standard deviation, and figures are made to agree only where its causes are given as a term
of their own, *other change*, with the standard deviation that it is known by. Then weighted least squares moves every
figure in proportion to its variance; standard deviations come from the projected covariance.

Source of the adjustment: Stone, Champernowne, Meade, "The Precision of National Income Estimates", Review of Economic
Studies 9 (1942); of the demographic balance with its own errors: Bryant, Graham, "Bayesian Demographic Accounts",
Bayesian Analysis 8 (2013).
"""

import datetime
import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from disclosure.errors import QueryFault
from disclosure.estimates import Numbers, check_same_population, numbers_of
from disclosure.post_selection import NORMAL_QUANTILE
from disclosure.query.periods import MONTHS, Period, Unit
from disclosure.table import Release

CAUSES = "births, deaths, people whose dimension changes, unknown statuses, re-linking, the bound on flows, and noise"
"""What a residual is made of."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Figures with the standard deviation of each; float64, (times, cells)."""

    values: NDArray[np.float64]
    sd: NDArray[np.float64]

    @property
    def low(self) -> NDArray[np.float64]:
        """Lower ends of the 95 % intervals."""
        return self.values - NORMAL_QUANTILE * self.sd

    @property
    def high(self) -> NDArray[np.float64]:
        """Upper ends of the 95 % intervals."""
        return self.values + NORMAL_QUANTILE * self.sd


@dataclass(frozen=True, slots=True, eq=False)
class OtherChange:
    """Released or public figures of what else changed the stock: births minus deaths, for one; (periods, cells).

    `sd` is the standard deviation that each is known by, 0 for an exact figure.
    """

    values: NDArray[np.float64]
    sd: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """Stocks at `dates` (one more than `periods`), flows in `periods`, for each of `cells`.

    `stock`, `inflow`, `outflow` are as released, or adjusted if `adjusted`. `residual` is
    stock(t+1) - stock(t) - inflow + outflow, minus the other change where there is one; adjusted figures leave none,
    and `residual` is then what was adjusted away.
    """

    dates: tuple[str, ...]
    periods: tuple[str, ...]
    dimensions: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    stock: Series
    inflow: Series
    outflow: Series
    other: Series | None
    residual: Series
    adjusted: bool


def account(stock: Release, inflow: Release, outflow: Release, other: OtherChange | None = None) -> Account:
    """Put a stock, an inflow and an outflow into one account; with an `other` change, make them agree.

    The periods of the flows follow each other without gaps, and the stock is at the first day of each and at the first
    day after the last. Raises `QueryFault` if they are not of one population and time, or do not meet.
    """
    check_same_population([stock, inflow, outflow], apart=frozenset({"measure", "at", "over", "bound"}))
    check_same_population([inflow, outflow], apart=frozenset({"measure"}))
    _check_measures(stock, inflow, outflow)
    tables = [numbers_of(release) for release in (stock, inflow, outflow)]
    dates, periods = _times(*tables[:2])
    levels, entries, exits = (table.values.reshape(len(table.own), -1) for table in tables)
    if len({table.categories for table in tables}) > 1:
        raise QueryFault("the stock and the flows of an account have other categories")
    cells = levels.shape[1]
    moved = np.zeros((len(periods), cells)) if other is None else _shaped(other.values, len(periods), cells)
    moved_sd = np.zeros_like(moved) if other is None else _shaped(other.sd, len(periods), cells)
    figures = np.concatenate([levels, entries, exits, moved])
    deviations = np.concatenate(
        [
            *(np.full(part.shape, table.sd) for part, table in zip((levels, entries, exits), tables, strict=True)),
            moved_sd,
        ]
    )
    balance = _balance(len(periods))
    residual = balance @ figures
    residual_sd = np.sqrt(balance**2 @ deviations**2)
    if other is not None:
        figures, deviations = _agreeing(figures, deviations, balance)
    ends = np.cumsum([len(dates), len(periods), len(periods)])
    parts = [Series(v, sd) for v, sd in zip(np.split(figures, ends), np.split(deviations, ends), strict=True)]
    return Account(
        dates=dates,
        periods=periods,
        dimensions=tables[0].dimensions,
        cells=tuple(itertools.product(*tables[0].categories)),
        stock=parts[0],
        inflow=parts[1],
        outflow=parts[2],
        other=None if other is None else parts[3],
        residual=Series(residual, residual_sd),
        adjusted=other is not None,
    )


def _balance(periods: int) -> NDArray[np.float64]:
    """Return the matrix of stock(t+1) - stock(t) - inflow + outflow - other, one row a period."""
    one = np.eye(periods)
    levels = np.eye(periods, periods + 1, k=1) - np.eye(periods, periods + 1)
    return np.hstack([levels, -one, one, -one])


def _agreeing(
    figures: NDArray[np.float64], deviations: NDArray[np.float64], balance: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the least squares figures for which the balance is nought, cell by cell, and their deviations."""
    variances = deviations.T**2  # (cells, figures)
    spread = variances[:, :, None] * balance.T  # (cells, figures, periods)
    gain = np.linalg.solve((balance @ spread).transpose(0, 2, 1), spread.transpose(0, 2, 1)).transpose(0, 2, 1)
    adjusted = figures.T - np.einsum("cfp,cp->cf", gain, (balance @ figures).T)
    left = variances - np.einsum("cfp,cfp->cf", gain, spread)
    return adjusted.T, np.sqrt(np.maximum(left, 0)).T


def _times(stock: Numbers, inflow: Numbers) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if len(stock.own_axes) > 1 or len(inflow.own_axes) > 1:
        raise QueryFault("an account needs a rule whose outcome is known: under this one, statuses may be unknown")
    dates = tuple(own[0] for own in stock.own)
    periods = tuple(own[0] for own in inflow.own)
    spans = [_period(inflow.own_axes[0], label) for label in periods]
    wanted = [*(span.first for span in spans), spans[-1].last + datetime.timedelta(days=1)]
    gaps = sum(a.last + datetime.timedelta(days=1) != b.first for a, b in itertools.pairwise(spans))
    if gaps or [date.isoformat() for date in wanted] != list(dates):
        named = ", ".join(date.isoformat() for date in wanted)
        raise QueryFault(
            "the periods of the flows do not follow each other"
            if gaps
            else f"the stock must be at the first day of each period and after the last: {named}"
        )
    return dates, periods


def _period(axis: str, label: str) -> Period:
    unit: Unit = "quarter" if axis == "quarter" else "month" if axis == "month" else "year"
    year, _, part = label.partition("-")
    place = int(part.removeprefix("Q")) - 1 if part else 0
    return Period(unit, int(year) * 12 // MONTHS[unit] + place)


def _check_measures(stock: Release, inflow: Release, outflow: Release) -> None:
    measures = tuple(release.question["measure"] for release in (stock, inflow, outflow))
    if measures != ("stock", "inflow", "outflow"):
        raise QueryFault(f"an account is of stock, inflow, outflow; these are {', '.join(map(str, measures))}")


def _shaped(values: NDArray[np.float64], periods: int, cells: int) -> NDArray[np.float64]:
    try:
        return np.broadcast_to(np.asarray(values, np.float64), (periods, cells))
    except ValueError:
        shape = np.shape(values)
        raise QueryFault(
            f"other change has shape {shape}; an account has {periods} periods and {cells} cells"
        ) from None
