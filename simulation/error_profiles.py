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
    date suffers at most one. They happen in the order of the fields here.
    """

    outdated_name: float = 0.0
    """The family name before marriage is still used; of those who changed it."""
    missing_second_name: float = 0.0
    """The second given name is left out; of those who have one."""
    dropped_name_part: float = 0.0
    """A double family name lacks a part, or its particles; of those with several parts."""
    transliteration_variant: float = 0.0
    """The given or the family name is spelled another way; of those with another known spelling."""
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
    extra_space: float = 0.0
    """Spaces before or after a name, or two between its parts."""
    sentinel_birth_date: float = 0.0
    """The birth date is 1 January, of 1900 or of the right year."""
    missing_birth_month: float = 0.0
    """Only the year of birth is known; of the dates that are not sentinels."""
    missing_birth_day: float = 0.0
    """Only year and month of birth are known; of the dates without an error above."""
    swapped_day_month: float = 0.0
    """Day and month are exchanged; of the dates without an error above for which that makes another past date."""
    mistyped_birth_date: float = 0.0
    """The year is one or ten too low, or the date one day early; of the dates without an error above."""
    missing_sex: float = 0.0
    """The sex is empty."""

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
            typing_error=0.01,
            swapped_name_order=0.003,
            extra_space=0.005,
            sentinel_birth_date=0.002,
            missing_birth_month=0.002,
            missing_birth_day=0.003,
            swapped_day_month=0.003,
            mistyped_birth_date=0.002,
            missing_sex=0.001,
        ),
        BORDER_POLICE: ErrorProfile(
            outdated_name=0.3,
            missing_second_name=0.2,
            dropped_name_part=0.1,
            transliteration_variant=0.1,
            native_script=0.02,
            typing_error=0.02,
            icao_spelling=1.0,
            swapped_name_order=0.01,
            upper_case=0.97,
            extra_space=0.01,
            sentinel_birth_date=0.004,
            missing_birth_month=0.004,
            missing_birth_day=0.006,
            swapped_day_month=0.01,
            mistyped_birth_date=0.006,
            missing_sex=0.01,
        ),
        TAX: ErrorProfile(
            outdated_name=0.15,
            missing_second_name=0.4,
            dropped_name_part=0.08,
            transliteration_variant=0.06,
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
            mistyped_birth_date=0.008,
        ),
    }
)
"""A careful register, a border where documents are read by machine, and a tax office where people write themselves."""
