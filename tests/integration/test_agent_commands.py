"""`symbolon agent` as an agency would type it: results on standard output, talk on standard error, exit codes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.agents import CANARIES, FAMILY, GIVEN, Office
from tests.support.pages import assert_self_contained, texts
from tests.support.waves import PEOPLE, World, running_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("commands")) as running:
        for office in running.offices.values():
            write_config(office)
        yield running


def write_config(office: Office) -> None:
    lines = [f'{name} = "{value}"\n' for name, value in office.config().model_dump(exclude_none=True).items()]
    (office.folder / "agent.toml").write_text('wave = "w1"\n' + "".join(lines))


def symbolon(office: Office, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services.cli", "agent", *arguments, "--config", str(office.folder / "agent.toml")]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)


def test_the_commands_lead_from_check_to_delivery_and_say_when_to_come_again(world: World) -> None:
    offices = list(world.offices.values())
    checked = symbolon(offices[0], "check")
    assert checked.returncode == 0
    assert f"{PEOPLE} people, each local id" in checked.stdout
    assert checked.stderr == ""
    waiting = symbolon(offices[0], "encode")
    assert waiting.returncode == 4
    assert waiting.stdout == ""
    assert "waiting for the shares of: border, tax" in waiting.stderr
    world.encode_all()
    for office in offices:
        uploaded = symbolon(office, "upload")
        assert (uploaded.returncode, uploaded.stdout) == (0, f"wave w1: {PEOPLE} rows uploaded\n")
    assert symbolon(offices[0], "deliver").returncode == 4
    world.link()
    delivered = symbolon(offices[0], "run")
    assert delivered.returncode == 0
    assert delivered.stdout == "wave w1: 80 payload rows delivered, row ids and tokens forgotten\n"
    status = symbolon(offices[0], "status")
    assert status.stdout.count("done") == 7


def test_bad_input_ends_with_code_2_and_every_fault_but_no_value(world: World) -> None:
    office = world.offices["tax"]
    (office.folder / "activity.csv").write_text(f"no,year,band\ntax-1,{CANARIES[1]},3\n{CANARIES[2]},2020,3\n")
    checked = symbolon(office, "check")
    assert checked.returncode == 2
    assert "activity.csv, row 1, year: is not a whole number" in checked.stderr
    assert "activity.csv, row 2, local id: is not in the identities file" in checked.stderr
    assert checked.stdout == ""
    assert not [value for value in CANARIES if value in checked.stderr]


def test_a_report_is_written_as_page_and_as_json_and_holds_no_value(world: World, tmp_path: Path) -> None:
    office = world.offices["border"]
    written = [tmp_path / "report.html", tmp_path / "report.json"]
    checked = symbolon(office, "check", "--html", str(written[0]), "--json", str(written[1]))
    assert checked.returncode == 0
    assert checked.stderr.count("holds the report, in counts only") == 2
    page = written[0].read_text("utf-8")
    assert_self_contained(page)
    assert json.loads(written[1].read_text("utf-8"))["facts"][0]["value"] == PEOPLE
    for path in written:
        assert path.stat().st_mode & 0o777 == 0o600
        content = path.read_text("utf-8").lower()
        assert [name for name in (*GIVEN, *FAMILY) if len(name) > 4 and name.lower() in content] == []


def test_a_report_is_written_on_files_that_are_refused(world: World, tmp_path: Path) -> None:
    office = world.offices["tax"]
    good = (office.folder / "activity.csv").read_text()
    (office.folder / "activity.csv").write_text(f"no,year,band\ntax-1,{CANARIES[1]},3\n")
    try:
        checked = symbolon(office, "check", "--html", str(tmp_path / "report.html"))
    finally:
        (office.folder / "activity.csv").write_text(good)
    assert checked.returncode == 2
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "activity.csv, year: in 1 row it is not a whole number." in texts(page)
    assert not [value for value in CANARIES if value in page + checked.stdout + checked.stderr]


def test_a_wrong_configuration_ends_with_code_2_and_all_its_faults(world: World, tmp_path: Path) -> None:
    office = Office(world.parties, "tax", tmp_path)
    (tmp_path / "agent.toml").write_text('keys = "keys"\nlinkage_unit = "nowhere"\nsurprise = 1\n')
    shown = symbolon(office, "show-config")
    assert shown.returncode == 2
    for fault in ("agreement: is missing", "linkage_unit: must be host:port", "surprise: there is no such setting"):
        assert fault in shown.stderr


def test_showing_the_configuration_shows_paths_and_no_key(world: World) -> None:
    office = world.offices["border"]
    shown = symbolon(office, "show-config")
    assert shown.returncode == 0
    assert str(office.folder / "state") in shown.stdout
    assert world.parties.keys["border"].identity.reveal().hex() not in shown.stdout
