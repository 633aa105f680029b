"""Persons and questions of the small world, at random: histories as dense as a bound has to bear."""

import datetime
import random
from typing import Any

from hypothesis import strategies as st

from tests.disclosure_world import DAY_ZERO, PAYLOAD, Row, Rows

_days = st.integers(-200, 365 * 8 + 100).map(lambda days: DAY_ZERO + datetime.timedelta(days=days))
_sexes = st.sampled_from(["f", "m", "unknown", "x", None])
_countries = st.sampled_from(["aa", "bb", "cc", "other", "zz", None])
_directions = st.sampled_from(["in", "out"])
_incomes = st.sampled_from([None, -1_000, -150, 0, 40, 100, 499, 2_000])
_births = st.none() | st.dates(datetime.date(1950, 1, 1), datetime.date(2022, 12, 31))


@st.composite
def _spell(draw: st.DrawFn) -> Row:
    start = draw(_days)
    length = draw(st.sampled_from([0, 1, 30, 363, 364, 365, 400, 900, -3, None]))
    return {"start": start, "end": None if length is None else start + datetime.timedelta(days=length)}


_people = st.fixed_dictionaries(
    {
        ("register", "people"): st.lists(
            st.fixed_dictionaries({"sex": _sexes, "born-in": _countries, "born": _births}), max_size=2
        ),
        ("register", "spells"): st.lists(_spell(), max_size=5),
        ("border", "people"): st.lists(
            st.fixed_dictionaries({"sex": _sexes, "birth-year": st.sampled_from([None, 1954, 2003, 2019])}), max_size=2
        ),
        ("border", "crossings"): st.lists(st.fixed_dictionaries({"day": _days, "direction": _directions}), max_size=4),
        ("tax", "years"): st.lists(
            st.fixed_dictionaries({"year": st.integers(2013, 2024), "income": _incomes}), max_size=4
        ),
    }
)


def _keyed(key: bytes, person: Rows) -> Rows:
    """Rows under a synthetic key, each with a quality class."""
    return {
        table: [{"synthetic_key": key, "quality_class": (key[-1] + n) % 4, **row} for n, row in enumerate(rows)]
        for table, rows in person.items()
    }


def together(*parts: Rows) -> dict[tuple[str, str], list[Row]]:
    """All rows of some persons in one set of tables."""
    tables = [(table.provider, table.name) for table in PAYLOAD]
    return {table: [row for part in parts for row in part.get(table, ())] for table in tables}


def synthetic_key(number: int) -> bytes:
    """A synthetic key of the small world."""
    return (number * 0x9E3779B97F4A7C15 % 2**128).to_bytes(16, "big")


persons = st.lists(_people, max_size=4).map(lambda p: [_keyed(synthetic_key(i), rows) for i, rows in enumerate(p, 1)])
"""Up to four persons, each as the rows under one synthetic key."""


def crowd(seed: int, size: int) -> list[Rows]:
    """Many persons with histories as dense as those of `persons`, drawn fast."""
    random_ = random.Random(seed)

    def some(*choices: Any) -> Any:
        return random_.choice(choices)

    def day() -> datetime.date:
        return DAY_ZERO + datetime.timedelta(days=random_.randint(-200, 365 * 8 + 100))

    def spell() -> Row:
        start, length = day(), some(0, 1, 30, 364, 365, 400, 900, -3, None)
        return {"start": start, "end": None if length is None else start + datetime.timedelta(days=length)}

    def person() -> Rows:
        return {
            ("register", "people"): [
                {"sex": some("f", "m", None), "born-in": some("aa", "bb", "zz"), "born": some(day(), None)}
                for _ in range(some(0, 1, 2))
            ],
            ("register", "spells"): [spell() for _ in range(random_.randint(0, 7))],
            ("border", "people"): [
                {"sex": some("f", "m", None), "birth-year": some(1954, 2003, None)} for _ in range(some(0, 1, 2))
            ],
            ("border", "crossings"): [
                {"day": day(), "direction": some("in", "out")} for _ in range(random_.randint(0, 9))
            ],
            ("tax", "years"): [
                {"year": random_.randint(2013, 2024), "income": some(None, -1_000, 0, 400, 2_000)}
                for _ in range(random_.randint(0, 9))
            ],
        }

    return [_keyed(synthetic_key(number), person()) for number in range(1, size + 1)]


_where: st.SearchStrategy[list[dict[str, Any]]] = st.sampled_from(
    [
        [],
        [{"dimension": "sex", "in": ["f"]}],
        [{"dimension": "sex", "in": ["unknown", "m"]}, {"dimension": "country", "in": ["aa", "other"]}],
        [{"dimension": "age", "in": ["15-64", "unknown"]}],
    ]
)
_rules: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"kind": st.just("registered"), "minimum_months": st.sampled_from([0, 12])}),
    st.fixed_dictionaries(
        {
            "kind": st.just("window"),
            "days": st.sampled_from([300, 365]),
            "of": st.sampled_from([365, 487]),
            "itinerary": st.sampled_from(["midpoint", "drop", "flag"]),
        }
    ),
    st.sampled_from(
        [
            {"kind": "signs", "sources": {"tax": 1}},
            {"kind": "signs", "sources": {"register": 1, "border": 1}, "gap_years": 1},
            {"kind": "signs", "sources": {"tax": 2, "border": 1, "register": 1}, "score": 2},
        ]
    ),
)
_by = st.lists(st.sampled_from(["sex", "country", "age"]), unique=True, max_size=2)
_accuracy: dict[str, Any] = {"half_width": 10}

STAYS = ("stock", "inflow", "outflow", "net", "return", "duration", "length")
"""Measures that count stays: tables of them may be by how long a stay has lasted."""
MEASURES = (
    *STAYS,
    "persons",
    "events",
    "sum",
    "mean",
    "quantile",
    "overlap",
    "conflicts",
    "links",
    "itineraries",
    "synthetic",
)
"""Every measure; `length` is the quantile of durations."""


def document(measure: str, **fields: Any) -> dict[str, Any]:
    """A question of the small world as data."""
    places: dict[str, dict[str, Any]] = {
        "stock": {"at": ["2020-01-01"]},
        "overlap": {"of": ["border", "tax"], "over": {"start": "2019-01-01", "end": "2020-12-31"}},
        "conflicts": {"of": "sex"},
        "links": {"of": "border"},
        "synthetic": {"at": "2020-01-01", "by": ["age", "country", "sex"]},
    }
    extras: dict[str, dict[str, Any]] = {
        "duration": {"of": "stayed"},
        "length": {"measure": "quantile", "of": "stayed"},
        "persons": {"of": "border"},
        "events": {"of": "border", "at_most": 2},
        "sum": {"of": "income", "accuracy": {"nano_rho": 5_000_000}},
        "mean": {"of": "income", "accuracy": {"nano_rho": 5_000_000}},
        "quantile": {"of": "income"},
    }
    place, extra = places.get(measure, {"over": [2018, 2019, 2020]}), extras.get(measure, {})
    return {"measure": measure, "accuracy": _accuracy, **place, **extra, **fields}


@st.composite
def documents(draw: st.DrawFn, measure: str) -> dict[str, Any]:
    """Questions of one measure."""
    by = draw(_by)
    if measure in STAYS and measure not in ("duration", "length") and draw(st.booleans()):
        by = [*by, "stayed"]
    fields: dict[str, Any] = {"by": by, "where": draw(_where)}
    if measure == "conflicts":
        return document(measure, of=draw(st.sampled_from(["sex", "country", "age"])), **fields)
    if measure == "synthetic":
        by = draw(st.sampled_from([["sex", "country"], ["age", "country", "sex"], ["sex", "stayed", "country"]]))
        return document(measure, by=by, where=fields["where"], at=draw(_days).isoformat(), rule=draw(_rules))
    if measure == "links":
        return document(measure, of=draw(st.sampled_from(["border", "tax", "register"])), **fields)
    if measure == "overlap":
        start, end = sorted((draw(_days), draw(_days)))
        sources = draw(st.permutations(["border", "tax", "register"]))
        return document(measure, of=sources[:2], over={"start": start.isoformat(), "end": end.isoformat()}, **fields)
    if measure in STAYS:
        fields["rule"] = draw(_rules)
    if measure == "stock":
        days = draw(st.lists(_days, min_size=1, max_size=4))
        return document(measure, at=[day.isoformat() for day in days], **fields)
    yearly = measure in ("sum", "mean", "quantile")
    if measure in ("persons", "events"):
        fields["of"] = draw(st.sampled_from(["border", "tax", "register"]))
        yearly = fields["of"] == "tax"
    if yearly or draw(st.booleans()):
        return document(measure, over=draw(st.lists(st.integers(2015, 2022), min_size=1, max_size=6)), **fields)
    over = {"start": "2018-07-01", "end": "2020-06-30", "by": draw(st.sampled_from(["quarter", "month"]))}
    return document(measure, over=over, **fields)
