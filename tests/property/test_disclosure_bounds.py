"""The contribution bound, on neighbouring data sets in a real DuckDB, and the compiled SQL against its reference."""

import datetime
import hashlib
import hmac
import random
from collections import Counter
from fractions import Fraction
from typing import Any

import duckdb
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from disclosure.bounding import TruncationKey, blocks_of, keyed_rank, keyed_rank_sql, square_root_upward
from disclosure.cell_keys.record_keys import record_key
from disclosure.compilation import compile_question
from disclosure.grid import grid_of
from disclosure.query.parsing import parse_question
from tests.disclosure_cases import MEASURES, crowd, documents, persons, synthetic_key, together
from tests.disclosure_reference import reference_vectors
from tests.disclosure_world import (
    CELL_KEYS,
    KEY,
    RECORD_KEY,
    DuckDbCounter,
    Rows,
    contributions,
    terms,
    vector,
    vectors,
)


@pytest.mark.parametrize("measure", MEASURES)
@given(data=st.data())
@settings(max_examples=20)
def test_one_person_more_changes_the_table_by_at_most_the_declared_bound(measure: str, data: st.DataObject) -> None:
    people: list[Rows] = data.draw(persons)
    assume(people)
    question = parse_question(data.draw(documents(measure)))
    world = terms(flow_cells_per_person=data.draw(st.integers(1, 3)))

    every = vectors(question, world, together(*people))
    without = vectors(question, world, together(*people[1:]))

    for block, more, fewer in zip(blocks_of(question, world), every, without, strict=True):
        changes = [a - b for a, b in zip(more, fewer, strict=True)]
        assert sum(change != 0 for change in changes) <= block.bound.cells
        assert sum(change**2 for change in changes) <= block.bound.l2_squared


@pytest.mark.parametrize("measure", MEASURES)
@given(data=st.data(), seed=st.integers(0, 2**32))
@settings(max_examples=6)
def test_of_thousands_of_persons_none_adds_more_than_the_declared_bound(
    measure: str, data: st.DataObject, seed: int
) -> None:
    people = crowd(seed, 500)
    question = parse_question(data.draw(documents(measure)))
    world = terms(flow_cells_per_person=data.draw(st.integers(1, 3)))
    found = contributions(question, world, together(*people))
    for number, block in enumerate(blocks_of(question, world)):
        for own in (numbers[number] for numbers in found.values()):
            assert len(own) <= block.bound.cells
            assert sum(value**2 for value in own) <= block.bound.l2_squared
            assert all(block.bound.low <= value <= block.bound.high for value in own)
        every = vectors(question, world, together(*people))[number]
        assert sum(every) == sum(sum(numbers[number]) for numbers in found.values())


@pytest.mark.parametrize("measure", MEASURES)
@given(data=st.data())
@settings(max_examples=12)
def test_rows_removed_inside_a_key_that_two_persons_share_cost_at_most_twice_the_length(
    measure: str, data: st.DataObject
) -> None:
    people: list[Rows] = data.draw(persons)
    assume(len(people) > 1)
    question = parse_question(data.draw(documents(measure)))
    world = terms(flow_cells_per_person=data.draw(st.integers(1, 3)))
    first, second = people[0], _under(synthetic_key(1), people[1])

    shared = vectors(question, world, together(first, second, *people[2:]))
    alone = vectors(question, world, together(first, *people[2:]))

    for block, more, fewer in zip(blocks_of(question, world), shared, alone, strict=True):
        change = sum((a - b) ** 2 for a, b in zip(more, fewer, strict=True))
        assert change <= (2 if block.name in ("count", "histogram") else 4) * block.bound.l2_squared


def _under(key: bytes, person: Rows) -> Rows:
    return {table: [{**row, "synthetic_key": key} for row in rows] for table, rows in person.items()}


@pytest.mark.parametrize("measure", MEASURES)
@given(data=st.data())
@settings(max_examples=30)
def test_the_compiled_sql_counts_what_the_reference_counts(measure: str, data: st.DataObject) -> None:
    rows = together(*data.draw(persons))
    question = parse_question(data.draw(documents(measure)))
    world = terms(flow_cells_per_person=data.draw(st.integers(1, 3)))
    assert vectors(question, world, rows) == reference_vectors(question, world, rows)


@pytest.mark.parametrize("measure", ["stock", "inflow", "outflow", "return", "persons"])
@given(data=st.data())
@settings(max_examples=15)
def test_each_cell_has_the_sum_of_its_persons_record_keys(measure: str, data: st.DataObject) -> None:
    people: list[Rows] = data.draw(persons)
    question = parse_question(data.draw(documents(measure)) | {"accuracy": {"cell_key": True}})
    world = terms(cell_keys=CELL_KEYS, flow_cells_per_person=1)
    compiled = compile_question(question, world, grid_of(question, world), KEY, RECORD_KEY)
    found = DuckDbCounter(together(*people)).count(compiled)
    keys: Counter[int] = Counter()
    for number, person in enumerate(people, 1):
        for position, count in enumerate(reference_vectors(question, world, together(person))[0]):
            keys[position] += count * record_key(RECORD_KEY, synthetic_key(number))
    assert {position: sums for position, (_, sums) in found.items()} == dict(+keys)


@pytest.mark.parametrize("measure", MEASURES)
@given(data=st.data(), seed=st.integers(0, 2**32))
@settings(max_examples=8)
def test_the_order_of_rows_changes_nothing(measure: str, data: st.DataObject, seed: int) -> None:
    rows = together(*data.draw(persons))
    question = parse_question(data.draw(documents(measure)))
    shuffled = {table: random.Random(seed).sample(of, len(of)) for table, of in rows.items()}
    world = terms(flow_cells_per_person=1)
    assert vectors(question, world, rows) == vectors(question, world, shuffled)


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
        world = terms(flow_cells_per_person=3)
        assert sum(vector(question, world, rows)) == 3
        assert blocks_of(question, world)[0].bound.l2_squared == 3


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
