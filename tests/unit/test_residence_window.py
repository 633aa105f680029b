"""The rule of days in a window, on itineraries worked out by hand: 12/16 months, V = 365, W = 487, W - V = 122."""

import pytest

from disclosure.sql_residence_itinerary import Itinerary
from tests.residence_reference import ARRIVAL, BEFORE, DEPARTURE, OPEN, Crossing, residence
from tests.support.residence import illogical, window_residence

LONG = 3_000
"""End of observation so far away that no window of these itineraries is cut."""


def journey(text: str) -> list[Crossing]:
    """`+100 -465` arrives on day 100 and departs on day 465."""
    return [(int(word[1:]), ARRIVAL if word[0] == "+" else DEPARTURE) for word in text.split()]


def shown(text: str, final: int, itinerary: Itinerary = "midpoint") -> tuple[set[str], set[str]]:
    """Migrations as `+day` and `-day`, possible ones with a `?`; stays as `first..last`, of unknown status with `?`."""
    found = window_residence({1: journey(text)}, 365, 487, itinerary, final)[1]
    assert found == residence(journey(text), 365, 487, itinerary, final)
    moves = {f"{'+' if way == 'in' else '-'}{day}{'' if sure else '?'}" for day, way, _, _, sure in found.transitions}
    ends = {BEFORE: "", OPEN: ""}
    stays = {f"{ends.get(a, a)}..{ends.get(b, b)}{'' if sure else '?'}" for a, b, sure in found.stays}
    return moves, stays


@pytest.mark.parametrize(
    ("crossings", "moves", "stays"),
    [
        ("+100", {"+100"}, {"100.."}),
        ("-100", {"-100"}, {"..100"}),
        # A stay of 365 days leaves 122 of the window outside; one of 364 leaves 123, more than W - V.
        ("+100 -465", {"+100", "-465"}, {"100..465"}),
        ("+100 -464", set(), set()),
        # The other way round: an absence of 365 days leaves 122 at home.
        ("-100 +465", {"-100", "+465"}, {"..100", "465.."}),
        ("-100 +464", set(), {".."}),
        # Days add up: four visits of 92 days within the window make 368, of 91 days 364.
        # They end with the departure after which no more than 122 days are to come.
        ("+0 -92 +123 -215 +246 -338 +369 -461", {"+0", "-338"}, {"0..338"}),
        ("+0 -91 +123 -214 +246 -337 +369 -460", set(), set()),
        # Holidays of eight to twelve months, and trips there and back on one day, change nothing: scenarios 5 and 6
        # of Statistics New Zealand's package `migrbc` (tests of residents and of non-residents).
        ("+0 -250", set(), set()),
        ("-0 +250", set(), {".."}),
        ("+0 -0", set(), set()),
        ("+5 -10 +10 -12", set(), set()),
        # Away for good after a trip there and back on the day before: by the rule, since the first of the crossings.
        ("-100 +100 -101", {"-100"}, {"..100"}),
        # Home again for 122 of 487 days is still away; for 123 it is not.
        ("-100 +200 -322", {"-100"}, {"..100"}),
        ("-100 +200 -323", {"-323"}, {"..323"}),
        ("", set(), set()),
    ],
)
def test_migrations_with_the_whole_window_observed(crossings: str, moves: set[str], stays: set[str]) -> None:
    assert shown(crossings, LONG) == (moves, stays)


@pytest.mark.parametrize(
    ("crossings", "final", "moves", "stays"),
    [
        # Observed for fewer than W - V days: unknown, whatever happened.
        ("+100", 221, {"+100?"}, {"100..?"}),
        ("-100", 221, {"-100?"}, {"..100", "101..?"}),
        # From then on it is no change as soon as more than W - V days were spent on the other side.
        ("+100 -150", 272, {"+100?"}, {"100..?"}),
        ("+100 -150", 273, set(), set()),
        # And a migration as soon as V days were spent on the new one.
        ("+100", 464, {"+100?"}, {"100..?"}),
        ("+100", 465, {"+100"}, {"100.."}),
        ("+100 -465", 500, {"+100", "-465?"}, {"100..465", "466..?"}),
        # O = 400: away 35 days of it is O - V, away 36 days leaves it open.
        ("+100 -465", 500 + 86, {"+100", "-465?"}, {"100..465", "466..?"}),
        ("-100 +465", 500, {"-100", "+465?"}, {"..100", "465..?"}),
        ("-100 +464", 500, {"-100?", "+464?"}, {"..100", "101..?"}),
        # On the last day nothing is known of what follows.
        ("-100", 100, {"-100?"}, {"..100"}),
        ("+100", 100, {"+100?"}, {"100..?"}),
        # While unknown: another arrival may be the migration; a departure may be none if it comes before 243 days.
        ("+100 -110 +150", 200, {"+100?", "+150?"}, {"100..?"}),
        ("+100 -343", 420, {"+100?", "-343?"}, {"100..?"}),
        ("+100 -342", 420, {"+100?"}, {"100..?"}),
    ],
)
def test_migrations_that_the_end_of_observation_leaves_open(
    crossings: str, final: int, moves: set[str], stays: set[str]
) -> None:
    assert shown(crossings, final) == (moves, stays)


@pytest.mark.parametrize(
    ("crossings", "itinerary", "moves", "stays"),
    [
        # Two arrivals 1,000 days apart: away from the midpoint on, or never, or nobody knows.
        ("+100 +1100", "midpoint", {"+100", "-600", "+1100"}, {"100..600", "1100.."}),
        ("+100 +1100", "drop", {"+100"}, {"100.."}),
        ("+100 +1100", "flag", {"+100?", "+1100?"}, {"..?"}),
        ("-100 -1100", "midpoint", {"-100", "+600", "-1100"}, {"..100", "600..1100"}),
        ("-100 -1100", "drop", {"-100"}, {"..100"}),
        # An odd number of days between: the day is rounded down; with one day between it is that of the earlier.
        ("+100 +1101", "midpoint", {"+100", "-600", "+1101"}, {"100..600", "1101.."}),
        ("+100 +101", "midpoint", {"+100"}, {"100.."}),
        # Both directions on a day come in the order that fits, so that no itinerary is illogical for it.
        ("+100 -600 +600", "flag", {"+100"}, {"100.."}),
        ("-600 +600 -1000", "flag", {"-1000"}, {"..1000"}),
    ],
)
def test_two_crossings_in_the_same_direction(
    crossings: str, itinerary: Itinerary, moves: set[str], stays: set[str]
) -> None:
    assert shown(crossings, LONG, itinerary) == (moves, stays)


def test_crossings_that_are_no_crossings_change_nothing() -> None:
    plain = {1: journey("+100 -600")}
    noisy = {1: [*journey("+100 +100 -600 -600"), (-1, ARRIVAL), (LONG + 1, DEPARTURE), (300, "elsewhere")]}
    assert window_residence(noisy, 365, 487, "flag", LONG) == window_residence(plain, 365, 487, "flag", LONG)


def test_a_return_is_told_from_a_first_arrival() -> None:
    found = window_residence({1: journey("-10 +1000 -2000"), 2: journey("+10 -600 +1500")}, 365, 487, "drop", LONG)
    again = {
        (person, day): again for person in found for day, way, _, again, _ in found[person].transitions if way == "in"
    }
    assert again == {(1, 1000): True, (2, 10): False, (2, 1500): True}
    since = {day: since for day, way, since, _, _ in found[1].transitions if way == "out"}
    assert since == {10: BEFORE, 2000: 1000}


def test_every_illogical_pair_is_counted_whatever_becomes_of_it() -> None:
    people = {1: journey("+10 +20 -30 -40 -50"), 2: journey("+10 +10 -20"), 3: journey("+10 -20 +20 -30")}
    assert illogical(people, LONG) == {1: [20, 40, 50], 2: [], 3: []}
