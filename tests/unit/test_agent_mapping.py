"""The mapping file: every contradiction with itself, the agreement and the disk is told at once."""

from pathlib import Path

import pytest

from linkage_core.errors import InputFault
from linkage_core.types import PartyName
from services.common.errors import ConfigurationFault
from services.provider_agent.mapping import check_mapping, load_mapping
from tests.support.parties import Parties, make_parties

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
