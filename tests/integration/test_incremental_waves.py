"""Incremental waves: what comes out of them, and when they are refused."""

import shutil
from pathlib import Path

import pytest

from linkage_core.errors import Refused
from services.common.errors import RemoteRefusal
from services.linkage_unit.config import LinkageUnitConfig
from services.linkage_unit.registry import open_registry
from services.linkage_unit.status import status_of
from tests.support.incremental import ADDING, AFTER, FIRST, NEW, TOO_LATE, registered, reports, run_wave, upload
from tests.support.linkage import config_of, encode_people, opened
from tests.support.linking import link
from tests.support.parties import Parties, make_parties


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"), **ADDING)


@pytest.fixture(scope="module")
def first_wave(parties: Parties, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a linkage unit that has linked the first wave."""
    folder = tmp_path_factory.mktemp("first")
    config = config_of(parties, folder)
    run_wave(parties, config, "w1", {name: encode_people(name, people) for name, people in FIRST.items()})
    return folder


@pytest.fixture
def config(parties: Parties, first_wave: Path, tmp_path: Path) -> LinkageUnitConfig:
    """A linkage unit that has linked the first wave."""
    shutil.copytree(first_wave, tmp_path, dirs_exist_ok=True)
    return config_of(parties, tmp_path)


# ------------------------------------------------------------------------------------------------------ what comes out


def test_new_rows_join_the_people_of_the_registry_and_everybody_else_stays(
    parties: Parties, config: LinkageUnitConfig
) -> None:
    before = registered(config)
    files = {name: encode_people(name, people) for name, people in NEW.items()}
    seen = run_wave(parties, config, "w2", files)
    after = registered(config)
    assert {key: after[key] for key in before} == before
    # Tax brings ten people whom register knows; five of register's and border's new people are the same.
    assert len({*after.values()} - {*before.values()}) == 15
    shared = {seen["register"][person].pseudonym for person in range(105, 110)}
    assert shared == {seen["border"][person].pseudonym for person in range(105, 110)}
    assert all(token.quality > 0 for token in seen["tax"].values())


def test_an_incremental_wave_makes_tokens_for_its_own_rows_only(parties: Parties, config: LinkageUnitConfig) -> None:
    files = {name: encode_people(name, people) for name, people in NEW.items()}
    seen = run_wave(parties, config, "w2", files)
    assert {name: sorted(tokens) for name, tokens in seen.items()} == {n: list(people) for n, people in NEW.items()}


def test_whole_files_whose_rows_are_mostly_unchanged_cost_only_their_new_rows(
    parties: Parties, config: LinkageUnitConfig
) -> None:
    whole = {"register": range(62), "border": range(30, 90), "tax": range(50, 100)}
    seen = run_wave(parties, config, "w2", {name: encode_people(name, people) for name, people in whole.items()})
    with opened(config, lambda: AFTER) as unit:
        counts = next(wave for wave in status_of(unit).waves if wave.wave == "w2").counts
    # Two new rows of register find their partners at border and tax: no other pair was even scored.
    assert counts["scored_pairs"] == counts["linkable_pairs"] == 4
    assert seen["register"][60].pseudonym == seen["border"][60].pseudonym == seen["tax"][60].pseudonym


def test_a_changed_name_keeps_its_person_and_is_an_event(parties: Parties, config: LinkageUnitConfig) -> None:
    before = registered(config)
    files = {
        "register": encode_people("register", range(50, 60), renamed=[50, 51]),
        "border": encode_people("border", range(50, 60)),
        "tax": encode_people("tax", range(50, 60)),
    }
    run_wave(parties, config, "w2", files)
    assert registered(config) == before
    changes = reports(config).waves[1]
    assert changes.events == {"corrected": {"correction": 2}}
    assert changes.providers["register"].corrected == 2
    assert changes.groups["kept"] == 100


def test_a_row_that_turns_out_to_be_another_person_moves_and_the_split_says_why(
    parties: Parties, config: LinkageUnitConfig
) -> None:
    before = registered(config)
    files = {
        "register": encode_people("register", [55, 56], content_of={55: 95}),
        "border": encode_people("border", range(60, 70)),
        "tax": encode_people("tax", range(60, 70)),
    }
    seen = run_wave(parties, config, "w2", files)
    after = registered(config)
    moved = {key for key in before if after[key] != before[key]}
    assert len(moved) == 1
    assert {name for name, _ in moved} == {"register"}
    assert reports(config).waves[1].events == {"corrected": {"correction": 1}, "split": {"correction": 1}}
    (key,) = moved
    assert [name for name, group in after.items() if group == after[key]] != [key]
    assert seen["register"][55].pseudonym != seen["register"][56].pseudonym


def test_a_row_that_links_two_people_of_the_registry_makes_them_one_and_the_event_says_by_what(
    parties: Parties, config: LinkageUnitConfig
) -> None:
    # Register's 200 and tax's 200 came with contents that nobody would link; border's row has a CLK of each.
    first = {
        "register": encode_people("register", [*range(100, 120), 200]),
        "border": encode_people("border", range(100, 120)),
        "tax": encode_people("tax", [*range(100, 120), 200], renamed=[200]),
    }
    run_wave(parties, config, "w2", first)
    before = registered(config)
    second = {
        "register": encode_people("register", [*range(100, 120), 200]),
        "border": encode_people("border", range(100, 121)),
        "tax": encode_people("tax", [*range(100, 120), 200]),
    }
    run_wave(parties, config, "w3", second)
    after = registered(config)
    lost = {*before.values()} - {*after.values()}
    merged = reports(config).waves[2].events.get("merged", {})
    assert (len(lost), merged) == (1, {"correction": 1})


def test_a_corrected_delivery_withdraws_what_came_with_the_wave_that_it_corrects_and_only_that(
    parties: Parties, config: LinkageUnitConfig
) -> None:
    first = {name: encode_people(name, [*FIRST[name], *range(200, 210)]) for name in FIRST}
    run_wave(parties, config, "w2", first)
    corrected = {name: encode_people(name, range(200, 205)) for name in FIRST}
    run_wave(parties, config, "w3", corrected)
    report = reports(config).waves[2]
    assert report.events["withdrawn"] == {"correction": 15}
    assert report.groups["gone"] == 5
    assert {part.withdrawn for part in report.providers.values()} == {5}
    with opened(config, lambda: AFTER) as unit:
        kept = {rows.file.provider: len(rows.handles) for rows in open_registry(unit)}
    assert kept == {name: len(FIRST[name]) + 5 for name in FIRST}


def test_a_complete_wave_withdraws_whoever_is_not_in_it_and_takes_them_back_under_their_old_pseudonym(
    parties: Parties, config: LinkageUnitConfig
) -> None:
    before = registered(config)
    run_wave(
        parties,
        config,
        "w2",
        {
            "register": encode_people("register", [0]),
            "border": encode_people("border", [30]),
            "tax": encode_people("tax", [50]),
        },
    )
    fewer = {"register": range(40), "border": range(30, 70), "tax": range(50, 80)}
    run_wave(parties, config, "w4", {name: encode_people(name, people) for name, people in fewer.items()})
    report = reports(config).waves[-1]
    assert report.events["withdrawn"] == {"complete-wave": 60}
    assert sum(part.withdrawn for part in report.providers.values()) == 60
    assert {key: group for key, group in registered(config).items() if key in before}.keys() == before.keys()


# ------------------------------------------------------------------------------------------------------- refused, when


def test_an_incremental_wave_without_a_registry_is_refused_with_what_to_do(parties: Parties, tmp_path: Path) -> None:
    config = config_of(parties, tmp_path)
    upload(parties, config, "w2", FIRST)
    with pytest.raises(Refused, match="link one first, or make this wave complete"):
        link(config, "w2", AFTER)


def test_an_incremental_wave_after_the_day_of_the_clause_is_refused(
    parties: Parties, config: LinkageUnitConfig
) -> None:
    upload(parties, config, "w2", NEW)
    with pytest.raises(Refused, match="registry_encodings_until"):
        link(config, "w2", TOO_LATE)
    assert not list(config.wraps.glob("registry.*"))


def test_a_wave_is_not_added_to_one_that_comes_later(parties: Parties, config: LinkageUnitConfig) -> None:
    upload(parties, config, "w2", NEW)
    run_wave(parties, config, "w4", {name: encode_people(name, people) for name, people in FIRST.items()})
    with pytest.raises(Refused, match="w4, which comes later"):
        link(config, "w2", AFTER)


def test_a_correction_waits_for_the_wave_that_it_corrects(parties: Parties, config: LinkageUnitConfig) -> None:
    upload(parties, config, "w3", NEW)
    with pytest.raises(Refused, match="wave w2 is not linked"):
        link(config, "w3", AFTER)


def test_encodings_of_another_epoch_are_not_compared(tmp_path: Path) -> None:
    parties = make_parties(tmp_path / "parties", **ADDING)
    config = config_of(parties, tmp_path)
    run_wave(parties, config, "w1", {name: encode_people(name, people) for name, people in FIRST.items()})
    parties.amend(epoch=2)
    upload(parties, config, "w2", NEW)
    with pytest.raises(Refused, match="are of epoch 1"):
        link(config, "w2", AFTER)


def test_an_incremental_file_may_be_small_but_not_much_larger_than_the_complete_one(
    parties: Parties, config: LinkageUnitConfig
) -> None:
    upload(parties, config, "w2", {name: range(3) for name in FIRST})
    with pytest.raises(RemoteRefusal, match="maximum_change_per_mille"):
        upload(parties, config, "w3", {"register": range(91)})
