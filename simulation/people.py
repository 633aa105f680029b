"""The people of the invented country's universe: households, birth dates, origins, citizenships and names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from simulation.name_lists import HOME_COUNTRY, HOME_CULTURE, Lists, Texts
from simulation.names import draw_family, draw_given, draw_second_given
from simulation.period import DAYS_PER_YEAR, NEVER, Period


class Kind(IntEnum):
    """What ties a household to the country; everyone in a household shares it."""

    NATIVE = 0
    SETTLED_IMMIGRANT = 1
    """Immigrated before the observation period."""
    NEW_IMMIGRANT = 2
    """Immigrates within the observation period."""
    UNREGISTERED_RESIDENT = 3
    """Immigrates shortly before or within the period and never registers."""
    VISITOR = 4
    """Comes for short trips only."""
    CROSS_BORDER_WORKER = 5
    """Lives abroad, works in the country."""
    NON_RESIDENT_OWNER = 6
    """Lives abroad, pays tax on property, is never seen at the border."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How households of one kind look."""

    share_of_people: float
    household_sizes: tuple[float, ...]
    """Probabilities of sizes 1, 2, ..."""
    head_age: tuple[float, float, float, float]
    """Youngest age and range of ages of heads at the period's start, and the two shapes of a beta distribution."""
    naturalised_share: float = 0.0


HABITS: Final = {
    Kind.NATIVE: Habits(0.615, (0.30, 0.28, 0.17, 0.15, 0.07, 0.03), (20, 70, 1.5, 2.0)),
    Kind.SETTLED_IMMIGRANT: Habits(0.13, (0.32, 0.26, 0.17, 0.15, 0.07, 0.03), (20, 55, 2.0, 3.0), 0.3),
    Kind.NEW_IMMIGRANT: Habits(0.08, (0.50, 0.20, 0.15, 0.10, 0.05), (19, 45, 1.5, 3.5)),
    Kind.UNREGISTERED_RESIDENT: Habits(0.015, (0.80, 0.20), (19, 35, 1.5, 3.0)),
    Kind.VISITOR: Habits(0.11, (0.60, 0.25, 0.08, 0.07), (18, 60, 1.5, 2.2)),
    Kind.CROSS_BORDER_WORKER: Habits(0.04, (1.0,), (20, 40, 2.0, 2.5)),
    Kind.NON_RESIDENT_OWNER: Habits(0.01, (1.0,), (30, 50, 1.5, 1.5)),
}
"""The make-up of the universe: what the file of one agency holds and another lacks follows from these shares."""


@dataclass(frozen=True, slots=True)
class Composition:
    """Who the people are: the share of each kind, and how often each culture's names come among those from abroad."""

    kinds: Mapping[Kind, float]
    """Relative shares of people; a kind that is left out does not occur."""
    even_cultures: bool = False
    """Whether every culture from abroad is as frequent as any other, instead of by the countries' weights."""


COUNTRY: Final = Composition({kind: habits.share_of_people for kind, habits in HABITS.items()})
"""The universe of the invented country."""

_BORN_ABROAD_SHARE: Final = 0.015
_FOREIGN_NAME_SHARE: Final = 0.03
_TWIN_SHARE: Final = 0.03
_PARENTS_NAME_SHARE: Final = 0.02
"""Sons who are given their father's name, and daughters their mother's; of the children of a head of their sex."""
_DIVORCED_SHARE: Final = 0.05
"""Heads who bear their own name again and are still known somewhere by that of a former spouse."""
_MOVED_SHARE: Final = 0.3
"""Households that lived in another municipality some years before."""
_KEPT_CITIZENSHIP_SHARE: Final = 0.5
_IMMIGRANT_KINDS: Final = (Kind.SETTLED_IMMIGRANT, Kind.NEW_IMMIGRANT, Kind.UNREGISTERED_RESIDENT)


@dataclass(frozen=True, slots=True)
class Population:
    """People in household order, one array element a person; days since 1970-01-01, countries as alpha-3 codes."""

    kind: npt.NDArray[np.int64]
    household: npt.NDArray[np.int64]
    head: npt.NDArray[np.int64]
    """Row of the head of the person's household."""
    culture: npt.NDArray[np.int64]
    female: npt.NDArray[np.bool_]
    birth: npt.NDArray[np.int64]
    death: npt.NDArray[np.int64]
    """NEVER for those who outlive the period."""
    arrival: npt.NDArray[np.int64]
    """First immigration of the household; -NEVER for natives, NEVER for those who never immigrate."""
    country_of_birth: Texts
    citizenship: Texts
    second_citizenship: Texts
    """Empty text for none."""
    given: Texts
    second_given: Texts
    """Empty text for none."""
    family: Texts
    earlier_family: Texts
    """The family name before marriage or divorce; equal to `family` for those whose name never changed."""
    municipality: Texts
    earlier_municipality: Texts
    """That of before the household moved; equal to `municipality` for those who never moved."""
    region: Texts

    def __len__(self) -> int:
        """The number of people."""
        return len(self.kind)


def draw_population(
    count: int, lists: Lists, period: Period, rng: np.random.Generator, composition: Composition = COUNTRY
) -> Population:
    """Draw `count` people with their families; the last household is cut where the count is reached."""
    kind, household, position, head = _draw_households(count, composition, rng)
    is_head = position == 0
    partner = (position == 1) & (rng.random(count) < 0.88)
    child = ~is_head & ~partner
    female = rng.random(count) < 0.5
    female = np.where(partner & (rng.random(count) < 0.97), ~female[head], female)
    birth = _draw_births(kind, head, partner, child, period, rng)
    arrival = _draw_arrivals(kind, birth, period, rng)[head]
    twins = np.flatnonzero(child[1:] & child[:-1] & (household[1:] == household[:-1])) + 1
    twins = twins[rng.random(len(twins)) < _TWIN_SHARE]
    twins = twins[~np.isin(twins - 1, twins)]
    birth[twins] = birth[twins - 1]

    origin, culture = _draw_origins(kind, lists, composition, rng)
    origin, culture = origin[head], culture[head]
    born_home = np.isin(kind, _IMMIGRANT_KINDS) & (birth >= arrival)
    country_of_birth = np.where(born_home, HOME_COUNTRY, origin)
    elsewhere = (kind == Kind.NATIVE) & (rng.random(count) < _BORN_ABROAD_SHARE)
    country_of_birth[elsewhere] = rng.choice(lists.origins.countries, int(elsewhere.sum()), p=lists.origins.weights)
    naturalised = (rng.random(count) < np.array([HABITS[k].naturalised_share for k in Kind])[kind]) | (
        born_home & (rng.random(count) < 0.5)
    )
    citizenship = np.where(naturalised, HOME_COUNTRY, origin)
    keeps = naturalised & (origin != HOME_COUNTRY) & (rng.random(count) < _KEPT_CITIZENSHIP_SHARE)

    given = _draw_given_unlike_twin(lists, culture, female, twins, rng)
    namesakes = child & (female == female[head]) & (rng.random(count) < _PARENTS_NAME_SHARE)
    namesakes[np.concatenate([twins, twins - 1])] = False
    given[namesakes] = given[head[namesakes]]
    families = draw_family(lists, culture, rng)
    rows = np.arange(count)
    takes_share = np.array([c.partner_takes_name_share for c in lists.cultures])[culture]
    takes = partner & (rng.random(count) < takes_share)
    family = families.of(np.where(child | takes, head, rows), female)
    earlier_family = families.of(np.where(child, head, rows), female)
    divorced = np.flatnonzero(is_head & (rng.random(count) < _DIVORCED_SHARE))
    former = rng.permutation(divorced)
    earlier_family[divorced] = families.of(former, female[divorced])
    place, earlier_place = (
        rng.choice(len(lists.municipalities.names), count, p=lists.municipalities.weights)[head] for _ in range(2)
    )
    moved = (rng.random(count) < _MOVED_SHARE)[head]
    return Population(
        kind=kind,
        household=household,
        head=head,
        culture=culture,
        female=female,
        birth=birth,
        death=_draw_deaths(birth, period, rng),
        arrival=arrival,
        country_of_birth=country_of_birth,
        citizenship=citizenship,
        second_citizenship=np.where(keeps, origin, ""),
        given=given,
        second_given=draw_second_given(lists, culture, female, given, rng),
        family=family,
        earlier_family=earlier_family,
        municipality=lists.municipalities.names[place],
        earlier_municipality=lists.municipalities.names[np.where(moved, earlier_place, place)],
        region=lists.municipalities.regions[place],
    )


def _draw_households(
    count: int, composition: Composition, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Kind, household, position in the household (0 is the head) and row of the head, for each person."""
    mean_size = np.array(
        [np.dot(HABITS[k].household_sizes, np.arange(1, len(HABITS[k].household_sizes) + 1)) for k in Kind]
    )
    weights = np.array([composition.kinds.get(k, 0.0) for k in Kind]) / mean_size
    kinds = rng.choice(len(Kind), count, p=weights / weights.sum())
    sizes = np.ones(count, dtype=np.int64)
    for k in Kind:
        of_kind = kinds == k
        probabilities = HABITS[k].household_sizes
        sizes[of_kind] = rng.choice(len(probabilities), int(of_kind.sum()), p=probabilities) + 1
    household = np.repeat(np.arange(count), sizes)[:count]
    first = np.cumsum(sizes) - sizes
    head = first[household]
    return kinds[household], household, np.arange(count) - head, head


def _draw_births(
    kind: npt.NDArray[np.int64],
    head: npt.NDArray[np.int64],
    partner: npt.NDArray[np.bool_],
    child: npt.NDArray[np.bool_],
    period: Period,
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Birth days: heads and partners are adults at the period's start, children may be born within the period."""
    count = len(kind)
    ages = np.array([HABITS[k].head_age for k in Kind])[kind]
    age = ages[:, 0] + ages[:, 1] * rng.beta(ages[:, 2], ages[:, 3])
    birth = (period.first_day - age * DAYS_PER_YEAR).astype(np.int64)
    of_age = period.first_day - int(18 * DAYS_PER_YEAR) - 1
    oldest = period.first_day - int(100 * DAYS_PER_YEAR)
    beside = np.clip(birth[head] + rng.normal(0, 4 * DAYS_PER_YEAR, count).astype(np.int64), oldest, of_age)
    earliest = birth[head] + int(18 * DAYS_PER_YEAR)
    latest = np.minimum(birth[head] + int(40 * DAYS_PER_YEAR), period.after - 15)
    below = (earliest + rng.random(count) * (latest - earliest)).astype(np.int64)
    return np.where(child, below, np.where(partner, beside, birth))


def _draw_arrivals(
    kind: npt.NDArray[np.int64], birth: npt.NDArray[np.int64], period: Period, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """First immigration of each person taken as a head; see `Population.arrival`."""
    count = len(kind)
    settled = period.first_day - 30 - rng.exponential(9 * DAYS_PER_YEAR, count).astype(np.int64)
    new = rng.integers(period.first_day, period.after - 10, count)
    unregistered = rng.integers(period.first_day - 700, period.after - 60, count)
    arrival = np.full(count, NEVER)
    arrival[kind == Kind.NATIVE] = -NEVER
    for k, days in zip(_IMMIGRANT_KINDS, (np.maximum(settled, birth + 365), new, unregistered), strict=True):
        arrival[kind == k] = days[kind == k]
    return arrival


def _draw_origins(
    kind: npt.NDArray[np.int64], lists: Lists, composition: Composition, rng: np.random.Generator
) -> tuple[Texts, npt.NDArray[np.int64]]:
    """Country of origin and culture of each person taken as a head; a few natives have names of other cultures."""
    count = len(kind)
    weights = lists.origins.weights
    if composition.even_cultures:
        of_culture = np.bincount(lists.origins.cultures, weights)
        weights = weights / of_culture[lists.origins.cultures] / np.count_nonzero(of_culture)
    origin = rng.choice(len(lists.origins.countries), count, p=weights)
    culture = lists.origins.cultures[origin]
    native = kind == Kind.NATIVE
    culture[native & (rng.random(count) >= _FOREIGN_NAME_SHARE)] = lists.culture_index(HOME_CULTURE)
    return np.where(native, HOME_COUNTRY, lists.origins.countries[origin]), culture


def _draw_deaths(birth: npt.NDArray[np.int64], period: Period, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Day of death within the period, else NEVER: a hazard that doubles every eight years of age (Gompertz)."""
    alive_from = np.maximum(birth, period.first_day)
    age = np.maximum(period.first_day - birth, 0) / DAYS_PER_YEAR
    hazard = 0.00005 * np.exp(0.09 * age) / DAYS_PER_YEAR
    death = alive_from + 1 + (rng.exponential(1.0, len(birth)) / hazard).clip(max=NEVER / 2).astype(np.int64)
    return np.where(death < period.after, death, NEVER)


def _draw_given_unlike_twin(
    lists: Lists,
    culture: npt.NDArray[np.int64],
    female: npt.NDArray[np.bool_],
    twins: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> Texts:
    """Given names such that no twin has the name of the other."""
    given = draw_given(lists, culture, female, rng)
    alike = twins[given[twins] == given[twins - 1]]
    while len(alike):
        given[alike] = draw_given(lists, culture[alike], female[alike], rng)
        alike = alike[given[alike] == given[alike - 1]]
    return given
