"""The report on an agency's files: what was found, what to do about it, and the counts behind it."""

import json
from datetime import date
from pathlib import Path

import pytest

from linkage_core.errors import InputFault, Refused
from linkage_core.types import PartyName
from services.common.clock import system_random
from services.common.report.document import Note, Notes, Report
from services.provider_agent.check import ExaminedFiles, check_files, examine_files
from services.provider_agent.mapping import load_mapping
from services.provider_agent.progress import silent
from services.provider_agent.quality.counts import told
from services.provider_agent.quality.report import quality_report
from tests.support.agents import CANARIES, Files, write_files
from tests.support.pages import assert_self_contained, parsed, texts
from tests.support.parties import Parties, make_parties, small_schema

TODAY = date(2026, 6, 15)
PEOPLE = 400


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


def examined(parties: Parties, folder: Path, files: Files) -> ExaminedFiles:
    return examine_files(
        load_mapping(write_files(folder, files)),
        parties.verified.document,
        PartyName(files.provider),
        today=TODAY,
        random_bytes=system_random,
        progress=silent,
    )


def report(parties: Parties, folder: Path, files: Files) -> Report:
    return quality_report(examined(parties, folder, files), PartyName(files.provider), "w1", TODAY)


def notes(of: Report) -> list[Note]:
    return [note for block in of.sections[0].blocks if isinstance(block, Notes) for note in block.notes]


def usual(people: int = PEOPLE) -> Files:
    """Files of persons whose birth dates differ and do not heap."""
    files = Files.of("register", people)
    for n, row in enumerate(files.tables["identities"]):
        row[3] = f"{n % 27 + 2:02}.{n % 12 + 1:02}.{1941 + n % 71}"
    for row in files.tables["residence"]:
        row[1] = row[1].replace("-01-01", "-03-09")
    return files


def defective() -> Files:
    """The same with known defects."""
    files = usual()
    identities, persons, residence = (files.tables[name] for name in ("identities", "persons", "residence"))
    for n in range(30):
        identities[n][2] = "Xqzcanaryone"  # a placeholder
    identities[40][1] = "unknown"
    identities[41][1] = "J"
    identities[42][1] = "Ann4"
    identities[43][2] = "Petrovi\ufffd"
    identities[44][2] = "Ибрагимов"
    identities[45][3] = "30.02.1980"
    identities[46][3] = "04.30.1980"
    identities[47][3] = "04.03.1899"
    identities[49][1:] = identities[48][1:]
    identities[51][1:] = [identities[50][2], identities[50][1], identities[50][3]]
    for n in range(60, 100):
        identities[n][3] = f"01.01.{1941 + n % 71}"
    for n in range(100, 130):
        identities[n][1] = identities[n][3] = ""
    persons[7][1] = "Xqzcanarytwo"
    residence[3][1], residence[3][2] = "2030-03-09", ""
    return files


def test_usual_files_call_for_little(parties: Parties, tmp_path: Path) -> None:
    made = report(parties, tmp_path, usual())
    assert [note.found for note in notes(made) if note.weight in ("mend", "look")] == []
    assert made.intro == "Nothing in these files calls for a look."
    assert [fact.value for fact in made.facts] == [PEOPLE, 1.0, 0, 2 * PEOPLE]


@pytest.mark.parametrize(
    "expected",
    [
        "Rows with them: given_name 1.",
        "Many rows have no usable value: given_name 7.8 %, birth_date 7.5 %.",
        "given_name: 1 value with a digit",
        "given_name: 1 value of one letter",
        "family_name: 1 value with signs of a wrong character set",
        "Names are written in several scripts: family_name.",
        "birth_date: 2 values: names a day that does not exist",
        "birth_date: 1 value is no date, but would be one with day and month exchanged",
        "birth_date: 1 person is older than 110 by the date",
        "% of dates lie on 1 January",
        "pair of rows with different local ids have the same names and birth date",
        "1 more pair has the same birth date and the same words as names",
        "persons.sex: 1 row has a value outside the public list",
        "residence.start: 1 date lies after today",
    ],
)
def test_each_defect_is_noted_with_what_to_do(parties: Parties, tmp_path: Path, expected: str) -> None:
    found = [note for note in notes(report(parties, tmp_path, defective())) if expected in note.found]
    assert len(found) == 1
    assert found[0].weight in ("look", "note")
    assert found[0].advice.endswith(".")


def test_the_page_is_whole_reaches_nowhere_and_shows_every_section(parties: Parties, tmp_path: Path) -> None:
    made = report(parties, tmp_path, defective())
    page = made.to_html()
    assert_self_contained(page)
    assert [heading.text for heading in parsed(page).iter("h2")] == [
        "What to look at first",
        "Fill",
        "Validity",
        "Missing together",
        "Rare and frequent values",
        "Spelling of names",
        "Dates: birth_date",
        "Persons twice, names exchanged",
        "Payload: persons",
        "Payload: residence",
        "How this was counted",
    ]
    assert len(list(parsed(page).iter("svg"))) == 9


def test_page_and_json_tell_the_same(parties: Parties, tmp_path: Path) -> None:
    made = report(parties, tmp_path, defective())
    kept, read = json.loads(made.to_json()), texts(made.to_html())
    assert [section["heading"] for section in kept["sections"]] == [section.heading for section in made.sections]
    for section in kept["sections"]:
        for block in section["blocks"]:
            for note in block.get("notes", []):
                assert note["found"] in read
            if block["is"] == "table":
                for row in block["rows"]:
                    assert all(cell in read for cell in row if isinstance(cell, str))
    [missing] = [section for section in kept["sections"] if section["heading"] == "Missing together"]
    assert ["○", "●", "○", 30, 30 / PEOPLE] in missing["blocks"][0]["rows"]


def test_a_count_of_one_particular_value_is_not_told_below_five(parties: Parties, tmp_path: Path) -> None:
    files = usual()
    for n, row in enumerate(files.tables["persons"]):
        row[1] = "m" if n < 3 else "f"
    kept = json.loads(report(parties, tmp_path, files).to_json())
    [payload] = [section for section in kept["sections"] if section["heading"] == "Payload: persons"]
    [chart] = [block for block in payload["blocks"] if block["is"] == "bars"]
    by_code = {bar["label"]: bar["value"] for bar in chart["bars"]}
    assert by_code == {"f": PEOPLE - 3, "m": {"is": "under", "limit": 5}}
    assert [told(count) for count in (0, 5, 6)] == [0, 5, 6]


def test_countries_that_may_be_each_of_several_are_told_with_their_candidates(tmp_path: Path) -> None:
    schema = small_schema().model_dump(mode="json")
    schema["quasi_identifiers"].append({"name": "born_in", "kind": "country"})
    files = usual(20)
    files.headers["identities"].append("country")
    for row in files.tables["identities"]:
        row.append("CH")
    mapping = write_files(tmp_path, files)
    column = 'born_in = { column = "country", country_codes = "numident" }'
    mapping.write_text(mapping.read_text().replace('"DD.MM.YYYY" }', f'"DD.MM.YYYY" }}\n{column}'))
    looked_at = examine_files(
        load_mapping(mapping),
        make_parties(tmp_path / "parties", linkage=schema).verified.document,
        PartyName("register"),
        today=TODAY,
        random_bytes=system_random,
        progress=silent,
    )
    made = quality_report(looked_at, PartyName("register"), "w1", TODAY)
    assert "CHE or CHL" in texts(made.to_html())
    assert [note for note in notes(made) if "20 values: may mean several countries" in note.found]


def test_faulty_files_are_reported_on_and_refused_all_the_same(parties: Parties, tmp_path: Path) -> None:
    files = usual(20)
    files.tables["identities"][1][3] = CANARIES[0]
    files.tables["identities"][2][3] = "17.03.2031"
    files.tables["residence"][1][1] = ""
    looked_at = examined(parties, tmp_path, files)
    made = quality_report(looked_at, PartyName("register"), "w1", TODAY)
    to_mend = [note.found for note in notes(made) if note.weight == "mend"]
    assert to_mend == [
        "identities.csv, birth_date: in 1 row it does not have the declared date format.",
        "identities.csv, birth_date: in 1 row it lies in the future.",
        "residence.csv, start: in 1 row it is empty, and the agreement requires it.",
    ]
    assert made.intro.startswith("3 things have to be mended")
    with pytest.raises(InputFault) as refused:
        looked_at.accepted()
    with pytest.raises(InputFault) as checked:
        check_files(
            load_mapping(tmp_path / "mapping.toml"),
            parties.verified.document,
            PartyName("register"),
            today=TODAY,
            random_bytes=system_random,
            progress=silent,
        )
    assert refused.value.faults == checked.value.faults
    assert CANARIES[0] not in made.to_json()


def test_a_file_that_cannot_be_read_at_all_still_has_a_report(parties: Parties, tmp_path: Path) -> None:
    files = usual(5)
    files.headers["identities"][1] = "first"
    made = report(parties, tmp_path, files)
    assert_self_contained(made.to_html())
    assert json.loads(made.to_json())["facts"][0]["value"] == 0
    assert any("the file has no such column" in note.found for note in notes(made))


def test_too_few_people_are_refused_after_the_report(tmp_path: Path) -> None:
    volume = {"minimum_rows": 4, "maximum_rows": 6, "maximum_change_per_mille": 100}
    few = examined(make_parties(tmp_path / "parties", volume=volume), tmp_path, usual(3))
    with pytest.raises(Refused):
        few.accepted()


def test_integers_are_counted_within_the_agreed_bounds(parties: Parties, tmp_path: Path) -> None:
    looked_at = examined(parties, tmp_path, Files.of("tax", 40))
    year, band = looked_at.payload["activity"]
    assert (year.type, year.present, band.present) == ("year", 40, 40)
    assert sum(year.by_label.values()) == 40
    assert {label: count for label, count in year.by_label.items() if count} == {str(2015 + n): 4 for n in range(10)}
    assert band.by_label == {str(n): 4 for n in range(10)}


def test_a_number_under_two_local_ids_is_noted(tmp_path: Path) -> None:
    schema = small_schema().model_dump(mode="json")
    schema["quasi_identifiers"].append({"name": "passport", "kind": "identifier"})
    files = usual(20)
    files.headers["identities"].append("passport")
    for n, row in enumerate(files.tables["identities"]):
        row.append(f"KX44091{n // 2 if n < 4 else n + 50}")
    mapping = write_files(tmp_path, files)
    mapping.write_text(mapping.read_text().replace('"DD.MM.YYYY" }', '"DD.MM.YYYY" }\npassport = "passport"'))
    made = quality_report(
        examine_files(
            load_mapping(mapping),
            make_parties(tmp_path / "parties", linkage=schema).verified.document,
            PartyName("register"),
            today=TODAY,
            random_bytes=system_random,
            progress=silent,
        ),
        PartyName("register"),
        "w1",
        TODAY,
    )
    [found] = [note.found for note in notes(made) if note.found.startswith("passport")]
    assert found == "passport: 2 numbers stand under more than one local id, the most frequent one under 2."


def test_a_file_that_is_declared_to_hold_persons_twice_is_not_told_to_declare_it(
    parties: Parties, tmp_path: Path
) -> None:
    matching = parties.verified.document.model_dump(mode="json")["matching"] | {"sources_with_duplicates": ["register"]}
    declared = make_parties(tmp_path / "parties", matching=matching)
    advice = {}
    for name, of in (("undeclared", parties), ("declared", declared)):
        [note] = [
            n for n in notes(report(of, tmp_path, defective())) if "have the same names and birth date" in n.found
        ]
        advice[name] = note.advice
    assert "the agreement must say so" in advice["undeclared"]
    assert "the agreement must say so" not in advice["declared"]
