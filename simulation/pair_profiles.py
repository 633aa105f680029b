"""Three kinds of pairs of files that statistical offices link, as declared rates of errors, with their reasons.

Rates are of records, or of those in which the error could happen (`ErrorProfile`); a pair differs where either file is
wrong, so a pair's rate is about the sum of both.

| profile | stands for                                   | one file            | other file                            |
|---------|----------------------------------------------|---------------------|---------------------------------------|
| clean   | two registers kept with care                 | population register | social insurance register             |
| usual   | a register and a file that others filled in  | population register | border or tax records                 |
| dirty   | forms by hand, keyed or read by machine      | old paper register  | forms and scanned documents           |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from simulation.error_profiles import ErrorProfile


@dataclass(frozen=True, slots=True)
class PairProfile:
    """The error profiles of two files of persons, and how many of their persons have two rows in one file."""

    name: str
    one: ErrorProfile
    other: ErrorProfile
    duplicates_in_one: float = 0.0
    """Share of the persons of the file that have a second row, with errors of its own."""
    duplicates_in_other: float = 0.0


# Registers that share a national number, look names up in each other and are corrected when people come: what is left
# are name changes not yet told, second names left out, and now and then a slip.
_REGISTER: Final = ErrorProfile(
    outdated_name=0.03,
    missing_second_name=0.03,
    dropped_name_part=0.02,
    transliteration_variant=0.01,
    sound_alike=0.002,
    typing_error=0.005,
    swapped_name_order=0.001,
    extra_space=0.003,
    sentinel_birth_date=0.001,
    missing_birth_month=0.0005,
    missing_birth_day=0.001,
    swapped_day_month=0.001,
    transposed_birth_digits=0.0005,
    mistyped_birth_date=0.001,
    missing_sex=0.0005,
    wrong_sex=0.001,
    outdated_municipality=0.1,
    mistyped_municipality=0.001,
    missing_municipality=0.005,
    missing_country_of_birth=0.01,
    mistyped_national_id=0.0005,
    missing_national_id=0.01,
    renewed_passport=0.1,
    missing_passport_number=0.6,
)

_INSURANCE: Final = ErrorProfile(
    outdated_name=0.08,
    nickname=0.003,
    missing_second_name=0.15,
    dropped_name_part=0.04,
    transliteration_variant=0.02,
    sound_alike=0.005,
    typing_error=0.01,
    swapped_name_order=0.003,
    extra_space=0.01,
    sentinel_birth_date=0.002,
    missing_birth_month=0.001,
    missing_birth_day=0.001,
    swapped_day_month=0.003,
    transposed_birth_digits=0.001,
    mistyped_birth_date=0.003,
    missing_sex=0.002,
    wrong_sex=0.002,
    outdated_municipality=0.3,
    mistyped_municipality=0.002,
    missing_municipality=0.02,
    missing_country_of_birth=0.05,
    relatives_national_id=0.001,
    mistyped_national_id=0.002,
    missing_national_id=0.1,
    renewed_passport=0.1,
    missing_passport_number=0.8,
)

# Filled in by the person or by an officer who sees a foreign document: many spellings, few numbers, dates mostly right.
_FILLED_IN: Final = ErrorProfile(
    outdated_name=0.2,
    nickname=0.02,
    missing_second_name=0.3,
    dropped_name_part=0.1,
    transliteration_variant=0.06,
    sound_alike=0.02,
    native_script=0.005,
    typing_error=0.03,
    icao_spelling=0.5,
    swapped_name_order=0.01,
    upper_case=0.5,
    misread_letter=0.01,
    extra_space=0.02,
    missing_given_name=0.002,
    missing_family_name=0.001,
    sentinel_birth_date=0.004,
    missing_birth_date=0.003,
    missing_birth_month=0.003,
    missing_birth_day=0.004,
    swapped_day_month=0.01,
    transposed_birth_digits=0.004,
    wrong_birth_century=0.001,
    mistyped_birth_date=0.008,
    misread_birth_date=0.002,
    missing_sex=0.01,
    wrong_sex=0.005,
    outdated_municipality=0.4,
    mistyped_municipality=0.01,
    missing_municipality=0.1,
    missing_country_of_birth=0.1,
    relatives_national_id=0.002,
    mistyped_national_id=0.01,
    missing_national_id=0.6,
    renewed_passport=0.2,
    missing_passport_number=0.5,
)

# Written by hand and keyed in, or scanned: every field suffers, and several of one record.
_KEYED: Final = ErrorProfile(
    outdated_name=0.1,
    nickname=0.03,
    missing_second_name=0.2,
    dropped_name_part=0.08,
    transliteration_variant=0.06,
    sound_alike=0.04,
    typing_error=0.06,
    icao_spelling=0.3,
    swapped_name_order=0.01,
    upper_case=0.2,
    extra_space=0.03,
    missing_given_name=0.004,
    missing_family_name=0.002,
    sentinel_birth_date=0.01,
    missing_birth_date=0.01,
    missing_birth_month=0.01,
    missing_birth_day=0.01,
    swapped_day_month=0.015,
    transposed_birth_digits=0.01,
    wrong_birth_century=0.005,
    mistyped_birth_date=0.02,
    missing_sex=0.02,
    wrong_sex=0.01,
    outdated_municipality=0.3,
    mistyped_municipality=0.03,
    missing_municipality=0.1,
    missing_country_of_birth=0.15,
    relatives_national_id=0.005,
    mistyped_national_id=0.03,
    missing_national_id=0.5,
    renewed_passport=0.2,
    missing_passport_number=0.8,
)

_SCANNED: Final = ErrorProfile(
    outdated_name=0.2,
    nickname=0.05,
    missing_second_name=0.4,
    dropped_name_part=0.12,
    transliteration_variant=0.1,
    sound_alike=0.05,
    native_script=0.01,
    typing_error=0.04,
    icao_spelling=0.5,
    swapped_name_order=0.02,
    upper_case=0.5,
    misread_letter=0.12,
    extra_space=0.05,
    missing_given_name=0.006,
    missing_family_name=0.003,
    sentinel_birth_date=0.01,
    missing_birth_date=0.015,
    missing_birth_month=0.01,
    missing_birth_day=0.01,
    swapped_day_month=0.02,
    transposed_birth_digits=0.01,
    wrong_birth_century=0.005,
    mistyped_birth_date=0.02,
    misread_birth_date=0.04,
    missing_sex=0.03,
    wrong_sex=0.015,
    outdated_municipality=0.5,
    mistyped_municipality=0.05,
    missing_municipality=0.2,
    missing_country_of_birth=0.25,
    relatives_national_id=0.005,
    mistyped_national_id=0.05,
    missing_national_id=0.7,
    renewed_passport=0.3,
    missing_passport_number=0.8,
)

PAIR_PROFILES: Final[Mapping[str, PairProfile]] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            PairProfile("clean", _REGISTER, _INSURANCE),
            PairProfile("usual", _REGISTER, _FILLED_IN),
            PairProfile("dirty", _KEYED, _SCANNED),
        )
    }
)
"""By name. Their files are free of duplicates; `generate_pair` adds some at a rate that its caller names."""
