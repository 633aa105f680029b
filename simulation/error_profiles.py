"""How often an agency's file is wrong, and in what way: one declared rate for each kind of error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class ErrorProfile:
    """Rates of errors in an agency's identities, each in 0..1.

    A rate is the share of the records in which the error could happen: a missing second name needs a second name. The
    errors of a record are drawn independently of each other and of the person's records elsewhere, except that a birth
    date suffers at most one. They happen in the order of the fields here. Slips of the finger and misread letters
    strike long names more often than short ones: their rate is that of names of 14 letters together.
    """

    outdated_name: float = 0.0
    """The family name of before is still used: before a marriage or a divorce; of those who changed it."""
    nickname: float = 0.0
    """A short or pet form stands for the given name; of the names that have one."""
    missing_second_name: float = 0.0
    """The second given name is left out; of those who have one."""
    dropped_name_part: float = 0.0
    """A double family name lacks a part, or its particles; of those with several parts."""
    transliteration_variant: float = 0.0
    """The given or the family name is spelled another way; of those with another known spelling."""
    sound_alike: float = 0.0
    """One name is written as a stranger to it hears it: f for ph, k for c; of names with such letters."""
    native_script: float = 0.0
    """Both names are in Cyrillic, Georgian or Greek letters; of those whose culture has such a script."""
    typing_error: float = 0.0
    """One letter of the given or the family name is wrong, missing, double, or exchanged with the next."""
    icao_spelling: float = 0.0
    """Names in the letters of a travel document: ö is oe, š is s; of Latin names with other letters or apostrophes."""
    swapped_name_order: float = 0.0
    """The given name stands in the field of the family name, and the other way round."""
    upper_case: float = 0.0
    """Both names are in capitals; of those in Latin letters."""
    misread_letter: float = 0.0
    """A machine misreads one letter of a name: m for rn, 0 for O, 1 for l; of Latin names with such letters."""
    extra_space: float = 0.0
    """Spaces before or after a name, or two between its parts."""
    missing_given_name: float = 0.0
    """The given name is empty."""
    missing_family_name: float = 0.0
    """The family name is empty; of those with a given name."""
    sentinel_birth_date: float = 0.0
    """The birth date is 1 January, of 1900 or of the right year."""
    missing_birth_date: float = 0.0
    """The birth date is empty; of the dates without an error above, as all below."""
    missing_birth_month: float = 0.0
    """Only the year of birth is known."""
    missing_birth_day: float = 0.0
    """Only year and month of birth are known."""
    swapped_day_month: float = 0.0
    """Day and month are exchanged; of the dates for which that makes another past date."""
    transposed_birth_digits: float = 0.0
    """Two neighbouring digits of year, month or day are exchanged; of the dates for which that makes a past date."""
    wrong_birth_century: float = 0.0
    """The year was kept in two digits and completed wrongly; of those whose year is past in both centuries."""
    mistyped_birth_date: float = 0.0
    """The year is one or ten too low, the date one day early, or one digit another that makes a past date."""
    misread_birth_date: float = 0.0
    """A machine misreads one digit as another or as a letter, whatever date or nonsense that makes."""
    missing_sex: float = 0.0
    """The sex is empty."""
    wrong_sex: float = 0.0
    """The sex is the other one; of those not empty."""
    outdated_municipality: float = 0.0
    """The municipality is the one lived in before; of those who moved."""
    mistyped_municipality: float = 0.0
    """One letter of the municipality is wrong, missing, double, or exchanged with the next."""
    missing_municipality: float = 0.0
    """The municipality is empty."""
    missing_country_of_birth: float = 0.0
    """The country of birth is empty."""
    relatives_national_id: float = 0.0
    """The national id is that of another member of the household; of those who live with others."""
    mistyped_national_id: float = 0.0
    """One digit of the national id is another, or two neighbours are exchanged: the check digit tells nearly always."""
    missing_national_id: float = 0.0
    """The national id is empty; of those who have one, as the two above."""
    renewed_passport: float = 0.0
    """The passport shown is a later one, with another number; of those who show one."""
    missing_passport_number: float = 0.0
    """The passport number is empty; of those who show one."""

    def __post_init__(self) -> None:
        """Refuse rates outside 0..1, all of them together."""
        wrong = [field.name for field in fields(self) if not 0.0 <= getattr(self, field.name) <= 1.0]
        if wrong:
            raise ValueError(f"error rates must lie in 0..1: {', '.join(wrong)}")


POPULATION_REGISTER: Final = "population_register"
BORDER_POLICE: Final = "border_police"
TAX: Final = "tax"

DEFAULT_PROFILES: Final[Mapping[str, ErrorProfile]] = MappingProxyType(
    {
        POPULATION_REGISTER: ErrorProfile(
            outdated_name=0.03,
            missing_second_name=0.03,
            dropped_name_part=0.02,
            transliteration_variant=0.02,
            sound_alike=0.003,
            typing_error=0.01,
            swapped_name_order=0.003,
            extra_space=0.005,
            sentinel_birth_date=0.002,
            missing_birth_month=0.002,
            missing_birth_day=0.003,
            swapped_day_month=0.003,
            mistyped_birth_date=0.002,
            missing_sex=0.001,
            outdated_municipality=0.1,
        ),
        BORDER_POLICE: ErrorProfile(
            outdated_name=0.3,
            missing_second_name=0.2,
            dropped_name_part=0.1,
            transliteration_variant=0.1,
            native_script=0.02,
            typing_error=0.01,
            icao_spelling=1.0,
            swapped_name_order=0.01,
            upper_case=0.97,
            misread_letter=0.01,
            extra_space=0.01,
            sentinel_birth_date=0.004,
            missing_birth_month=0.004,
            missing_birth_day=0.006,
            swapped_day_month=0.01,
            mistyped_birth_date=0.004,
            missing_sex=0.01,
            mistyped_national_id=0.005,
            missing_national_id=0.7,
        ),
        TAX: ErrorProfile(
            outdated_name=0.15,
            nickname=0.01,
            missing_second_name=0.4,
            dropped_name_part=0.08,
            transliteration_variant=0.06,
            sound_alike=0.01,
            native_script=0.03,
            typing_error=0.02,
            icao_spelling=0.2,
            swapped_name_order=0.015,
            upper_case=0.05,
            extra_space=0.02,
            sentinel_birth_date=0.004,
            missing_birth_month=0.003,
            missing_birth_day=0.003,
            swapped_day_month=0.01,
            transposed_birth_digits=0.003,
            mistyped_birth_date=0.006,
            relatives_national_id=0.003,
            mistyped_national_id=0.01,
            missing_national_id=0.3,
            renewed_passport=0.1,
            missing_passport_number=0.2,
        ),
    }
)
"""A careful register, a border where documents are read by machine, and a tax office where people write themselves."""
