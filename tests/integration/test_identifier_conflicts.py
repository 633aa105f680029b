"""What identifiers say against the groups of a wave, as the linkage unit's operator reads it, and nobody else."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linkage_core.schema import LinkageSchema, MatchKeySpec, QuasiIdentifier, Variable
from services.cli import outcome
from services.cli.linkage_unit import app
from services.common.locks import only_process
from services.linkage_unit.runner import link_wave
from services.linkage_unit.status import status_of
from tests.support.linkage import EncodedPeople, WaveKeyPair, config_of, connected, encode_people, opened, served
from tests.support.parties import make_parties, small_schema

PEOPLE = {"register": range(60), "border": range(30, 90), "tax": range(50, 110)}


def schema_with_number() -> LinkageSchema:
    """Return the small schema with its match key made of a national number."""
    small = small_schema()
    return small.model_copy(
        update={
            "quasi_identifiers": (*small.quasi_identifiers, QuasiIdentifier(name="number", kind="identifier")),
            "variables": (*small.variables, Variable(name="number", of=("number",), form="value")),
            "match_keys": (MatchKeySpec(name="names-date", variables=("number",), entropy_bits=40, max_occurrences=5),),
        }
    )


def with_errors(file: EncodedPeople) -> EncodedPeople:
    """Give the first two rows numbers that nobody has, and the fourth the third one's."""
    keys = [file.keys[start : start + 16] for start in range(0, len(file.keys), 16)]
    return replace(file, keys=b"".join([b"\x01" * 16, b"\x02" * 16, keys[2], keys[2], *keys[4:]]))


def test_the_operators_status_tells_people_with_two_identifiers_and_identifiers_of_two_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    parties = make_parties(tmp_path / "parties", linkage=schema_with_number().model_dump(mode="json"))
    files = {name: encode_people(name, people) for name, people in PEOPLE.items()}
    files["border"] = with_errors(files["border"])
    config = config_of(parties, tmp_path)
    with opened(config) as unit:
        with served(unit) as address, connected(parties, address) as providers:
            for provider in providers.values():
                provider.check()
            for name, file in files.items():
                providers[name].upload(file, with_keys=True)
        with only_process(config.data, "link"):
            link_wave(unit, "w1", lambda wave: WaveKeyPair.new().public)
        counts = json.loads(status_of(unit).to_json())["waves"][0]["counts"]

    # Border's people 30, 31 and 33 carry other numbers than the register's, and 32's number is 33's too.
    assert counts["groups"] == 110
    assert counts["identifiers"] == [
        {
            "match_key": "names-date",
            "groups_with_two_values": 3,
            "groups_by_providers": [{"providers": ["border", "register"], "groups": 3}],
            "values_in_two_groups": 1,
            "values_repeated": {"border": 1, "register": 0, "tax": 0},
        }
    ]

    written = tmp_path / "linkage-unit.toml"
    settings = config.model_dump(mode="json", exclude_none=True)
    written.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    monkeypatch.setattr(outcome.results, "width", 120)
    shown = CliRunner().invoke(app, ["status", "--config", str(written)])
    assert shown.exit_code == 0, shown.output
    passes, conflicts = (
        [line for line in part.splitlines() if "names-date" in line]
        for part in shown.stdout.split("identifiers against the groups")
    )
    cells = [cell.strip() for cell in conflicts[0].split("│")[1:-1]]
    assert cells == ["names-date", "3", "border and register: 3", "1", "border: 1"]
    assert len(passes) == 1, "and what the pass over that key did"
