"""docs/own-files.md, followed to the letter: its commands with real processes, its outputs, its refusals."""

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from linkage_core.agreement.signatures import verify_agreement
from linkage_core.errors import LinkageCoreError
from linkage_core.types import PartyName
from services.common.clock import system_random
from services.demo.truth import assess_links
from services.provider_agent.check import check_files
from services.provider_agent.mapping import load_mapping
from services.provider_agent.progress import silent
from tests.support.walkthrough import ROOT, Walk, comparable
from tests.support.walkthrough import walk as follow

DOCUMENT = ROOT / "docs" / "own-files.md"

pytestmark = pytest.mark.timeout(900)  # some fifty processes one after another, four of which attack a schema

WRONG_STEPS = {
    "symbolon agreement sign agreement.json --keys agency_a/keys --without-households": (
        "a signature is missing",
        "symbolon agreement verify agreement.json",
    ),
    "symbolon agent check --config agency_b/agent.toml": (
        "the service is started twice",
        "symbolon analysis serve --config analysis_service/analysis-service.toml",
    ),
    "symbolon agent check --config agency_a/agent.toml": (
        "a wave that was not agreed",
        "symbolon agent check --config agency_a/agent.toml --wave w9",
    ),
    "symbolon agent upload --config agency_b/agent.toml": (
        "linking before everyone has uploaded",
        "symbolon linkage-unit link --config linkage_unit/linkage-unit.toml --wave w1",
    ),
    "symbolon linkage-unit link --config linkage_unit/linkage-unit.toml --wave w1": (
        "delivering before linking",
        "symbolon agent deliver --config agency_a/agent.toml",
    ),
    "python compare_with_truth.py": (
        "too precise a question",
        "sed 's/15/1/' analyst/stock.toml | symbolon query run --config analyst/analyst.toml -",
    ),
}
"""By the step that comes next: which row of the last table it is, and the wrong step that is tried first."""


def rows_of_tables() -> dict[str, list[str]]:
    """The tables' rows by their first cell, without the code's backquotes."""
    rows = [line.strip("|").split(" | ") for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("| ")]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    return follow(DOCUMENT, tmp_path_factory.mktemp("own-files"), WRONG_STEPS)


def test_every_command_does_what_the_document_shows(walk: Walk) -> None:
    assert len(walk.printed) > 30
    assert len(walk.wrong) == len(WRONG_STEPS), "every wrong step was tried"


def test_the_residents_of_each_state_are_released_with_their_uncertainty(walk: Walk) -> None:
    released = (walk.folder / "stock.csv").read_text().splitlines()
    assert released[0] == "date,state,value,low,high,noise_sd,flags"
    states = (walk.folder / "agency_a" / "persons.csv").read_text().split()[1:]
    for line in released[1:]:
        _, state, value, low, high, noise_sd, _ = line.split(",")
        true = sum(row.partition(",")[2] == ("" if state == "unknown" else state) for row in states)
        # Groups of one agency's rows alone are persons too: the insurance's 80 have no state and no registration.
        assert abs(int(value) - true) < 6 * float(noise_sd)
        assert int(high) - int(value) == 15 <= int(value) - int(low)
    assert len(released) == 1 + 9


def test_the_overlap_is_the_number_of_linked_persons_up_to_noise(walk: Walk) -> None:
    table = walk.printed["symbolon query run --config analyst/analyst.toml analyst/overlap.toml"]
    values = {name: int(value) for name, value in re.findall(r"│ (\w+) +│ +(-?\d+) │", table)}
    [linked] = re.findall(r"([\d,]+) pairs linked", walk.printed["python compare_with_truth.py"])
    assert abs(values["both"] - int(linked.replace(",", ""))) < 50
    assert abs(values["register_only"] - (5000 - int(linked.replace(",", "")))) < 50


def test_febrl4_is_linked_as_well_through_the_processes_as_without_them(walk: Walk) -> None:
    agents = {PartyName(name): walk.folder / name / "agent.toml" for name in ("agency_a", "agency_b")}
    linkage_unit = walk.folder / "linkage_unit" / "linkage-unit.toml"
    found = assess_links(walk.folder / "truth" / "identities.csv", linkage_unit, agents).overall
    assert found.true == 5000
    assert found.precision >= 0.998
    assert found.recall >= 0.981
    assert found.f1 >= 0.989


@pytest.mark.parametrize("what", [what for what, _ in WRONG_STEPS.values()])
def test_a_wrong_step_ends_with_the_code_and_the_sentence_of_the_table(walk: Walk, what: str) -> None:
    code, told = rows_of_tables()[what]
    returncode, stderr = walk.wrong[what]
    assert returncode == int(code)
    assert comparable(told.strip("` ")) in comparable(stderr)


Change = Callable[[str], str]


def line(number: int, change: Change) -> Change:
    """Change one line of a file; the header is line 0."""

    def changed(text: str) -> str:
        lines = text.splitlines()
        lines[number] = change(lines[number])
        return "\n".join(lines) + "\n"

    return changed


FAULTY_FILES: dict[str, tuple[str, Change]] = {
    "a column is called otherwise": ("mapping.toml", lambda text: text.replace('"date_of_birth"', '"birthday"')),
    "another delimiter": ("people.csv", lambda text: text.replace(",", ";")),
    "another encoding": ("people.csv", line(1, lambda row: row.replace("michaela", "micha\udcebla"))),
    "another date format": ("people.csv", line(1, lambda row: row.replace("19151111", "11.11.1915"))),
    "a local id twice": ("people.csv", line(2, lambda row: row.replace("rec-1016-org", "rec-1070-org"))),
    "a stray comma": ("people.csv", line(1, lambda row: row + ",")),
    "an empty required value": ("registrations.csv", line(1, lambda row: row.replace("2020-01-01", ""))),
    "an end before its start": ("registrations.csv", line(1, lambda row: row + "2019-01-01")),
    "payload of nobody": ("persons.csv", line(1, lambda row: row.replace("rec-", "res-"))),
    "a column that was not agreed": (
        "mapping.toml",
        lambda text: text.replace('state = "state"', 'state = "state"\nsurname = "state"'),
    ),
    "a file that is too small": ("", lambda text: "\n".join(text.splitlines()[:51]) + "\n"),
}
"""By the row of the table: the file of the register that is changed (all of its CSV files if none), and how."""


@pytest.mark.parametrize("what", FAULTY_FILES)
def test_a_faulty_file_is_refused_with_the_sentence_of_the_table(walk: Walk, what: str, tmp_path: Path) -> None:
    for name in ("people.csv", "persons.csv", "registrations.csv", "mapping.toml"):
        text = (walk.folder / "agency_a" / name).read_text("utf-8")
        kept = text.splitlines()[:151] if name.endswith("csv") else text.splitlines()
        changed, change = FAULTY_FILES[what]
        written = "\n".join(kept) + "\n"
        if name == changed or (not changed and name.endswith("csv")):
            written = change(written)
        (tmp_path / name).write_text(written, "utf-8", errors="surrogateescape")
    with pytest.raises(LinkageCoreError) as refused:
        check_files(
            load_mapping(tmp_path / "mapping.toml"),
            verify_agreement((walk.folder / "agreement.json").read_bytes()).document,
            PartyName("agency_a"),
            today=date(2026, 5, 1),
            random_bytes=system_random,
            progress=silent,
        )
    [told] = rows_of_tables()[what]
    assert told.strip("` ") in str(refused.value)
