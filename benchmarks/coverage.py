"""Whether 95 % intervals cover the truth in 95 % of the cells: repeated releases of one table that is known."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import opendp.prelude as dp

from benchmarks.table import Figure, Row, Table
from disclosure.bounding import Block, ContributionBound
from disclosure.grid import Axis, Grid
from disclosure.measurements import Mechanism, OpenDPNoise, mechanisms_for
from disclosure.presentation import Marks, number_cells
from disclosure.query.questions import Accuracy
from disclosure.table import Cell, Noised

dp.enable_features("contrib")

HALF_WIDTHS: Final = (1, 3, 10, 30)
BLOCK: Final = Block("count", 1, ContributionBound(cells=2, l2_squared=2, truncates=False))
MAXIMUM_NOISE_SD: Final = 1000
MARKS: Final = Marks(frozenset(), minimum_cell_count=10)
MISS: Final = 0.05

GRID: Final = Grid((Axis("year", ("2022", "2023", "2024")), Axis("group", ("a", "b", "c", "d"))))
COUNTS: Final = (0, 3, 40, 812, 0, 5, 44, 790, 1, 2, 51, 805)
"""The known table: empty, small and large cells."""


def table(quick: bool = False) -> Table:
    """Return what 500 releases tell, or 100."""
    return at_size(releases=100 if quick else 500)


def at_size(releases: int) -> Table:
    """Return the share of cells and of totals that their intervals cover, for some half-widths."""
    return Table(
        f"Coverage: {releases} releases of a table of {GRID.size} cells and {len(GRID.axes[0].categories)} totals",
        (
            "half-width",
            "noise SD",
            "exact",
            "cells covered",
            "totals covered",
            "OpenDP's half-width",
            "OpenDP's cells covered",
        ),
        tuple(
            _row(mechanisms_for(Accuracy(half_width=width), (BLOCK,), MAXIMUM_NOISE_SD)[0], releases)
            for width in HALF_WIDTHS
        ),
        (
            "± is two Monte Carlo standard errors. Noise through `disclosure.measurements`, intervals through "
            "`disclosure.presentation`. Whole persons: small half-widths cover more than 95 %. Totals are sums of the "
            "same noisy cells, so the two columns are not independent.",
            "Exact: the discrete Gaussian's probability inside the half-width, added up.",
            "OpenDP alone: its noise and its own accuracy at 95 %, at the same noise SD.",
        ),
    )


def _row(mechanism: Mechanism, releases: int) -> Row:
    noise = OpenDPNoise()
    totals = [sum(COUNTS[start : start + GRID.strides[0]]) for start in range(0, GRID.size, GRID.strides[0])]
    cell_hits: list[bool] = []
    total_hits: list[bool] = []
    for _ in range(releases):
        noisy = noise.add_noise(COUNTS, mechanism)
        noised = _noised(noisy, mechanism)
        cell_hits += _hits(number_cells(GRID.coordinates(), 1, noised, MARKS), COUNTS)
        total_hits += _hits(number_cells(GRID.total_coordinates(), GRID.total_width, noised, MARKS), totals)
    noise_sd = mechanism.noise_sd_millionths / 1_000_000
    half_width, plain_hits = plain_opendp(noise_sd, releases)
    return (
        mechanism.half_width,
        Figure(noise_sd, ".3f"),
        Figure(exact_coverage(noise_sd, mechanism.half_width), ".2%"),
        _share(cell_hits),
        _share(total_hits),
        half_width,
        _share(plain_hits),
    )


def exact_coverage(noise_sd: float, half_width: int) -> float:
    """Return the probability that a discrete Gaussian lies within the half-width, ends included."""
    reach = int(12 * noise_sd) + 20
    support = np.arange(-reach, reach + 1)
    weights = np.exp(-(support**2) / (2 * noise_sd**2))
    return float(weights[np.abs(support) <= half_width].sum() / weights.sum())


def plain_opendp(noise_sd: float, releases: int) -> tuple[int, list[bool]]:
    """Return OpenDP's own half-width at 95 %, and whether it covered each cell of as many releases."""
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T=float)
    measurement: Any = space >> dp.m.then_gaussian(noise_sd)
    # OpenDP's accuracy is the least distance that noise reaches in at most 5 % of draws: the interval ends before it.
    half_width = int(dp.discrete_gaussian_scale_to_accuracy(scale=noise_sd, alpha=MISS)) - 1
    hits = [
        abs(noisy - count) <= half_width
        for _ in range(releases)
        for noisy, count in zip(measurement(list(COUNTS)), COUNTS, strict=True)
    ]
    return half_width, hits


def _noised(noisy: tuple[int, ...], mechanism: Mechanism) -> Noised:
    bound = mechanism.bound
    return Noised(
        BLOCK.name,
        BLOCK.width,
        mechanism.noise_sd_millionths,
        mechanism.half_width,
        bound.cells,
        bound.l2_squared,
        mechanism.nano_rho,
        noisy,
    )


def _hits(cells: Iterable[Cell], truth: Sequence[int]) -> list[bool]:
    ends = [(cell.low, cell.high) for cell in cells]
    return [
        low is not None and high is not None and low <= n <= high for (low, high), n in zip(ends, truth, strict=True)
    ]


def _share(hits: Sequence[bool]) -> str:
    share = float(np.mean(hits))
    return f"{share:.2%} ± {2 * math.sqrt(share * (1 - share) / len(hits)):.2%}"
