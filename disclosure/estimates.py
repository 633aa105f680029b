"""Released numbers as arrays with their covariance: what accounts and reconciled margins are made of.

Everything here is post-processing of noisy values. It costs nothing, and sees no true number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from disclosure.errors import QueryFault
from disclosure.table import MILLION, Release

_ADDITIVE: Final = frozenset({"count", "sum"})
"""Vectors whose cells may be added up over the agreement's dimensions: a person is in one cell a date or period."""


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """The raw noisy numbers of one release, shaped as its grid.

    `own` has the categories of the measure's own axes, one tuple a combination; `dimensions` are the names and
    `categories` the categories of the agreement's dimensions. `values`: float64, (own, *categories of each dimension),
    neither rounded nor clipped. `sd` is of the noise in each, in the unit.
    """

    release_id: str
    own_axes: tuple[str, ...]
    own: tuple[tuple[str, ...], ...]
    dimensions: tuple[str, ...]
    categories: tuple[tuple[str, ...], ...]
    values: NDArray[np.float64]
    sd: float


def numbers_of(release: Release) -> Numbers:
    """Return the numbers of a table of counts or sums.

    Raises `QueryFault` for means and quantiles, whose parts do not add up, and for `net`: where a dimension moves with
    time a person may be in two cells of a period, and the bound may drop one of them; inflow and outflow add up. So it
    does for tables by cell-key perturbation, whose margins are perturbed by themselves.
    """
    if not release.is_private:
        raise QueryFault(
            f"release {release.release_id} is of cell-key perturbation: its cells do not add up to margins"
        )
    noised = release.noised[0]
    if len(release.measured) != 1 or noised.name not in _ADDITIVE or noised.width != 1:
        measure = release.question["measure"]
        raise QueryFault(f"release {release.release_id}: the cells of {measure} do not add up to margins")
    own_count = len(release.totals_axes)
    listed = [tuple(dict.fromkeys(cell.coordinates[i] for cell in release.cells)) for i in range(len(release.axes))]
    own = tuple(dict.fromkeys(cell.coordinates[:own_count] for cell in release.cells))
    shape = (len(own), *(len(categories) for categories in listed[own_count:]))
    return Numbers(
        release_id=release.release_id,
        own_axes=release.axes[:own_count],
        own=own,
        dimensions=release.axes[own_count:],
        categories=tuple(listed[own_count:]),
        values=np.array(noised.values, np.float64).reshape(shape),
        sd=noised.noise_sd_millionths / MILLION,
    )


def check_same_population(releases: Sequence[Release], apart: frozenset[str]) -> None:
    """Raise `QueryFault` unless releases differ in nothing but the parts of the question that `apart` names.

    They must come from one data version (wave, linkage and concepts) and have one bound on what a person contributes:
    with another one they count other persons.
    """
    facts = [_facts(release, apart) for release in releases]
    differing = [name for name in facts[0] if any(other.get(name) != facts[0][name] for other in facts[1:])]
    differing += sorted({name for other in facts[1:] for name in other} - set(facts[0]))
    if differing:
        raise QueryFault(
            f"{len(releases)} releases are not of one population and time: they differ in {', '.join(differing)}"
        )


def _facts(release: Release, apart: frozenset[str]) -> dict[str, object]:
    question = {name: part for name, part in release.question.items() if name not in apart}
    own = {} if "bound" in apart else {"cells per person": release.noised[0].bound_cells}
    return {"data version": release.data_version, **own, **question}
