"""Released tables made up for tests of what is done with them afterwards."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from disclosure.grid import Axis, Grid
from disclosure.presentation import Marks, number_cells
from disclosure.table import MILLION, Noised, Release

QUESTION: dict[str, Any] = {
    "format": "symbolon-question/2",
    "measure": "stock",
    "where": [],
    "rule": {"kind": "registered", "minimum_months": 12},
    "at": ["2024-01-01"],
}


def made_up(
    by: Mapping[str, Sequence[str]],
    values: NDArray[Any],
    sd: float,
    *,
    own: Mapping[str, Sequence[str]] | None = None,
    data_version: str = "ab" * 32,
    bound_cells: int = 1,
    number: int = 0,
    **question: Any,
) -> Release:
    """Return a table over `by` whose raw noisy numbers are `values`, in the order of its grid; `number` names it."""
    axes = tuple(Axis(name, tuple(codes)) for name, codes in (own or {"date": ("2024-01-01",)}).items())
    grid = Grid((*axes, *(Axis(name, tuple(codes)) for name, codes in by.items())), len(axes))
    noise_sd = math.ceil(sd * MILLION)
    noised = Noised(
        name="count",
        width=1,
        noise_sd_millionths=noise_sd,
        half_width=math.ceil(1.96 * sd),
        bound_cells=bound_cells,
        l2_squared=bound_cells,
        nano_rho=1_000_000,
        values=tuple(int(value) for value in np.asarray(values).reshape(-1)),
    )
    marks = Marks(frozenset(), 5)
    return Release(
        release_id=f"{number:032x}",
        question={**QUESTION, "by": list(by), **question},
        question_hash="12" * 32,
        agreement_hash="cd" * 32,
        data_version=data_version,
        released_at="2026-03-01T09:00:00+00:00",
        mechanism="discrete-gaussian",
        nano_rho=1_000_000,
        noised=(noised,),
        unit="persons",
        decimals=0,
        axes=tuple(axis.name for axis in grid.axes),
        cells=tuple(number_cells(grid.coordinates(), 1, noised, marks)),
        totals_axes=tuple(axis.name for axis in axes),
        totals=tuple(number_cells(grid.total_coordinates(), grid.total_width, noised, marks)) if by else (),
    )


def margins(truth: NDArray[Any], dimensions: Sequence[str], kept: Sequence[str]) -> NDArray[Any]:
    """Return the sums of an array whose axes are `dimensions` (after the first) over all that are not kept."""
    away = tuple(i + 1 for i, name in enumerate(dimensions) if name not in kept)
    summed: NDArray[Any] = truth.sum(axis=away)
    return summed


def every_subset(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return every choice among names, in their order."""
    return [chosen for length in range(len(names) + 1) for chosen in itertools.combinations(names, length)]
