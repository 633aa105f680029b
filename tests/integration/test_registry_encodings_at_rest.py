"""Encodings that a registry keeps: sealed, destroyed, restored, safe from a kill, and told to the operator."""

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from linkage_core.errors import InputFault, Tampered
from linkage_core.linking.events import EventKind
from services.common.audit import verify
from services.common.clock import system_random
from services.linkage_unit.changes import change_report
from services.linkage_unit.config import LinkageUnitConfig
from services.linkage_unit.estimating import estimate_wave
from services.linkage_unit.project import RunState
from services.linkage_unit.registry import delete_due_registry, open_registry
from services.linkage_unit.retention import delete_due_encodings
from services.linkage_unit.runner import link_wave
from services.linkage_unit.unit import open_unit
from tests.support.incremental import ADDING, AFTER, FIRST, NEW, TOO_LATE, registered, reports, run_wave, upload
from tests.support.linkage import config_of, encode_people, opened
from tests.support.linking import KEYS, link
from tests.support.parties import LINKAGE_UNIT, Parties, make_parties


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


# ----------------------------------------------------------------------------------------- sealed, destroyed, restored


def test_each_run_leaves_one_snapshot_under_a_key_of_its_own(parties: Parties, config: LinkageUnitConfig) -> None:
    first = sorted(config.wraps.glob("registry.*"))
    run_wave(parties, config, "w2", {name: encode_people(name, people) for name, people in NEW.items()})
    second = sorted(config.wraps.glob("registry.*"))
    assert (len(first), len(second)) == (1, 1)
    assert first != second
    assert len(list((config.data / "sealed" / "registry").iterdir())) == 1


def test_what_is_kept_and_when_it_is_destroyed_is_in_the_signed_audit_logs(
    parties: Parties, config: LinkageUnitConfig
) -> None:
    with opened(config, lambda: TOO_LATE) as unit:
        delete_due_encodings(unit)
    told = {}
    for process in ("serve", "link"):
        path = config.data / f"audit-{process}.jsonl"
        verify(path, parties.verified.identity_key(LINKAGE_UNIT))
        told[process] = [json.loads(line)["event"] for line in path.read_text().splitlines()]
    assert told["link"].count("registry encodings kept") == 1
    assert told["serve"][-1] == "registry encodings deleted"


def test_nothing_is_kept_where_no_clause_allows_it(tmp_path: Path) -> None:
    parties = make_parties(tmp_path / "parties")
    config = config_of(parties, tmp_path)
    upload(parties, config, "w1", FIRST)
    link(config, "w1", AFTER)
    assert not list(config.wraps.glob("registry.*"))
    assert not (config.data / "sealed" / "registry").exists()


def test_after_the_day_of_the_clause_any_start_of_the_linkage_unit_leaves_nothing_to_open(
    parties: Parties, config: LinkageUnitConfig
) -> None:
    stolen = {path: path.read_bytes() for path in (config.data / "sealed" / "registry").rglob("*") if path.is_file()}
    with opened(config, lambda: datetime(2028, 6, 1, 23, 59, tzinfo=UTC)) as unit:
        delete_due_encodings(unit)
        assert len(open_registry(unit)) == 3
    with opened(config, lambda: TOO_LATE) as unit:
        delete_due_encodings(unit)
        assert open_registry(unit) == ()
    assert not list(config.wraps.glob("registry.*"))
    assert not list((config.data / "sealed" / "registry").iterdir())
    for path, content in stolen.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        with opened(config, lambda: AFTER) as unit, pytest.raises(Tampered, match="destroyed"):
            unit.data_keys.open(f"registry.{path.parent.name}")


def test_the_sealed_registry_and_the_store_without_the_wraps_open_nothing(
    parties: Parties, config: LinkageUnitConfig
) -> None:
    """What a stolen backup holds: data folder, database, key-encryption key; the wraps were left out of it."""
    handle, clk = encode_people("register", [7]), encode_people("register", [7]).bits["names-year"]
    for wrap in config.wraps.glob("registry.*"):
        wrap.unlink()
    for path in config.data.rglob("*"):
        if path.is_file() and "registry" in path.parts:
            assert clk not in path.read_bytes()
            assert handle.handles not in path.read_bytes()
    upload(parties, config, "w2", NEW)
    with pytest.raises(Tampered, match="make the next wave complete"):
        link(config, "w2", AFTER)


def test_a_restored_registry_is_not_mistaken_for_the_one_that_was_kept(
    parties: Parties, config: LinkageUnitConfig
) -> None:
    database = config.data / "linkage-unit.sqlite"
    saved = database.read_bytes()
    run_wave(parties, config, "w2", {name: encode_people(name, people) for name, people in NEW.items()})
    for beside in config.data.glob("linkage-unit.sqlite-*"):
        beside.unlink()
    database.write_bytes(saved)
    upload(parties, config, "w2", NEW)
    with pytest.raises(Tampered, match="a state was restored"):
        link(config, "w2", AFTER)
    # A complete wave needs no registry's encodings, and heals it.
    run_wave(parties, config, "w4", {name: encode_people(name, people) for name, people in FIRST.items()})


def test_an_amendment_without_the_clause_ends_what_was_kept(tmp_path: Path) -> None:
    parties = make_parties(tmp_path / "parties", **ADDING)
    config = config_of(parties, tmp_path)
    run_wave(parties, config, "w1", {name: encode_people(name, people) for name, people in FIRST.items()})
    complete = [{"name": name, "tokens_not_before": "2026-06-01T00:00:00Z"} for name in ("w1", "w2")]
    kept = {"clks_days": 0, "registry_days": 3650, "payload_days": 365}
    parties.amend(waves=complete, retention=kept)
    with opened(config, lambda: AFTER) as unit:
        delete_due_registry(unit)
    assert not list(config.wraps.glob("registry.*"))


# ---------------------------------------------------------------------------------------------- killed, estimated, told


def killed(config: LinkageUnitConfig, draws: int) -> None:
    """Link a wave with a source of randomness that ends the run, as a kill would, after so many draws."""
    left = draws

    def random(size: int) -> bytes:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return system_random(size)

    with pytest.raises(KeyboardInterrupt), closing(open_unit(config, "link", lambda: AFTER, random)) as unit:
        link_wave(unit, "w2", lambda wave: KEYS.public)


@pytest.mark.parametrize("draws", [0, 2, 20, 34, 49, 52])
def test_a_killed_incremental_run_shows_nothing_and_goes_on(
    parties: Parties, config: LinkageUnitConfig, draws: int
) -> None:
    before = registered(config)
    upload(parties, config, "w2", NEW)
    killed(config, draws)
    with opened(config, lambda: AFTER) as unit:
        assert unit.runs.state("w2") is not RunState.READY
        assert unit.runs.registry() == before
        assert {count.version for count in unit.history.counts()} == {1}
        assert len(open_registry(unit)) == 3
    assert link(config, "w2", AFTER)
    assert len(list(config.wraps.glob("registry.*"))) == 1
    assert len(registered(config)) == len(before) + 30


@pytest.mark.parametrize("draws", [54, 56])
def test_a_run_killed_once_it_is_visible_has_only_old_encodings_left_to_destroy(
    parties: Parties, config: LinkageUnitConfig, draws: int
) -> None:
    upload(parties, config, "w2", NEW)
    killed(config, draws)
    with opened(config, lambda: AFTER) as unit:
        assert unit.runs.state("w2") is RunState.READY
    assert not link(config, "w2", AFTER)
    assert len(list(config.wraps.glob("registry.*"))) == 1
    assert not list((config.data / "sealed" / "encodings").iterdir())


def test_an_estimate_of_an_incremental_wave_counts_what_it_would_compare(
    parties: Parties, config: LinkageUnitConfig
) -> None:
    upload(parties, config, "w2", NEW)
    with opened(config, lambda: AFTER) as unit:
        estimate = estimate_wave(unit, "w2", iter(range(100)).__next__)
    assert estimate.records == 60 + 60 + 50 + 30
    assert 20 <= estimate.agreed.candidates <= 40


def test_every_wave_is_in_the_change_report(parties: Parties, config: LinkageUnitConfig) -> None:
    run_wave(parties, config, "w2", {name: encode_people(name, people) for name, people in NEW.items()})
    first, second = reports(config).waves
    assert (first.kind, second.kind) == ("complete", "incremental")
    assert first.events == {str(EventKind.CREATED): {"new": 100}}
    assert second.events == {str(EventKind.CREATED): {"new": 15}}
    assert (second.groups["kept"], second.groups["new"]) == (100, 15)
    assert first.providers["tax"].corrected == 0
    assert second.providers["tax"].model_dump() == {
        "brought": 10,
        "new": 10,
        "corrected": 0,
        "returned": 0,
        "withdrawn": 0,
        "held": 60,
    }
    assert [wave["wave"] for wave in json.loads(reports(config).to_json())["waves"]] == ["w1", "w2"]
    with opened(config, lambda: AFTER) as unit:
        assert change_report(unit, "w2").waves == (second,)
        assert change_report(unit, "w3").waves == ()
        with pytest.raises(InputFault, match="no wave 'w9'"):
            change_report(unit, "w9")


def test_a_complete_wave_cannot_tell_corrections_where_no_encodings_were_kept(tmp_path: Path) -> None:
    parties = make_parties(tmp_path / "parties")
    config = config_of(parties, tmp_path)
    for wave in ("w1", "w2"):
        upload(parties, config, wave, FIRST)
        assert link(config, wave, AFTER)
    assert reports(config).waves[1].providers["tax"].corrected is None


def test_a_complete_wave_tells_corrections_while_encodings_are_kept(
    parties: Parties, config: LinkageUnitConfig
) -> None:
    files = {name: encode_people(name, people, renamed=[55, 56]) for name, people in FIRST.items()}
    run_wave(parties, config, "w4", files)
    report = reports(config).waves[-1]
    assert {name: part.corrected for name, part in report.providers.items()} == dict.fromkeys(FIRST, 2)
    assert report.groups["kept"] == 100


def test_postgresql_keeps_the_registrys_history_like_the_embedded_store(
    parties: Parties, tmp_path: Path, new_postgresql_database: Callable[[], str]
) -> None:
    config = config_of(parties, tmp_path, database=new_postgresql_database())
    run_wave(parties, config, "w1", {name: encode_people(name, people) for name, people in FIRST.items()})
    before = registered(config)
    renamed = {"register": encode_people("register", [55, *range(100, 110)], renamed=[55])}
    others = {name: encode_people(name, NEW[name]) for name in ("border", "tax")}
    run_wave(parties, config, "w2", renamed | others)
    after = registered(config)
    assert {key: after[key] for key in before} == before
    assert reports(config).waves[1].events == {"corrected": {"correction": 1}, "created": {"new": 15}}
