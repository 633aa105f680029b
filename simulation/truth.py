"""The truth behind the agencies' files, kept apart from them: for reports and benchmarks, never for an agency.

| file              | columns                                                                                     |
|-------------------|---------------------------------------------------------------------------------------------|
| `truth/persons`   | person_id, household_id, kind (`people.Kind`, lower case), sex (M, F), birth_date,          |
|                   | death_date, country_of_birth, citizenship, second_citizenship, given_name, second_given_name, |
|                   | family_name, earlier_family_name (empty if the name never changed), municipality, region    |
| `truth/identities`| person_id, provider, local_id: one row per identity of an agency                            |
| `truth/residence` | person_id, start, end: true spells of residence, half-open, end empty for those who stay    |
| `truth/migrations`| person_id, date, direction (immigration, emigration): those within the period               |
| `truth/errors`    | provider, local_id, error (`error_profiles.ErrorProfile`): one row per error made           |

Stock of residents on day d: spells with start <= d and (end empty or d < end). Births begin, deaths end a spell, too;
flows are the rows of `migrations`. All dates are YYYY-MM-DD.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa

from simulation.agencies import AgencyTables
from simulation.identifiers import Numbers, Texts
from simulation.life_courses import Spells, migrations
from simulation.people import Kind, Population
from simulation.period import Period, date_text

_PERSON_COLUMNS: Final = (
    *("person_id", "household_id", "kind", "sex", "birth_date", "death_date", "country_of_birth", "citizenship"),
    *("second_citizenship", "given_name", "second_given_name", "family_name", "earlier_family_name"),
    *("municipality", "region"),
)


def _columns(*names: str) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in names])


SCHEMAS: Final[Mapping[str, pa.Schema]] = {
    "persons": _columns(*_PERSON_COLUMNS),
    "identities": _columns("person_id", "provider", "local_id"),
    "residence": _columns("person_id", "start", "end"),
    "migrations": _columns("person_id", "date", "direction"),
    "errors": _columns("provider", "local_id", "error"),
}
"""The columns of the truth's tables, in the order of the files."""


def truth_tables(
    people: Population, ordinals: Numbers, residence: Spells, period: Period, agencies: Mapping[str, AgencyTables]
) -> dict[str, Any]:
    """The truth's tables of one batch, by name: pyarrow Tables."""
    person_id = numbered("person", ordinals)
    row, spell = np.nonzero(residence.present)
    start, end = residence.start[row, spell], residence.end[row, spell]
    who, day, inward = migrations(people, residence, period)
    direction = np.where(inward, "immigration", "emigration").astype(object)
    return {
        "persons": _table("persons", _person_columns(people, ordinals, person_id)),
        "identities": _stacked(
            "identities",
            [
                {
                    "person_id": person_id[agency.person],
                    "provider": np.full(len(agency.person), provider, dtype=object),
                    "local_id": agency.local_id,
                }
                for provider, agency in agencies.items()
            ],
        ),
        "residence": _table(
            "residence", {"person_id": person_id[row], "start": date_text(start), "end": date_text(end)}
        ),
        "migrations": _table(
            "migrations", {"person_id": person_id[who], "date": date_text(day), "direction": direction}
        ),
        "errors": _stacked(
            "errors",
            [
                {
                    "provider": np.full(len(rows), provider, dtype=object),
                    "local_id": agency.local_id[rows],
                    "error": np.full(len(rows), error, dtype=object),
                }
                for provider, agency in agencies.items()
                for error, rows in agency.errors.items()
            ],
        ),
    }


def _person_columns(people: Population, ordinals: Numbers, person_id: Texts) -> dict[str, Texts]:
    kinds = np.array([kind.name.lower() for kind in Kind], dtype=object)
    same_name = people.family == people.earlier_family
    return {
        "person_id": person_id,
        "household_id": numbered("household", ordinals[people.head]),
        "kind": kinds[people.kind],
        "sex": np.where(people.female, "F", "M").astype(object),
        "birth_date": date_text(people.birth),
        "death_date": date_text(people.death),
        "country_of_birth": people.country_of_birth,
        "citizenship": people.citizenship,
        "second_citizenship": _or_none(people.second_citizenship),
        "given_name": people.given,
        "second_given_name": _or_none(people.second_given),
        "family_name": people.family,
        "earlier_family_name": _or_none(np.where(same_name, "", people.earlier_family)),
        "municipality": people.municipality,
        "region": people.region,
    }


def _or_none(texts: Texts) -> Texts:
    present = texts.copy()
    present[texts == ""] = None
    return present


def numbered(word: str, ordinals: Numbers) -> Texts:
    """Ids such as person-000000042, one a number."""
    return np.array([f"{word}-{ordinal:09d}" for ordinal in ordinals.tolist()], dtype=object)


def _table(name: str, columns: Mapping[str, Texts]) -> Any:
    schema = SCHEMAS[name]
    return pa.table([pa.array(columns[field.name], type=field.type) for field in schema], schema=schema)


def _stacked(name: str, parts: list[dict[str, Texts]]) -> Any:
    return pa.concat_tables([SCHEMAS[name].empty_table(), *(_table(name, part) for part in parts)])
