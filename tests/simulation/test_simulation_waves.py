"""Waves that add to a registry of real encodings, under the default schema and matching clause."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linkage_core.assessment.quality import PairQuality, assess
from linkage_core.default_matching import default_matching
from linkage_core.default_schema import people_schema
from linkage_core.linking.files import ClkColumn, EncodedFile, MatchKeyColumn
from linkage_core.linking.registry import WaveRows, added_rows, first_rows, handles_of
from linkage_core.linking.run import LinkageResult, link
from linkage_core.standardise.dates import DateFormat
from linkage_core.types import PartyName
from simulation.country import generate
from tests.simulation.test_simulation_linkage_quality import BORDER, REGISTER, TAX, encoded, numbered_by_person, read

FEW = 20
MANY = 200


def some(file: EncodedFile, rows: slice) -> EncodedFile:
    clks = {name: ClkColumn(clk.bits[rows], clk.present[rows]) for name, clk in file.clks.items()}
    keys = {name: MatchKeyColumn(key.keys[rows], key.present[rows]) for name, key in file.match_keys.items()}
    return EncodedFile(file.provider, len(range(file.row_count)[rows]), clks, keys)


def handles(rows: range) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(row.to_bytes(16, "big") for row in rows), np.uint8).reshape(-1, 16)


def test_waves_of_many_new_rows_of_few_and_of_none_are_linked_beside_the_registry(tmp_path: Path) -> None:
    schema = people_schema()
    generated = generate(2000, 9, tmp_path)
    person_of = {
        (row["provider"], row["local_id"]): number for row, number in numbered_by_person(generated.truth["identities"])
    }
    files, persons = [], {}
    for provider in (BORDER, REGISTER, TAX):
        rows = read(generated.agencies[provider]["identities"])
        columns = {
            item.name: [row[item.name] for row in rows] for item in schema.quasi_identifiers if item.name in rows[0]
        }
        formats: dict[str, DateFormat] = {"birth_date": "DD.MM.YYYY"} if provider == BORDER else {}
        files.append(encoded(provider, schema, columns, 1, formats))
        persons[provider] = np.array([person_of[provider, row["local_id"]] for row in rows], np.int64)
    matching = default_matching(schema, [BORDER])

    known = [file.row_count - MANY - FEW for file in files]
    held: Sequence[WaveRows] = [
        first_rows(handles(range(count)), some(file, slice(0, count))) for file, count in zip(files, known, strict=True)
    ]
    result = link([part.file for part in held], schema, matching, seed=7)
    for brought in (MANY, FEW, FEW):
        starts = [min(count, file.row_count - FEW) for file, count in zip(files, known, strict=True)]
        wave = [
            (handles(range(start, start + brought)), some(file, slice(start, start + brought)))
            for file, start in zip(files, starts, strict=True)
        ]
        kept = [part.registered(result.groups.files[part.file.provider], result.groups.ways) for part in held]
        held = added_rows(wave, kept, group_ids(held, result), matching.passes)
        result = link([part.file for part in held], schema, matching, seed=7)
        known = [start + brought for start in starts]
        assert [len(part.handles) for part in held] == known
        assert of_all(held, result, persons).f1 >= 0.98
    assert known == [file.row_count for file in files]
    assert result.scored_pairs == 0, "the last wave brought what the one before had brought"


def group_ids(rows: Sequence[WaveRows], result: LinkageResult) -> Mapping[tuple[str, bytes], bytes]:
    return {
        (str(part.file.provider), handle): number.to_bytes(16, "big")
        for part in rows
        for handle, number in zip(
            handles_of(part.handles), result.groups.files[part.file.provider].group.tolist(), strict=True
        )
    }


def of_all(
    rows: Sequence[WaveRows], result: LinkageResult, persons: Mapping[PartyName, NDArray[np.int64]]
) -> PairQuality:
    """Compare the groups of all rows that the registry holds with the truth; a handle is a row's number."""
    of_row = {}
    for part in rows:
        numbers = [int.from_bytes(handle, "big") for handle in handles_of(part.handles)]
        of_row[part.file.provider] = persons[part.file.provider][numbers]
    return assess({name: file.group for name, file in result.groups.files.items()}, of_row).overall
