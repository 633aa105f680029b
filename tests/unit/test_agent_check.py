"""The dry pass over an agency's files: every fault of every file together, no value shown, nothing sent."""

import re
import tracemalloc
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage_core.errors import InputFault, Refused
from linkage_core.types import PartyName
from services.common.clock import system_random
from services.provider_agent.check import CheckedFiles, check_files
from services.provider_agent.faults import DETAILED_FAULTS
from services.provider_agent.identities import images_of
from services.provider_agent.mapping import load_mapping
from services.provider_agent.payload import NOT_THERE, positions_of
from services.provider_agent.progress import silent
from services.provider_agent.quality.summary import summary
from tests.support.agents import CANARIES, Files, write_files
from tests.support.parties import Parties, make_parties

TODAY = date(2026, 6, 15)


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


def checked(parties: Parties, folder: Path, files: Files, provider: str = "register") -> CheckedFiles:
    mapping = load_mapping(write_files(folder, files))
    return check_files(
        mapping,
        parties.verified.document,
        PartyName(provider),
        today=TODAY,
        random_bytes=system_random,
        progress=silent,
    )


def faults(parties: Parties, folder: Path, files: Files, provider: str = "register") -> tuple[str, ...]:
    with pytest.raises(InputFault) as caught:
        checked(parties, folder, files, provider)
    shown = str(caught.value)
    assert not [value for value in CANARIES if value in shown]
    return caught.value.faults


def test_good_files_give_counts_by_field(parties: Parties, tmp_path: Path) -> None:
    found = checked(parties, tmp_path, Files.of("register", people=50))
    assert found.rows == 50
    assert found.tables["residence"].rows == 50
    assert found.fields["family_name"].present == 50
    lines = {f"{line.file} {line.field}".strip(): line for line in summary(found)}
    assert lines["identities"].found == "50 people, each local id once"
    assert lines["identities family_name"].present == "100.0 %"


def test_every_fault_of_every_file_is_told_at_once(parties: Parties, tmp_path: Path) -> None:
    files = Files.of("register", people=6)
    identities, persons, residence = files.tables["identities"], files.tables["persons"], files.tables["residence"]
    identities[1][3] = CANARIES[0]  # a date that is none
    identities[2][0] = identities[0][0]  # a local id twice
    identities[3][0] = " "  # none
    identities[5][3] = "17.03.2031"  # in the future
    persons[0][0] = CANARIES[1]  # nobody
    residence[0][1], residence[0][2] = "2021-05-01", "2021-04-30"  # ends before it starts
    residence[1][1] = ""  # required
    residence[4][2] = CANARIES[2]  # no date
    told = faults(parties, tmp_path, files)
    for expected in (
        r"identities.csv, row 2, birth_date: does not have the declared date format",
        r"identities.csv, row 3, local id: has a local id that occurs before.*\(row 1\)",
        r"identities.csv, row 4, local id: is empty",
        r"identities.csv, row 6, birth_date: lies in the future",
        r"persons.csv, row 1, local id: is not in the identities file",
        r"residence.csv, row 1, end: lies before the start",
        r"residence.csv, row 2, start: is empty, and the agreement requires it",
        r"residence.csv, row 5, end: is not a full date in the declared format YYYY-MM-DD",
    ):
        assert [fault for fault in told if re.match(expected, fault)], (expected, told)


def test_a_required_quasi_identifier_that_is_empty_is_refused(tmp_path: Path) -> None:
    from tests.support.parties import small_schema

    schema = small_schema().model_dump(mode="json")
    schema["quasi_identifiers"][1]["required"] = True
    strict = make_parties(tmp_path / "parties", linkage=schema)
    files = Files.of("register", people=4)
    files.tables["identities"][2][2] = ""
    told = faults(strict, tmp_path, files)
    assert told == ("identities.csv, row 3, family_name: is empty, and the linkage schema requires it",)


def test_an_unlisted_code_is_counted_where_the_column_is_optional(parties: Parties, tmp_path: Path) -> None:
    files = Files.of("register", people=5)
    files.tables["persons"][3][1] = CANARIES[0]
    found = checked(parties, tmp_path, files)
    assert found.tables["persons"].unlisted == {"sex": 1}
    assert found.tables["persons"].present["sex"] == 4
    assert not [line for line in summary(found) if CANARIES[0] in str(line)]


def test_an_unlisted_code_is_refused_where_the_column_is_required(tmp_path: Path) -> None:
    strict = make_parties(tmp_path / "parties")
    payload = strict.verified.document.model_dump(mode="json")["payload"]
    payload[0]["columns"][0]["required"] = True
    strict.amend(payload=payload)
    files = Files.of("register", people=5)
    files.tables["persons"][3][1] = CANARIES[0]
    told = faults(strict, tmp_path, files)
    assert told == ("persons.csv, row 4, sex: is not in the public list sex; add it to the mapping's codes",)


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        (1, "1999", "row 1, year: is outside the agreed bounds 2000 to 2030"),
        (1, "20x1", "row 1, year: is not a whole number"),
        (2, "10", "row 1, band: is outside the agreed bounds 0 to 9"),
        (2, "3.5", "row 1, band: is not a whole number"),
        (2, "٣", "row 1, band: is not a whole number"),
    ],
)
def test_an_integer_out_of_bounds_or_of_another_form_is_refused(
    parties: Parties, tmp_path: Path, column: int, value: str, expected: str
) -> None:
    files = Files.of("tax", people=3)
    files.tables["activity"][0][column] = value
    assert [fault for fault in faults(parties, tmp_path, files, "tax") if fault.endswith(expected)]


def test_more_rows_than_agreed_per_person_are_refused_row_by_row(parties: Parties, tmp_path: Path) -> None:
    files = Files.of("register", people=3)
    spells = files.tables["residence"]
    spells += [list(spells[1]) for _ in range(11)]
    told = faults(parties, tmp_path, files)
    assert told == tuple(
        f"residence.csv, row {row}, local id: is one row more than the agreement allows per person (rows_per_person 10)"
        for row in (13, 14)
    )


def test_a_person_table_has_one_row_per_person(parties: Parties, tmp_path: Path) -> None:
    files = Files.of("register", people=3)
    files.tables["persons"].append(list(files.tables["persons"][0]))
    told = faults(parties, tmp_path, files)
    assert "persons.csv, row 4, local id: is one row more" in told[0]


def test_a_wrong_column_is_told_without_the_header_which_may_be_a_record(parties: Parties, tmp_path: Path) -> None:
    files = Files.of("register", people=3)
    files.headers["identities"] = [CANARIES[0], CANARIES[1], "family", "born"]
    told = faults(parties, tmp_path, files)
    assert [fault for fault in told if "column no: the file has no such column among its 4" in fault]
    assert [fault for fault in told if "column given: the file has no such column among its 4" in fault]


def test_a_person_whose_row_cannot_be_read_is_one_fault_and_not_one_for_every_payload_row(
    parties: Parties, tmp_path: Path
) -> None:
    files = Files.of("register", people=5)
    files.tables["identities"][2].append("one field too many")
    told = faults(parties, tmp_path, files)
    assert len(told) == 1
    assert told[0].startswith("identities.csv, row 3: does not have the header's 4 fields")


def test_faults_beyond_the_cap_are_counted(parties: Parties, tmp_path: Path) -> None:
    files = Files.of("register", people=DETAILED_FAULTS + 25)
    for row in files.tables["identities"]:
        row[3] = CANARIES[0]
    told = faults(parties, tmp_path, files)
    assert len(told) == DETAILED_FAULTS + 1
    assert told[-1].endswith(": 25 more rows")


def test_too_few_or_too_many_people_are_refused_by_their_clause(tmp_path: Path) -> None:
    volume = {"minimum_rows": 4, "maximum_rows": 6, "maximum_change_per_mille": 100}
    bounded = make_parties(tmp_path / "parties", volume=volume)
    for people, clause in ((3, "volume.minimum_rows"), (7, "volume.maximum_rows")):
        with pytest.raises(Refused) as caught:
            checked(bounded, tmp_path, Files.of("register", people=people))
        assert caught.value.clause == clause
    assert checked(bounded, tmp_path, Files.of("register", people=5)).rows == 5


def test_other_standardisation_rules_than_agreed_are_refused_before_a_file_is_read(tmp_path: Path) -> None:
    from tests.support.parties import small_schema

    schema = small_schema().model_dump(mode="json")
    schema["standardisation"]["digest"] = "0" * 64
    other = make_parties(tmp_path / "parties", linkage=schema)
    with pytest.raises(Refused) as caught:
        checked(other, tmp_path, Files.of("register", people=3))
    assert caught.value.clause == "linkage.standardisation.digest"


@given(st.sets(st.binary(min_size=16, max_size=16), max_size=30), st.lists(st.binary(min_size=16, max_size=16)))
def test_images_are_found_exactly_whatever_their_bytes(known: set[bytes], wanted: list[bytes]) -> None:
    ordered = sorted(known)
    asked = [*wanted, *ordered]
    images = np.frombuffer(b"".join(ordered), dtype="S16")
    found = positions_of(images, np.frombuffer(b"".join(asked), dtype="S16"))
    assert [NOT_THERE if image not in known else ordered.index(image) for image in asked] == found.tolist()


def test_an_image_of_a_local_id_changes_with_its_key() -> None:
    from linkage_core.crypto.secret import Secret
    from linkage_core.types import LocalId

    first, second = (images_of(Secret(bytes([n]) * 32), [LocalId("17")]) for n in (1, 2))
    assert first[0] != second[0]


def test_memory_of_a_check_grows_by_less_than_stated_per_person(parties: Parties, tmp_path: Path) -> None:
    """Stated are 60 bytes a person for a moment; both files are long enough to fill the reader's buffers."""

    def peak(people: int) -> int:
        mapping = load_mapping(write_files(tmp_path / str(people), Files.of("tax", people)))
        tracemalloc.start()
        try:
            found = check_files(
                mapping,
                parties.verified.document,
                PartyName("tax"),
                today=TODAY,
                random_bytes=system_random,
                progress=silent,
            )
            assert found.rows == people
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = 30_000, 60_000
    assert peak(large) - peak(small) < 100 * (large - small)
