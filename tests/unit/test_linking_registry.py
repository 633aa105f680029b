"""Waves that add to a registry: what keeps its group, what a new or corrected row may change, and what is compared."""

from dataclasses import replace

import numpy as np
import pytest

from linkage_core.errors import InputFault
from linkage_core.linking.files import EncodedFile
from linkage_core.linking.registry import CORRECTED, NEW, UNCHANGED, RegisteredRows, added_rows, changed_rows
from linkage_core.types import VariableName
from tests.support.encoded_rows import Row, encoded, matching
from tests.support.registry import Registry, handles

ANNA = Row(names=0, places=0)
BOB = Row(names=300, places=300)
CAROL = Row(names=600, places=600)


def registry() -> Registry:
    """A registry of two people, both in two files."""
    made = Registry()
    made.complete({"register": {1: ANNA, 2: BOB}, "tax": {1: Row(names=2, places=2), 2: Row(names=301, places=304)}})
    assert made.partition() == {
        frozenset({("register", 1), ("tax", 1)}),
        frozenset({("register", 2), ("tax", 2)}),
    }
    return made


def test_rows_are_told_apart_as_new_unchanged_and_corrected() -> None:
    made = registry()
    made.add({"register": {3: CAROL, 1: ANNA, 2: Row(names=300, places=500)}, "tax": {9: CAROL}})
    register, tax = made.rows
    assert register.change.tolist() == [NEW, UNCHANGED, CORRECTED]
    assert tax.change.tolist() == [NEW]
    assert (register.brought, register.file.row_count, tax.file.row_count) == (3, 3, 3)


def test_what_stands_where_a_clk_is_absent_is_no_correction() -> None:
    made = registry()
    made.add({"register": {4: Row(names=None, places=700)}, "tax": {2: Row(names=301, places=304)}})
    stale = encoded("register", [Row(names=None, places=700)])
    next(iter(stale.clks.values())).bits[:] = 255
    change, _ = changed_rows(handles({4: ANNA}), stale, made.kept[0])
    assert change.tolist() == [UNCHANGED]


def test_people_that_a_wave_does_not_bring_keep_their_groups() -> None:
    made = registry()
    before = dict(made.groups)
    made.add({"register": {3: CAROL}, "tax": {3: Row(names=601, places=600)}})
    assert {member: made.groups[member] for member in before} == before
    assert made.together(("register", 3), ("tax", 3))


def test_a_new_row_joins_the_registrys_group_that_it_resembles() -> None:
    made = registry()
    made.add({"border": {7: Row(names=5, places=5)}, "register": {1: ANNA}, "tax": {1: Row(names=2, places=2)}})
    assert made.together(("border", 7), ("register", 1), ("tax", 1))


def test_a_new_row_of_a_file_without_duplicates_never_joins_a_group_that_holds_a_row_of_it() -> None:
    made = registry()
    made.add({"register": {1: ANNA}, "tax": {8: Row(names=1, places=1)}})
    assert not made.together(("tax", 8), ("tax", 1))
    assert not made.together(("tax", 8), ("register", 1))


def test_registry_rows_are_never_compared_with_each_other_even_if_they_would_link() -> None:
    made = registry()
    # Nothing of Bob's is brought; his rows would pair across files, and Anna's too.
    made.add({"register": {1: ANNA}, "tax": {1: Row(names=2, places=2)}})
    assert made.results[-1].scored_pairs == 0
    made.add({"register": {3: CAROL}, "tax": {3: Row(names=601, places=600)}})
    assert made.results[-1].scored_pairs == 1


def test_a_changed_name_keeps_its_group_as_long_as_something_resembles() -> None:
    made = registry()
    before = dict(made.groups)
    # The weighted mean falls to .33, below the threshold of .70; the places still agree.
    made.add({"register": {1: Row(names=500, places=0)}, "tax": {2: Row(names=301, places=304)}})
    assert made.groups == before
    assert made.results[-1].linkable_pairs == 0


def test_a_correction_after_which_nothing_resembles_leaves_its_group() -> None:
    made = registry()
    before = dict(made.groups)
    made.add({"register": {1: Row(names=500, places=500)}, "tax": {2: Row(names=301, places=304)}})
    assert not made.together(("register", 1), ("tax", 1))
    assert sum(made.groups[member] != before[member] for member in before) == 1


def test_a_corrected_row_that_is_another_persons_moves_to_that_person() -> None:
    made = registry()
    made.add({"border": {5: CAROL}, "register": {1: ANNA}, "tax": {1: Row(names=2, places=2)}})
    made.add({"border": {5: CAROL}, "register": {1: Row(names=601, places=600)}, "tax": {1: Row(names=2, places=2)}})
    assert made.together(("register", 1), ("border", 5))
    assert not made.together(("register", 1), ("tax", 1))


def test_another_identifier_in_its_group_speaks_against_a_corrected_row() -> None:
    made = Registry()
    made.complete(
        {"register": {1: Row(names=0, places=0, national_id=1)}, "tax": {1: Row(names=0, places=0, national_id=1)}}
    )
    kept = Row(names=500, places=0, national_id=1)
    for row, stays in ((Row(names=500, places=0), True), (Row(names=500, places=0, national_id=2), False)):
        world = Registry(groups=dict(made.groups), kept=list(made.kept), ids=made.ids)
        world.add({"register": {1: row}, "tax": {1: Row(names=0, places=0, national_id=1)}})
        assert world.together(("register", 1), ("tax", 1)) == stays
    made.add({"register": {1: kept}, "tax": {1: Row(names=0, places=0, national_id=1)}})
    assert made.together(("register", 1), ("tax", 1))


def test_a_corrected_row_does_not_return_to_a_group_in_which_another_row_of_its_file_has_taken_its_place() -> None:
    made = registry()
    made.add({"register": {1: Row(names=500, places=0), 3: ANNA}, "tax": {2: Row(names=301, places=304)}})
    assert made.together(("register", 3), ("tax", 1))
    assert not made.together(("register", 1), ("tax", 1))


def test_a_new_row_that_pairs_with_two_groups_of_the_registry_makes_them_one() -> None:
    made = Registry()
    made.complete({"border": {1: Row(names=0)}, "register": {1: Row(names=40)}, "tax": {9: CAROL}})
    assert not made.together(("border", 1), ("register", 1))
    made.add({"border": {1: Row(names=0)}, "register": {1: Row(names=40)}, "tax": {1: Row(names=20)}})
    assert made.together(("border", 1), ("register", 1), ("tax", 1))


def test_a_match_key_makes_two_groups_of_the_registry_one() -> None:
    made = Registry()
    made.complete({"register": {1: Row(names=0)}, "tax": {1: Row(names=300)}})
    made.add({"register": {1: Row(names=0, national_id=5)}, "tax": {1: Row(names=300, national_id=5)}})
    assert made.together(("register", 1), ("tax", 1))


def test_what_linked_a_row_of_the_registry_and_how_well_is_carried_on() -> None:
    made = Registry()
    files = {"register": {1: Row(national_id=3), 2: BOB}, "tax": {1: Row(national_id=3), 2: BOB, 3: CAROL}}
    made.complete(files)
    first = made.results[0].groups.files
    made.add(files)
    for name, now in made.results[1].groups.files.items():
        assert now.linked_by.tolist() == first[name].linked_by.tolist()
        assert now.score.tolist() == first[name].score.tolist()
        assert now.quality_class.tolist() == first[name].quality_class.tolist()


def test_handles_of_the_registry_without_a_group_are_refused() -> None:
    made = registry()
    made.groups.pop(("tax", 2))
    with pytest.raises(InputFault, match="1 rows of tax"):
        made.add({"register": {3: CAROL}, "tax": {3: CAROL}})


# ------------------------------------------------------------------------------------------------------- with a spine


def spine_registry() -> Registry:
    """Anna and Bob in the register, which is the spine, at the border and at the tax office."""
    made = Registry(matching("border").model_copy(update={"spine": "register"}))
    made.complete(
        {
            "border": {1: Row(names=3, places=3), 2: Row(names=302, places=302)},
            "register": {1: ANNA, 2: BOB},
            "tax": {1: Row(names=2, places=2), 2: Row(names=301, places=304)},
        }
    )
    assert made.together(("border", 1), ("register", 1), ("tax", 1))
    return made


def nobody(provider: str) -> dict[int, Row]:
    """A row that nobody resembles: a file with nothing to tell."""
    return {90: Row(names=800 + 10 * len(provider))}


def test_a_changed_name_in_the_spine_keeps_all_its_people() -> None:
    made = spine_registry()
    before = dict(made.groups)
    made.add({"border": nobody("border"), "register": {1: Row(names=500, places=0)}, "tax": nobody("tax")})
    assert {member: made.groups[member] for member in before} == before


def test_people_whose_spine_record_is_another_persons_now_meet_no_more() -> None:
    made = spine_registry()
    made.add({"border": nobody("border"), "register": {1: CAROL}, "tax": nobody("tax")})
    assert not made.together(("border", 1), ("tax", 1))
    assert not made.together(("border", 1), ("register", 1))
    made.add({"border": nobody("border"), "register": {7: ANNA}, "tax": nobody("tax")})
    assert made.together(("border", 1), ("register", 7), ("tax", 1))


def test_a_corrected_row_of_a_source_stays_with_its_spine_record_and_new_ones_come_to_it() -> None:
    made = spine_registry()
    made.add(
        {
            "border": {5: Row(names=1, places=1)},
            "register": {8: CAROL},
            "tax": {1: Row(names=500, places=2), 9: Row(names=601, places=601)},
        }
    )
    assert made.together(("border", 5), ("border", 1), ("register", 1), ("tax", 1))
    assert made.together(("register", 8), ("tax", 9))


def test_unchanged_rows_keep_the_registrys_frequency_class() -> None:
    """A wave of changes is too small to count names in; another class alone is no correction."""
    family = VariableName("family")

    def with_classes(rows: list[Row], *classes: int) -> EncodedFile:
        return replace(encoded("register", rows), frequency_classes={family: np.array(classes, np.uint8)})

    kept = RegisteredRows(
        handles({1: ANNA, 2: BOB, 4: CAROL}),
        with_classes([ANNA, BOB, CAROL], 1, 2, 3),
        ("similarity",),
        np.zeros(3, np.int16),
        np.zeros(3),
    )
    brought = with_classes([BOB, CAROL, Row(names=5)], 0, 0, 4)
    group_of = {("register", bytes(handle)): bytes([place]) * 16 for place, handle in enumerate(kept.handles)}
    [wave] = added_rows([(handles({2: BOB, 3: CAROL, 4: ANNA}), brought)], [kept], group_of, ())
    assert wave.change.tolist() == [UNCHANGED, NEW, CORRECTED]
    assert wave.file.frequency_classes[family].tolist() == [2, 0, 4, 1]
    leaving = np.array([True, False, False])
    assert kept.without(leaving).file.frequency_classes[family].tolist() == [2, 3]
