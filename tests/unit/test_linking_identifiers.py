"""Conflicts of match keys: what is left out of a pass and kept, and what identifiers say against the final groups."""

import numpy as np

from linkage_core.linking.deterministic import AMBIGUOUS, CLASHING, CONTRADICTED, KeyGroups, link_by_keys
from linkage_core.linking.identifiers import IdentifierConflicts, identifier_keys, key_agreement
from linkage_core.linking.pool import RecordPool, pool_records
from linkage_core.types import MatchKeyName, PartyName
from tests.support.encoded_rows import Row, encoded, groups, key_column, linked, matching, schema

ID = MatchKeyName("national-id")
BORDER, REGISTER, TAX = PartyName("border"), PartyName("register"), PartyName("tax")


def passed(files: dict[str, list[Row]]) -> tuple[RecordPool, KeyGroups]:
    pool = pool_records([encoded(name, rows) for name, rows in files.items()], schema(), seed=3)
    return pool, link_by_keys(pool, schema(), ("national-id", "person"), np.zeros(len(files), np.bool_))


def left_out(files: dict[str, list[Row]]) -> set[tuple[int, int, str, int]]:
    """(pass, reason, provider, row) of each entry."""
    pool, by_key = passed(files)
    entries = zip(
        by_key.left_out.pass_number.tolist(),
        by_key.left_out.reason.tolist(),
        [pool.providers[file] for file in pool.file_of[by_key.left_out.record]],
        pool.row_of[by_key.left_out.record].tolist(),
        strict=True,
    )
    return set(entries)


def conflicts(files: dict[str, list[Row]], *duplicates: str) -> IdentifierConflicts:
    (found,) = linked(files, matching(*duplicates)).identifiers
    return found


def test_an_ambiguous_key_is_kept_with_every_record_that_has_it() -> None:
    files = {"register": [Row(person=1), Row(person=1)], "tax": [Row(person=1), Row(person=2)]}
    assert left_out(files) == {(1, AMBIGUOUS, "register", 0), (1, AMBIGUOUS, "register", 1), (1, AMBIGUOUS, "tax", 0)}


def test_a_clashing_key_is_kept_with_its_records() -> None:
    files = {"register": [Row(national_id=1, person=1), Row(person=2)], "tax": [Row(national_id=1, person=2)]}
    assert left_out(files) == {(1, CLASHING, "register", 1), (1, CLASHING, "tax", 0)}


def test_a_contradicted_key_is_kept_with_its_records() -> None:
    files = {"register": [Row(national_id=1, person=7)], "tax": [Row(national_id=2, person=7)]}
    assert left_out(files) == {(1, CONTRADICTED, "register", 0), (1, CONTRADICTED, "tax", 0)}


def test_records_that_a_pass_left_out_for_one_key_are_known_by_its_number() -> None:
    files = {
        "register": [Row(national_id=1, person=7), Row(national_id=3, person=8)],
        "tax": [Row(national_id=2, person=7), Row(national_id=4, person=8)],
    }
    pool, by_key = passed(files)
    rows = pool.row_of[by_key.left_out.record]
    assert len(by_key.left_out) == 4
    for key in np.unique(by_key.left_out.key):
        assert len(set(rows[by_key.left_out.key == key].tolist())) == 1  # row n of both files has the same key


def test_a_pass_without_conflicts_leaves_nothing_out() -> None:
    _, by_key = passed({"register": [Row(national_id=1)], "tax": [Row(national_id=1)]})
    assert len(by_key.left_out) == 0


def test_a_person_with_two_identifiers_is_counted_for_each_pair_of_providers() -> None:
    files = {
        "border": [Row(names=0, national_id=5)],
        "register": [Row(names=2, national_id=6), Row(names=500, national_id=9)],
        "tax": [Row(names=4), Row(names=502, national_id=9)],
    }
    assert len(groups(linked(files))) == 2
    assert conflicts(files) == IdentifierConflicts(ID, 1, {(BORDER, REGISTER): 1}, 0, {BORDER: 0, REGISTER: 0, TAX: 0})


def test_two_passports_of_one_person_in_a_source_with_duplicates_are_counted_within_it() -> None:
    files = {"border": [Row(names=0, national_id=5), Row(names=2, national_id=6)], "tax": [Row(names=1)]}
    found = conflicts(files, "border")
    assert (found.groups_with_two_values, dict(found.groups_by_providers)) == (1, {(BORDER, BORDER): 1})


def test_a_provider_that_confirms_one_of_two_values_still_differs_from_the_other_value() -> None:
    files = {
        "border": [Row(names=0, national_id=5), Row(names=2, national_id=6)],
        "tax": [Row(names=1, national_id=5)],
    }
    found = conflicts(files, "border")
    assert dict(found.groups_by_providers) == {(BORDER, BORDER): 1, (BORDER, TAX): 1}


def test_an_identifier_of_two_people_is_counted_once_and_its_repetition_in_each_file() -> None:
    files = {
        "register": [Row(names=0, national_id=7), Row(names=500, national_id=7), Row(names=700, national_id=8)],
        "tax": [Row(names=0), Row(names=700, national_id=8)],
    }
    found = conflicts(files)
    assert (found.groups_with_two_values, found.values_in_two_groups) == (0, 1)
    assert dict(found.values_repeated) == {REGISTER: 1, TAX: 0}


def test_an_identifier_that_a_source_with_duplicates_repeats_for_one_person_is_no_conflict() -> None:
    files = {"border": [Row(names=0, national_id=7), Row(names=500, national_id=7)], "tax": [Row(names=0)]}
    assert conflicts(files, "border") == IdentifierConflicts(ID, 0, {}, 0, {TAX: 0})


def test_only_keys_made_of_identifiers_alone_are_identifiers() -> None:
    assert identifier_keys(schema()) == (ID,)


def test_keys_of_a_pair_agree_differ_or_are_missing() -> None:
    one, other = key_column([1, 1, 2, 0]), key_column([0, 4, 4, 5])
    a, b = np.array([0, 0, 0, 1], np.uint32), np.array([1, 2, 3, 2], np.uint32)
    assert key_agreement([one, other], a, b).tolist() == [[1, -1], [0, -1], [-1, -1], [0, 1]]


def test_keys_are_numbered_alike_exactly_where_they_are_equal_to_the_last_byte() -> None:
    column = key_column([3, 3, 3, 0, 9])
    column.keys[2, 15] = 1
    numbers = column.numbered().tolist()
    assert numbers[3] == -1
    assert numbers[0] == numbers[1] != numbers[2]
    assert sorted({*numbers} - {-1}) == [0, 1, 2]
