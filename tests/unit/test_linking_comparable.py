"""Files that nothing could link are refused before any search, with the fields and what to change."""

from collections.abc import Mapping, Sequence

import pytest

from linkage_core.errors import InputFault
from linkage_core.linking.comparable import check_comparable
from tests.support.encoded_rows import Row, encoded, linked, matching, schema


def check(files: Mapping[str, Sequence[Row]], *duplicates: str, spine: str | None = None) -> None:
    clause = matching(*duplicates).model_copy(update={"spine": spine})
    check_comparable([encoded(name, rows) for name, rows in files.items()], schema(), clause)


def test_files_without_a_common_field_are_refused_with_what_each_has_and_what_to_fill() -> None:
    with pytest.raises(InputFault) as refused:
        linked({"register": [Row(names=0, national_id=1)], "tax": [Row(places=0)]})
    assert refused.value.faults == (
        "tax has rows with CLK places, register with CLK names, match key national-id: fill in one file what another "
        "has (CLK names: name, date; CLK places: name, date; match key national-id: number), or agree on a schema of "
        "what both have",
    )


def test_a_file_with_nothing_at_all_is_told_every_field_of_the_schema() -> None:
    with pytest.raises(InputFault, match="tax has rows with no CLK and no match key") as refused:
        check({"register": [Row()], "tax": [Row()]})
    assert "match key person: name, date" in str(refused.value.faults)


@pytest.mark.parametrize("common", [Row(names=500), Row(places=500), Row(national_id=9), Row(person=9)])
def test_one_common_field_is_enough_whatever_it_holds(common: Row) -> None:
    check({"register": [Row(), common], "tax": [common]})


def test_a_match_key_that_is_no_pass_is_no_common_field() -> None:
    files = [encoded(name, [Row(person=1)]) for name in ("register", "tax")]
    clause = matching().model_copy(update={"passes": ("national-id",)})
    with pytest.raises(InputFault, match="without a common field"):
        check_comparable(files, schema(), clause)


def test_files_may_be_linked_through_a_third_but_not_through_one_that_is_no_spine() -> None:
    files = {
        "border": [Row(names=0)],
        "register": [Row(places=0, person=1)],
        "tax": [Row(names=0, places=0)],
    }
    check(files)
    check(files, spine="tax")
    with pytest.raises(InputFault) as refused:
        check(files, spine="register")
    (fault,) = refused.value.faults
    assert fault.startswith("border has rows with CLK names, register with CLK places, match key person")


def test_every_file_that_stands_apart_is_named() -> None:
    files = {"border": [Row(names=0)], "register": [Row(places=0)], "tax": [Row(places=0)], "work": [Row(names=0)]}
    with pytest.raises(InputFault) as refused:
        check(files)
    assert [fault.split()[0] for fault in refused.value.faults] == ["register", "tax"]


def test_a_spine_without_a_file_is_refused() -> None:
    with pytest.raises(InputFault, match="no file of register; upload it, or agree on another spine"):
        check({"border": [Row(names=0)], "tax": [Row(names=0)]}, spine="register")


def test_a_single_file_is_linked_with_itself_only_if_it_may_hold_duplicates() -> None:
    check({"register": [Row(names=0)]}, "register")
    with pytest.raises(InputFault, match=r"name it in matching\.sources_with_duplicates"):
        check({"register": [Row(names=0)]})
