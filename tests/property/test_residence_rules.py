"""Residence rules in SQL against their plain Python definition, on itineraries dense around the rules' borders."""

import datetime
import random
from itertools import pairwise
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure.query.parsing import parse_question
from disclosure.sql_residence_itinerary import Itinerary
from linkage_core.agreement.clauses import Period
from tests.disclosure_cases import document, synthetic_key
from tests.disclosure_reference import reference_vectors
from tests.disclosure_world import terms, vectors
from tests.residence_reference import ARRIVAL, DEPARTURE, Crossing, illogical_days, residence, signs_of_life
from tests.support.residence import BORDER, REGISTER, TAX, illogical, signs_residence, window_residence

ITINERARIES: tuple[Itinerary, ...] = get_args(Itinerary)


@st.composite
def _rules(draw: st.DrawFn) -> tuple[int, int]:
    days = draw(st.sampled_from([2, 3, 5, 10, 365]))
    return days, 487 if days == 365 else draw(st.integers(days, 2 * days - 1))


@st.composite
def _journeys(draw: st.DrawFn, days: int, window: int) -> list[Crossing]:
    """Crossings that mostly alternate, with steps between them at which the rule's decisions change."""
    rest = window - days
    borders = [0, 1, days - 1, days, days + 1, max(rest - 1, 0), rest, rest + 1, window - 1, window]
    steps = st.sampled_from(borders) | st.integers(0, window)
    day, arriving = draw(st.integers(-1, window)), draw(st.booleans())
    journey: list[Crossing] = []
    for _ in range(draw(st.integers(0, 9))):
        journey.append((day, ARRIVAL if arriving else DEPARTURE))
        day += draw(steps)
        arriving = arriving if draw(st.integers(0, 9)) == 0 else not arriving
    return journey


_anything = st.lists(st.tuples(st.integers(-2, 45), st.sampled_from([ARRIVAL, DEPARTURE, "elsewhere"])), max_size=9)


@st.composite
def _worlds(draw: st.DrawFn) -> tuple[int, int, int, dict[int, list[Crossing]]]:
    days, window = draw(_rules())
    journeys = st.lists(_journeys(days, window) | _anything, min_size=1, max_size=12)
    final = draw(st.sampled_from([0, window - days, days, window]) | st.integers(1, 4 * window))
    return days, window, final, dict(enumerate(draw(journeys), 1))


@given(world=_worlds(), itinerary=st.sampled_from(ITINERARIES))
@settings(max_examples=70)
def test_the_window_rule_in_sql_is_the_rule_day_by_day(
    world: tuple[int, int, int, dict[int, list[Crossing]]], itinerary: Itinerary
) -> None:
    days, window, final, people = world
    expected = {person: residence(journey, days, window, itinerary, final) for person, journey in people.items()}
    found = window_residence(people, days, window, itinerary, final)
    assert found == expected
    for of_person in found.values():  # nobody is in two stays on a day
        stays = sorted(of_person.stays)
        assert all(first <= last for first, last, _ in stays)
        assert all(a[1] < b[0] for a, b in pairwise(stays))


@given(world=_worlds(), itinerary=st.sampled_from(ITINERARIES), seed=st.integers(0, 2**32))
@settings(max_examples=12)
def test_the_order_of_crossings_changes_no_residence(
    world: tuple[int, int, int, dict[int, list[Crossing]]], itinerary: Itinerary, seed: int
) -> None:
    days, window, final, people = world
    shuffled = window_residence(people, days, window, itinerary, final, random.Random(seed))
    assert shuffled == window_residence(people, days, window, itinerary, final)


@given(world=_worlds(), itinerary=st.sampled_from(ITINERARIES))
@settings(max_examples=12)
def test_nobodys_residence_depends_on_other_people(
    world: tuple[int, int, int, dict[int, list[Crossing]]], itinerary: Itinerary
) -> None:
    days, window, final, people = world
    fewer = {person: journey for person, journey in people.items() if person % 2}
    every = window_residence(people, days, window, itinerary, final)
    assert window_residence(fewer, days, window, itinerary, final) == {person: every[person] for person in fewer}


@given(data=st.data())
@settings(max_examples=150)
def test_after_days_on_one_side_what_was_before_observation_changes_no_status(data: st.DataObject) -> None:
    days, window = data.draw(_rules())
    steps = st.integers(1, window + days)
    arriving, earlier, day = data.draw(st.booleans()), list[Crossing](), -data.draw(st.integers(1, window))
    for _ in range(data.draw(st.integers(1, 6))):  # back from the last crossing before observation, on day 0
        earlier.insert(0, (day, ARRIVAL if arriving else DEPARTURE))
        day, arriving = day - data.draw(steps), not arriving
    arriving, day, seen = earlier[-1][1] == DEPARTURE, days - 1, list[Crossing]()
    for _ in range(data.draw(st.integers(1, 6))):
        day += data.draw(steps) if seen else data.draw(st.integers(0, window))
        seen.append((day, ARRIVAL if arriving else DEPARTURE))
        arriving = not arriving
    final, shift = day + data.draw(st.integers(window, 2 * window)), -earlier[0][0]
    known = residence([(day + shift, way) for day, way in (*earlier, *seen)], days, window, "flag", final + shift)
    found = residence(seen, days, window, "flag", final)
    statuses = [
        {d for first, last, _ in of.stays for d in range(max(first - moved, days), min(last - moved, final) + 1)}
        for of, moved in ((known, shift), (found, 0))
    ]
    assert statuses[0] == statuses[1]
    moves = [
        {(day - moved, way, certain) for day, way, _, _, certain in of.transitions if day - moved >= days}
        for of, moved in ((known, shift), (found, 0))
    ]
    assert moves[0] == moves[1]


def test_with_fewer_days_on_one_side_it_does() -> None:
    # Abroad since the day before observation and home 364 days later: a trip, which looks like an immigration.
    home = residence([(0, DEPARTURE), (364, ARRIVAL)], 365, 487, "flag", 2_000)
    assert home.transitions == set()
    assert {(day, way) for day, way, *_ in residence([(363, ARRIVAL)], 365, 487, "flag", 1_999).transitions} == {
        (363, "in")
    }


@given(world=_worlds())
@settings(max_examples=20)
def test_illogical_crossings_in_sql_are_those_found_one_by_one(
    world: tuple[int, int, int, dict[int, list[Crossing]]],
) -> None:
    _, _, final, people = world
    assert illogical(people, final) == {person: illogical_days(journey, final) for person, journey in people.items()}


_year = st.integers(2013, 2023)
_date = st.dates(datetime.date(2013, 6, 1), datetime.date(2023, 6, 30))


@st.composite
def _signs(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    person = st.integers(1, 4)
    spell = st.fixed_dictionaries({"person": person, "start": _date, "end": st.none() | _date})
    return {
        "border": draw(st.lists(st.fixed_dictionaries({"person": person, "day": _date}), max_size=12)),
        "tax": draw(st.lists(st.fixed_dictionaries({"person": person, "year": _year}), max_size=16)),
        "register": draw(st.lists(spell, max_size=5)),
    }


def _seen(rows: dict[str, list[dict[str, Any]]], period: Period, person: int) -> set[tuple[str, int]]:
    seen = {("border", r["day"].year) for r in rows["border"] if r["person"] == person and _within(r["day"], period)}
    seen |= {("tax", r["year"]) for r in rows["tax"] if r["person"] == person}
    for row in rows["register"]:
        day = row["start"]
        while row["person"] == person and day <= min(row["end"] or period.end, period.end):
            if _within(day, period):
                seen.add(("register", day.year))
            day += datetime.timedelta(days=1)
    return seen


def _within(day: datetime.date, period: Period) -> bool:
    return period.start <= day <= period.end


@given(
    rows=_signs(),
    weights=st.tuples(*[st.integers(1, 3)] * 3),
    gap_years=st.integers(0, 2),
    period=st.sampled_from([("2015-01-01", "2021-12-31"), ("2014-03-02", "2020-10-31")]),
    data=st.data(),
)
@settings(max_examples=25)
def test_signs_of_life_in_sql_are_the_years_counted_one_by_one(
    rows: dict[str, list[dict[str, Any]]],
    weights: tuple[int, int, int],
    gap_years: int,
    period: tuple[str, str],
    data: st.DataObject,
) -> None:
    start, end = map(datetime.date.fromisoformat, period)
    observed, named = Period(start=start, end=end), dict(zip(("border", "tax", "register"), weights, strict=True))
    score = data.draw(st.integers(1, sum(weights)))
    tables = {"border": BORDER, "tax": TAX, "register": REGISTER}
    expected = {}
    for person in range(1, 5):
        years = range(start.year, end.year + 1)
        runs = signs_of_life(_seen(rows, observed, person), named, score, gap_years, years)
        if runs:
            expected[person] = [
                (datetime.date(a, 1, 1), datetime.date(9999 if b == end.year else b, 12, 31)) for a, b in runs
            ]
    found = signs_residence(
        {tables[name]: given for name, given in rows.items()},
        {tables[name]: weight for name, weight in named.items()},
        score,
        gap_years,
        observed,
    )
    assert found == expected


def _spells(limit: int, rng: random.Random) -> list[tuple[int, int | None]]:
    """Spells of one person around the day 0, with gaps and lengths at which stays are joined or dropped."""
    borders = [1, 2, limit // 2 + 1, limit - 1, limit, limit + 1]
    first = rng.randint(-3 * limit, limit)
    spells: list[tuple[int, int | None]] = []
    for _ in range(rng.randint(1, 8)):
        last = first + rng.choice(borders) - 1
        spells.append((first, None if rng.random() < 0.03 else last))
        first = last + rng.choice(borders)
    return spells


@pytest.mark.parametrize("months", [0, 12])
@pytest.mark.parametrize("numbers", [(0,), (0, 1, 366)])
def test_spells_far_from_the_dates_change_no_stock(months: int, numbers: tuple[int, ...]) -> None:
    rng, day = random.Random(months), datetime.date(2019, 1, 1)
    dates = [(day + datetime.timedelta(days=number)).isoformat() for number in numbers]
    question = parse_question(document("stock", at=dates, rule={"minimum_months": months}, by=[]))
    spells = [
        {
            "synthetic_key": synthetic_key(person),
            "start": day + datetime.timedelta(days=first),
            "end": None if last is None else day + datetime.timedelta(days=last),
        }
        for person in range(400)
        for first, last in _spells(365 if months else 2, rng)
    ]
    rows = {("register", "spells"): rng.sample(spells, len(spells))}
    assert vectors(question, terms(), rows) == reference_vectors(question, terms(), rows)
