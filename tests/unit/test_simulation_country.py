"""The invented country's files: reproducible, consistent, and silent about the truth."""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow.parquet
import pytest
from stdnum import luhn
from stdnum.iso7064 import mod_11_10

from simulation import agencies, country
from simulation.country import GeneratedCountry, generate
from simulation.error_profiles import BORDER_POLICE, DEFAULT_PROFILES, POPULATION_REGISTER, ErrorProfile
from simulation.period import Period
from simulation.writing import FileFormat

PEOPLE = 5_000
Frames = dict[str, dict[str, pd.DataFrame]]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> GeneratedCountry:
    return generate(PEOPLE, 11, tmp_path_factory.mktemp("country"))


@pytest.fixture(scope="module")
def frames(generated: GeneratedCountry) -> Frames:
    read = {provider: {t: _read(path) for t, path in files.items()} for provider, files in generated.agencies.items()}
    read["truth"] = {table: _read(path) for table, path in generated.truth.items()}
    return read


def _read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _bytes(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_the_same_seed_writes_the_same_bytes_and_another_seed_does_not(tmp_path: Path, file_format: FileFormat) -> None:
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        generate(400, seed, tmp_path / name, file_format=file_format)
    one, again, other = (_bytes(tmp_path / name) for name in ("one", "again", "other"))
    assert len(one) == 13
    assert one == again
    assert all(one[path] != other[path] for path in one)


def test_batches_do_not_repeat_people_or_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(country, "BATCH_PEOPLE", 150)
    calls: list[tuple[int, int]] = []
    made = generate(400, 3, tmp_path, progress=lambda done, total: calls.append((done, total)))
    persons = _read(made.truth["persons"])
    assert calls == [(0, 400), (150, 400), (300, 400), (400, 400)]
    assert persons["person_id"].is_unique
    assert len(persons) == 400
    assert not persons.duplicated(["given_name", "family_name", "birth_date"]).any()
    assert not _read(made.truth["identities"]).duplicated(["provider", "local_id"]).any()


def test_other_error_profiles_give_other_records_of_the_same_people(tmp_path: Path) -> None:
    flawed = _bytes(generate(400, 3, tmp_path / "flawed").directory)
    flawless = _bytes(generate(400, 3, tmp_path / "flawless", profiles={}).directory)
    differing = {path for path in flawed if flawed[path] != flawless[path]}
    assert differing == {
        *(f"{provider}/identities.csv" for provider in country.PROVIDERS),
        # A missing sex is missing in the payload, too.
        *(f"{provider}/persons.csv" for provider in (BORDER_POLICE, POPULATION_REGISTER)),
        "truth/errors.csv",
    }


def test_parquet_and_csv_hold_the_same_rows(tmp_path: Path) -> None:
    as_csv = generate(300, 5, tmp_path / "csv")
    as_parquet = generate(300, 5, tmp_path / "parquet", file_format="parquet")
    for provider, files in as_csv.agencies.items():
        for table, path in files.items():
            columns = pyarrow.parquet.read_table(as_parquet.agencies[provider][table])
            assert columns.schema.equals(agencies.SCHEMAS[provider][table])
            expected = [["" if value is None else str(value) for value in row.values()] for row in columns.to_pylist()]
            assert _read(path).to_numpy().tolist() == expected


def test_rows_are_counted(generated: GeneratedCountry, frames: Frames) -> None:
    for provider, files in {**generated.agencies, "truth": generated.truth}.items():
        for table, path in files.items():
            assert generated.rows[path] == len(frames[provider][table])
    assert len(frames["truth"]["persons"]) == PEOPLE


def test_every_local_id_belongs_to_exactly_one_person(frames: Frames) -> None:
    mapping = frames["truth"]["identities"]
    assert not mapping.duplicated(["provider", "local_id"]).any()
    assert set(mapping["person_id"]) <= set(frames["truth"]["persons"]["person_id"])
    for provider in country.PROVIDERS:
        known = frames[provider]["identities"]["local_id"]
        assert known.is_unique
        assert set(known) == set(mapping.loc[mapping["provider"] == provider, "local_id"])


def test_payload_refers_to_known_local_ids_only(frames: Frames) -> None:
    for provider in country.PROVIDERS:
        known = set(frames[provider]["identities"]["local_id"])
        for table, rows in frames[provider].items():
            assert set(rows["local_id"]) <= known, (provider, table)
        if "persons" in frames[provider]:
            assert sorted(frames[provider]["persons"]["local_id"]) == sorted(known)


def test_no_identifier_of_the_truth_or_of_another_agency_is_in_an_agencys_files(
    generated: GeneratedCountry, frames: Frames
) -> None:
    for provider, files in generated.agencies.items():
        text = "".join(path.read_text(encoding="utf-8") for path in files.values())
        assert "person-" not in text
        assert "household-" not in text
        values = {
            value
            for rows in frames[provider].values()
            for column in rows.columns.difference(["national_id", "passport_number"])
            for value in rows[column]
        }
        for other in country.PROVIDERS:
            if other != provider:
                assert not values & set(frames[other]["identities"]["local_id"])


def test_some_agencies_know_the_national_id_of_some_registered_people_and_seldom_a_wrong_one(frames: Frames) -> None:
    people = frames["truth"]["identities"].set_index(["provider", "local_id"])["person_id"]
    registered = people["population_register"]
    for provider, least, most in (("border_police", 0.1, 0.35), ("tax", 0.5, 0.75)):
        identities = frames[provider]["identities"]
        given = identities[identities["national_id"] != ""]
        assert least < len(given) / len(identities) < most
        owner = given["national_id"].map(registered)
        right = owner == given["local_id"].map(people[provider])
        assert 0.97 < right.mean() < 1.0
        unregistered = ~identities["local_id"].map(people[provider]).isin(set(registered))
        assert unregistered.sum() > 50
        assert (identities.loc[unregistered, "national_id"] == "").all()


def test_the_tax_office_knows_a_passport_of_most_foreign_citizens_and_of_nobody_else(frames: Frames) -> None:
    people = frames["truth"]["identities"].set_index(["provider", "local_id"])["person_id"]
    citizenship = frames["truth"]["persons"].set_index("person_id")["citizenship"]
    tax = frames["tax"]["identities"]
    person = tax["local_id"].map(people["tax"])
    foreign, shown = person.map(citizenship) != "XSY", tax["passport_number"] != ""
    assert not (shown & ~foreign).any()
    assert 0.7 < shown[foreign].mean() < 0.9
    at_the_border = tax["passport_number"].map(people["border_police"])
    met = shown & at_the_border.notna()
    assert met.sum() > 100
    assert (at_the_border[met] == person[met]).all()


def test_check_digits_are_right(frames: Frames) -> None:
    national = frames["population_register"]["identities"]["local_id"]
    taxpayer = frames["tax"]["identities"]["local_id"]
    assert all(len(number) == 10 and mod_11_10.is_valid(number) for number in national)
    assert all(len(number) == 9 and luhn.is_valid(number) for number in taxpayer)
    assert frames["border_police"]["identities"]["local_id"].str.fullmatch("[A-Z]{2}[1-9][0-9]{6}").all()


def test_some_people_have_two_passports_and_nobody_two_of_another_number(frames: Frames) -> None:
    mapping = frames["truth"]["identities"]
    counts = mapping.groupby(["provider", "person_id"]).size().groupby("provider").max()
    assert counts.to_dict() == {"population_register": 1, "border_police": 2, "tax": 1}
    border = mapping[mapping["provider"] == "border_police"]
    twice = [tuple(of_person) for _, of_person in border.groupby("person_id")["local_id"] if len(of_person) == 2]
    citizenship = frames["border_police"]["identities"].set_index("local_id")["citizenship"]
    different = [citizenship[first] != citizenship[second] for first, second in twice]
    assert 0.01 < len(twice) / border["person_id"].nunique() < 0.1
    assert any(different)
    assert not all(different)


def test_each_agency_knows_people_that_no_other_agency_knows(frames: Frames) -> None:
    providers = frames["truth"]["identities"].groupby("person_id")["provider"].agg(frozenset)
    combinations = Counter(providers)
    for provider in country.PROVIDERS:
        assert combinations[frozenset({provider})] >= 10
    assert combinations[frozenset(country.PROVIDERS)] > PEOPLE * 0.2
    assert combinations[frozenset({"border_police", "tax"})] >= 10
    kinds = frames["truth"]["persons"].set_index("person_id")["kind"]
    for kind, files in (
        ("visitor", {frozenset({"border_police"})}),
        ("non_resident_owner", {frozenset({"tax"})}),
        ("cross_border_worker", {frozenset(s) for s in (["border_police", "tax"], ["border_police"], ["tax"])}),
    ):
        assert set(providers[kinds[providers.index] == kind]) <= files, kind


def test_no_child_pays_tax(frames: Frames) -> None:
    mapping = frames["truth"]["identities"]
    tax = frames["tax"]["years"].merge(mapping[mapping["provider"] == "tax"], on="local_id")
    tax = tax.merge(frames["truth"]["persons"], on="person_id")
    assert (tax["year"].astype(int) - tax["birth_date"].str[:4].astype(int) >= 18).all()


@pytest.mark.parametrize(
    ("provider", "table", "person", "last_day_is_in"),
    [("population_register", "registrations", "local_id", True), ("truth", "residence", "person_id", False)],
)
def test_spells_start_before_they_end_and_do_not_overlap(
    frames: Frames, provider: str, table: str, person: str, last_day_is_in: bool
) -> None:
    spells = frames[provider][table].sort_values([person, "start"])
    ends = spells["end"].replace("", "9999-12-31")
    before = operator.le if last_day_is_in else operator.lt
    assert before(spells["start"], ends).all()
    follows = spells[person] == spells[person].shift()
    assert follows.sum() > 0
    after = operator.gt if last_day_is_in else operator.ge
    assert after(spells["start"], ends.shift())[follows].all()


def test_truth_of_flows_agrees_with_truth_of_residence(frames: Frames) -> None:
    spells = frames["truth"]["residence"].merge(frames["truth"]["persons"], on="person_id")
    came = spells[(spells["start"] > spells["birth_date"]) & (spells["start"] >= "2020-01-01")]
    gone = spells[(spells["end"] != "") & (spells["end"] != spells["death_date"]) & (spells["end"] >= "2020-01-01")]
    moves = frames["truth"]["migrations"]
    expected = sorted(
        [(p, d, "immigration") for p, d in zip(came["person_id"], came["start"], strict=True)]
        + [(p, d, "emigration") for p, d in zip(gone["person_id"], gone["end"], strict=True)]
    )
    assert sorted(moves.itertuples(index=False, name=None)) == expected
    assert moves["date"].between("2020-01-01", "2025-12-31").all()
    assert {"2020", "2021", "2022", "2023", "2024", "2025"} == set(moves["date"].str[:4])


def test_whoever_migrates_stays_or_stays_away_for_more_than_twelve_months(frames: Frames) -> None:
    spells = frames["truth"]["residence"].merge(frames["truth"]["persons"], on="person_id")
    spells = spells.sort_values(["person_id", "start"])
    start, end = pd.to_datetime(spells["start"]), pd.to_datetime(spells["end"].replace("", None))
    emigrated = (
        (spells["end"] != "") & (spells["end"] != spells["death_date"]) & (spells["start"] > spells["birth_date"])
    )
    assert emigrated.sum() > 10
    assert ((end - start)[emigrated].dt.days > 365).all()
    back = spells["person_id"] == spells["person_id"].shift()
    assert back.sum() > 10
    assert ((start - end.shift())[back].dt.days > 365).all()


def test_crossings_alternate_but_for_a_small_share_of_missing_ones(frames: Frames) -> None:
    mapping = frames["truth"]["identities"]
    crossings = frames["border_police"]["crossings"].merge(
        mapping[mapping["provider"] == "border_police"], on="local_id"
    )
    crossings = crossings.sort_values(["person_id", "date"])
    same_person = crossings["person_id"] == crossings["person_id"].shift()
    assert not crossings.duplicated(["person_id", "date"]).any()
    illogical = (crossings["direction"] == crossings["direction"].shift())[same_person].mean()
    assert 0.01 < illogical < 0.06
    assert crossings["date"].between("2020-01-01", "2025-12-31").all()


def test_nearly_every_migration_is_a_crossing_on_its_day(frames: Frames) -> None:
    mapping = frames["truth"]["identities"]
    crossings = frames["border_police"]["crossings"].merge(
        mapping[mapping["provider"] == "border_police"], on="local_id"
    )
    crossings["direction"] = crossings["direction"].map({"in": "immigration", "out": "emigration"})
    seen = set(crossings[["person_id", "date", "direction"]].itertuples(index=False, name=None))
    moves = list(frames["truth"]["migrations"].itertuples(index=False, name=None))
    assert 0.93 < sum(move in seen for move in moves) / len(moves) < 1.0


def test_families_share_names_and_places_and_twins_and_namesakes_exist(frames: Frames) -> None:
    persons = frames["truth"]["persons"]
    assert (persons.groupby("household_id")["municipality"].nunique() == 1).all()
    natives = persons[persons["kind"] == "native"]
    sizes = natives.groupby("household_id")["family_name"].agg(["size", "nunique"])
    assert ((sizes["size"] > 2) & (sizes["nunique"] == 1)).sum() > 50
    twins = persons[persons.duplicated(["household_id", "birth_date"], keep=False)]
    assert len(twins) >= 4
    assert not twins.duplicated(["household_id", "birth_date", "given_name"]).any()
    assert persons.duplicated(["given_name", "family_name"]).sum() > 20
    assert (persons["earlier_family_name"] != "").sum() > 100


def test_names_grow_with_the_population_and_come_from_many_origins(frames: Frames) -> None:
    persons = frames["truth"]["persons"]
    assert persons["family_name"].nunique() > PEOPLE / 4
    assert persons["country_of_birth"].nunique() >= 20
    assert 0.6 < (persons["country_of_birth"] == "XSY").mean() < 0.8


def test_another_period_is_kept_to(tmp_path: Path) -> None:
    made = generate(500, 1, tmp_path, period=Period(date(2015, 7, 1), date(2018, 6, 30)))
    assert _read(made.agencies["border_police"]["crossings"])["date"].between("2015-07-01", "2018-06-30").all()
    assert set(_read(made.agencies["tax"]["years"])["year"]) == {"2015", "2016", "2017", "2018"}
    assert (_read(made.agencies["population_register"]["registrations"])["end"] <= "2018-06-30").all()
    assert (_read(made.truth["persons"])["birth_date"] <= "2018-06-30").all()


@pytest.mark.parametrize("people", [1, 2, 3])
def test_the_smallest_countries_are_generated(tmp_path: Path, people: int) -> None:
    assert generate(people, 0, tmp_path).people == people


def test_existing_files_are_not_overwritten(tmp_path: Path) -> None:
    generate(10, 0, tmp_path)
    before = _bytes(tmp_path)
    with pytest.raises(FileExistsError, match=r"persons\.csv"):
        generate(10, 1, tmp_path)
    assert _bytes(tmp_path) == before


def test_all_wrong_arguments_are_named_together(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"people must be.*seed must not.*csv or parquet.*customs"):
        generate(0, -1, tmp_path, file_format="xlsx", profiles={"customs": ErrorProfile()})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"typing_error, missing_sex"):
        ErrorProfile(typing_error=1.5, missing_sex=-0.1)
    with pytest.raises(ValueError, match="shorter than two years"):
        Period(date(2020, 1, 1), date(2021, 6, 1))
    assert not list(tmp_path.iterdir())


def test_only_a_small_share_of_records_is_in_another_script(frames: Frames) -> None:
    errors = frames["truth"]["errors"]
    for provider in country.PROVIDERS:
        native = ((errors["provider"] == provider) & (errors["error"] == "native_script")).sum()
        assert native <= 0.01 * len(frames[provider]["identities"])
    assert set(errors["error"]) == {
        name for profile in DEFAULT_PROFILES.values() for name in asdict(profile) if getattr(profile, name) > 0
    }
