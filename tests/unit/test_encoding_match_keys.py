import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from linkage_core.crypto.secret import Secret
from linkage_core.default_schema import people_schema
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.match_keys import MatchKeyEncoder, length_prefixed, within_cap
from linkage_core.encoding.records import EncodedMatchKey
from linkage_core.standardise.run import standardise

SCHEMA = people_schema()
VARIABLES = {variable.name: variable for variable in SCHEMA.variables}


def match_keys(*people: tuple[str, str, str], secret: bytes = b"S" * 32) -> EncodedMatchKey:
    given, family, birth = (list(column) for column in zip(*people, strict=True))
    records, _ = standardise(SCHEMA, {"given_name": given, "family_name": family, "birth_date": birth})
    return MatchKeyEncoder(SCHEMA.match_keys[0], VARIABLES, LinkageKeys(Secret(secret))).encode(records)


def test_one_person_spelt_or_ordered_differently_has_one_match_key() -> None:
    keys = match_keys(("Ana", "de Nowak", "1987-05-12"), ("NOWAK", "ána", "1987-05-12"), ("Ana", "Nowak", "1987-12-05"))
    assert keys.values[0].tobytes() == keys.values[1].tobytes()
    assert keys.values[0].tobytes() != keys.values[2].tobytes()


def test_a_match_key_is_absent_when_any_part_is_missing_or_partial() -> None:
    keys = match_keys(
        ("Ana", "Nowak", "1987-05-12"),
        ("", "Ana Nowak", "1987-05-12"),
        ("Ana", "", "1987-05-12"),
        ("Ana", "Nowak", ""),
        ("Ana", "Nowak", "1987-05"),
        ("Ana", "Nowak", "1987-01-01"),
    )
    assert keys.present.tolist() == [True, False, False, False, False, False]
    assert not keys.values[1:].any()


def test_another_secret_gives_other_match_keys() -> None:
    person = ("Ana", "Nowak", "1987-05-12")
    assert match_keys(person).values.tobytes() != match_keys(person, secret=b"T" * 32).values.tobytes()


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_no_two_lists_of_values_have_one_message(a: list[str], b: list[str]) -> None:
    a, b = ([text.encode("utf-8", "ignore").decode() for text in texts] for texts in (a, b))
    assert (b"".join(map(length_prefixed, a)) == b"".join(map(length_prefixed, b))) == (a == b)


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=40), st.integers(1, 5))
def test_a_key_over_the_cap_is_left_out_of_every_record_that_has_it(rows: list[tuple[int, bool]], cap: int) -> None:
    values = np.zeros((len(rows), 16), dtype=np.uint8)
    values[:, 15] = [key for key, _ in rows]
    present = np.array([has for _, has in rows], dtype=np.bool_)
    kept = within_cap(values, present, cap)
    counts = {key: sum(has and k == key for k, has in rows) for key, _ in rows}
    assert kept.tolist() == [has and counts[key] <= cap for key, has in rows]
