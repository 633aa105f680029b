"""The mapping file: every contradiction with itself, the agreement and the disk is told at once."""

from datetime import date
from pathlib import Path

import pytest

from linkage_core.agreement.document import Agreement
from linkage_core.crypto.secret import Secret
from linkage_core.errors import InputFault
from linkage_core.schema import QuasiIdentifier, Variable
from linkage_core.types import PartyName
from services.common.errors import ConfigurationFault
from services.provider_agent.faults import FaultLog
from services.provider_agent.identities import check_identities, read_identities
from services.provider_agent.mapping import check_mapping, load_mapping
from tests.support.parties import Parties, make_parties, schema_with_classes

REGISTER = """
[identities]
path = "people.csv"
local_id = "no"
[identities.columns]
family_name = "surname"
birth_date = { column = "dob", date_format = "DD.MM.YYYY" }

[[payload]]
name = "persons"
kind = "person"
path = "persons.csv"
local_id = "no"
[payload.columns]
sex = { column = "sex", codes = { "1" = "m", "2" = "f", "9" = "unknown" } }

[[payload]]
name = "residence"
kind = "spell"
path = "residence.parquet"
local_id = "no"
[payload.columns]
start = "from"
"""


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


def mapping_file(folder: Path, text: str, *files: str) -> Path:
    path = folder / "mapping.toml"
    path.write_text(text)
    for name in files:
        (folder / name).touch()
    return path


def faults_of(path: Path, parties: Parties) -> tuple[str, ...]:
    with pytest.raises(InputFault) as caught:
        check_mapping(load_mapping(path), parties.verified.document, PartyName("register"))
    return caught.value.faults


def test_a_whole_mapping_fits_the_agreement(tmp_path: Path, parties: Parties) -> None:
    path = mapping_file(tmp_path, REGISTER, "people.csv", "persons.csv", "residence.parquet")
    mapping = load_mapping(path)
    check_mapping(mapping, parties.verified.document, PartyName("register"))
    assert mapping.identities.path == tmp_path / "people.csv"
    assert mapping.identities.file_columns == ("no", "surname", "dob")
    assert mapping.identities.columns["family_name"].column == "surname"
    assert mapping.payload_source("residence").kind_of_file == "parquet"


def test_all_faults_of_form_are_told_together(tmp_path: Path) -> None:
    text = REGISTER.replace('"DD.MM.YYYY"', '"DMY"').replace('kind = "spell"', 'kind = "list"') + "\nsurprise = 1\n"
    path = mapping_file(tmp_path, text.replace('path = "people.csv"', 'path = "people.csv"\ndelimiter = ";;"'))
    with pytest.raises(ConfigurationFault) as caught:
        load_mapping(path)
    told = "\n".join(caught.value.faults)
    for place in ("date_format", "payload.1.kind", "identities.delimiter", "surprise"):
        assert place in told


def test_all_contradictions_with_the_agreement_are_told_together(tmp_path: Path, parties: Parties) -> None:
    text = (
        REGISTER.replace('family_name = "surname"', 'familyname = "surname"')
        .replace('"1" = "m"', '"1" = "male"')
        .replace('kind = "person"', 'kind = "event"')
        .replace('start = "from"', 'begin = "from"')
    )
    path = mapping_file(tmp_path, text, "people.csv", "persons.csv")
    faults = faults_of(path, parties)
    assert len(faults) == 6
    for fault, expected in zip(
        sorted(faults),
        (
            "identities.columns.familyname: the linkage schema has no such quasi-identifier",
            "payload.persons.columns.sex.codes: the public list sex has no code male",
            "payload.persons.kind: the agreement says person, the mapping event",
            "payload.residence.columns.begin: the agreement does not list this column",
            "payload.residence.columns.start: the agreement requires it",
            "payload.residence.path:",
        ),
        strict=True,
    ):
        assert fault.startswith(expected)


def test_a_name_with_frequency_classes_must_be_mapped(tmp_path: Path, parties: Parties) -> None:
    document = parties.verified.document.model_copy(update={"linkage": schema_with_classes(500)})
    path = mapping_file(tmp_path, REGISTER, "people.csv", "persons.csv", "residence.parquet")
    check_mapping(load_mapping(path), document, PartyName("register"))
    path.write_text(REGISTER.replace('family_name = "surname"', 'given_name = "first"'))
    with pytest.raises(InputFault) as caught:
        check_mapping(load_mapping(path), document, PartyName("register"))
    assert caught.value.faults == (
        "identities.columns.family_name: the linkage schema has frequency classes of it; map its column",
    )


def test_a_table_that_is_not_mapped_twice_mapped_or_not_agreed_is_told(tmp_path: Path, parties: Parties) -> None:
    persons = REGISTER[REGISTER.index("[[payload]]") : REGISTER.rindex("[[payload]]")]
    text = REGISTER[: REGISTER.rindex("[[payload]]")] + persons + persons.replace('"persons"', '"salaries"')
    told = "\n".join(faults_of(mapping_file(tmp_path, text, "people.csv", "persons.csv"), parties))
    assert "payload.persons: occurs twice" in told
    assert "payload.residence: the agreement lists this table for register, and the mapping has no file" in told
    assert "payload.salaries: the agreement lists no such table for register" in told


def test_a_mapping_that_is_not_there_or_not_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFault, match="no file"):
        load_mapping(tmp_path / "mapping.toml")
    with pytest.raises(ConfigurationFault, match="TOML"):
        load_mapping(mapping_file(tmp_path, "[identities"))


WRITTEN = """
[identities]
path = "people.csv"
local_id = "no"
[identities.columns]
given_name = { column = "name", name_order = "family-comma-given" }
family_name = { column = "name", name_order = "family-comma-given" }
birth_date = { column = "dob", date_format = "D/M/YY", latest_year = 2024 }
sex = { column = "sexo", codes = { "H" = "m", "M" = "f" } }
birth_country = { column = "pob", country_codes = "numident", place_column = "city" }
"""


def with_countries(parties: Parties) -> Agreement:
    """The agreement, with a sex and a country of birth to link by."""
    document = parties.verified.document
    more = (QuasiIdentifier(name="sex", kind="sex"), QuasiIdentifier(name="birth_country", kind="country"))
    linkage = document.linkage.model_copy(update={"quasi_identifiers": (*document.linkage.quasi_identifiers, *more)})
    return document.model_copy(update={"linkage": linkage, "payload": ()})


def test_a_mapping_says_how_dates_names_countries_and_sexes_are_written(tmp_path: Path, parties: Parties) -> None:
    mapping = load_mapping(mapping_file(tmp_path, WRITTEN))
    columns = ["no,name,dob,sexo,pob,city", '1,"Vale, Ann",5/12/87,M,CA,Toronto', '2,"Hill, Bo",5/2/25,H,CA,nowhere']
    (tmp_path / "people.csv").write_text("\n".join(columns) + "\n")
    agreement = with_countries(parties)
    check_mapping(mapping, agreement, PartyName("register"))
    assert mapping.identities.file_columns == ("no", "name", "dob", "sexo", "pob", "city")
    forms = [
        Variable(name=name, of=(name,), form="value")
        for name in ("given_name", "family_name", "birth_date", "sex", "birth_country")
    ]
    schema = agreement.linkage.model_copy(update={"variables": tuple(forms)})
    [block] = read_identities(mapping.identities, schema)
    assert block.records.values == {
        "given_name": ["ann", "bo"],
        "family_name": ["vale", "hill"],
        "birth_date": ["1987-12-05", "1925-02-05"],
        "sex": ["f", "m"],
        "birth_country": ["CAN", ""],
    }
    faults = FaultLog()
    checked = check_identities(
        mapping.identities, schema, date(2026, 1, 1), Secret(b"k" * 32), faults, advance=lambda rows: None
    )
    assert checked.fields["birth_country"].findings == {"ambiguous-country": 1}
    assert checked.fields["birth_country"].candidates == {("CAN", "USA"): 1}


def test_years_of_two_digits_need_a_latest_year_and_others_refuse_one(tmp_path: Path) -> None:
    for text, told in (
        (WRITTEN.replace(", latest_year = 2024", ""), "declare latest_year"),
        (WRITTEN.replace('"D/M/YY"', '"D/M/YYYY"'), "leave it out"),
    ):
        with pytest.raises(ConfigurationFault) as caught:
            load_mapping(mapping_file(tmp_path, text))
        assert told in "\n".join(caught.value.faults)


def test_declarations_of_another_kind_of_column_are_told_together(tmp_path: Path, parties: Parties) -> None:
    text = (
        WRITTEN.replace('column = "dob",', 'column = "dob", country_codes = "icao",')
        .replace('"M" = "f"', '"M" = "woman"')
        .replace(
            'given_name = { column = "name"',
            'given_name = { column = "name", place_column = "x", codes = { "a" = "b" }',
        )
        .replace('country_codes = "numident"', 'name_order = "family-given"')
    )
    path = mapping_file(tmp_path, text, "people.csv")
    with pytest.raises(InputFault) as caught:
        check_mapping(load_mapping(path), with_countries(parties), PartyName("register"))
    places = ("birth_date.country_codes", "sex.codes", "given_name.place_column", "given_name.codes", "name_order")
    assert [place for place in places if place not in "\n".join(caught.value.faults)] == []
    assert len(caught.value.faults) == len(places)
