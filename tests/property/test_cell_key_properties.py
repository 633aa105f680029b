"""Cell-key perturbation, whatever is agreed and whoever is counted."""

import random

import duckdb
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from disclosure.bounding import TruncationKey, keyed_rank
from disclosure.cell_keys.ptable import ptable_of
from disclosure.cell_keys.record_keys import KEYS, RecordKey, cell_key, record_key, record_key_sql
from linkage_core.agreement.cell_keys import CellKeys
from tests.disclosure_cases import synthetic_key

KEY = RecordKey(1, bytes(range(32)))


@st.composite
def clauses(draw: st.DrawFn) -> CellKeys:
    try:
        return CellKeys(
            maximum_deviation=draw(st.integers(1, 8)),
            variance_thousandths=draw(st.integers(1, 8_000)),
            smallest_count=draw(st.integers(1, 4)),
            tables=1,
        )
    except ValidationError:
        assume(False)
        raise


@settings(max_examples=60, deadline=None)
@given(clauses(), st.lists(st.tuples(st.integers(0, 40), st.integers(0, KEYS - 1)), min_size=20, max_size=20))
def test_values_stay_near_their_counts_and_small_ones_never_appear(
    agreed: CellKeys, cells: list[tuple[int, int]]
) -> None:
    table = ptable_of(agreed)
    for count, key in cells:
        value = table.perturbed(count, key)
        assert abs(value - count) <= agreed.maximum_deviation
        assert value == 0 or value >= agreed.smallest_count
        assert table.perturbed(0, key) == 0
        low, high = table.interval(value)
        assert 0 <= low <= high <= value + agreed.maximum_deviation
        assert value - agreed.maximum_deviation <= low


@settings(max_examples=20, deadline=None)
@given(clauses())
def test_any_agreed_p_table_keeps_the_mean_and_has_the_variance(agreed: CellKeys) -> None:
    table = ptable_of(agreed)
    for count in range(1, agreed.last_count + 2):
        chances = table.chances(count)
        assert sum(d * p for d, p in chances.items()) == pytest.approx(0, abs=1e-8)
        variance = sum(d * d * p for d, p in chances.items())
        assert variance == pytest.approx(agreed.variance_thousandths / 1000, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=16, max_size=16))
def test_the_database_draws_the_same_record_keys(material: bytes, person: bytes) -> None:
    key = RecordKey(1, material)
    inner, outer = key.pads()
    sql = f"SELECT {record_key_sql('$inner::BLOB', '$outer::BLOB', '$person::BLOB')}"
    found = duckdb.execute(sql, {"inner": inner, "outer": outer, "person": person}).fetchone()
    assert found == (record_key(key, person),)


def test_record_keys_are_uniform_and_so_are_the_keys_of_cells() -> None:
    # Chi-square over 64 classes of 6,400 keys: 63 degrees of freedom, and 115 is passed by chance once in 25,000 times.
    draw = random.Random(3)
    people = [record_key(KEY, synthetic_key(number)) for number in range(6_400)]
    cells = [cell_key(sum(draw.sample(people, draw.randint(2, 9)))) for _ in range(6_400)]
    for keys in (people, cells):
        counts = [0] * 64
        for key in keys:
            counts[key * 64 // KEYS] += 1
        assert sum((count - 100) ** 2 / 100 for count in counts) < 115


def test_record_keys_have_nothing_to_do_with_the_choice_of_cells_kept() -> None:
    # Even under the same key material, which two purposes never share.
    ranks = [int(keyed_rank(TruncationKey(1, KEY.material), synthetic_key(n), "")[:8], 16) for n in range(50)]
    assert not set(ranks) & {record_key(KEY, synthetic_key(n)) for n in range(50)}


def test_no_key_is_shown() -> None:
    secret = RecordKey(7, b"\xabsecret-key-material-of-32-byte\xcd")
    assert "secret" not in repr(secret)
    assert "7" in repr(secret)
