"""Small invented encodings, linked: what joins, what stays apart, what is counted, what a row's class says."""

from dataclasses import replace

import numpy as np
import pytest

from linkage_core.errors import InputFault, Unfit
from linkage_core.linking.deterministic import PassCounts
from linkage_core.linking.files import ClkColumn, EncodedFile, MatchKeyColumn
from linkage_core.linking.run import LinkageResult, link
from linkage_core.searching import plan as plan_module
from linkage_core.types import ClkName, MatchKeyName, PartyName
from tests.support.encoded_rows import CLKS, LENGTH_BITS, Row, encoded, groups, linked, matching, schema


def ways(result: LinkageResult, provider: str) -> list[str]:
    return [result.groups.ways[code] for code in result.groups.files[PartyName(provider)].linked_by]


def test_equal_match_keys_link_whatever_the_clks_say() -> None:
    result = linked({"register": [Row(names=0, national_id=1)], "tax": [Row(names=800, national_id=1)]})
    assert groups(result) == {frozenset({("register", 0), ("tax", 0)})}
    assert ways(result, "tax") == ["national-id"]
    assert result.passes[0] == PassCounts(MatchKeyName("national-id"), 1, 1, 0, 0, 0, 2)


def test_an_absent_match_key_links_nothing() -> None:
    register = [Row(), Row(person=1)]
    assert groups(linked({"register": register, "tax": [Row(), Row(person=2)]})) == set()


def test_a_key_that_is_ambiguous_within_a_file_links_nothing_and_is_counted() -> None:
    result = linked({"register": [Row(person=1), Row(person=1)], "tax": [Row(person=1)]})
    assert groups(result) == set()
    assert result.passes[1] == PassCounts(MatchKeyName("person"), 1, 0, 1, 0, 0, 0)


def test_the_same_key_twice_in_a_source_with_duplicates_makes_one_group() -> None:
    result = linked({"border": [Row(person=1), Row(person=1)], "tax": [Row(person=1)]}, matching("border"))
    assert groups(result) == {frozenset({("border", 0), ("border", 1), ("tax", 0)})}


def test_a_pass_that_would_join_two_records_of_one_file_is_clashing_and_the_earlier_pass_stands() -> None:
    result = linked(
        {
            "register": [Row(national_id=1, person=1), Row(person=2)],
            "tax": [Row(national_id=1, person=2)],
        }
    )
    assert groups(result) == {frozenset({("register", 0), ("tax", 0)})}
    assert (result.passes[1].used_keys, result.passes[1].clashing_keys) == (0, 1)


def test_namesakes_with_different_identifiers_are_not_linked_by_their_names() -> None:
    result = linked({"register": [Row(national_id=1, person=7)], "tax": [Row(national_id=2, person=7)]})
    assert groups(result) == set()
    assert result.passes[1].contradicted_keys == 1


def test_two_passports_of_one_person_do_not_contradict_each_other() -> None:
    border = [Row(national_id=1, person=7), Row(national_id=2, person=7)]
    result = linked({"border": border, "tax": [Row(person=7)]}, matching("border"))
    assert groups(result) == {frozenset({("border", 0), ("border", 1), ("tax", 0)})}


def test_passes_extend_groups_across_files() -> None:
    result = linked(
        {"border": [Row(person=3)], "register": [Row(national_id=1)], "tax": [Row(national_id=1, person=3)]}
    )
    assert groups(result) == {frozenset({("border", 0), ("register", 0), ("tax", 0)})}
    assert (ways(result, "border"), ways(result, "register")) == (["person"], ["national-id"])


def test_the_best_pairs_are_linked_one_to_one() -> None:
    # Dice of runs of 100: (100 - shift) / 100. Register 1 is nearest to tax 0; register 0 gets what remains: nothing.
    result = linked({"register": [Row(names=20), Row(names=5)], "tax": [Row(names=0)]})
    assert groups(result) == {frozenset({("register", 1), ("tax", 0)})}


def test_a_pair_exactly_at_the_link_threshold_is_linked() -> None:
    # Weighted mean (2 * .80 + .50) / 3 = .70; just below; and (2 * .70 + .70) / 3, which floats make .6999999999999998.
    tax = [Row(names=0, places=0)]
    assert len(groups(linked({"register": [Row(names=20, places=50)], "tax": tax}))) == 1
    assert len(groups(linked({"register": [Row(names=20, places=51)], "tax": tax}))) == 0
    assert len(groups(linked({"register": [Row(names=30, places=30)], "tax": tax}))) == 1


def test_a_clk_that_one_record_lacks_counts_neither_for_nor_against() -> None:
    result = linked({"register": [Row(names=20)], "tax": [Row(names=0, places=0)]})
    assert len(groups(result)) == 1
    assert result.groups.files[PartyName("tax")].score.tolist() == [0.8]


def test_records_without_a_common_clk_are_never_linked() -> None:
    assert groups(linked({"register": [Row(names=0)], "tax": [Row(places=0), Row(names=500)]})) == set()


def test_duplicates_inside_a_source_end_up_in_one_group_with_the_others() -> None:
    files = {"border": [Row(names=0), Row(names=10)], "register": [Row(names=5)], "tax": [Row(names=8)]}
    result = linked(files, matching("border"))
    assert groups(result) == {frozenset({("border", 0), ("border", 1), ("register", 0), ("tax", 0)})}
    assert len(next(iter(groups(linked(files))))) == 3


def test_files_that_reach_each_other_through_a_third_are_joined() -> None:
    # A and B share .80, B and C share .80, A and C share .60 only.
    result = linked({"a": [Row(names=0)], "b": [Row(names=20)], "c": [Row(names=40)]})
    assert groups(result) == {frozenset({("a", 0), ("b", 0), ("c", 0)})}
    assert result.solver_rounds == 2


def test_a_chain_does_not_join_what_a_source_with_duplicates_tells_apart() -> None:
    files = {"border": [Row(names=0), Row(names=40)], "tax": [Row(names=19)]}
    result = linked(files, matching("border"))
    assert groups(result) == {frozenset({("border", 0), ("tax", 0)})}


def test_a_chain_does_not_join_two_records_of_a_file_without_duplicates() -> None:
    files = {"a": [Row(names=0), Row(names=42)], "b": [Row(names=20)], "c": [Row(names=22)]}
    found = groups(linked(files))
    assert found
    assert not any({("a", 0), ("a", 1)} <= rows for rows in found)


def test_unlinked_rows_carry_one_class_and_no_score_and_linked_rows_their_own() -> None:
    register = [Row(national_id=1), Row(names=0), Row(names=200), Row(names=600)]
    tax = [Row(national_id=1), Row(names=2), Row(names=220), Row(names=635)]
    result = linked({"register": register, "tax": tax})
    file = result.groups.files[PartyName("tax")]
    assert file.quality_class.tolist() == [1, 2, 3, 0]
    assert file.score.tolist() == [1.0, 0.98, 0.8, 0.0]
    assert ways(result, "tax") == ["national-id", "similarity", "similarity", "none"]


def test_a_class_with_fewer_rows_than_the_minimum_in_any_file_is_merged_with_the_worse_neighbour() -> None:
    register = [Row(national_id=1), Row(names=0), Row(names=200), Row(names=400), Row(names=600)]
    tax = [Row(national_id=1), Row(names=2), Row(names=220), Row(names=420), Row(names=690)]
    clause = matching().model_copy(update={"minimum_class_count": 2})
    result = linked({"register": register, "tax": tax}, clause)
    assert result.groups.files[PartyName("tax")].quality_class.tolist() == [2, 2, 3, 3, 0]
    clause = matching().model_copy(update={"minimum_class_count": 3})
    result = linked({"register": register, "tax": tax}, clause)
    assert result.groups.files[PartyName("tax")].quality_class.tolist() == [3, 3, 3, 3, 0]


def test_candidates_over_the_agreements_cap_stop_the_run() -> None:
    rows = [Row(names=0)] * 4
    clause = matching().model_copy(update={"maximum_candidates_per_record": 1})
    with pytest.raises(Unfit, match="maximum_candidates_per_record"):
        linked({"register": rows, "tax": rows}, clause)


def test_a_file_that_lacks_a_clk_of_the_schema_is_refused() -> None:
    tax = encoded("tax", [Row()])
    with pytest.raises(InputFault, match="CLK places is missing"):
        link([replace(tax, clks={ClkName("names"): tax.clks[ClkName("names")]})], schema(), matching(), seed=1)


def test_an_empty_side_is_refused_with_what_to_do() -> None:
    with pytest.raises(InputFault, match="tax: no rows; upload its file"):
        linked({"register": [Row(names=0)], "tax": []})


def test_the_manifest_gets_every_parameter_and_progress_tells_every_step() -> None:
    last: dict[str, tuple[int, int]] = {}
    result = link(
        [encoded("register", [Row(names=0)]), encoded("tax", [Row(names=0)])],
        schema(),
        matching("tax"),
        seed=2**64 - 1,
        progress=lambda step, done, total: last.update({step: (done, total)}),
    )
    assert result.parameters["seed"] == 2**64 - 1
    assert result.parameters["sources_with_duplicates"] == "tax"
    assert dict(result.candidates) == {"names": 1, "places": 0}
    assert (result.scored_pairs, result.linkable_pairs, result.solver_rounds) == (1, 1, 1)
    assert list(last) == ["passes", "plan", "candidates", "measure", "solve"]
    assert all(done == total for done, total in last.values())


def test_a_large_run_goes_by_tables_and_states_what_it_expected_and_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "COMPARED_IN_FULL", 1000)
    monkeypatch.setattr(plan_module, "SAMPLED_PAIRS_A_RECORD", 0)
    rng = np.random.default_rng(3)
    people = 2000
    codes = {name: rng.integers(0, 2, (people, LENGTH_BITS), np.uint8) for name in CLKS}

    def file(provider: str) -> EncodedFile:
        present, absent = np.ones(people, np.bool_), np.zeros(people, np.bool_)
        clks = {
            ClkName(name): ClkColumn(np.packbits(bits ^ (rng.random(bits.shape) < 0.05), axis=1), present)
            for name, bits in codes.items()
        }
        keys = {
            MatchKeyName(name): MatchKeyColumn(np.zeros((people, 16), np.uint8), absent)
            for name in ("national-id", "person")
        }
        return EncodedFile(PartyName(provider), people, clks, keys)

    result = link([file("register"), file("tax")], schema(), matching(), seed=5)
    assert result.parameters["search"] == "tables"
    assert float(result.parameters["measured_recall"]) > 0.98
    assert float(result.parameters["lsh_expected_recall"]) > 0.99
    assert result.groups.group_count < 2 * people - 0.97 * people
    exact = matching().model_copy(update={"least_search_recall_per_mille": 1000})
    assert link([file("register"), file("tax")], schema(), exact, seed=5).parameters["search"] == "every pair"
