"""People whom a missed link would move are counted as the files apart would count them, and bounded."""

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from disclosure.bounding import MOVED_NOISE, blocks_of
from disclosure.errors import PolicyRefused
from disclosure.measurements import mechanisms_for
from disclosure.policy import check_policy
from disclosure.query.parsing import canonical_question, parse_question
from disclosure.query.questions import Accuracy
from tests.disclosure_cases import crowd, document, persons, synthetic_key, together
from tests.disclosure_world import Rows, contributions, terms, vectors

EITHER = {"kind": "signs", "sources": {"register": 1, "border": 1}, "gap_years": 1}
BOTH = {"kind": "signs", "sources": {"register": 1, "border": 1}, "score": 2}
DATES = ["2019-01-01", "2020-01-01", "2021-01-01"]
QUESTIONS: dict[str, dict[str, Any]] = {
    "residents by what both files tell": document("stock", at=DATES, by=["sex"]),
    "some residents": document("stock", where=[{"dimension": "sex", "in": ["f"]}]),
    "immigrants by what both files tell": document("inflow", by=["age", "sex"]),
    "residents by signs in either file": document("stock", at=DATES, rule=EITHER, by=["country"]),
    "residents by signs in both files": document("stock", at=DATES, rule=BOTH, by=["country"]),
    "immigrants by signs": document("inflow", rule=EITHER, by=["country"]),
    "emigrants by signs in both files": document("outflow", rule=BOTH, by=["sex"]),
    "durations by signs": document("duration", rule=EITHER),
    "seen at the border, by what both files tell": document("persons", of="border", by=["sex", "country"]),
}
questions = pytest.mark.parametrize("name", QUESTIONS)


def _asked(name: str, **fields: Any) -> Any:
    return parse_question(QUESTIONS[name] | {"count_links": True} | fields)


def _apart(people: list[Rows]) -> Rows:
    """The same rows with no link between the register and the border."""
    halves = []
    for number, person in enumerate(people, 1):
        halves.append({table: rows for table, rows in person.items() if table[0] == "register"})
        other = synthetic_key(10_000 + number)
        halves.append(
            {t: [row | {"synthetic_key": other} for row in rows] for t, rows in person.items() if t[0] == "border"}
        )
    return together(*halves)


@questions
@given(data=st.data())
@settings(max_examples=10)
def test_what_cells_gain_and_lose_is_what_changes_where_no_link_was_found(name: str, data: st.DataObject) -> None:
    people: list[Rows] = data.draw(persons)
    world = terms(flow_cells_per_person=100)
    counted, gained, lost = vectors(_asked(name), world, together(*people))
    (apart,) = vectors(_asked(name, count_links=False), world, _apart(people))
    # Two halves in one cell that the whole is not in count as one that is gained.
    for place, number in enumerate(apart):
        change = number - counted[place] - gained[place] + lost[place]
        assert 0 <= change <= gained[place]
        assert change == 0 or "age" in QUESTIONS[name].get("by", ()) or QUESTIONS[name]["measure"] == "duration"


@questions
@given(data=st.data())
@settings(max_examples=6)
def test_one_person_more_changes_each_vector_by_at_most_its_bound(name: str, data: st.DataObject) -> None:
    people: list[Rows] = data.draw(persons)
    assume(people)
    question, world = _asked(name), terms(flow_cells_per_person=data.draw(st.integers(1, 3)))
    every, without = (vectors(question, world, together(*some)) for some in (people, people[1:]))
    for block, more, fewer in zip(blocks_of(question, world), every, without, strict=True):
        changes = [a - b for a, b in zip(more, fewer, strict=True)]
        assert sum(change != 0 for change in changes) <= block.bound.cells
        assert sum(change**2 for change in changes) <= block.bound.l2_squared


@questions
@pytest.mark.parametrize("most", [1, 2])
def test_of_many_persons_none_adds_more_than_the_bound(name: str, most: int) -> None:
    question, world = _asked(name), terms(flow_cells_per_person=most)
    found = contributions(question, world, together(*crowd(7, 150)))
    some_move = False
    for numbers in found.values():
        for block, own in zip(blocks_of(question, world), numbers, strict=True):
            moved = [value for value in own if value]
            some_move |= block.name != "count" and bool(moved)
            assert len(moved) <= block.bound.cells
            assert sum(value**2 for value in moved) <= block.bound.l2_squared
            assert all(block.bound.low <= value <= block.bound.high for value in moved)
    assert some_move


@questions
def test_counting_links_costs_a_fifth_more_and_leaves_the_tables_own_noise(name: str) -> None:
    world = terms()
    plain, beside = (_asked(name, count_links=count) for count in (False, True))
    (alone,) = mechanisms_for(Accuracy(half_width=10), blocks_of(plain, world), 1_000)
    together_, gained, lost = mechanisms_for(Accuracy(half_width=10), blocks_of(beside, world), 1_000)
    assert together_ == alone
    assert gained.noise_sd_millionths // alone.noise_sd_millionths == MOVED_NOISE
    assert gained.nano_rho + lost.nano_rho == pytest.approx(alone.nano_rho * 3 / MOVED_NOISE**2, rel=1e-6)
    priced = mechanisms_for(Accuracy(nano_rho=10_000_000), blocks_of(beside, world), 1_000)
    assert 9_999_990 <= sum(one.nano_rho for one in priced) <= 10_000_000
    assert priced[1].noise_sd_millionths == pytest.approx(MOVED_NOISE * priced[0].noise_sd_millionths, rel=1e-6)


def test_a_table_with_links_counted_is_another_question_and_one_without_is_what_it_was() -> None:
    plain, beside = (canonical_question(_asked("some residents", count_links=count), {}) for count in (False, True))
    assert "count_links" not in plain
    assert beside == plain | {"count_links": True}


@pytest.mark.parametrize(
    ("question", "world", "reason"),
    [
        (document("stock"), {}, "rows of register decide this one"),
        (document("persons", of="tax", by=["country"]), {}, "leave it out"),
        (document("net", by=["sex"]), {}, "count with a sign"),
        (document("persons", of="tax", by=["sex"]), {}, "rows of border, register, tax decide this one"),
        (document("stock", by=["sex"]), {"sources_with_duplicates": ("register",)}, "register may hold a person twice"),
        (document("stock", by=["sex"]), {"unmatched_rows_kept": False}, "rows without a link are dropped"),
    ],
)
def test_nobody_pays_for_links_where_the_count_would_help_nothing(
    question: dict[str, Any], world: dict[str, Any], reason: str
) -> None:
    with pytest.raises(PolicyRefused, match=reason):
        check_policy(parse_question(question | {"count_links": True}), terms(**world))
