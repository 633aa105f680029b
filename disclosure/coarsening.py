"""A coarser table from one that was released: free, since it is computed from noisy numbers alone.

It is answered only where the measure adds up. Cells are summed over the agreement's dimensions, in each of which a
person has one value; never over dates, periods or other axes of the measure, where one person may be in several
categories, and never for quantiles or between the pairs of a synthetic file. The noise of the cells adds up, and the
answer says so.

Where persons lose cells to the bound, which ones are kept depends on what was asked: on the periods, and on comparisons
that a person passes in one period and not in another. Then both must be the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from disclosure.bounding import blocks_of
from disclosure.grid import Grid, grid_of, kept_categories
from disclosure.measurements import half_width, summed_noise_sd
from disclosure.presentation import present
from disclosure.query.questions import OverPeriods, QuantileQuestion, Question, SyntheticQuestion
from disclosure.table import Noised, Release
from disclosure.terms import Terms
from disclosure.uncertainty.correcting import corrected
from linkage_core.agreement.declared_rates import parse_rates

_MAY_DIFFER: Final = frozenset({"by", "where", "at", "over"})
"""Parts of the canonical form that a coarser table may have otherwise. `over` of an overlap is a period: see below."""


def coarser(question: Question, form: Mapping[str, Any], terms: Terms, releases: Iterable[Release]) -> Release | None:
    """Return the most precise answer to a question that sums of released cells give, or None.

    `form` is the question's canonical form; `releases` are tables of the same data version under the same concepts. The
    answer names its source in `derived_from`, costs nothing, and has the noise of the sums.
    """
    if isinstance(question, QuantileQuestion | SyntheticQuestion):
        return None
    grid = grid_of(question, terms)
    found = (_from(release, question, form, grid, terms) for release in releases if not release.derived_from)
    return min((table for table in found if table is not None), key=lambda table: table.half_width, default=None)


def _from(release: Release, question: Question, form: Mapping[str, Any], grid: Grid, terms: Terms) -> Release | None:
    if not _same_measure(release.question, form):
        return None
    axes = {
        name: list(dict.fromkeys(cell.coordinates[i] for cell in release.cells)) for i, name in enumerate(release.axes)
    }
    chosen = _chosen(axes, release.question, question, grid, terms)
    if chosen is None or not _same_choice_of_cells(release, axes, question, form, grid, terms):
        return None
    shape = tuple(len(categories) for categories in axes.values())
    summed = tuple(i for i, name in enumerate(axes) if name not in {axis.name for axis in grid.axes})
    cells = int(np.prod([len(chosen[i]) for i in summed], dtype=np.int64))
    noised = tuple(_noised(vector, shape, chosen, summed, cells) for vector in release.noised)
    table = present(question, grid, noised, terms)
    derived = replace(
        release,
        derived_from=release.release_id,
        question=dict(form),
        nano_rho=0,
        noised=noised,
        axes=table.axes,
        cells=table.cells,
        totals_axes=table.totals_axes,
        totals=table.totals,
    )
    declared = None if release.declared_rates is None else parse_rates(release.declared_rates)
    return corrected(derived, question, grid, terms, declared)


def _same_measure(source: Mapping[str, Any], form: Mapping[str, Any]) -> bool:
    fixed = {name for name in form if name not in _MAY_DIFFER} | ({"over"} if form["measure"] == "overlap" else set())
    return form.keys() == source.keys() and all(source[name] == form[name] for name in fixed)


def _chosen(
    axes: Mapping[str, list[str]], source: Mapping[str, Any], question: Question, grid: Grid, terms: Terms
) -> list[NDArray[np.int64]] | None:
    """Return for each axis of the source the places that are kept or summed, or None where something is missing."""
    wanted = {axis.name: axis.categories for axis in grid.axes}
    compared = {item.dimension for item in question.where}
    filtered = {str(item["dimension"]): frozenset(item["in"]) for item in source["where"]}
    if not wanted.keys() <= axes.keys():
        return None
    for name in (compared | filtered.keys()) - axes.keys():
        # Compared, but not shown: the source must have kept the very same persons.
        everything = frozenset(kept_categories(question, name, terms))
        if filtered.get(name) != everything:
            return None
    chosen = []
    for name, categories in axes.items():
        kept = wanted.get(name) or kept_categories(question, name, terms)
        if not set(kept) <= set(categories):
            return None
        chosen.append(np.array([categories.index(category) for category in kept], dtype=np.int64))
    return chosen


def _same_choice_of_cells(
    release: Release,
    axes: Mapping[str, list[str]],
    question: Question,
    form: Mapping[str, Any],
    grid: Grid,
    terms: Terms,
) -> bool:
    """Tell whether of every person the same cells were kept as the question would keep."""
    if not isinstance(question, OverPeriods):
        return True
    blocks = blocks_of(question, terms)
    possible = len(axes[release.axes[0]]) * (2 if form["measure"] == "net" else 1)
    if not blocks[0].bound.truncates and release.bound_cells >= possible:
        return True
    moving = {item.name for item in terms.statistics.dimensions if item.kind != "attribute"}
    wheres: tuple[Any, Any] = (form["where"], release.question["where"])
    comparisons = [
        sorted((str(item["dimension"]), sorted(item["in"])) for item in where if item["dimension"] in moving)
        for where in wheres
    ]
    return (
        form["measure"] != "net"
        and list(grid.axes[0].categories) == axes[release.axes[0]]
        and comparisons[0] == comparisons[1]
        and [(block.bound.cells, block.bound.l2_squared) for block in blocks]
        == [(vector.bound_cells, vector.l2_squared) for vector in release.noised]
    )


def _noised(
    vector: Noised, shape: tuple[int, ...], chosen: list[NDArray[np.int64]], summed: tuple[int, ...], cells: int
) -> Noised:
    numbers = np.array(vector.values, dtype=object).reshape(shape)[np.ix_(*chosen)]  # integers of any size
    noise_sd = summed_noise_sd(vector.noise_sd_millionths, cells)
    return replace(
        vector,
        values=tuple(int(number) for number in np.asarray(numbers.sum(axis=summed), dtype=object).reshape(-1)),
        noise_sd_millionths=noise_sd,
        half_width=half_width(noise_sd),
    )
