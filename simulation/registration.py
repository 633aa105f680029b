"""What a population register knows of true residence: late, never ended by some, and only since its digitisation."""

from __future__ import annotations

from typing import Final

import numpy as np

from simulation.life_courses import LifeCourses, Spells
from simulation.people import Kind, Population
from simulation.period import NEVER, Period, first_of_year

DIGITISED_YEARS_BEFORE: Final = 10
"""Registrations older than 1 January so many years before the period are entered as beginning on that day."""

_REGISTERED_KINDS: Final = (Kind.NATIVE, Kind.SETTLED_IMMIGRANT, Kind.NEW_IMMIGRANT)
_NEVER_DEREGISTERED_SHARE: Final = 0.15
_MEAN_DELAY_BIRTH_DAYS: Final = 6
_MEAN_DELAY_IMMIGRATION_DAYS: Final = 25
_MEAN_DELAY_EMIGRATION_DAYS: Final = 60
_MEAN_DELAY_DEATH_DAYS: Final = 4


def draw_registrations(people: Population, lives: LifeCourses, period: Period, rng: np.random.Generator) -> Spells:
    """Registration spells as of the end of the period, half-open; an open one ends NEVER.

    Spells of one person do not overlap. Who has none is not in the register: those who are registered nowhere by
    kind, whose registration would begin after the period, or ended before it, or who left before they registered.
    """
    true, shape = lives.residence, (len(people), 2)
    born = true.start == people.birth[:, np.newaxis]
    mean_delay = np.where(born, _MEAN_DELAY_BIRTH_DAYS, _MEAN_DELAY_IMMIGRATION_DAYS)
    start = np.where(true.present, true.start + rng.exponential(mean_delay).astype(np.int64), NEVER)

    died = true.end == people.death[:, np.newaxis]
    mean_delay = np.where(died, _MEAN_DELAY_DEATH_DAYS, _MEAN_DELAY_EMIGRATION_DAYS)
    reported = died | (rng.random(shape) >= _NEVER_DEREGISTERED_SHARE)
    end = np.where((true.end < NEVER) & reported, true.end + 1 + rng.exponential(mean_delay).astype(np.int64), NEVER)

    # Whoever comes back before having been de-registered stays registered: one spell, with the second one's end.
    merged = true.present[:, 1] & (end[:, 0] >= start[:, 1])
    end[:, 0] = np.where(merged, end[:, 1], end[:, 0])
    start[:, 1] = np.where(merged, NEVER, start[:, 1])

    digitised = first_of_year(period.start.year - DIGITISED_YEARS_BEFORE)
    start = np.maximum(start, digitised)
    end = np.where(end >= period.after, NEVER, end)
    registered = np.isin(people.kind, _REGISTERED_KINDS)[:, np.newaxis]
    absent = ~registered | (start >= period.after) | (start >= end) | (end <= period.first_day)
    return Spells(np.where(absent, NEVER, start), np.where(absent, NEVER, end))
