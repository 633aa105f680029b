"""Border crossings: every migration, and the short trips in between, as the border police records them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from simulation.life_courses import LifeCourses, migrations
from simulation.people import Kind, Population
from simulation.period import DAYS_PER_YEAR, NEVER, Period

_TRAVELLING_SHARE: Final = 0.65
_MISSING_SHARE: Final = 0.02
"""Crossings that were never recorded: the itinerary then shows two in the same direction."""
_RENEWED_SHARE: Final = 0.03
_DUAL_USE_SHARE: Final = 0.7
"""Dual citizens who travel with both passports."""


@dataclass(frozen=True, slots=True)
class Crossings:
    """Recorded crossings, sorted by day then person; one array element a crossing."""

    person: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]
    inward: npt.NDArray[np.bool_]
    passport: npt.NDArray[np.int64]
    """Which of the person's passports was shown: 0 or 1."""


@dataclass(frozen=True, slots=True)
class _Stretches:
    """Stretches of time in which a person makes short trips from one side of the border to the other and back."""

    person: npt.NDArray[np.int64]
    low: npt.NDArray[np.int64]
    high: npt.NDArray[np.int64]
    trips_per_year: npt.NDArray[np.float64]
    at_least: npt.NDArray[np.int64]
    mean_days: npt.NDArray[np.float64]
    longest_days: npt.NDArray[np.int64]
    inward_first: npt.NDArray[np.bool_]


def draw_crossings(people: Population, lives: LifeCourses, period: Period, rng: np.random.Generator) -> Crossings:
    """Draw all crossings within the period: never two of one person on a day, alternating but for missing ones."""
    stretches = _all_stretches(people, lives, period, rng)
    trip_person, leave, comeback, inward_first = _draw_trips(stretches, rng)
    move_person, move_day, move_inward = migrations(people, lives.residence, period)
    person = np.concatenate([trip_person, trip_person, move_person])
    day = np.concatenate([leave, comeback, move_day])
    inward = np.concatenate([inward_first, ~inward_first, move_inward])
    trip = np.concatenate([np.tile(np.arange(len(trip_person)), 2), np.arange(len(move_person)) + len(trip_person)])
    passport = _passports(people, person, day, trip, period, rng)
    recorded = (rng.random(len(person)) >= _MISSING_SHARE) & (day < period.after)
    order = np.lexsort((person[recorded], day[recorded]))
    rows = np.flatnonzero(recorded)[order]
    return Crossings(person[rows], day[rows], inward[rows], passport[rows])


def _all_stretches(people: Population, lives: LifeCourses, period: Period, rng: np.random.Generator) -> _Stretches:
    """Residents' time at home, emigrants' and later immigrants' time abroad, visitors' period, workers' jobs."""
    count = len(people)
    residence = lives.residence
    first, after = np.full(count, period.first_day), np.full(count, period.after)
    travels = rng.random(count) < _TRAVELLING_SHARE
    eagerness = rng.lognormal(-0.3, 0.8, count)
    lived_here = residence.present[:, 0]
    visitor = people.kind == Kind.VISITOR
    worker = lives.work_start < NEVER
    parts = [
        # from, to, trips a year, at least, mean days, longest, inward first, who
        (residence.start[:, 0], residence.end[:, 0], 0.5 * eagerness, 0, 8, 90, False, lived_here & travels),
        (
            residence.start[:, 1],
            residence.end[:, 1],
            0.5 * eagerness,
            0,
            8,
            90,
            False,
            residence.present[:, 1] & travels,
        ),
        (people.birth, residence.start[:, 0], 0.1 * eagerness, 0, 12, 90, True, lived_here),
        (residence.end[:, 0], residence.start[:, 1], 0.4 * eagerness, 0, 12, 90, True, lived_here & travels),
        (residence.end[:, 1], after, 0.4 * eagerness, 0, 12, 90, True, residence.present[:, 1] & travels),
        (np.maximum(people.birth, first), after, 0.3 * eagerness, 1, 14, 150, True, visitor),
        (lives.work_start, lives.work_end, 2.5 + eagerness, 2, 3, 12, True, worker),
    ]
    pieces: list[tuple[npt.NDArray[np.generic], ...]] = []
    for low, high, rate, at_least, mean_days, longest, inward, who in parts:
        low = np.maximum(low, first)
        high = np.minimum(np.minimum(high, after), people.death)
        rows = np.flatnonzero(who & (high - low > 6))
        same = np.ones(len(rows), dtype=np.int64)
        pieces.append(
            (
                rows,
                low[rows],
                high[rows],
                rate[rows],
                same * at_least,
                same * float(mean_days),
                same * longest,
                same * inward > 0,
            )
        )
    return _Stretches(*(np.concatenate(column) for column in zip(*pieces, strict=True)))


def _draw_trips(
    stretches: _Stretches, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Person, first and second day, and direction of the first crossing, of trips that do not touch each other."""
    length = stretches.high - stretches.low
    trips = rng.poisson(stretches.trips_per_year * length / DAYS_PER_YEAR)
    stretch = np.repeat(np.arange(len(length)), np.maximum(trips, stretches.at_least))
    # Strictly inside, so that no trip falls on the day of a migration.
    leave = stretches.low[stretch] + 1 + (rng.random(len(stretch)) * (length[stretch] - 4)).astype(np.int64)
    order = np.lexsort((leave, stretch))
    stretch, leave = stretch[order], leave[order]
    until = stretches.high[stretch] - 1
    same_stretch = stretch[1:] == stretch[:-1]
    until[:-1] = np.where(same_stretch, np.minimum(until[:-1], leave[1:] - 1), until[:-1])
    days = 1 + (rng.exponential(stretches.mean_days[stretch])).astype(np.int64)
    comeback = np.minimum(leave + np.minimum(days, stretches.longest_days[stretch]), until)
    kept = comeback > leave
    stretch = stretch[kept]
    return stretches.person[stretch], leave[kept], comeback[kept], stretches.inward_first[stretch]


def _passports(
    people: Population,
    person: npt.NDArray[np.int64],
    day: npt.NDArray[np.int64],
    trip: npt.NDArray[np.int64],
    period: Period,
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Which passport is shown: dual citizens choose by trip, others change to the second one when they renew."""
    count = len(people)
    renewal = rng.integers(period.first_day, period.after, count)
    renewal = np.where(rng.random(count) < _RENEWED_SHARE, renewal, NEVER)
    dual = (people.second_citizenship != "") & (rng.random(count) < _DUAL_USE_SHARE)
    chosen = rng.random(len(person))[trip] < 0.4
    return np.where(dual[person], chosen, day >= renewal[person]).astype(np.int64)


def passport_citizenship(
    people: Population, person: npt.NDArray[np.int64], passport: npt.NDArray[np.int64]
) -> npt.NDArray[np.object_]:
    """The citizenship that a passport states: a dual citizen's second passport states the second one."""
    second = (passport == 1) & (people.second_citizenship[person] != "")
    citizenship: npt.NDArray[np.object_] = np.where(
        second, people.second_citizenship[person], people.citizenship[person]
    )
    return citizenship
