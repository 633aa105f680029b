"""Years of deliveries: what changed, what is gone and what was found out add up, and the truth tells why."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from simulation import country, deliveries
from simulation.country import PROVIDERS, generate
from simulation.deliveries import GeneratedDeliveries, generate_deliveries

PEOPLE = 4_000
YEARS = 3

Row = dict[str, str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> GeneratedDeliveries:
    return generate_deliveries(PEOPLE, 11, tmp_path_factory.mktemp("deliveries"), YEARS)


def _rows(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _bytes(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


def _by_id(path: Path) -> dict[str, Row]:
    return {row["local_id"]: row for row in _rows(path)}


def _successive(made: GeneratedDeliveries) -> Iterator[tuple[int, str, dict[str, Path], dict[str, Path]]]:
    """Each year but the first: the year, the provider, its files of the year before and of the year."""
    for earlier, year in pairwise(made.deliveries):
        for provider in PROVIDERS:
            yield year, provider, dict(made.deliveries[earlier][provider]), dict(made.deliveries[year][provider])


def _persons(made: GeneratedDeliveries) -> dict[tuple[str, str], dict[str, set[str]]]:
    """By year and provider: the persons behind each local id."""
    behind: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in _rows(made.truth["identities"]):
        behind[row["year"], row["provider"]][row["local_id"]].add(row["person_id"])
    return behind


def test_the_last_years_of_the_period_are_delivered(made: GeneratedDeliveries) -> None:
    assert list(made.deliveries) == [2023, 2024, 2025]
    assert all(path.is_file() for year in made.deliveries.values() for of in year.values() for path in of.values())


def test_changed_rows_and_gone_local_ids_make_one_years_file_of_the_last_ones(made: GeneratedDeliveries) -> None:
    for _, _, before, now in _successive(made):
        rebuilt = _by_id(before["identities"])
        for row in _rows(now["gone"]):
            del rebuilt[row["local_id"]]
        changes = _rows(now["changes"])
        assert all(rebuilt.get(row["local_id"]) != row for row in changes)
        rebuilt |= {row["local_id"]: row for row in changes}
        assert rebuilt == _by_id(now["identities"])
    for of_first in made.deliveries[2023].values():
        assert _rows(of_first["changes"]) == _rows(of_first["identities"])
        assert not _rows(of_first["gone"])
        assert not _rows(of_first["reconciliations"])


def test_people_arrive_and_leave_everywhere_and_most_stay_as_they_were(made: GeneratedDeliveries) -> None:
    for _, _, before, now in _successive(made):
        earlier, current = _by_id(before["identities"]), _by_id(now["identities"])
        assert current.keys() - earlier.keys()
        assert earlier.keys() - current.keys()
        assert sum(earlier.get(local_id) == row for local_id, row in current.items()) > 0.6 * len(current)


def test_the_truth_names_who_stands_behind_every_local_id_of_every_year(made: GeneratedDeliveries) -> None:
    behind = _persons(made)
    persons = {row["person_id"] for row in _rows(made.truth["persons"])}
    for year, of_year in made.deliveries.items():
        for provider, paths in of_year.items():
            known = _rows(paths["identities"])
            assert len({row["local_id"] for row in known}) == len(known)
            assert {row["local_id"] for row in known} == behind[str(year), provider].keys()
            assert set().union(*behind[str(year), provider].values()) <= persons


def test_a_local_id_never_passes_from_one_person_to_another(made: GeneratedDeliveries) -> None:
    behind = _persons(made)
    for provider in PROVIDERS:
        for earlier, year in pairwise(made.deliveries):
            before, now = behind[str(earlier), provider], behind[str(year), provider]
            assert all(now[local_id] & before[local_id] for local_id in before.keys() & now.keys())


def test_merges_and_splits_are_of_one_person_and_of_two(made: GeneratedDeliveries) -> None:
    behind = _persons(made)
    kinds = set()
    for year, provider, before, now in _successive(made):
        earlier, current = _by_id(before["identities"]), _by_id(now["identities"])
        were, are = behind[str(year - 1), provider], behind[str(year), provider]
        for row in _rows(now["reconciliations"]):
            one, other = row["local_id"], row["other_local_id"]
            kinds.add((provider, row["kind"]))
            assert one in earlier
            assert other in current
            if row["kind"] == "merge":
                assert one not in current
                assert were[one] & are[other]
            else:
                assert one in current
                assert other not in earlier
                assert len(were[one]) == 2
                assert were[one] == are[one] | are[other]
    assert kinds == {(provider, kind) for provider in ("population_register", "tax") for kind in ("merge", "split")}


def test_a_change_of_name_or_place_reaches_the_file_of_its_year(made: GeneratedDeliveries) -> None:
    behind = _persons(made)
    wrong = {(row["year"], row["local_id"]) for row in _rows(made.truth["errors"])}
    changed = {(row["person_id"], row["year"], row["change"]) for row in _rows(made.truth["changes"])}
    reached: dict[str, int] = defaultdict(int)
    for year, provider, before, now in _successive(made):
        earlier, current = _by_id(before["identities"]), _by_id(now["identities"])
        for local_id in earlier.keys() & current.keys():
            if wrong & {(str(year - 1), local_id), (str(year), local_id)}:
                continue
            for person in behind[str(year), provider][local_id]:
                for change, column in (("name", "family_name"), ("municipality", "municipality")):
                    if column in current[local_id] and len(behind[str(year), provider][local_id]) == 1:
                        differs = earlier[local_id][column] != current[local_id][column]
                        assert differs == ((person, str(year), change) in changed)
                        reached[change] += differs
    assert reached["name"] > 20
    assert reached["municipality"] > 20


def test_errors_are_mended_over_the_years_and_only_changes_bring_new_ones(made: GeneratedDeliveries) -> None:
    behind = _persons(made)
    changed = {(row["year"], row["person_id"]) for row in _rows(made.truth["changes"])}
    errors: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for row in _rows(made.truth["errors"]):
        errors[row["year"]].add((row["provider"], row["local_id"], row["error"]))
    for year, provider, before, now in _successive(made):
        stay = _by_id(before["identities"]).keys() & _by_id(now["identities"]).keys()
        were, are = (
            {(i, e) for p, i, e in errors[y] if p == provider and i in stay} for y in (str(year - 1), str(year))
        )
        assert 0.03 < len(were - are) / len(were) < 0.2
        for local_id, _ in are - were:
            assert any((str(year), person) in changed for person in behind[str(year), provider][local_id])


def test_payload_refers_to_the_years_local_ids_and_ends_with_the_year(made: GeneratedDeliveries) -> None:
    for year, of_year in made.deliveries.items():
        for paths in of_year.values():
            known = _by_id(paths["identities"]).keys()
            for table in paths.keys() - {"identities", "changes", "gone", "reconciliations"}:
                rows = _rows(paths[table])
                assert rows
                assert {row["local_id"] for row in rows} <= known
                for column in ("start", "end", "date", "year"):
                    assert all(row.get(column, "") <= f"{year}-12-31" for row in rows)


def test_the_people_are_those_of_the_country_of_the_same_seed(made: GeneratedDeliveries, tmp_path: Path) -> None:
    same = generate(PEOPLE, 11, tmp_path)
    for table in ("persons", "residence", "migrations"):
        assert made.truth[table].read_bytes() == same.truth[table].read_bytes()


def test_the_same_seed_writes_the_same_bytes_in_batches_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (country, deliveries):
        monkeypatch.setattr(module, "BATCH_PEOPLE", 150)
    for name in ("one", "again"):
        generate_deliveries(400, 3, tmp_path / name, 2)
    assert _bytes(tmp_path / "one") == _bytes(tmp_path / "again")
    identities = _rows(tmp_path / "one/2025/tax/identities.csv")
    assert len({row["local_id"] for row in identities}) == len(identities) > 150


@pytest.mark.parametrize("years", [0, 7])
def test_more_years_than_the_period_has_are_refused(tmp_path: Path, years: int) -> None:
    with pytest.raises(ValueError, match="years must be 1 to 6"):
        generate_deliveries(10, 1, tmp_path, years)
    assert not list(tmp_path.iterdir())
