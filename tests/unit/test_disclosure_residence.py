"""The residence rule and the measures, on histories small enough to count by hand."""

import datetime
from typing import Any

import pytest

from disclosure.query.parsing import parse_question
from tests.disclosure_cases import document
from tests.disclosure_world import terms, vector

Spell = tuple[str, str | None]


def rows_of(spells: list[Spell]) -> Any:
    return {
        ("register", "spells"): [
            {
                "synthetic_key": b"p" * 16,
                "start": datetime.date.fromisoformat(start),
                "end": None if end is None else datetime.date.fromisoformat(end),
            }
            for start, end in spells
        ]
    }


def counted(measure: str, spells: list[Spell], months: int = 12, **fields: Any) -> tuple[int, ...]:
    question = parse_question(document(measure, rule={"minimum_months": months}, **fields))
    return vector(question, terms(flow_cells_per_person=10), rows_of(spells))


DATES = ["2018-12-31", "2019-01-01", "2019-12-31", "2020-01-01"]


@pytest.mark.parametrize(
    ("spells", "months", "expected"),
    [
        ([("2019-01-01", "2019-12-31")], 12, (0, 1, 1, 0)),  # 365 days, both ends included
        ([("2019-01-01", "2019-12-30")], 12, (0, 0, 0, 0)),  # 364 days are a short stay
        ([("2019-01-01", "2019-12-30")], 0, (0, 1, 0, 0)),
        ([("2019-12-31", None)], 12, (0, 0, 1, 1)),  # an open stay counts as going on
        ([("2017-01-01", "2018-12-30"), ("2019-12-30", "2021-01-01")], 12, (1, 1, 1, 1)),  # away 364 days
        ([("2017-01-01", "2018-12-30"), ("2019-12-31", "2021-01-01")], 12, (0, 0, 1, 1)),  # away 365 days
        ([("2017-01-01", "2018-12-30"), ("2019-12-30", "2021-01-01")], 0, (0, 0, 1, 1)),
        ([("2018-10-01", "2019-03-01"), ("2019-08-01", "2020-01-01")], 12, (1, 1, 1, 1)),  # two short spells, one stay
        ([("2017-01-01", "2021-01-01"), ("2018-01-01", "2018-02-01")], 12, (1, 1, 1, 1)),  # a spell within another
        ([("2019-12-31", "2019-01-01")], 0, (0, 0, 0, 0)),  # ends before it starts
        ([], 12, (0, 0, 0, 0)),
    ],
)
def test_stocks_by_the_residence_rule(spells: list[Spell], months: int, expected: tuple[int, ...]) -> None:
    assert counted("stock", spells, months, at=DATES) == expected


@pytest.mark.parametrize(
    ("spells", "months", "inflow", "outflow"),
    [
        ([("2018-05-01", "2019-06-01")], 12, (1, 0, 0), (0, 1, 0)),
        ([("2018-05-01", "2019-04-01")], 12, (0, 0, 0), (0, 0, 0)),  # too short to count on either side
        ([("2018-05-01", "2019-04-01")], 0, (1, 0, 0), (0, 1, 0)),
        ([("2018-05-01", None)], 12, (1, 0, 0), (0, 0, 0)),
        ([("2015-01-01", "2018-06-01")], 12, (0, 0, 0), (1, 0, 0)),  # began when observation did
        ([("2016-01-01", "2018-06-01"), ("2019-05-01", None)], 12, (0, 0, 0), (0, 0, 0)),  # a short absence
        ([("2016-01-01", "2018-06-01"), ("2019-06-02", None)], 12, (0, 1, 0), (1, 0, 0)),
        ([("2018-01-05", "2018-02-01"), ("2018-03-01", "2018-04-01")], 0, (1, 0, 0), (1, 0, 0)),  # once a year at most
        ([("2018-01-05", "2018-02-01"), ("2018-02-02", "2019-04-01")], 0, (1, 0, 0), (0, 1, 0)),  # adjoining spells
    ],
)
def test_flows_by_the_residence_rule(
    spells: list[Spell], months: int, inflow: tuple[int, ...], outflow: tuple[int, ...]
) -> None:
    assert counted("inflow", spells, months) == inflow
    assert counted("outflow", spells, months) == outflow


def test_a_stay_that_began_on_the_first_day_of_observation_is_no_inflow() -> None:
    assert counted("inflow", [("2015-01-01", None)], over=[2015]) == (0,)
    assert counted("inflow", [("2015-01-02", None)], over=[2015]) == (1,)


def test_conflicts_between_sources_are_resolved_by_precedence_then_by_the_public_list() -> None:
    def sex(register: list[str | None], border: list[str | None]) -> tuple[int, ...]:
        rows = rows_of([("2018-01-01", None)])
        rows["register", "people"] = [{"synthetic_key": b"p" * 16, "sex": value, "born-in": "aa"} for value in register]
        rows["border", "people"] = [{"synthetic_key": b"p" * 16, "sex": value} for value in border]
        return vector(parse_question(document("stock", by=["sex"])), terms(), rows)

    f, m, unknown = (1, 0, 0), (0, 1, 0), (0, 0, 1)
    assert sex(["m"], ["f"]) == m
    assert sex([None], ["f"]) == f
    assert sex(["unknown"], ["m"]) == m
    assert sex(["not listed"], ["m"]) == m
    assert sex(["m", "f"], []) == f
    assert sex([None, "m"], ["f"]) == m
    assert sex([], []) == unknown


def test_overlap_counts_each_person_once_and_persons_in_neither_source_not_at_all() -> None:
    day = datetime.date(2019, 7, 1)

    def person(number: int) -> bytes:
        return bytes([number]) * 16

    rows: Any = {
        ("border", "crossings"): [
            *({"synthetic_key": person(n), "day": day} for n in (1, 1, 2, 3)),
            {"synthetic_key": person(5), "day": datetime.date(2018, 12, 31)},
        ],
        ("tax", "years"): [{"synthetic_key": person(n), "year": y} for n, y in ((1, 2019), (4, 2020), (5, 2021))],
    }
    question = parse_question(document("overlap", of=["tax", "border"]))
    assert vector(question, terms(), rows) == (1, 2, 1)  # both, border only, tax only


WINDOW = {"kind": "window", "days": 365, "of": 487}


def crossings_of(*people: str) -> Any:
    """Persons' crossings as `in 2018-05-01 out 2020-06-01`."""
    rows = []
    for number, words in enumerate(map(str.split, people), 1):
        for direction, day in zip(words[::2], words[1::2], strict=True):
            key = bytes([number]) * 16
            rows.append({"synthetic_key": key, "day": datetime.date.fromisoformat(day), "direction": direction})
    return {("border", "crossings"): rows}


def by_crossings(measure: str, *people: str, rule: dict[str, Any] | None = None, **fields: Any) -> tuple[int, ...]:
    question = parse_question(document(measure, rule=WINDOW | (rule or {}), **fields))
    return vector(question, terms(flow_cells_per_person=10), crossings_of(*people))


def test_stocks_by_crossings_have_residents_and_unknown_beside_each_other() -> None:
    people = (
        "in 2018-05-01",
        "out 2020-03-01 in 2020-05-01",  # a resident on a trip
        "in 2019-01-01 out 2019-06-01",  # a visitor
        "out 2022-12-01",  # gone a month before the end of observation: unknown from the day after
    )
    # Certain, unknown, never crossed, at each date.
    assert by_crossings("stock", *people, at=["2020-04-01", "2022-12-01", "2022-12-02"]) == (3, 0, 0, 3, 0, 0, 2, 1, 0)


def test_who_never_crossed_the_border_does_not_vanish_from_a_stock_by_crossings() -> None:
    rows = crossings_of("in 2018-05-01", "in 2014-05-01", "out 2018-05-01")
    rows["border", "crossings"].append({"synthetic_key": b"\4" * 16, "day": None, "direction": "in"})
    rows["border", "crossings"].append({"synthetic_key": b"\4" * 16, "day": datetime.date(2018, 5, 1)})
    rows["register", "people"] = [{"synthetic_key": bytes([n]) * 16, "sex": "f"} for n in (1, 2, 5)]
    rows["tax", "years"] = [
        {"synthetic_key": bytes([n]) * 16, "year": year} for n in (3, 5, 6) for year in (2018, 2019)
    ]
    question = parse_question(document("stock", rule=WINDOW, by=["sex"], at=["2020-01-01"]))
    # The first is a resident, the third has left. The second crossed before the agreement's period, rows of the fourth
    # are no crossings, the fifth and sixth are known to other files only: by f, m, unknown, nobody is counted twice.
    assert vector(question, terms(), rows) == (1, 0, 0, 0, 0, 0, 2, 0, 2)
    synthetic = parse_question(document("synthetic", rule=WINDOW, by=["sex", "country"], at="2020-01-01"))
    assert sum(vector(synthetic, terms(), rows)) == 1  # whose residence nobody knows is in no synthetic file
    assert sum(vector(parse_question(document("inflow", rule=WINDOW)), terms(), rows)) == 1


def test_flows_by_crossings_have_possible_ones_beside_the_certain() -> None:
    people = ("in 2019-02-01 out 2021-06-01", "in 2022-06-01", "in 2022-07-01 out 2022-07-09", "out 2020-01-01")
    years = [2019, 2020, 2021, 2022]
    assert by_crossings("inflow", *people, over=years) == (1, 0, 0, 0, 0, 0, 0, 1)
    assert by_crossings("outflow", *people, over=years) == (0, 0, 1, 0, 1, 0, 0, 0)
    assert by_crossings("net", *people, over=years) == (1, 0, -1, 0, -1, 0, 0, 1)


def test_a_stay_that_began_before_the_first_crossing_has_an_unknown_duration() -> None:
    people = ("out 2018-03-01", "in 2016-01-01 out 2018-03-01", "in 2022-03-01")
    # By 0-11, 12, 13-35, 36+ months or unknown: completed, then open.
    assert by_crossings("duration", *people, over=[2018]) == (0, 0, 1, 0, 1, 0, 0, 0, 0, 0)
    assert by_crossings("duration", *people, over=[2022]) == (0,) * 10  # the last of them is unknown
    assert sum(by_crossings("length", *people, over=[2018])) == 1


def test_persons_are_counted_by_whether_their_itinerary_is_illogical_in_a_period() -> None:
    people = ("in 2018-01-05 in 2019-03-01 out 2019-08-01", "in 2018-02-01 out 2019-02-01", "out 2020-02-01")
    for itinerary in ("midpoint", "drop", "flag"):
        counts = by_crossings("itineraries", *people, rule={"itinerary": itinerary}, over=[2018, 2019, 2020])
        assert counts == (2, 0, 1, 1, 1, 0)  # logical and illogical in each year


def test_signs_of_life_make_residents_of_the_years_that_reach_the_score() -> None:
    rows = crossings_of("in 2017-05-01 out 2019-05-01 in 2021-05-01")
    rows["tax", "years"] = [{"synthetic_key": b"\1" * 16, "year": year} for year in (2018, 2019, 2021)]

    def counted_by(measure: str, weights: dict[str, int], **fields: Any) -> tuple[int, ...]:
        rule = {"kind": "signs", "sources": weights} | fields
        years = range(2017, 2023)
        when: dict[str, Any] = {"over": list(years)}
        if measure == "stock":
            when = {"at": [f"{year}-07-01" for year in years]}
        return vector(parse_question(document(measure, rule=rule, **when)), terms(flow_cells_per_person=10), rows)

    any_of, both = {"tax": 1, "border": 1}, {"tax": 2, "border": 1}
    assert counted_by("stock", any_of) == (1, 1, 1, 0, 1, 0)
    assert counted_by("stock", any_of, gap_years=1) == (1, 1, 1, 1, 1, 0)
    assert counted_by("stock", both, score=2) == (0, 1, 1, 0, 1, 0)
    assert counted_by("stock", both, score=3) == (0, 0, 1, 0, 1, 0)
    assert counted_by("inflow", both, score=2) == (0, 1, 0, 0, 1, 0)
    assert counted_by("outflow", both, score=2) == (0, 0, 1, 0, 1, 0)
    assert counted_by("return", both, score=2) == (0, 0, 0, 0, 1, 0)
