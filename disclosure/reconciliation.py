"""Margins that agree with their cells, where both were measured, by weighted least squares.

A table over the dimensions D is split into one part for each subset S of D: what its margin over S says beyond the
margins below it (the parts of an analysis of variance). Noise is independent and of one size in all cells of a table,
so these parts are independent of each other, and least squares takes for each S the mean of what the tables say about
it, weighted by their precision. It is the generalised least squares estimate, exact at every size and for every set of
tables, without a matrix of cells by cells.

Source: Xiao, He, Zhang, Kifer, "An Optimal and Scalable Matrix Mechanism for Noisy Marginals under Convex Loss
Functions" (NeurIPS 2023), sections 3 and 4 (the residual bases, here for noise drawn on margins); least squares on
released counts: Hay, Rastogi, Miklau, Suciu, "Boosting the Accuracy of Differentially Private Histograms Through
Consistency" (VLDB 2010).
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from disclosure.errors import QueryFault
from disclosure.estimates import Numbers, check_same_population, numbers_of
from disclosure.post_selection import NORMAL_QUANTILE
from disclosure.table import Release


@dataclass(frozen=True, slots=True, eq=False)
class Reconciled:
    """One of the tables put together, with what was measured beside.

    Arrays are float64, shaped as `estimates.Numbers` has them; nothing is rounded or clipped. `sd` is the standard
    deviation in each cell and never above `raw_sd`; it covers the noise, as the released intervals do.
    """

    numbers: Numbers
    values: NDArray[np.float64]
    sd: float

    @property
    def raw(self) -> NDArray[np.float64]:
        """What was released."""
        return self.numbers.values

    @property
    def raw_sd(self) -> float:
        """The standard deviation of the noise in what was released."""
        return self.numbers.sd

    @property
    def low(self) -> NDArray[np.float64]:
        """Lower ends of the 95 % intervals."""
        return self.values - NORMAL_QUANTILE * self.sd

    @property
    def high(self) -> NDArray[np.float64]:
        """Upper ends of the 95 % intervals."""
        return self.values + NORMAL_QUANTILE * self.sd


@dataclass(frozen=True, slots=True)
class _Part:
    """What all tables together say of one subset of dimensions: its values, and the variance behind them."""

    values: NDArray[np.float64]
    variance: float


def margin(release: Release, dimensions: Sequence[str]) -> tuple[NDArray[np.float64], float]:
    """Return the margin of one release over some of its dimensions, and the standard deviation in each of its cells.

    Shape: the measure's own axes as one, then the dimensions kept, in the table's order. Raises `QueryFault` for a
    dimension that the table has not.
    """
    numbers = numbers_of(release)
    unknown = sorted(set(dimensions) - set(numbers.dimensions))
    if unknown:
        raise QueryFault(f"release {release.release_id} has no dimension {', '.join(unknown)}")
    return _summed(numbers, frozenset(dimensions)), numbers.sd * math.sqrt(
        _cells_summed(numbers, frozenset(dimensions))
    )


def reconcile(releases: Sequence[Release]) -> tuple[Reconciled, ...]:
    """Return the tables of several releases so that every margin is the sum of its cells, in the order given.

    The releases ask one question of one data version, over different dimensions; the same table measured twice is
    averaged. Raises `QueryFault` if they are not of one population, or are means, quantiles or net flows.
    """
    if not releases:
        raise QueryFault("there is nothing to reconcile: name two releases or more")
    tables = [numbers_of(release) for release in releases]
    check_same_population(releases, apart=frozenset({"by"}))
    if len({release.release_id for release in releases}) < len(releases):
        raise QueryFault("a release is there twice, or cells of it summed: its noise is the same, and counts once")
    _check_categories(tables)
    subsets = dict.fromkeys(subset for table in tables for subset in _subsets(table.dimensions))
    parts = {subset: _part(subset, tables) for subset in subsets}
    return tuple(_put_together(table, parts) for table in tables)


def covariance(tables: Sequence[Numbers], dimensions: Sequence[str]) -> NDArray[np.float64]:
    """Return the covariance of the reconciled cells over some dimensions, within one category of the measure's axes.

    float64, (cells, cells), in the order of a table over these dimensions as given; for tables small enough to hold
    it. Cells of different categories of the measure's own axes are independent.
    """
    sizes = _sizes(tables)
    total = np.zeros((1, 1)) if not dimensions else np.zeros((math.prod(sizes[n] for n in dimensions),) * 2)
    for subset in _subsets(dimensions):
        matrix = np.ones((1, 1))
        for name in dimensions:
            size = sizes[name]
            even = np.full((size, size), 1 / size)
            matrix = np.kron(matrix, np.eye(size) - even if name in subset else even / size)
        total += _variance(subset, tables) * matrix
    return total


def _put_together(table: Numbers, parts: Mapping[frozenset[str], _Part]) -> Reconciled:
    values = np.zeros_like(table.values)
    variance = 0.0
    sizes = dict(zip(table.dimensions, map(len, table.categories), strict=True))
    for subset in _subsets(table.dimensions):
        part = parts[subset]
        spread_over = math.prod(sizes[name] for name in table.dimensions if name not in subset)
        shape = [len(table.own), *(sizes[name] if name in subset else 1 for name in table.dimensions)]
        values += _in_order(part.values, subset, table.dimensions).reshape(shape) / spread_over
        variance += part.variance * math.prod(1 - 1 / sizes[name] for name in subset) / spread_over**2
    return Reconciled(table, values, math.sqrt(variance))


def _part(subset: frozenset[str], tables: Sequence[Numbers]) -> _Part:
    """Return the weighted mean of what each table with these dimensions says, dimensions sorted by name."""
    variance = _variance(subset, tables)
    said = []
    for table in tables:
        if not subset <= set(table.dimensions):
            continue
        kept = tuple(name for name in table.dimensions if name in subset)
        residual = _summed(table, subset)
        for place in range(len(kept)):
            residual = residual - residual.mean(axis=place + 1, keepdims=True)
        weight = variance / (table.sd**2 * _cells_summed(table, subset))
        said.append(weight * residual.transpose(0, *(1 + kept.index(name) for name in sorted(kept))))
    return _Part(np.sum(said, axis=0), variance)


def _variance(subset: frozenset[str], tables: Sequence[Numbers]) -> float:
    weights = [1 / (table.sd**2 * _cells_summed(table, subset)) for table in tables if subset <= set(table.dimensions)]
    return 1 / sum(weights)


def _summed(table: Numbers, kept: frozenset[str]) -> NDArray[np.float64]:
    away = tuple(i + 1 for i, name in enumerate(table.dimensions) if name not in kept)
    return table.values.sum(axis=away) if away else table.values


def _cells_summed(table: Numbers, kept: frozenset[str]) -> int:
    return math.prod(
        len(categories) for name, categories in zip(table.dimensions, table.categories, strict=True) if name not in kept
    )


def _in_order(values: NDArray[np.float64], subset: frozenset[str], order: Sequence[str]) -> NDArray[np.float64]:
    """Return a part, whose dimensions are sorted by name, with its dimensions in a table's order."""
    names = sorted(subset)
    return values.transpose(0, *(1 + names.index(name) for name in order if name in subset))


def _subsets(dimensions: Sequence[str]) -> list[frozenset[str]]:
    return [
        frozenset(chosen)
        for length in range(len(dimensions) + 1)
        for chosen in itertools.combinations(dimensions, length)
    ]


def _sizes(tables: Sequence[Numbers]) -> dict[str, int]:
    return {
        name: len(categories)
        for table in tables
        for name, categories in zip(table.dimensions, table.categories, strict=True)
    }


def _check_categories(tables: Sequence[Numbers]) -> None:
    first: dict[str, tuple[str, ...]] = {}
    for table in tables:
        for name, categories in zip(table.dimensions, table.categories, strict=True):
            if first.setdefault(name, categories) != categories:
                raise QueryFault(f"the releases have other categories of {name}")
