"""Invented people in columns of any kind: seeded, of one population, with relatives."""

from collections import Counter
from typing import get_args

import pytest

from linkage_core.schema import QuasiIdentifierKind
from simulation.people_columns import KINDS, draw_columns


def test_every_kind_that_an_agreement_may_have_can_be_drawn() -> None:
    assert set(get_args(QuasiIdentifierKind)) == set(KINDS)
    columns = draw_columns(list(KINDS), 300, 1)
    for column in columns:
        assert len(column) == 300
        assert all(isinstance(text, str) for text in column)
        assert len(set(column)) > 1


def test_the_same_arguments_give_the_same_people() -> None:
    assert draw_columns(["given-name", "date"], 100, 5) == draw_columns(["given-name", "date"], 100, 5)
    assert draw_columns(["given-name", "date"], 100, 5) != draw_columns(["given-name", "date"], 100, 6)


def test_relatives_share_family_name_street_and_house() -> None:
    family, number, street = draw_columns(["family-name", "address", "address"], 2000, 3)
    homes = Counter(zip(family, number, street, strict=True))
    assert sum(count for count in homes.values() if count > 1) > 500


def test_without_households_nobody_has_relatives() -> None:
    family, number, street = draw_columns(["family-name", "address", "address"], 2000, 3, households=False)
    homes = Counter(zip(family, number, street, strict=True))
    assert len(family) == 2000
    assert sum(count for count in homes.values() if count > 1) < 20


def test_a_kind_that_comes_again_is_another_value_of_the_same_people() -> None:
    first, second, birth, later = draw_columns(["given-name", "given-name", "date", "date"], 1000, 3)
    assert all(one != other for one, other in zip(first, second, strict=True) if other)
    assert all(one < other for one, other in zip(birth, later, strict=True))


def test_a_lone_address_has_number_and_street() -> None:
    (address,) = draw_columns(["address"], 50, 3)
    assert all(text.split()[0].isdigit() and len(text.split()) > 1 for text in address)


@pytest.mark.parametrize(("kinds", "people"), [(["shoe-size"], 10), (["date"], 0)])
def test_what_cannot_be_drawn_is_refused(kinds: list[str], people: int) -> None:
    with pytest.raises(ValueError, match="no columns"):
        draw_columns(kinds, people, 1)
