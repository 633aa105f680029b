"""Two files of persons who overlap: as many as declared, reproducible, their truth apart and complete."""

from __future__ import annotations

import csv
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from simulation import pairs
from simulation.error_profiles import ErrorProfile
from simulation.pair_profiles import PAIR_PROFILES, PairProfile
from simulation.pairs import COLUMNS, PersonFile, draw_pair, write_pair

RECORDS = 3_000


@pytest.fixture(scope="module")
def usual() -> tuple[PersonFile, PersonFile]:
    return draw_pair("usual", RECORDS, 3)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("overlap", [0.0, 0.6, 1.0])
def test_each_file_holds_the_declared_persons_once_and_shares_the_declared_part_of_them(overlap: float) -> None:
    one, other = draw_pair("clean", 500, 7, overlap=overlap)
    assert len(np.unique(one.person)) == len(one.person) == 500
    assert len(np.unique(other.person)) == len(other.person) == 500
    assert len(np.intersect1d(one.person, other.person)) == overlap * 500


def test_duplicates_come_at_their_declared_rate_with_another_local_id_and_errors_of_their_own() -> None:
    one, other = draw_pair("dirty", RECORDS, 7, duplicates=0.1)
    for file in (one, other):
        persons, counts = np.unique(file.person, return_counts=True)
        assert len(persons) == RECORDS
        assert counts.max() == 2
        assert abs((counts == 2).mean() - 0.1) < 0.03
        assert len(set(file.columns["local_id"])) == len(file.person)
    by_person: dict[int, list[str]] = {}
    for person, name in zip(one.person.tolist(), one.columns["family_name"].tolist(), strict=True):
        by_person.setdefault(person, []).append(name)
    alike = [names[0] == names[1] for names in by_person.values() if len(names) == 2]
    assert any(alike)
    assert not all(alike)


def test_a_person_has_one_origin_and_all_origins_from_abroad_are_about_equally_frequent(
    usual: tuple[PersonFile, PersonFile],
) -> None:
    origins = [dict(zip(file.person.tolist(), file.origin.tolist(), strict=True)) for file in usual]
    assert all(origins[1].get(person, origin) == origin for person, origin in origins[0].items())
    names, counts = np.unique(usual[0].origin, return_counts=True)
    abroad = counts[names != "home"]
    assert len(abroad) == 13
    assert abroad.min() > 0.5 * abroad.max()
    assert 0.3 < counts[names == "home"][0] / RECORDS < 0.55


def test_without_errors_the_files_agree_on_everyone_they_share() -> None:
    one, other = draw_pair(PairProfile("flawless", ErrorProfile(), ErrorProfile()), RECORDS, 3)
    rows = [
        dict(zip(file.person.tolist(), zip(*(file.columns[c].tolist() for c in COLUMNS), strict=True), strict=True))
        for file in (one, other)
    ]
    shared = rows[0].keys() & rows[1].keys()
    assert len(shared) == 0.6 * RECORDS
    assert all(rows[0][person] == rows[1][person] for person in shared)
    assert one.errors == other.errors == {}


def test_a_profile_is_the_worse_the_dirtier_it_is_called() -> None:
    differing = {}
    for name in PAIR_PROFILES:
        one, other = draw_pair(name, RECORDS, 3)
        row_of = {person: row for row, person in enumerate(one.person.tolist())}
        both = [(row_of[person], row) for row, person in enumerate(other.person.tolist()) if person in row_of]
        differing[name] = {
            column: np.mean([one.columns[column][i] != other.columns[column][j] for i, j in both])
            for column in ("given_name", "birth_date", "municipality", "sex")
        }
    for better, worse in combinations(("clean", "usual", "dirty"), 2):
        assert all(differing[better][column] < differing[worse][column] for column in differing[better])


def test_both_files_hold_relatives_twins_and_namesakes_of_people_who_are_in_one_only() -> None:
    one, other = draw_pair(PairProfile("flawless", ErrorProfile(), ErrorProfile()), RECORDS, 3)

    def keys(file: PersonFile, *columns: str) -> list[tuple[str, ...]]:
        return list(zip(*(file.columns[column].tolist() for column in columns), strict=True))

    born = dict(zip(keys(one, "family_name", "birth_date"), one.person.tolist(), strict=True))
    near = zip(keys(other, "family_name", "birth_date"), other.person.tolist(), strict=True)
    assert any(born.get(key, person) != person for key, person in near), "one twin in each file"
    names = set(keys(one, "given_name", "family_name"))
    namesakes = [key in names for key in keys(other, "given_name", "family_name")]
    assert np.any(namesakes & ~np.isin(other.person, one.person)), "a namesake who is not the same person"


def test_the_same_arguments_write_the_same_bytes_and_the_same_rows_as_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "BATCH_PEOPLE", 300)
    drawn = draw_pair("dirty", 400, 5, duplicates=0.05)
    made = [write_pair("dirty", 400, 5, tmp_path / name, duplicates=0.05) for name in ("first", "second")]
    other_seed = write_pair("dirty", 400, 6, tmp_path / "third", duplicates=0.05)
    for name, file in zip(pairs.FILES, drawn, strict=True):
        assert made[0].files[name].read_bytes() == made[1].files[name].read_bytes()
        assert made[0].files[name].read_bytes() != other_seed.files[name].read_bytes()
        written = _rows(made[0].files[name])
        assert list(written[0]) == ["local_id", *COLUMNS]
        for column, values in file.columns.items():
            assert [row[column] for row in written] == [value or "" for value in values.tolist()]


def test_the_truth_names_the_person_behind_every_row_and_every_error(tmp_path: Path) -> None:
    one, other = draw_pair("dirty", 400, 5)
    made = write_pair("dirty", 400, 5, tmp_path)
    identities, errors = _rows(made.truth["identities"]), _rows(made.truth["errors"])
    for name, file in (("one", one), ("other", other)):
        rows = [row for row in identities if row["file"] == name]
        assert [row["person_id"] for row in rows] == [f"person-{number:09d}" for number in file.person]
        assert [row["local_id"] for row in rows] == file.columns["local_id"].tolist()
        assert [row["origin"] for row in rows] == file.origin.tolist()
        assert sum(row["file"] == name for row in errors) == sum(map(len, file.errors.values()))
    text = "".join(path.read_text(encoding="utf-8") for path in made.files.values())
    assert "person-" not in text


def test_national_ids_link_some_records_and_wrong_ones_are_rare(usual: tuple[PersonFile, PersonFile]) -> None:
    numbers = [file.columns["national_id"].tolist() for file in usual]
    assert np.mean([number is None for number in numbers[0]]) < 0.03
    assert 0.5 < np.mean([number is None for number in numbers[1]]) < 0.7
    person_of = {number: person for number, person in zip(numbers[0], usual[0].person.tolist(), strict=True) if number}
    pairs_found = [
        person_of[number] == person
        for number, person in zip(numbers[1], usual[1].person.tolist(), strict=True)
        if number in person_of
    ]
    assert len(pairs_found) > 0.2 * RECORDS
    assert np.mean(pairs_found) > 0.99


def test_all_wrong_arguments_are_named_together(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no pair profile.*records must.*overlap must.*seed must.*duplicates must"):
        write_pair("filthy", 0, -1, tmp_path, overlap=1.5, duplicates=-0.1)
    assert not list(tmp_path.iterdir())
