"""True identities in, recorded identities out: applies an error profile and says what it did to which record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulation.date_errors import recorded_birth_dates
from simulation.error_profiles import ErrorProfile
from simulation.hits import Hits, Rows
from simulation.identifiers import Numbering, Numbers, national_ids, passport_numbers
from simulation.name_errors import TrueNames, recorded_names
from simulation.name_lists import Lists, Texts
from simulation.people import Population
from simulation.spelling import mistyped


@dataclass(frozen=True, slots=True)
class TrueIdentities:
    """What is true of the people of some records, one array element a record."""

    names: TrueNames
    birth: npt.NDArray[np.int64]
    """Days since 1970-01-01."""
    sex: Texts
    """"M" or "F"."""
    municipality: Texts
    earlier_municipality: Texts
    """Equal to `municipality` for those who never moved."""
    country_of_birth: Texts
    national_id: Texts
    """Empty text for those who have none."""
    relatives_national_id: Texts
    """That of another member of the household; equal to `national_id` for those who live alone or have none."""
    passport_number: Texts
    """Empty text for those who show none."""
    renewed_passport_number: Texts


def true_identities(
    people: Population,
    ordinals: Numbers,
    numbering: Numbering,
    person: Rows,
    numbered: npt.NDArray[np.bool_] | None = None,
) -> TrueIdentities:
    """What is true of the people at the rows `person`; `ordinals` number all people in the universe.

    `numbered` masks the people who have a national id; without it all have one.
    """
    national_id = national_ids(ordinals, numbering)
    relatives = national_id[_relatives(people)]
    if numbered is not None:
        national_id[~numbered] = ""
        relatives = np.where(numbered & numbered[_relatives(people)], relatives, national_id)
    return TrueIdentities(
        names=TrueNames(
            given=people.given[person],
            second_given=people.second_given[person],
            family=people.family[person],
            earlier_family=people.earlier_family[person],
            culture=people.culture[person],
        ),
        birth=people.birth[person],
        sex=np.where(people.female[person], "F", "M").astype(object),
        municipality=people.municipality[person],
        earlier_municipality=people.earlier_municipality[person],
        country_of_birth=people.country_of_birth[person],
        national_id=national_id[person],
        relatives_national_id=relatives[person],
        passport_number=passport_numbers(ordinals[person], np.zeros_like(person), numbering),
        renewed_passport_number=passport_numbers(ordinals[person], np.ones_like(person), numbering),
    )


def _relatives(people: Population) -> Rows:
    """For everyone the row of another of the household: the next one, the head for the last; oneself if alone."""
    rows = np.arange(len(people))
    following = np.minimum(rows + 1, len(people) - 1)
    together = (people.household[following] == people.household) & (following != rows)
    return np.where(together, following, people.head)


@dataclass(frozen=True, slots=True)
class RecordedIdentities:
    """What the agency's file says of the same people, and the rows that suffered each kind of error.

    In every column None is a missing value.
    """

    given_name: Texts
    """A second given name follows the first after a space."""
    family_name: Texts
    birth_date: Texts
    """A date in the agency's style, or the part of it that is known."""
    sex: Texts
    municipality: Texts
    country_of_birth: Texts
    national_id: Texts
    passport_number: Texts
    errors: dict[str, Rows]
    """By field name of `ErrorProfile`, ascending rows; kinds that hit nobody are absent."""


def record(
    true: TrueIdentities,
    profile: ErrorProfile,
    lists: Lists,
    date_style: str,
    latest_birth: int,
    rng: np.random.Generator,
) -> RecordedIdentities:
    """Write the identities down as an agency with this profile does; `latest_birth` is the last day that is past."""
    hits = Hits(len(true.birth), profile, rng)
    given, family = recorded_names(true.names, lists, hits)
    birth_date = recorded_birth_dates(true.birth, date_style, latest_birth, hits)
    return RecordedIdentities(
        given_name=given,
        family_name=family,
        birth_date=birth_date,
        sex=_recorded_sex(true.sex, hits),
        municipality=_recorded_municipality(true, hits),
        country_of_birth=_without(true.country_of_birth, hits.draw("missing_country_of_birth")),
        national_id=_recorded_national_id(true, hits),
        passport_number=_recorded_passport_number(true, hits),
        errors=hits.errors,
    )


def _recorded_sex(true: Texts, hits: Hits) -> Texts:
    missing = hits.draw("missing_sex")
    sex = _without(true, missing)
    known = np.ones(hits.count, dtype=bool)
    known[missing] = False
    wrong = hits.draw("wrong_sex", known)
    sex[wrong] = np.where(true[wrong] == "F", "M", "F")
    return sex


def _recorded_municipality(true: TrueIdentities, hits: Hits) -> Texts:
    municipality = true.municipality.copy()
    outdated = hits.draw("outdated_municipality", true.municipality != true.earlier_municipality)
    municipality[outdated] = true.earlier_municipality[outdated]

    def mistype(row: int, choice: int) -> bool:
        municipality[row] = mistyped(municipality[row], choice % 4, choice // 4 % 97, choice // 512)
        return True

    hits.try_each("mistyped_municipality", mistype)
    return _without(municipality, hits.draw("missing_municipality"))


def _recorded_national_id(true: TrueIdentities, hits: Hits) -> Texts:
    number, numbered = true.national_id.copy(), true.national_id != ""
    confused = hits.draw("relatives_national_id", true.national_id != true.relatives_national_id)
    number[confused] = true.relatives_national_id[confused]

    def mistype(row: int, choice: int) -> bool:
        right = number[row]
        number[row] = _other_digits(right, choice)
        return bool(number[row] != right)

    hits.try_each("mistyped_national_id", mistype, eligible=numbered)
    number = _without(number, hits.draw("missing_national_id", numbered))
    number[~numbered] = None
    return number


def _other_digits(number: str, choice: int) -> str:
    """The number with one digit another, or (one in three, where they differ) with two neighbours exchanged."""
    place = choice // 32 % (len(number) - 1)
    if choice % 3 == 0 and number[place] != number[place + 1]:
        return number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    other = (int(number[place]) + 1 + choice // 4096 % 9) % 10
    return f"{number[:place]}{other}{number[place + 1 :]}"


def _recorded_passport_number(true: TrueIdentities, hits: Hits) -> Texts:
    number, shown = true.passport_number.copy(), true.passport_number != ""
    renewed = hits.draw("renewed_passport", shown)
    number[renewed] = true.renewed_passport_number[renewed]
    number = _without(number, hits.draw("missing_passport_number", shown))
    number[~shown] = None
    return number


def _without(texts: Texts, rows: Rows) -> Texts:
    """A copy in which the values at `rows` are missing."""
    left = texts.copy()
    left[rows] = None
    return left
