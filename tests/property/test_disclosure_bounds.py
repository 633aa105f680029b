"""The contribution bound, on neighbouring data sets in a real DuckDB, and the compiled SQL against its reference."""

import datetime
import hashlib
import hmac
import random
from fractions import Fraction
from typing import Any

import duckdb
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from disclosure.bounding import TruncationKey, contribution_bound, keyed_rank, keyed_rank_sql, square_root_upward
from disclosure.query import parse_question
from tests.disclosure_world import Rows, documents, persons, reference_vector, terms, together, vector

MEASURES = ("stock", "inflow", "outflow", "overlap")


@pytest.mark.parametrize("measure", MEASURES)
@given(data=st.data())
@settings(max_examples=60)
def test_one_person_more_changes_the_table_by_at_most_the_declared_bound(measure: str, data: st.DataObject) -> None:
    people: list[Rows] = data.draw(persons)
    assume(people)
    question = parse_question(data.draw(documents(measure)))
    flow_cells = data.draw(st.integers(1, 3))
    world = terms(flow_cells_per_person=flow_cells)
    bound = contribution_bound(question, flow_cells)

    every = vector(question, world, together(*people))
    without = vector(question, world, together(*people[1:]))

    changes = [a - b for a, b in zip(every, without, strict=True)]
    assert sum(change != 0 for change in changes) <= bound.cells
    assert sum(change**2 for change in changes) <= bound.l2_squared


@pytest.mark.parametrize("measure", MEASURES)
@given(data=st.data())
@settings(max_examples=60)
def test_the_compiled_sql_counts_what_the_reference_counts(measure: str, data: st.DataObject) -> None:
    rows = together(*data.draw(persons))
    question = parse_question(data.draw(documents(measure)))
    world = terms(flow_cells_per_person=data.draw(st.integers(1, 3)))
    assert vector(question, world, rows) == reference_vector(question, world, rows)


@pytest.mark.parametrize("measure", MEASURES)
@given(data=st.data(), seed=st.integers(0, 2**32))
@settings(max_examples=25)
def test_the_order_of_rows_changes_nothing(measure: str, data: st.DataObject, seed: int) -> None:
    rows = together(*data.draw(persons))
    question = parse_question(data.draw(documents(measure)))
    shuffled = {table: random.Random(seed).sample(of, len(of)) for table, of in rows.items()}
    world = terms(flow_cells_per_person=1)
    assert vector(question, world, rows) == vector(question, world, shuffled)


def test_the_bound_is_reached_so_a_smaller_one_would_be_wrong() -> None:
    key = b"k" * 16
    rows: Any = {
        ("register", "spells"): [
            {"synthetic_key": key, "start": datetime.date(year, 2, 1), "end": datetime.date(year, 3, 1)}
            for year in range(2016, 2021)
        ]
    }
    for measure in ("inflow", "outflow"):
        question = parse_question(
            {
                "measure": measure,
                "over": list(range(2016, 2021)),
                "rule": {"minimum_months": 0},
                "accuracy": {"half_width": 5},
            }
        )
        assert sum(vector(question, terms(flow_cells_per_person=3), rows)) == 3
        assert contribution_bound(question, 3).l2_squared == 3


@given(
    material=st.binary(min_size=32, max_size=32), person=st.binary(min_size=16, max_size=16), year=st.integers(1, 9998)
)
@settings(max_examples=50)
def test_the_keyed_choice_in_sql_is_hmac_sha256(material: bytes, person: bytes, year: int) -> None:
    key = TruncationKey(1, material)
    inner, outer = key.pads()
    sql = keyed_rank_sql("$inner::BLOB", "$outer::BLOB", "$person::BLOB", "$label")
    values = {"inner": inner, "outer": outer, "person": person, "label": str(year)}
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT {sql}", values).fetchall()
    expected = hmac.new(material, person + str(year).encode(), hashlib.sha256).hexdigest()
    assert found == [(expected,)]
    assert keyed_rank(key, person, str(year)) == expected


@given(value=st.integers(0, 10**15))
def test_a_square_root_upward_is_never_below_the_root(value: int) -> None:
    root = square_root_upward(value)
    assert Fraction(root) ** 2 >= value
    assert root <= value**0.5 * (1 + 2**-50)
