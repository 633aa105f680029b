"""What changes about the invented people from year to year: names by marriage and divorce, and where they live."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from simulation.name_lists import Lists
from simulation.people import Population

_YEARS_OF_NAME_CHANGES: Final = 20
_YEARS_OF_MOVES: Final = 10
"""Changes of names, and moves, are spread evenly over so many years before and within the deliveries."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The calendar year of each person's change, one element a person; without meaning for those without a change."""

    name_year: npt.NDArray[np.int64]
    """From this year on the family name is `Population.family`, before it is `earlier_family`."""
    move_year: npt.NDArray[np.int64]
    """From this year on the municipality is `Population.municipality`, before it is `earlier_municipality`."""


def draw_changes(people: Population, last_year: int, rng: np.random.Generator) -> Changes:
    """Draw when people changed their names and when households moved; up to and with `last_year`."""
    return Changes(
        name_year=last_year - rng.integers(0, _YEARS_OF_NAME_CHANGES, len(people)),
        move_year=(last_year - rng.integers(0, _YEARS_OF_MOVES, len(people)))[people.head],
    )


def as_of(people: Population, changes: Changes, year: int, lists: Lists) -> Population:
    """The people as they are at the end of `year`: what comes later has not happened yet."""
    places = lists.municipalities
    region_of = dict(zip(places.names.tolist(), places.regions.tolist(), strict=True))
    family = np.where(changes.name_year > year, people.earlier_family, people.family)
    municipality = np.where(changes.move_year > year, people.earlier_municipality, people.municipality)
    return replace(
        people,
        family=family,
        municipality=municipality,
        region=np.array([region_of[name] for name in municipality.tolist()], dtype=object),
    )
