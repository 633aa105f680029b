"""The residence rules in plain Python: the definition that the SQL is compared with. Days are whole numbers.

One crossing after the other and one day after the other, as the rules are told; no windows, no sums of days.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

ARRIVAL, DEPARTURE = "arrival", "departure"
Crossing = tuple[int, str]

NON_RESIDENT, RESIDENT, UNKNOWN = "non-resident", "resident", "unknown"

BEFORE, OPEN = -(10**6), 10**6
"""First day of a stay that began before the first crossing; last day of a stay that goes on."""


def illogical_days(crossings: Iterable[Crossing], final: int) -> list[int]:
    """Days of the later of two crossings in the same direction with none between."""
    journey = in_order(crossings, final)
    return [day for (_, before), (day, way) in pairwise(journey) if before == way]


def in_order(crossings: Iterable[Crossing], final: int) -> list[Crossing]:
    """Each crossing once, of days from 0 to `final`; a day with both directions is a trip from where the person was."""
    days: dict[int, set[str]] = {}
    for day, way in crossings:
        if 0 <= day <= final and way in (ARRIVAL, DEPARTURE):
            days.setdefault(day, set()).add(way)
    alone = [next(iter(ways)) for _, ways in sorted(days.items()) if len(ways) == 1]
    inside = alone[:1] == [DEPARTURE]
    journey: list[Crossing] = []
    for day, ways in sorted(days.items()):
        if len(ways) == 2:
            journey += [(day, way) for way in ((DEPARTURE, ARRIVAL) if inside else (ARRIVAL, DEPARTURE))]
        else:
            journey.append((day, next(iter(ways))))
            inside = ways == {ARRIVAL}
    return journey


def mended(journey: Sequence[Crossing], itinerary: str) -> list[Crossing]:
    """The itinerary with a crossing inserted between two in the same direction, or without the later of them."""
    kept: list[Crossing] = []
    for day, way in journey:
        if kept and kept[-1][1] == way:
            if itinerary == "drop":
                continue
            kept.append(((kept[-1][0] + day) // 2, DEPARTURE if way == ARRIVAL else ARRIVAL))
        kept.append((day, way))
    return kept


def outcome(observed: int, away: int, days: int, window: int) -> Literal["none", "migration", "unknown"]:
    """What a crossing comes to that could change the status: Statistics New Zealand's five-way decision."""
    if observed < window - days:
        return "unknown"
    if away > window - days:
        return "none"
    if observed >= window:
        return "migration"
    if away > observed - days:
        return "unknown"
    return "migration"


@dataclass
class Residence:
    """`stays` are (first, last, certain); `transitions` are (day, way, since, again, certain)."""

    stays: set[tuple[int, int, bool]] = field(default_factory=set)
    transitions: set[tuple[int, str, int, bool, bool]] = field(default_factory=set)


def residence(crossings: Iterable[Crossing], days: int, window: int, itinerary: str, final: int) -> Residence:
    """Stays and transitions of one person under the rule of `days` in a window of `window`, observed until `final`."""
    found = Residence()
    journey = in_order(crossings, final)
    if not journey:
        return found
    if itinerary == "flag" and illogical_days(crossings, final):
        found.stays.add((BEFORE, OPEN, False))
        for day, way in journey:
            found.transitions.add(
                (day, "in", day, False, False) if way == ARRIVAL else (day, "out", BEFORE, False, False)
            )
        return found
    journey = mended(journey, itinerary)
    nights = _nights(journey, final)
    status = RESIDENT if journey[0][1] == DEPARTURE else NON_RESIDENT
    since, been_resident = BEFORE, status == RESIDENT
    unknown: tuple[int, str, int] | None = None
    for day, way in journey:
        observed = min(final - day, window)
        here = sum(nights[day : day + observed])
        away = observed - here if way == ARRIVAL else here
        decision = outcome(observed, away, days, window)
        direction = "in" if way == ARRIVAL else "out"
        if unknown is not None:
            began, first_way, first_since = unknown
            side = sum(night == (first_way == ARRIVAL) for night in nights[began:day])
            if decision != "none" and (way == first_way or side >= 2 * days - window):
                again = way == ARRIVAL and been_resident
                found.transitions.add((day, direction, day if way == ARRIVAL else first_since, again, False))
            continue
        if (status == RESIDENT) == (way == ARRIVAL) or decision == "none":
            continue
        if decision == "unknown":
            started = day if way == ARRIVAL else since
            found.transitions.add((day, direction, started, way == ARRIVAL and been_resident, False))
            unknown = (day, way, started)
        elif way == ARRIVAL:
            found.transitions.add((day, "in", day, been_resident, True))
            status, since, been_resident = RESIDENT, day, True
        else:
            found.transitions.add((day, "out", since, False, True))
            found.stays.add((since, day, True))
            status = NON_RESIDENT
    if status == RESIDENT:
        found.stays.add((since, OPEN if unknown is None else unknown[0], True))
    if unknown is not None and (status == NON_RESIDENT or unknown[0] < final):
        found.stays.add((unknown[0] + (status == RESIDENT), OPEN, False))
    return found


def _nights(journey: Sequence[Crossing], final: int) -> list[bool]:
    """Whether the person spends the night after each day in the country."""
    inside = journey[0][1] == DEPARTURE
    nights = []
    for day in range(final):
        for _, way in (crossing for crossing in journey if crossing[0] == day):
            inside = way == ARRIVAL
        nights.append(inside)
    return nights


def signs_of_life(
    seen: Iterable[tuple[str, int]], weights: dict[str, int], score: int, gap_years: int, years: range
) -> list[tuple[int, int]]:
    """Runs of resident years, as (first, last): years in which the sources seen weigh `score`, small gaps bridged."""
    seen = set(seen)
    runs: list[tuple[int, int]] = []
    for year in years:
        if sum(weight for source, weight in weights.items() if (source, year) in seen) >= score:
            if runs and year - runs[-1][1] - 1 <= gap_years:
                runs[-1] = (runs[-1][0], year)
            else:
                runs.append((year, year))
    return runs
