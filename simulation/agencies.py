"""The three agencies' files: who is in which one, and its columns.

One row per local person in `identities` and `persons`; the other tables refer to it by `local_id`. Columns are text
unless another type is named; dates are text in both file formats; a missing value is empty (null in Parquet). All
*spells* hold on their first and last day: on day d if start <= d and (end is empty or d <= end).

| file                                | kind   | columns                                                               |
|-------------------------------------|--------|-----------------------------------------------------------------------|
| `population_register/identities`    |        | local_id (national id: ten digits, the last an ISO 7064 MOD 11,10     |
|                                     |        | check digit), given_name, family_name, birth_date (YYYY-MM-DD), sex   |
|                                     |        | (M, F or empty), country_of_birth (alpha-3), municipality             |
| `population_register/persons`       | person | local_id, sex (M, F, U), country_of_birth, birth_year (integer),      |
|                                     |        | municipality, region                                                  |
| `population_register/registrations` | spell  | local_id, start, end (both YYYY-MM-DD; end is empty while registered) |
| `border_police/identities`          |        | local_id (passport number: two letters, seven digits), given_name,    |
|                                     |        | family_name, birth_date (DD.MM.YYYY), sex (M, F or empty),            |
|                                     |        | citizenship (alpha-3), national_id (where the document tells it)      |
| `border_police/persons`             | person | local_id, sex (M, F, U), citizenship, birth_year (integer)            |
| `border_police/crossings`           | event  | local_id, date (YYYY-MM-DD), direction (in, out)                      |
| `tax/identities`                    |        | local_id (taxpayer number: nine digits, the last a Luhn check digit), |
|                                     |        | given_name, family_name, birth_date (YYYY-MM-DD), national_id (where  |
|                                     |        | given; may be wrong), passport_number (of foreign citizens who showed |
|                                     |        | one)                                                                  |
| `tax/years`                         | event  | local_id, year (integer), activity (`working_lives.ACTIVITIES`),      |
|                                     |        | income_band (`working_lives.INCOME_BANDS`), income (integer, crowns)  |

A partly known birth date is YYYY-MM or YYYY, at the border MM.YYYY or YYYY. The invented home country's alpha-3 code is
XSY. A second given name follows the first one in given_name, after a space. Registrations before the register's
digitisation (1 January ten years before the period) begin on that day. Names are UTF-8, normalised to NFC.

In the register: natives and immigrants who registered, children included. At the border: everyone who crossed it within
the period, once for each passport shown. In tax: adults with a row for a year, among them cross-border workers and
owners who live abroad. Rows are sorted by local id, crossings by date, within each batch of people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simulation.error_profiles import BORDER_POLICE, POPULATION_REGISTER, TAX, ErrorProfile
from simulation.errors import RecordedIdentities, record, true_identities
from simulation.identifiers import Numbering, Numbers, Texts, national_ids, passport_numbers, taxpayer_numbers
from simulation.life_courses import Spells
from simulation.name_lists import HOME_COUNTRY, Lists
from simulation.people import Population
from simulation.period import NEVER, Period, date_text, year_of
from simulation.travel import Crossings, passport_citizenship
from simulation.working_lives import TaxYears

_INTEGERS: Final = frozenset({"birth_year", "year", "income"})
_IDENTITY: Final = ("local_id", "given_name", "family_name", "birth_date")


def _columns(*names: str) -> pa.Schema:
    return pa.schema([(name, pa.int32() if name in _INTEGERS else pa.string()) for name in names])


SCHEMAS: Final[Mapping[str, Mapping[str, pa.Schema]]] = {
    POPULATION_REGISTER: {
        "identities": _columns(*_IDENTITY, "sex", "country_of_birth", "municipality"),
        "persons": _columns("local_id", "sex", "country_of_birth", "birth_year", "municipality", "region"),
        "registrations": _columns("local_id", "start", "end"),
    },
    BORDER_POLICE: {
        "identities": _columns(*_IDENTITY, "sex", "citizenship", "national_id"),
        "persons": _columns("local_id", "sex", "citizenship", "birth_year"),
        "crossings": _columns("local_id", "date", "direction"),
    },
    TAX: {
        "identities": _columns(*_IDENTITY, "national_id", "passport_number"),
        "years": _columns("local_id", "year", "activity", "income_band", "income"),
    },
}
"""The columns of each agency's tables, in the order of the files."""

DATE_STYLES: Final[Mapping[str, str]] = {POPULATION_REGISTER: "%Y-%m-%d", BORDER_POLICE: "%d.%m.%Y", TAX: "%Y-%m-%d"}
"""How each agency writes birth dates; all other dates are YYYY-MM-DD."""


@dataclass(frozen=True, slots=True)
class Office:
    """What every agency works with, for one batch of people."""

    people: Population
    ordinals: Numbers
    """The number of each person in the universe, from 0."""
    numbering: Numbering
    lists: Lists
    period: Period
    registered: npt.NDArray[np.bool_]
    """Who is in the population register: the others have no national id."""


@dataclass(frozen=True, slots=True)
class AgencyTables:
    """An agency's tables of one batch, and what only the truth may hold: who stands behind which local id."""

    tables: Mapping[str, Any]
    """By table name: a pyarrow Table."""
    person: Numbers
    """Row in the batch's people, for each identity."""
    local_id: Texts
    errors: Mapping[str, npt.NDArray[np.int64]]
    """By kind of error: rows of the identities."""


def population_register(
    office: Office, registrations: Spells, profile: ErrorProfile, rng: np.random.Generator
) -> AgencyTables:
    """Everyone with a registration spell."""
    people = office.people
    person = np.flatnonzero(registrations.present.any(axis=1))
    local_id = national_ids(office.ordinals[person], office.numbering)
    order = np.argsort(local_id)
    person, local_id = person[order], local_id[order]
    recorded = _record(office, person, POPULATION_REGISTER, profile, rng)
    about = {
        "country_of_birth": people.country_of_birth[person],
        "municipality": people.municipality[person],
    }
    row, spell = np.nonzero(registrations.present[person])
    return _tables(
        POPULATION_REGISTER,
        person,
        local_id,
        recorded,
        identities=about | {"sex": recorded.sex, "municipality": recorded.municipality},
        persons=about
        | {
            "sex": _payload_sex(recorded),
            "birth_year": year_of(people.birth[person]),
            "region": people.region[person],
        },
        registrations={
            "local_id": local_id[row],
            "start": date_text(registrations.start[person[row], spell]),
            "end": date_text(_last_day(registrations.end[person[row], spell])),
        },
    )


def _last_day(end: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The last day of half-open spells; NEVER stays."""
    return np.where(end == NEVER, NEVER, end - 1)


def border_police(
    office: Office, crossings: Crossings, profile: ErrorProfile, rng: np.random.Generator
) -> AgencyTables:
    """Every passport shown at a recorded crossing: a person with two passports is there twice."""
    people = office.people
    shown, of_crossing = np.unique(2 * crossings.person + crossings.passport, return_inverse=True)
    person, passport = shown // 2, shown % 2
    local_id = passport_numbers(office.ordinals[person], passport, office.numbering)
    order = np.argsort(local_id)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    person, passport, local_id = person[order], passport[order], local_id[order]
    recorded = _record(office, person, BORDER_POLICE, profile, rng)
    about = {"citizenship": passport_citizenship(people, person, passport)}
    row = rank[of_crossing]
    by_day = np.lexsort((row, crossings.day))
    return _tables(
        BORDER_POLICE,
        person,
        local_id,
        recorded,
        identities=about | {"sex": recorded.sex, "national_id": recorded.national_id},
        persons=about | {"sex": _payload_sex(recorded), "birth_year": year_of(people.birth[person])},
        crossings={
            "local_id": local_id[row[by_day]],
            "date": date_text(crossings.day[by_day]),
            "direction": np.where(crossings.inward[by_day], "in", "out").astype(object),
        },
    )


def tax_office(office: Office, years: TaxYears, profile: ErrorProfile, rng: np.random.Generator) -> AgencyTables:
    """Everyone with a row for at least one year."""
    person, of_year = np.unique(years.person, return_inverse=True)
    local_id = taxpayer_numbers(office.ordinals[person], office.numbering)
    order = np.argsort(local_id)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    person, local_id = person[order], local_id[order]
    row = rank[of_year]
    by_person = np.lexsort((years.year, row))
    recorded = _record(office, person, TAX, profile, rng, office.people.citizenship[person] != HOME_COUNTRY)
    return _tables(
        TAX,
        person,
        local_id,
        recorded,
        identities={"national_id": recorded.national_id, "passport_number": recorded.passport_number},
        years={
            "local_id": local_id[row[by_person]],
            "year": years.year[by_person],
            "activity": years.activity[by_person],
            "income_band": years.income_band[by_person],
            "income": years.income[by_person],
        },
    )


def _record(
    office: Office,
    person: Numbers,
    provider: str,
    profile: ErrorProfile,
    rng: np.random.Generator,
    shows_passport: npt.NDArray[np.bool_] | None = None,
) -> RecordedIdentities:
    """Write down the people at the rows `person`; `shows_passport` masks who shows a passport there, None for all."""
    people = office.people
    true = true_identities(people, office.ordinals, office.numbering, person, office.registered)
    if shows_passport is not None:
        true = replace(true, passport_number=np.where(shows_passport, true.passport_number, ""))
    return record(true, profile, office.lists, DATE_STYLES[provider], office.period.after - 1, rng)


def _tables(
    provider: str,
    person: Numbers,
    local_id: Texts,
    recorded: RecordedIdentities,
    **columns: Mapping[str, npt.NDArray[Any]],
) -> AgencyTables:
    """Put the columns of each table into the order and types of its schema."""
    common: dict[str, npt.NDArray[Any]] = {
        "local_id": local_id,
        "given_name": recorded.given_name,
        "family_name": recorded.family_name,
        "birth_date": recorded.birth_date,
    }
    tables = {}
    for name, schema in SCHEMAS[provider].items():
        all_columns = common | dict(columns[name])
        tables[name] = pa.table([pa.array(all_columns[f.name], type=f.type) for f in schema], schema=schema)
    return AgencyTables(tables, person, local_id, recorded.errors)


def _payload_sex(recorded: RecordedIdentities) -> Texts:
    """The recorded sex as a closed category: U where it is missing."""
    sex = recorded.sex.copy()
    sex[np.equal(sex, np.array(None))] = "U"
    return sex
