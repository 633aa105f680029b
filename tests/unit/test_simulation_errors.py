"""Each kind of error happens at its declared rate, and does to a record what its name says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
from anyascii import anyascii
from stdnum.iso7064 import mod_11_10

from simulation.error_profiles import ErrorProfile
from simulation.errors import RecordedIdentities, TrueIdentities, record, true_identities
from simulation.identifiers import draw_numbering
from simulation.name_lists import load_lists
from simulation.people import draw_population
from simulation.period import Period

PERIOD = Period()
KINDS = [field.name for field in fields(ErrorProfile)]


@pytest.fixture(scope="module")
def true() -> TrueIdentities:
    rng = np.random.default_rng(5)
    people = draw_population(8_000, load_lists(), PERIOD, rng)
    everyone = np.arange(len(people))
    return true_identities(people, everyone, draw_numbering(rng), everyone)


def _record(true: TrueIdentities, profile: ErrorProfile, seed: int = 1, style: str = "%Y-%m-%d") -> RecordedIdentities:
    return record(true, profile, load_lists(), style, PERIOD.after - 1, np.random.default_rng(seed))


COLUMNS = tuple(field.name for field in fields(RecordedIdentities) if field.name != "errors")
GIVEN, FAMILY, BIRTH, SEX, MUNICIPALITY, COUNTRY, NATIONAL, PASSPORT = range(len(COLUMNS))


def _rows(recorded: RecordedIdentities) -> list[tuple[str, ...]]:
    """Rows of all columns; an empty text where a value is missing."""
    columns = [getattr(recorded, name) for name in COLUMNS]
    return [tuple(value or "" for value in row) for row in zip(*(c.tolist() for c in columns), strict=True)]


def test_an_agency_without_errors_records_the_truth(true: TrueIdentities) -> None:
    recorded = _record(true, ErrorProfile())
    assert recorded.errors == {}
    names = [
        f"{first} {second}".strip() for first, second in zip(true.names.given, true.names.second_given, strict=True)
    ]
    assert recorded.given_name.tolist() == names
    assert recorded.family_name.tolist() == true.names.family.tolist()
    assert recorded.birth_date.tolist() == true.birth.astype("datetime64[D]").astype(str).tolist()
    for column in ("sex", "municipality", "country_of_birth", "national_id", "passport_number"):
        assert getattr(recorded, column).tolist() == getattr(true, column).tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_error_changes_its_records_and_no_others_at_its_declared_rate(
    true: TrueIdentities, kind: str
) -> None:
    clean = _rows(_record(true, ErrorProfile()))
    always = _record(true, replace(ErrorProfile(), **{kind: 1.0}))
    sometimes = _record(true, replace(ErrorProfile(), **{kind: 0.2}))
    for recorded in (always, sometimes):
        changed = {i for i, (a, b) in enumerate(zip(clean, _rows(recorded), strict=True)) if a != b}
        noted = set(recorded.errors[kind].tolist())
        assert set(recorded.errors) == {kind}
        assert changed <= noted
        # Born on 1 January, the sentinel is the truth; a name of two equal parts loses nothing by an exchange.
        assert len(changed) >= 0.985 * len(noted)
    eligible = len(always.errors[kind])
    deviation = 5 * np.sqrt(eligible * 0.2 * 0.8)
    assert eligible > 50
    assert abs(len(sometimes.errors[kind]) - 0.2 * eligible) < deviation


def _swapped(before: tuple[str, ...], after: tuple[str, ...]) -> bool:
    return before[:2] == after[1::-1]


WHAT_IT_DOES: dict[str, Callable[[tuple[str, ...], tuple[str, ...]], bool]] = {
    "swapped_name_order": _swapped,
    "upper_case": lambda before, after: after[:2] == (before[0].upper(), before[1].upper()),
    "extra_space": lambda before, after: " ".join(after[:2]).split() == " ".join(before[:2]).split(),
    "missing_second_name": lambda before, after: before[0].split(" ")[0] == after[0],
    "dropped_name_part": lambda before, after: set(after[1].split(" ")) <= set(re.split("[ -]", before[1])),
    "icao_spelling": lambda before, after: "".join(after[:2]).isascii(),
    "typing_error": lambda before, after: abs(len("".join(before[:2])) - len("".join(after[:2]))) <= 1,
    "native_script": lambda before, after: re.search("[A-Za-z]", "".join(after[:2])) is None,
    "transliteration_variant": lambda before, after: (before[0] == after[0]) != (before[1] == after[1]),
    "sentinel_birth_date": lambda before, after: after[2] in ("1900-01-01", f"{before[2][:4]}-01-01"),
    "missing_birth_month": lambda before, after: after[2] == before[2][:4],
    "missing_birth_day": lambda before, after: after[2] == before[2][:7],
    "swapped_day_month": lambda before, after: after[2] == f"{before[2][:4]}-{before[2][8:]}-{before[2][5:7]}",
    "transposed_birth_digits": lambda before, after: (
        after[BIRTH] != before[BIRTH] and sorted(after[BIRTH]) == sorted(before[BIRTH])
    ),
    "wrong_birth_century": lambda before, after: (
        abs(int(after[BIRTH][:4]) - int(before[BIRTH][:4])) == 100 and after[BIRTH][5:7] == before[BIRTH][5:7]
    ),
    "mistyped_birth_date": lambda before, after: after[BIRTH] != before[BIRTH],
    "misread_birth_date": lambda before, after: (
        sum(one != other for one, other in zip(before[BIRTH], after[BIRTH], strict=True)) == 1
    ),
    "missing_birth_date": lambda before, after: after[BIRTH] == "",
    "nickname": lambda before, after: after[GIVEN].split(" ")[0] in load_lists().nicknames[before[GIVEN].split(" ")[0]],
    "sound_alike": lambda before, after: (before[GIVEN] == after[GIVEN]) != (before[FAMILY] == after[FAMILY]),
    "misread_letter": lambda before, after: abs(len("".join(before[:2])) - len("".join(after[:2]))) <= 1,
    "missing_given_name": lambda before, after: after[GIVEN] == "" != after[FAMILY],
    "missing_family_name": lambda before, after: after[FAMILY] == "" != after[GIVEN],
    "missing_sex": lambda before, after: after[SEX] == "",
    "wrong_sex": lambda before, after: {before[SEX], after[SEX]} == {"M", "F"},
    "mistyped_municipality": lambda before, after: abs(len(before[MUNICIPALITY]) - len(after[MUNICIPALITY])) <= 1,
    "missing_municipality": lambda before, after: after[MUNICIPALITY] == "",
    "missing_country_of_birth": lambda before, after: after[COUNTRY] == "",
    "mistyped_national_id": lambda before, after: not mod_11_10.is_valid(after[NATIONAL]),
    "missing_national_id": lambda before, after: after[NATIONAL] == "",
    "missing_passport_number": lambda before, after: after[PASSPORT] == "",
}


UNSEEN = {"mistyped_national_id": 0.01}
"""MOD 11,10 finds every wrong digit, and of two exchanged ones all but 9 and 0 after some remainders."""


@pytest.mark.parametrize("kind", sorted(WHAT_IT_DOES))
def test_a_kind_of_error_does_what_its_name_says(true: TrueIdentities, kind: str) -> None:
    clean = _rows(_record(true, ErrorProfile()))
    recorded = _record(true, replace(ErrorProfile(), **{kind: 1.0}))
    rows = _rows(recorded)
    hit = recorded.errors[kind].tolist()
    wrong = [(clean[i], rows[i]) for i in hit if not WHAT_IT_DOES[kind](clean[i], rows[i])]
    assert len(wrong) <= UNSEEN.get(kind, 0.0) * len(hit)


def test_an_outdated_name_is_the_one_before_marriage(true: TrueIdentities) -> None:
    recorded = _record(true, ErrorProfile(outdated_name=1.0))
    assert recorded.family_name.tolist() == true.names.earlier_family.tolist()
    assert set(recorded.errors["outdated_name"].tolist()) == set(
        np.flatnonzero(true.names.family != true.names.earlier_family).tolist()
    )


def test_an_outdated_municipality_is_the_one_lived_in_before(true: TrueIdentities) -> None:
    recorded = _record(true, ErrorProfile(outdated_municipality=1.0))
    assert recorded.municipality.tolist() == true.earlier_municipality.tolist()
    assert 0.2 < len(recorded.errors["outdated_municipality"]) / len(true.birth) < 0.35


def test_a_relatives_national_id_is_of_the_same_household_and_a_renewed_passport_of_nobody_else(
    true: TrueIdentities,
) -> None:
    recorded = _record(true, ErrorProfile(relatives_national_id=1.0, renewed_passport=1.0))
    hit = recorded.errors["relatives_national_id"]
    assert set(recorded.national_id[hit]) <= set(true.national_id)
    families = dict(zip(true.national_id, true.municipality, strict=True))
    assert [families[number] for number in recorded.national_id[hit]] == true.municipality[hit].tolist()
    assert not set(recorded.passport_number) & set(true.passport_number)


def test_a_birth_date_suffers_one_error_at_most(true: TrueIdentities) -> None:
    dates = (
        "sentinel_birth_date",
        "missing_birth_date",
        "missing_birth_month",
        "missing_birth_day",
        "swapped_day_month",
        "transposed_birth_digits",
        "wrong_birth_century",
        "mistyped_birth_date",
        "misread_birth_date",
    )
    recorded = _record(true, replace(ErrorProfile(), **dict.fromkeys(dates, 0.3)))
    hit = np.concatenate([recorded.errors[kind] for kind in dates])
    assert len(hit) == len(np.unique(hit))
    assert set(recorded.errors) == set(dates)


def test_dates_follow_the_agencys_style_also_where_a_part_is_unknown(true: TrueIdentities) -> None:
    profile = ErrorProfile(
        missing_birth_day=0.3, missing_birth_month=0.3, swapped_day_month=0.3, sentinel_birth_date=0.1
    )
    for style, shape in (("%d.%m.%Y", r"((\d\d\.)?\d\d\.)?\d{4}"), ("%Y-%m-%d", r"\d{4}(-\d\d(-\d\d)?)?")):
        written = _record(true, profile, style=style).birth_date.tolist()
        assert [date for date in written if not re.fullmatch(shape, date)] == []
        assert {len(date) for date in written} == {4, 7, 10}


def test_no_recorded_birth_date_lies_after_the_period(true: TrueIdentities) -> None:
    profile = ErrorProfile(
        swapped_day_month=0.3, transposed_birth_digits=0.5, wrong_birth_century=0.5, mistyped_birth_date=1.0
    )
    assert max(_record(true, profile).birth_date) <= PERIOD.end.isoformat()


def test_native_scripts_are_transliterated_back_to_nearly_the_same_letters(true: TrueIdentities) -> None:
    """anyascii, deterministic, must bring a record in Cyrillic, Georgian or Greek back near to its Latin spelling."""
    recorded = _record(true, ErrorProfile(native_script=1.0))
    clean = _record(true, ErrorProfile())
    rows = recorded.errors["native_script"]

    def bigrams(name: str) -> set[str]:
        text = "".join(filter(str.isalpha, anyascii(name).lower()))
        return {text[i : i + 2] for i in range(len(text) - 1)}

    similarities = []
    for row in rows.tolist():
        one, other = bigrams(recorded.family_name[row]), bigrams(clean.family_name[row])
        similarities.append(2 * len(one & other) / (len(one) + len(other)))
    assert np.mean(similarities) > 0.75


def test_names_are_never_blank_and_always_in_normal_form_c(true: TrueIdentities) -> None:
    recorded = _record(true, replace(ErrorProfile(), **dict.fromkeys(KINDS, 0.5)))
    for column, missing in ((recorded.given_name, "missing_given_name"), (recorded.family_name, "missing_family_name")):
        names = np.delete(column, recorded.errors[missing])
        assert all(name.strip() for name in names)
        assert all(unicodedata.is_normalized("NFC", name) for name in names)
        assert not any(set(name) & set('",\n\r;') for name in names)
