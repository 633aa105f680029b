"""Who may ask: only those whom the analysis service put on its roster, and signed."""

import json
from pathlib import Path

import pytest

from linkage_core.errors import InputFault, Refused, Tampered
from services.analysis.roster import Roster, read_roster, write_roster
from services.common.identity import Role
from services.common.keystore import load_party_keys
from tests.support.parties import ANALYSIS, Parties, make_parties


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


@pytest.fixture
def roster(parties: Parties, tmp_path: Path) -> Path:
    if not (parties.keys_folder("ana") / "party.json").exists():
        parties.stranger(Role.ANALYST, "ana")
    made = Roster(lineage=parties.verified.document.lineage).with_person(
        load_party_keys(parties.keys_folder("ana")).public, parties.verified
    )
    write_roster(tmp_path / "roster.json", made, parties.keys[ANALYSIS].identity)
    return tmp_path / "roster.json"


def test_an_enrolled_analyst_is_known_by_key(parties: Parties, roster: Path) -> None:
    read = read_roster(roster, parties.verified)
    assert read.identity_key("ana") is not None
    assert read.identity_key("bob") is None


def test_a_changed_roster_is_refused(parties: Parties, roster: Path) -> None:
    document = json.loads(roster.read_text())
    document["roster"]["analysts"][0]["name"] = "eve"
    roster.write_text(json.dumps(document))
    with pytest.raises(Tampered):
        read_roster(roster, parties.verified)


def test_a_roster_that_another_party_signed_is_refused(parties: Parties, roster: Path) -> None:
    write_roster(roster, read_roster(roster, parties.verified), parties.keys["tax"].identity)
    with pytest.raises(Tampered):
        read_roster(roster, parties.verified)


def test_a_roster_of_another_lineage_is_refused(parties: Parties, roster: Path) -> None:
    write_roster(roster, Roster(lineage="00" * 16), parties.keys[ANALYSIS].identity)
    with pytest.raises(Tampered, match="lineage"):
        read_roster(roster, parties.verified)


def test_a_file_that_is_no_roster_is_bad_input(parties: Parties, roster: Path) -> None:
    roster.write_text("{}")
    with pytest.raises(InputFault):
        read_roster(roster, parties.verified)
    roster.unlink()
    with pytest.raises(InputFault, match="roster new"):
        read_roster(roster, parties.verified)


def test_a_provider_cannot_be_enrolled(parties: Parties, roster: Path) -> None:
    with pytest.raises(Refused):
        read_roster(roster, parties.verified).with_person(parties.keys["tax"].public, parties.verified)


def test_a_name_is_enrolled_once(parties: Parties, roster: Path) -> None:
    ana = load_party_keys(parties.keys_folder("ana")).public
    with pytest.raises(Refused, match="already"):
        read_roster(roster, parties.verified).with_person(ana, parties.verified)


def test_who_was_removed_is_unknown_and_the_others_stay(parties: Parties, roster: Path) -> None:
    if not (parties.keys_folder("bob") / "party.json").exists():
        parties.stranger(Role.ANALYST, "bob")
    bob = load_party_keys(parties.keys_folder("bob")).public
    both = read_roster(roster, parties.verified).with_person(bob, parties.verified)
    left = both.without_person("ana")
    assert left.identity_key("ana") is None
    assert left.identity_key("bob") == bob.identity_key
    with pytest.raises(InputFault, match="ana"):
        left.without_person("ana")
