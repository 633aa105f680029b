"""Taxpayers' years: what the tax office records for each calendar year in which a person had to do with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from simulation.life_courses import LifeCourses
from simulation.name_lists import Texts
from simulation.people import Kind, Population
from simulation.period import DAYS_PER_YEAR, Period, first_of_year

ACTIVITIES: Final = ("employed", "self_employed", "unemployed", "student", "pensioner", "property_owner")
INCOME_BANDS: Final = ("B0", "B1", "B2", "B3", "B4", "B5", "B6", "B7")
"""B0: no income; B1..B7: up to 5, 10, 20, 30, 45, 70 thousand, and more."""

_BAND_LIMITS: Final = np.array([5e3, 10e3, 20e3, 30e3, 45e3, 70e3])
_TAXPAYER_SHARE: Final = {
    Kind.NATIVE: 0.88,
    Kind.SETTLED_IMMIGRANT: 0.82,
    Kind.NEW_IMMIGRANT: 0.7,
    Kind.UNREGISTERED_RESIDENT: 0.3,
    Kind.CROSS_BORDER_WORKER: 1.0,
    Kind.NON_RESIDENT_OWNER: 1.0,
}
_SHORTEST_DAYS: Final = 60
"""Days in a year, in the country or at work in it, from which there is a row for the year."""


@dataclass(frozen=True, slots=True)
class TaxYears:
    """Person-years, sorted by year then person; one array element a row."""

    person: npt.NDArray[np.int64]
    year: npt.NDArray[np.int64]
    activity: Texts
    income_band: Texts
    income: npt.NDArray[np.int64]
    """In crowns of the invented country."""


class _Rows(NamedTuple):
    person: npt.NDArray[np.int64]
    year: npt.NDArray[np.int64]
    activity: npt.NDArray[np.int64]
    band: npt.NDArray[np.int64]
    income: npt.NDArray[np.int64]


def draw_tax_years(people: Population, lives: LifeCourses, period: Period, rng: np.random.Generator) -> TaxYears:
    """One row for each taxpayer and year with enough days in it; nobody under 18 at the end of the year."""
    count = len(people)
    share = np.array([_TAXPAYER_SHARE.get(k, 0.0) for k in Kind])[people.kind]
    taxpayer = rng.random(count) < share
    usual = rng.choice(3, count, p=[0.78, 0.12, 0.10])
    level = rng.normal(9.9, 0.6, count)
    rows: list[_Rows] = []
    for year in period.years:
        begin, end = first_of_year(year), first_of_year(year + 1)
        age = (end - people.birth) / DAYS_PER_YEAR
        owner = (people.kind == Kind.NON_RESIDENT_OWNER) & (people.death >= end)
        person = np.flatnonzero(taxpayer & (age >= 18) & (owner | (_days(lives, begin, end) >= _SHORTEST_DAYS)))
        changed = rng.random(len(person)) < 0.1
        activity = np.where(changed, rng.integers(0, 3, len(person)), usual[person])
        draws = rng.random(len(person))
        activity = np.where((age[person] < 25) & (draws < 0.4), ACTIVITIES.index("student"), activity)
        activity = np.where((age[person] >= 65) & (draws < 0.85), ACTIVITIES.index("pensioner"), activity)
        at_work = people.kind[person] == Kind.CROSS_BORDER_WORKER
        activity = np.where(at_work, ACTIVITIES.index("employed"), activity)
        activity = np.where(owner[person], ACTIVITIES.index("property_owner"), activity)
        scale = np.array([1.0, 1.1, 0.35, 0.2, 0.6, 0.4])[activity]
        income = np.exp(level[person] + rng.normal(0, 0.15, len(person))) * scale
        nothing = (scale < 0.5) & (rng.random(len(person)) < 0.4)
        band = np.where(nothing, 0, np.searchsorted(_BAND_LIMITS, income) + 1)
        rows.append(_Rows(person, np.full(len(person), year), activity, band, np.where(nothing, 0, income).astype(int)))
    return TaxYears(
        person=np.concatenate([row.person for row in rows]),
        year=np.concatenate([row.year for row in rows]),
        activity=np.array(ACTIVITIES, dtype=object)[np.concatenate([row.activity for row in rows])],
        income_band=np.array(INCOME_BANDS, dtype=object)[np.concatenate([row.band for row in rows])],
        income=np.concatenate([row.income for row in rows]),
    )


def _days(lives: LifeCourses, begin: int, end: int) -> npt.NDArray[np.int64]:
    """Days of [begin, end) that each person spends resident or in a cross-border job."""
    residence = lives.residence
    resident = np.clip(np.minimum(residence.end, end) - np.maximum(residence.start, begin), 0, None).sum(axis=1)
    at_work = np.clip(np.minimum(lives.work_end, end) - np.maximum(lives.work_start, begin), 0, None)
    days: npt.NDArray[np.int64] = resident + at_work
    return days
