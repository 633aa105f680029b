"""Where people truly live, when: spells of residence, and the working spells of those who live abroad.

All spells are half-open: a person is resident on day d if start <= d < end. Whoever migrates stays, or stays away, for
more than twelve months, unless the period or life ends first; so the truth agrees with the usual definition of
residence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from simulation.people import Kind, Population
from simulation.period import DAYS_PER_YEAR, NEVER, Period

TWELVE_MONTHS: Final = 366

_LEAVING_SHARE: Final = {
    Kind.NATIVE: 0.05,
    Kind.SETTLED_IMMIGRANT: 0.12,
    Kind.NEW_IMMIGRANT: 0.35,
    Kind.UNREGISTERED_RESIDENT: 0.4,
}
_RETURNING_SHARE: Final = {
    Kind.NATIVE: 0.4,
    Kind.SETTLED_IMMIGRANT: 0.25,
    Kind.NEW_IMMIGRANT: 0.2,
    Kind.UNREGISTERED_RESIDENT: 0.1,
}
_JOINING_SHARE: Final = 0.9
"""Members of a household who leave together with its head."""
_LEFT_BEFORE_DAYS: Final = 4 * 365
"""Natives may have left up to so many days before the period."""


@dataclass(frozen=True, slots=True)
class Spells:
    """Up to two spells a person: int64 days (people, 2), in order; an absent spell starts and ends NEVER."""

    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """Which spells exist, bool (people, 2)."""
        return self.start < NEVER


@dataclass(frozen=True, slots=True)
class LifeCourses:
    """Residence of everyone, and for cross-border workers the time for which they hold their job."""

    residence: Spells
    work_start: npt.NDArray[np.int64]
    """NEVER for all but cross-border workers."""
    work_end: npt.NDArray[np.int64]


def draw_life_courses(people: Population, period: Period, rng: np.random.Generator) -> LifeCourses:
    """Draw immigration, emigration and return of households, cut at death."""
    count = len(people)
    start = np.maximum(people.birth, people.arrival)
    leaving = _draw_leaving(people, start, period, rng)
    away = TWELVE_MONTHS + rng.exponential(300, count).astype(np.int64)[people.head]
    back = leaving + away
    returning_share = np.array([_RETURNING_SHARE.get(k, 0.0) for k in Kind])[people.kind]
    returns = (leaving < NEVER) & (rng.random(count)[people.head] < returning_share) & (back < period.after)
    returns &= back >= period.first_day
    back = np.where(returns, back, NEVER)
    residence = _cut(
        np.stack([start, back], axis=1), np.stack([leaving, np.full(count, NEVER)], axis=1), people.death, period.after
    )
    worker = people.kind == Kind.CROSS_BORDER_WORKER
    work_start = period.first_day + rng.integers(-900, (period.after - period.first_day) - 200, count)
    work_end = np.minimum(work_start + 180 + rng.exponential(900, count).astype(np.int64), people.death)
    work_start = np.maximum(work_start, period.first_day)
    worker &= work_end > work_start + 30
    return LifeCourses(
        residence=residence,
        work_start=np.where(worker, work_start, NEVER),
        work_end=np.where(worker, work_end, NEVER),
    )


def migrations(
    people: Population, residence: Spells, period: Period
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Person, day and direction (True: inward) of the migrations within the period.

    An immigration begins a spell later than birth, an emigration ends one before death.
    """
    within = (residence.start >= period.first_day) & (residence.start < period.after)
    came = np.nonzero(within & (residence.start > people.birth[:, np.newaxis]))
    within = (residence.end >= period.first_day) & (residence.end < period.after)
    left = np.nonzero(within & (residence.end < people.death[:, np.newaxis]))
    return (
        np.concatenate([came[0], left[0]]),
        np.concatenate([residence.start[came], residence.end[left]]),
        np.repeat([True, False], [len(came[0]), len(left[0])]),
    )


def _draw_leaving(
    people: Population, start: npt.NDArray[np.int64], period: Period, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """The first emigration, NEVER for those who stay; heads decide, most members join them."""
    count = len(people)
    share = np.array([_LEAVING_SHARE.get(k, 0.0) for k in Kind])[people.kind]
    leaves = (rng.random(count) < share)[people.head]
    any_day = rng.integers(period.first_day, period.after, count)
    native_day = rng.integers(period.first_day - _LEFT_BEFORE_DAYS, period.after, count)
    after_stay = start + TWELVE_MONTHS + rng.integers(0, int(3 * DAYS_PER_YEAR), count)
    arrived_late = np.isin(people.kind, (Kind.NEW_IMMIGRANT, Kind.UNREGISTERED_RESIDENT))
    day = np.where(people.kind == Kind.NATIVE, native_day, np.where(arrived_late, after_stay, any_day))[people.head]
    joins = (people.head == np.arange(count)) | (rng.random(count) < _JOINING_SHARE)
    leaves &= joins & (start < day) & (people.arrival + TWELVE_MONTHS <= day) & (day < period.after)
    return np.where(leaves, day, NEVER)


def _cut(start: npt.NDArray[np.int64], end: npt.NDArray[np.int64], death: npt.NDArray[np.int64], after: int) -> Spells:
    """Spells that end with death at the latest; spells that would start after death or after the period vanish."""
    end = np.minimum(end, death[:, np.newaxis])
    absent = (start >= end) | (start >= after)
    return Spells(np.where(absent, NEVER, start), np.where(absent, NEVER, end))
