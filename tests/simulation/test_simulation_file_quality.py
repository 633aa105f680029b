"""What the quality report suspects of a generated file, held against the errors that were made in it."""

import csv
from pathlib import Path

import pytest

from services.provider_agent.profiling.people import PeopleStatistics
from simulation.country import generate
from tests.support.profiles import profile

PEOPLE = 12_000
PROVIDERS = ("population_register", "border_police", "tax")


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("country")
    generate(PEOPLE, 11, folder)
    return folder


def statistics(rows: list[dict[str, str]], *columns: str) -> PeopleStatistics:
    return profile({name: [row[name] for row in rows] for name in columns}).people


def read(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_many_exchanged_names_are_found_and_hardly_a_right_one_is_suspected(country: Path, provider: str) -> None:
    rows = read(country / provider / "identities.csv")
    errors = read(country / "truth" / "errors.csv")
    exchanged = {e["local_id"] for e in errors if (e["provider"], e["error"]) == (provider, "swapped_name_order")}
    assert len(exchanged) > 10
    found = statistics(rows, "given_name", "family_name").swapped
    falsely = statistics([row for row in rows if row["local_id"] not in exchanged], "given_name", "family_name").swapped
    assert found is not None
    assert falsely is not None
    assert falsely.swapped <= len(exchanged) / 20
    assert found.swapped - falsely.swapped > len(exchanged) / 3  # rare names cannot be judged; a larger file shows more


def test_persons_under_two_numbers_are_counted_and_namesakes_are_not(country: Path) -> None:
    owners = {
        (row["provider"], row["local_id"]): row["person_id"] for row in read(country / "truth" / "identities.csv")
    }
    for provider in ("population_register", "border_police"):
        rows = read(country / provider / "identities.csv")
        if provider == "border_police":
            for row in rows:  # its dates are written day first
                row["birth_date"] = "-".join(reversed(row["birth_date"].split(".")))
        persons = {owners[(provider, row["local_id"])] for row in rows}
        twice = statistics(rows, "given_name", "family_name", "birth_date").twice
        assert twice is not None
        double = len(rows) - len(persons)
        assert twice.by_chance < 1
        if double:
            assert double / 2 < twice.exact.pairs <= double
        else:
            assert twice.exact.pairs <= 2
