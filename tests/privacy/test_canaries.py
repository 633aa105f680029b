"""Canary identifiers and payload through the whole system, and a search for them in everything that is left.

Searched: every file of every party (stores, write-ahead logs, wraps, sealed folders, audit logs) at three moments, what
each party can open of its own, each message on each line, all that processes said, and how they look from outside.
"""

import base64
import hashlib
import unicodedata
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest
from anyascii import anyascii

from linkage_core.default_schema import people_schema
from linkage_core.standardise.run import standardise
from services.common.logs import configure_logs, get_log
from tests.support.needles import Needles
from tests.support.opened import agent_content, analysis_content, linkage_unit_content
from tests.support.whole_run import NAMES, WholeRun

PAYLOAD_WORDS: Final = (
    "registrations",
    "crossings",
    "income_band",
    "income",
    "citizenship",
    "country_of_birth",
    "self_employed",
    "pensioner",
    "property_owner",
    "Highlands",
    "Nordmark",
)
"""Tables, columns and codes of the payload: public, and of no business of the linkage unit's beyond the agreement."""


@pytest.fixture(scope="module")
def canaries(run: WholeRun) -> Needles:
    """Every canary in every form, as standardised too."""
    return Needles.of_texts({**run.canaries, **_standardised()})


def _standardised() -> dict[str, str]:
    """Names as the agent's rules leave them: transliterated, sorted, joined."""
    given, family = ([names[place] for names in NAMES] for place in (0, 1))
    columns = {"given_name": given, "family_name": family, "birth_date": ["1903-04-10"] * len(NAMES)}
    records, _ = standardise(people_schema(), columns)
    names = [value for column in records.values.values() for value in column if any(map(str.isalpha, value))]
    return {f"standardised {place}": name for place, name in enumerate(sorted(set(names)))}


def test_no_canary_is_in_any_file_of_any_party_but_the_providers_own_input(run: WholeRun, canaries: Needles) -> None:
    found = [f for folder in run.folders for f in canaries.in_files(folder, run.inputs_below(folder))]
    assert found == []


def test_no_canary_is_in_what_a_party_can_open_with_its_own_keys(run: WholeRun, canaries: Needles) -> None:
    contents: dict[str, bytes] = {}
    for folder in run.folders:
        contents |= {f"{folder.name} linkage unit {k}": v for k, v in _linkage_unit(run, folder).items()}
        contents |= {f"{folder.name} analysis {k}": v for k, v in analysis_content(folder, run.stage.wave).items()}
        for provider in run.stage.providers:
            contents |= {f"{folder.name} {provider} {k}": v for k, v in agent_content(folder, provider).items()}
    kinds = ("upload of", "tokens of", "payload of", "rows under")
    assert all(any(kind in place for place in contents) for kind in kinds)
    assert [f for place, content in contents.items() for f in canaries.inside(content, place)] == []


def test_no_canary_is_in_any_message(run: WholeRun, canaries: Needles) -> None:
    methods = {heard.method.rpartition("/")[2] for heard in run.heard}
    assert methods >= {"PostShare", "SubmitKeyCheck", "PutChunks", "FetchTokens", "PutPayload", "RunQuery"}
    found = [f for heard in run.heard for f in canaries.inside(heard.content, f"{heard.method} {heard.part}")]
    assert found == []


def test_no_canary_is_in_what_processes_say_of_good_files_or_bad_ones(run: WholeRun, canaries: Needles) -> None:
    said = {f"{p.party}: {' '.join(p.arguments[:2])}": p.said for p in run.processes}
    assert "broken-identities.csv, row 4, birth_date" in said["tax: agent check"]
    assert [f for place, text in said.items() for f in canaries.inside(text.encode(), place)] == []


def test_the_providers_own_input_files_hold_every_canary(run: WholeRun) -> None:
    contents = [(run.stage.folder / path).read_text("utf-8") for path in run.inputs]
    for name, canary in run.canaries.items():
        assert any(canary in content for content in contents), name


def test_the_search_finds_the_canaries_where_they_are(run: WholeRun, canaries: Needles) -> None:
    found = {f.name for f in canaries.in_files(run.stage.folder)}
    assert set(run.canaries) <= found


@pytest.mark.parametrize("number", range(len(NAMES)))
def test_the_search_finds_a_canary_in_every_form_in_which_it_could_hide(canaries: Needles, number: int) -> None:
    given, family = NAMES[number]
    standard = anyascii(unicodedata.normalize("NFC", family))
    utf16 = family.encode("utf-16-le")
    hidden = [
        family.encode(),
        family.lower().encode(),
        family.upper().encode(),
        unicodedata.normalize("NFC", given).encode(),
        unicodedata.normalize("NFD", family).encode(),
        standard.lower().encode(),
        utf16,
        family.encode("utf-16-be"),
        family.encode().hex().encode(),
        family.encode().hex().upper().encode(),
        utf16.hex().encode(),
        quote(family).encode(),
        family.encode("ascii", "backslashreplace"),
        *(base64.b64encode(b"xyz"[:shift] + family.encode() + b"end") for shift in range(3)),
        *(base64.urlsafe_b64encode(b"xyz"[:shift] + utf16) for shift in range(3)),
        _sha256(family),
        _sha256(family.lower()).hex().encode(),
    ]
    for content in hidden:
        noise = bytes(range(256)) * 5
        found = canaries.inside(noise + content + noise, "hidden")
        assert {f.name for f in found} & {f"family name {number}", f"given name {number}"}, content


def test_the_search_finds_a_log_line_that_leaks(canaries: Needles, tmp_path: Path) -> None:
    with (tmp_path / "process.log").open("w") as log:
        configure_logs(log)
        try:
            get_log("provider-agent").warning(f"cannot standardise {NAMES[3][1]}", rows=1)
        finally:
            configure_logs()
    assert {f.place for f in canaries.in_files(tmp_path)} == {"process.log"}


def test_the_search_finds_a_file_that_is_named_after_a_person(canaries: Needles, tmp_path: Path) -> None:
    (tmp_path / f"row-of-{NAMES[0][1]}").write_bytes(b"")
    assert [f.name for f in canaries.in_files(tmp_path)]


def test_the_linkage_unit_has_no_word_of_the_payload_beyond_the_agreement(run: WholeRun) -> None:
    words = Needles.of_texts({word: word for word in PAYLOAD_WORDS})
    agreement = (run.stage.home(run.stage.providers[0]) / "agreement.json").read_bytes()
    assert {f.name for f in words.inside(agreement, "agreement")} == set(PAYLOAD_WORDS)
    for folder in run.folders:
        for place, content in _linkage_unit(run, folder).items():
            assert not words.inside(content, place)
        for log in (folder / "linkage_unit" / "data").glob("*.jsonl"):
            assert not words.inside(log.read_bytes(), log.name)
    services = ("Mailbox", "Intake", "Tokens")
    for heard in run.heard:
        if heard.method.split("/")[1].removeprefix("symbolon.v1.") in services:
            assert not words.inside(heard.content, heard.method)
    for process in run.processes:
        if process.party == "linkage_unit":
            assert not words.inside(process.said.encode(), process.arguments[1])


def test_the_payload_that_the_agreement_lists_does_arrive_and_the_rest_becomes_unknown(run: WholeRun) -> None:
    opened = analysis_content(run.stage.folder, run.stage.wave)
    regions = opened["payload of population_register.persons.region"].split(b"\n")
    assert b"Nordmark" in regions
    assert regions.count(b"None") >= len(NAMES)
    assert b"self_employed" in opened["payload of tax.years.activity"]


def _linkage_unit(run: WholeRun, folder: Path) -> dict[str, bytes]:
    return dict(linkage_unit_content(folder, run.stage.wave).opened)


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
