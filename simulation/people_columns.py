"""Columns of invented people by kind of identifying value, for whoever needs people in a file of any shape.

People come of households: relatives share family names and addresses, twins birth dates. No value is wrong or missing
but where people have none (a second given name, a second line of an address).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from simulation.name_lists import Lists, Texts, load_lists
from simulation.people import Population, draw_population
from simulation.period import Period

_STREETS: Final = 1500
"""Different streets of the country; the frequent ones are in every town."""

_HOUSE_NUMBERS: Final = 120
_POSTCODES: Final = 400
_PEOPLE_A_HEAD: Final = 6
"""No household is larger."""

_SECOND_LINES: Final = 0.4
"""Share of households whose address has a second line."""

_CHILDREN_AGED: Final = (18, 40)
"""Years after birth in which a further date lies, as that of a child or a marriage."""


@dataclass(frozen=True, slots=True)
class _People:
    population: Population
    lists: Lists
    rng: np.random.Generator

    @property
    def count(self) -> int:
        return len(self.population)

    def by_household(self, choices: int) -> npt.NDArray[np.int64]:
        """Draw one of so many choices a household, the first ones more frequent."""
        drawn = (choices * self.rng.beta(0.9, 2.5, self.count)).astype(np.int64)
        shared: npt.NDArray[np.int64] = drawn[self.population.head]
        return shared


def draw_columns(kinds: Sequence[str], people: int, seed: int, *, households: bool = True) -> list[list[str]]:
    """Return one column of texts a kind, all of the same `people` people in an order without meaning.

    Without `households` everybody is of another one: nobody has relatives in the file.

    Kinds are those in `KINDS`; one that comes again gives another value of the same people (a second given name, the
    name before marriage, another date), and the first of several addresses is the house number. ValueError for a kind
    that nobody here has, or fewer than one person.
    """
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown or people < 1:
        raise ValueError(f"no columns of {people} people by the kinds {', '.join(unknown)}")
    rng = np.random.default_rng(seed)
    lists = load_lists()
    drawn = _People(
        draw_population(people if households else people * _PEOPLE_A_HEAD, lists, Period(), rng), lists, rng
    )
    present = np.arange(people) if households else np.unique(drawn.population.head)[:people]
    order = rng.permutation(present)
    columns = []
    for place, kind in enumerate(kinds):
        earlier = list(kinds[:place]).count(kind)
        if kind == "address" and list(kinds).count(kind) == 1:
            texts = _numbered_street(drawn)
        else:
            texts = KINDS[kind](drawn, earlier)
        columns.append([str(text) for text in texts[order]])
    return columns


def _given(people: _People, earlier: int) -> Texts:
    return people.population.second_given if earlier else people.population.given


def _family(people: _People, earlier: int) -> Texts:
    return people.population.earlier_family if earlier else people.population.family


def _date(people: _People, earlier: int) -> Texts:
    """Birth dates; further dates lie years after them, one a person."""
    youngest, oldest = _CHILDREN_AGED
    later = people.rng.integers(365 * youngest, 365 * oldest, people.count) if earlier else 0
    return np.array(np.datetime_as_string((people.population.birth + later).astype("datetime64[D]")), dtype=object)


def _sex(people: _People, _earlier: int) -> Texts:
    return np.where(people.population.female, "F", "M").astype(object)


def _country(people: _People, earlier: int) -> Texts:
    return people.population.citizenship if earlier else people.population.country_of_birth


def _municipality(people: _People, _earlier: int) -> Texts:
    return people.population.municipality


def _postcode(people: _People, _earlier: int) -> Texts:
    return np.array([f"{2000 + 7 * drawn:04}" for drawn in people.by_household(_POSTCODES).tolist()], dtype=object)


def _identifier(people: _People, _earlier: int) -> Texts:
    numbers = people.rng.choice(10**9, people.count, replace=False)
    return np.array([f"{number:09}" for number in numbers.tolist()], dtype=object)


def _address(people: _People, earlier: int) -> Texts:
    """House numbers, then streets, then second lines, which two households of five have."""
    if earlier == 0:
        return np.array([str(1 + drawn) for drawn in people.by_household(_HOUSE_NUMBERS).tolist()], dtype=object)
    streets = _streets(people)
    if earlier == 1:
        return streets
    has_one = (people.rng.random(people.count) < _SECOND_LINES)[people.population.head]
    return np.where(has_one, streets, "").astype(object)


def _numbered_street(people: _People) -> Texts:
    numbers, streets = _address(people, 0), _address(people, 1)
    return np.array([f"{number} {street}" for number, street in zip(numbers, streets, strict=True)], dtype=object)


def _streets(people: _People) -> Texts:
    """Streets are named after people and places, as they are."""
    count = min(_STREETS, people.count)
    family = people.rng.permutation(people.population.family)[:count]
    kinds = people.rng.choice(["street", "road", "place", "avenue"], count)
    named = np.array([f"{name} {kind}" for name, kind in zip(family, kinds, strict=True)], dtype=object)
    streets: Texts = named[people.by_household(count)]
    return streets


KINDS: Final[Mapping[str, Callable[[_People, int], Texts]]] = MappingProxyType(
    {
        "given-name": _given,
        "family-name": _family,
        "date": _date,
        "sex": _sex,
        "country": _country,
        "municipality": _municipality,
        "postcode": _postcode,
        "identifier": _identifier,
        "address": _address,
    }
)
"""What draws a column of each kind, given how often the kind came before."""
