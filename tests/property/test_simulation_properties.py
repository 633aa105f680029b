"""Properties of the simulation's small parts: numbers, slips of the finger, scripts, dates."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.iso7064 import mod_11_10

from simulation.identifiers import (
    MOST_PEOPLE,
    draw_numbering,
    national_ids,
    passport_numbers,
    taxpayer_numbers,
)
from simulation.misreading import misread_digits, misread_name
from simulation.name_lists import load_lists
from simulation.period import NEVER, date_text, year_of
from simulation.spelling import icao_spelling, mistyped, native_script, other_spelling, sound_alike, without_a_part

NAMES = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyzABCDEFGäöüßšžčłøđığñéễ' -"), min_size=1, max_size=25).filter(
    lambda name: name == name.strip(" -'") and bool(name) and "  " not in name
)
CHOICES = st.integers(0, 2**31)
CULTURES = st.sampled_from([culture.name for culture in load_lists().cultures])


@given(st.integers(0, 2**32), st.sets(st.integers(0, MOST_PEOPLE - 1), min_size=2, max_size=50))
def test_numbers_are_unique_and_their_check_digits_right(seed: int, people: set[int]) -> None:
    numbering = draw_numbering(np.random.default_rng(seed))
    ordinals = np.array(sorted(people), dtype=np.int64)
    national, taxpayer = national_ids(ordinals, numbering), taxpayer_numbers(ordinals, numbering)
    first, second = (passport_numbers(ordinals, np.full_like(ordinals, slot), numbering) for slot in (0, 1))
    assert len(set(national)) == len(set(taxpayer)) == len(people)
    assert len({*first, *second}) == 2 * len(people)
    assert all(len(n) == 10 and mod_11_10.is_valid(n) for n in national)
    assert all(len(n) == 9 and luhn.is_valid(n) for n in taxpayer)
    assert all(len(n) == 9 and n[:2].isalpha() and n[2] != "0" for n in (*first, *second))


@given(NAMES, st.integers(0, 3), CHOICES, CHOICES)
def test_a_slip_of_the_finger_always_changes_a_name_by_one_letter(
    name: str, kind: int, position: int, choice: int
) -> None:
    typed = mistyped(name, kind, position, choice)
    assert typed != name
    assert typed.strip()
    assert abs(len(typed) - len(name)) <= 1


@given(NAMES, CULTURES, CHOICES)
def test_other_spellings_leave_a_name(name: str, culture: str, choice: int) -> None:
    lists = load_lists()
    for other in (
        other_spelling(name, culture, lists, choice),
        sound_alike(name, culture, lists, choice),
        misread_name(name, choice),
        native_script(name, culture, lists),
        icao_spelling(name),
        without_a_part(name, choice % 2 == 0),
    ):
        assert other.strip(" -")


@given(NAMES, CHOICES)
def test_a_misread_letter_changes_one_place_of_a_name(name: str, choice: int) -> None:
    read = misread_name(name, choice)
    assert abs(len(read) - len(name)) <= 1
    same_beginning = next((i for i, (a, b) in enumerate(zip(name, read, strict=False)) if a != b), len(name))
    assert name[same_beginning + 2 :] in read[same_beginning:]


@given(st.dates(date(1900, 1, 1), date(2030, 12, 31)), CHOICES)
def test_a_misread_date_differs_in_one_digit(day: date, choice: int) -> None:
    read = misread_digits(day.isoformat(), choice)
    assert [one != other for one, other in zip(day.isoformat(), read, strict=True)].count(True) == 1


@given(NAMES)
def test_the_letters_of_a_travel_document_are_ascii_and_stay_as_they_are(name: str) -> None:
    once = icao_spelling(name)
    assert once.isascii()
    assert icao_spelling(once) == once


@given(st.dates(date(1850, 1, 1), date(2149, 12, 31)))
def test_dates_are_written_as_the_calendar_has_them(day: date) -> None:
    number = np.array([(day - date(1970, 1, 1)) // timedelta(days=1), NEVER], dtype=np.int64)
    assert date_text(number).tolist() == [day.isoformat(), None]
    assert date_text(number, "%d.%m.%Y").tolist() == [day.strftime("%d.%m.%Y"), None]
    assert year_of(number[:1]).tolist() == [day.year]
