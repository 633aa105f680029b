"""Sources linked to a spine: many-to-one or one-to-one, never with each other, and searched against the spine only."""

from dataclasses import replace

import numpy as np
import pytest

from linkage_core.agreement.clauses import Matching
from linkage_core.linking import run
from linkage_core.linking.pool import pool_records
from linkage_core.linking.what_to_search import every_pair
from linkage_core.types import MatchKeyName, PartyName
from tests.support.encoded_rows import Row, encoded, groups, linked, matching, schema


def to_spine(*duplicates: str) -> Matching:
    return matching(*duplicates).model_copy(update={"spine": "register"})


def test_several_records_of_a_source_with_duplicates_link_to_one_spine_record() -> None:
    # The spine record reaches both with .80, they reach each other with .60: without a spine they would not meet.
    files = {"border": [Row(names=0), Row(names=40)], "register": [Row(names=20), Row(names=500)]}
    everyone = frozenset({("border", 0), ("border", 1), ("register", 0)})
    assert groups(linked(files, to_spine("border"))) == {everyone}
    assert everyone not in groups(linked(files, matching("border")))


def test_each_record_of_a_source_with_duplicates_takes_its_best_spine_record() -> None:
    files = {"border": [Row(names=0), Row(names=4), Row(names=16)], "register": [Row(names=2), Row(names=14)]}
    assert groups(linked(files, to_spine("border"))) == {
        frozenset({("border", 0), ("border", 1), ("register", 0)}),
        frozenset({("border", 2), ("register", 1)}),
    }


def test_a_source_without_duplicates_is_linked_one_to_one_best_pairs_first() -> None:
    files = {"register": [Row(names=0), Row(names=10)], "tax": [Row(names=1), Row(names=3)]}
    # Tax 0 is nearest to register 0, which tax 1 would prefer too: tax 1 gets what is left.
    assert groups(linked(files, to_spine())) == {
        frozenset({("register", 0), ("tax", 0)}),
        frozenset({("register", 1), ("tax", 1)}),
    }


def test_equal_records_of_two_sources_meet_only_in_a_spine_record() -> None:
    files = {"border": [Row(names=0)], "register": [Row(names=10)], "tax": [Row(names=0)]}
    assert groups(linked(files, to_spine())) == {frozenset({("border", 0), ("register", 0), ("tax", 0)})}
    assert groups(linked(files | {"register": [Row(names=500)]}, to_spine())) == set()


def test_a_source_that_reaches_the_spine_only_through_another_is_not_linked() -> None:
    files = {"border": [Row(names=40)], "register": [Row(names=0)], "tax": [Row(names=20)]}
    assert groups(linked(files, to_spine())) == {frozenset({("register", 0), ("tax", 0)})}
    assert len(next(iter(groups(linked(files))))) == 3


def test_a_key_links_sources_to_the_spine_and_not_to_each_other() -> None:
    files = {
        "border": [Row(national_id=1), Row(national_id=2)],
        "register": [Row(national_id=1)],
        "tax": [Row(national_id=1), Row(national_id=2)],
    }
    result = linked(files, to_spine())
    assert groups(result) == {frozenset({("border", 0), ("register", 0), ("tax", 0)})}
    assert (result.passes[0].shared_keys, result.passes[0].used_keys) == (2, 1)


def test_a_spine_record_never_joins_another_spine_record() -> None:
    files = {
        "border": [Row(names=0, national_id=1, person=2)],
        "register": [Row(names=0, national_id=1), Row(names=0, person=2)],
    }
    result = linked(files, to_spine("border"))
    assert groups(result) == {frozenset({("border", 0), ("register", 0)})}
    assert result.passes[1].clashing_keys == 1


def test_a_spine_record_that_a_key_has_given_a_row_of_a_source_without_duplicates_takes_no_second_one() -> None:
    files = {"register": [Row(names=0, national_id=1)], "tax": [Row(names=700, national_id=1), Row(names=0)]}
    assert groups(linked(files, to_spine())) == {frozenset({("register", 0), ("tax", 0)})}
    assert groups(linked(files, to_spine("tax"))) == {frozenset({("register", 0), ("tax", 0), ("tax", 1)})}


def test_only_pairs_with_a_spine_record_are_searched() -> None:
    rows = [Row(names=0)] * 3
    files = [encoded(name, rows) for name in ("border", "register", "tax")]
    clause = to_spine("border")
    pool = pool_records(files, schema(), 5, clause.spine)
    search = every_pair(pool, schema(), clause, pool.duplicates_allowed(clause.sources_with_duplicates), 5)
    assert pool.providers == ("register", "border", "tax")
    assert search.pairs() == 3 * 6
    result = run.link(files, schema(), clause, seed=5)
    assert dict(result.candidates) == {"names": 18, "places": 0}
    assert result.parameters["spine"] == "register"


@pytest.mark.parametrize("duplicates", [(), ("border",)])
def test_a_spine_of_the_last_name_gives_the_same_groups_as_one_of_the_first(duplicates: tuple[str, ...]) -> None:
    rng = np.random.default_rng(8)
    files = {
        "border": [Row(names=int(start)) for start in rng.integers(0, 900, 40)],
        "register": [Row(names=int(start)) for start in rng.permutation(900)[:30]],
    }

    def as_named(spine: str) -> set[frozenset[tuple[str, int]]]:
        renamed = {"border": files["border"], spine: files["register"]}
        clause = matching(*duplicates).model_copy(update={"spine": spine})
        found = groups(linked(renamed, clause))
        return {frozenset(("spine" if name == spine else name, row) for name, row in group) for group in found}

    assert as_named("aaa") == as_named("zzz")


def test_the_spines_identifiers_are_counted_as_any_others() -> None:
    files = {"border": [Row(names=0, national_id=5)], "register": [Row(names=0, national_id=6)]}
    (found,) = linked(files, to_spine()).identifiers
    assert found.match_key == MatchKeyName("national-id")
    assert dict(found.groups_by_providers) == {(PartyName("border"), PartyName("register")): 1}
    assert replace(found, groups_by_providers={}).groups_with_two_values == 1
