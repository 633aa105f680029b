"""The ledger and increases of the budget in the metadata store, on SQLite and PostgreSQL."""

import hashlib
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from threading import Barrier

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, delete, insert, text, update
from sqlalchemy.exc import IntegrityError

from disclosure.balances import Caps
from disclosure.entries import Charge, Entry, cell_key_tables, verify_chain
from disclosure.errors import BudgetRefused, LedgerCorrupt, PolicyRefused
from disclosure.increases import decide_increase
from disclosure.ledger import decide_reservation
from disclosure.table import CELL_KEY
from linkage_core.agreement.increases import IncreaseDocument, new_increase
from linkage_core.crypto.secret import Secret
from linkage_core.errors import Refused, Tampered
from services.analysis.store.anchor import AnchorFile
from services.analysis.store.ledger import SqlLedger
from services.analysis.store.tables import METADATA, MIGRATIONS, increases, ledger, releases
from services.common.agreements import agreement_tables
from services.common.database import open_database
from tests.support.stores import url_of

LINEAGE = "5a" * 16
KEY = Secret(bytes(32))
CAPS = Caps(total=300, wave=1000, analyst=1000, release=100)
PROJECT = "migration"
NOW = "2026-06-15T12:00:00+00:00"


def charge(nano_rho: int = 100, question: str = "q", analyst: str = "ana", lineage: str = LINEAGE) -> Charge:
    digest = hashlib.sha256(question.encode()).hexdigest()
    return Charge(lineage, "a" * 64, PROJECT, "w1", analyst, digest, nano_rho, NOW)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return url_of(str(request.param), request, tmp_path)


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_database(url, MIGRATIONS)
    yield engine
    engine.dispose()


@pytest.fixture
def anchor(tmp_path: Path) -> AnchorFile:
    return AnchorFile(tmp_path / "anchor" / "anchor.json", KEY)


@pytest.fixture
def spent(engine: Engine, anchor: AnchorFile) -> SqlLedger:
    """A ledger with one released table and one charge without a result."""
    kept = SqlLedger(engine, anchor, PROJECT)
    kept.check(LINEAGE)
    kept.record(kept.reserve(charge(), CAPS), b"table", NOW)
    kept.reserve(charge(question="another"), CAPS)
    return kept


def test_migrations_make_exactly_the_declared_tables(engine: Engine) -> None:
    agreement_tables(METADATA)
    try:
        with engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    finally:
        for name in ("agreements", "suspensions"):
            METADATA.remove(METADATA.tables[name])


# ------------------------------------------------------------------------------------------------------------- ledger


def test_a_charge_and_its_result_survive_a_restart(spent: SqlLedger, url: str, anchor: AnchorFile) -> None:
    again = open_database(url, MIGRATIONS)
    kept = SqlLedger(again, anchor, PROJECT)
    kept.check(LINEAGE)
    assert [entry.kind for entry in kept.entries(LINEAGE)] == ["RESERVED", "RELEASED", "RESERVED"]
    found = kept.find_by_question(LINEAGE, charge().question_hash)
    assert found is not None
    assert found[1] == b"table"
    again.dispose()


def test_the_ledger_accepts_each_place_of_a_chain_once(spent: SqlLedger, engine: Engine) -> None:
    entry = spent.entries(LINEAGE)[0]
    row = {name: getattr(entry, name) for name in ledger.c.keys()}  # noqa: SIM118 - columns, not a dictionary
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(insert(ledger).values(row | {"entry_hash": "f" * 64}))


def test_a_question_without_a_result_is_not_found(spent: SqlLedger) -> None:
    assert spent.find_by_question(LINEAGE, charge(question="another").question_hash) is None


@pytest.mark.parametrize("nano_rho", [101, 100])
def test_what_a_cap_does_not_allow_is_refused_and_changes_nothing(
    spent: SqlLedger, anchor: AnchorFile, nano_rho: int
) -> None:
    spent.reserve(charge(1, question="third"), CAPS)
    before = spent.entries(LINEAGE), anchor.read(LINEAGE)
    with pytest.raises(BudgetRefused):
        spent.reserve(charge(nano_rho, question="fourth"), CAPS)
    assert (spent.entries(LINEAGE), anchor.read(LINEAGE)) == before


def test_lineages_are_charged_apart(spent: SqlLedger) -> None:
    assert spent.reserve(charge(lineage="6b" * 16), CAPS).sequence == 0


def test_of_fifty_spenders_at_once_exactly_ten_succeed_with_budget_for_ten(
    url: str, engine: Engine, tmp_path: Path
) -> None:
    """Each over a connection, cache and anchor file handle of its own, as so many processes."""
    spenders, affordable = 50, 10
    together = Barrier(spenders)
    engines = [open_database(url, MIGRATIONS) for _ in range(spenders)]
    caps = replace(CAPS, total=affordable * 100, wave=100_000, analyst=100_000)

    def spend(number: int) -> Entry | None:
        own = SqlLedger(engines[number], AnchorFile(tmp_path / "anchor.json", KEY), PROJECT)
        together.wait()
        try:
            return own.reserve(charge(question=f"q{number}", analyst=f"a{number}"), caps)
        except BudgetRefused:
            return None
        finally:
            engines[number].dispose()

    with ThreadPoolExecutor(spenders) as pool:
        made = [entry for entry in pool.map(spend, range(spenders)) if entry is not None]
    kept = SqlLedger(engine, AnchorFile(tmp_path / "anchor.json", KEY), PROJECT)
    kept.check(LINEAGE)
    assert len(made) == affordable
    assert list(kept.entries(LINEAGE)) == sorted(made, key=lambda entry: entry.sequence)


def by_cell_keys(number: int) -> Charge:
    return replace(charge(nano_rho=0, question=f"k{number}"), mechanism=CELL_KEY)


def test_tables_by_cell_keys_are_counted_over_restarts_and_processes_and_spend_nothing(
    spent: SqlLedger, url: str, engine: Engine, anchor: AnchorFile
) -> None:
    caps = replace(CAPS, cell_key_tables=3)
    spent.record(spent.reserve(by_cell_keys(0), caps), b"perturbed", NOW)
    engines = [open_database(url, MIGRATIONS) for _ in range(6)]

    def make(number: int) -> bool:
        try:
            SqlLedger(engines[number - 1], anchor, PROJECT).reserve(by_cell_keys(number), caps)
        except PolicyRefused:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(make, range(1, 7))) == 2
    for each in engines:
        each.dispose()
    again = SqlLedger(engine, anchor, PROJECT)
    again.check(LINEAGE)
    entries = again.entries(LINEAGE)
    assert cell_key_tables(entries) == 3
    assert sum(entry.nano_rho for entry in entries) == 200
    with pytest.raises(PolicyRefused, match=r"statistics\.cell_keys\.tables"):
        again.reserve(by_cell_keys(9), caps)


def test_a_ledger_from_before_there_were_mechanisms_is_taken_over(url: str, anchor: AnchorFile) -> None:
    engine = create_engine(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        entry = decide_reservation(verify_chain([], LINEAGE), charge(), CAPS)
        row = {name: value for name, value in asdict(entry).items() if name != "mechanism"}
        connection.execute(text(f"INSERT INTO ledger ({', '.join(row)}) VALUES (:{', :'.join(row)})"), row)
    engine.dispose()
    anchor.begin()
    anchor.advance(entry)
    opened = open_database(url, MIGRATIONS)
    kept = SqlLedger(opened, anchor, PROJECT)
    kept.check(LINEAGE)
    assert list(kept.entries(LINEAGE)) == [entry]
    opened.dispose()


@pytest.mark.parametrize("kept_entries", [0, 1, 2])
def test_an_older_ledger_refuses_to_start(
    spent: SqlLedger, engine: Engine, anchor: AnchorFile, kept_entries: int
) -> None:
    with engine.begin() as connection:
        connection.execute(delete(ledger).where(ledger.c.sequence >= kept_entries))
    with pytest.raises(LedgerCorrupt):
        SqlLedger(engine, anchor, PROJECT).check(LINEAGE)


def test_an_older_ledger_that_went_on_differently_is_found_before_it_charges(
    engine: Engine, anchor: AnchorFile, spent: SqlLedger, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        connection.execute(delete(ledger).where(ledger.c.sequence >= 2))
    fork = SqlLedger(engine, AnchorFile(tmp_path / "other.json", KEY), PROJECT)
    fork.reserve(charge(question="other"), CAPS)
    fork.reserve(charge(50, question="other still"), CAPS)
    with pytest.raises(LedgerCorrupt, match="anchored entry 2"):
        SqlLedger(engine, anchor, PROJECT).check(LINEAGE)
    with pytest.raises(LedgerCorrupt):
        SqlLedger(engine, anchor, PROJECT).reserve(charge(1, question="last"), CAPS)


def test_a_ledger_whose_anchor_is_gone_refuses_to_start(spent: SqlLedger, engine: Engine, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "anchor")
    with pytest.raises(LedgerCorrupt, match="anchor"):
        SqlLedger(engine, AnchorFile(tmp_path / "anchor" / "anchor.json", KEY), PROJECT).check(LINEAGE)


def test_an_anchor_that_lags_behind_after_a_crash_catches_up(
    engine: Engine, anchor: AnchorFile, tmp_path: Path
) -> None:
    kept = SqlLedger(engine, anchor, PROJECT)
    kept.check(LINEAGE)
    kept.reserve(charge(), CAPS)
    file = tmp_path / "anchor" / "anchor.json"
    after_one = file.read_bytes()
    last = kept.reserve(charge(question="second"), CAPS)
    file.write_bytes(after_one)  # as a kill between the ledger's commit and the anchor leaves it
    SqlLedger(engine, anchor, PROJECT).check(LINEAGE)
    head = anchor.read(LINEAGE)
    assert head is not None
    assert (head.sequence, head.entry_hash) == (1, last.entry_hash)


def test_a_crash_between_the_first_charge_and_its_anchor_is_no_obstacle(
    engine: Engine, anchor: AnchorFile, tmp_path: Path
) -> None:
    kept = SqlLedger(engine, anchor, PROJECT)
    kept.check(LINEAGE)
    begun = (tmp_path / "anchor" / "anchor.json").read_bytes()
    kept.reserve(charge(), CAPS)
    (tmp_path / "anchor" / "anchor.json").write_bytes(begun)
    SqlLedger(engine, anchor, PROJECT).check(LINEAGE)
    assert anchor.read(LINEAGE) is not None


def test_an_anchor_never_moves_back(spent: SqlLedger, anchor: AnchorFile) -> None:
    entries = spent.entries(LINEAGE)
    anchor.advance(entries[0])
    head = anchor.read(LINEAGE)
    assert head is not None
    assert head.sequence == entries[-1].sequence


def test_an_anchor_that_another_key_signed_is_refused(spent: SqlLedger, tmp_path: Path) -> None:
    with pytest.raises(Tampered):
        AnchorFile(tmp_path / "anchor" / "anchor.json", Secret(b"\1" * 32)).read(LINEAGE)


def test_a_changed_anchor_is_refused(spent: SqlLedger, anchor: AnchorFile, tmp_path: Path) -> None:
    file = tmp_path / "anchor" / "anchor.json"
    file.write_text(file.read_text().replace(r"\"sequence\":2", r"\"sequence\":1"))
    with pytest.raises(Tampered):
        anchor.read(LINEAGE)


def test_a_cheapened_charge_refuses_to_start(spent: SqlLedger, engine: Engine, anchor: AnchorFile) -> None:
    with engine.begin() as connection:
        connection.execute(update(ledger).where(ledger.c.sequence == 0).values(nano_rho=1))
    with pytest.raises(LedgerCorrupt, match="entry 0"):
        SqlLedger(engine, anchor, PROJECT).check(LINEAGE)


def test_a_changed_result_refuses_to_start(spent: SqlLedger, engine: Engine, anchor: AnchorFile) -> None:
    with engine.begin() as connection:
        connection.execute(update(releases).values(result=b"tables"))
    with pytest.raises(LedgerCorrupt, match="does not fit"):
        SqlLedger(engine, anchor, PROJECT).check(LINEAGE)


def test_a_result_cannot_be_recorded_twice(spent: SqlLedger) -> None:
    with pytest.raises(LedgerCorrupt):
        spent.record(spent.entries(LINEAGE)[0], b"another table", NOW)


# ---------------------------------------------------------------------------------------------------------- increases


def granted_increase(nano_rho: int = 100, number: int = 0, key: Secret = KEY) -> IncreaseDocument:
    document = new_increase(LINEAGE, PROJECT, number, cap="total", nano_rho=nano_rho, reason="census year: more tables")
    for place, name in enumerate(("auer", "berger"), 1):
        document = document.approved_by(name, Secret(bytes([place]) * 32))
    return document.granted_by(key)


def test_an_increase_is_counted_by_every_process_and_after_a_restart(
    spent: SqlLedger, engine: Engine, anchor: AnchorFile
) -> None:
    spent.reserve(charge(question="third"), CAPS)
    with pytest.raises(BudgetRefused):
        spent.reserve(charge(question="fourth"), CAPS)
    SqlLedger(engine, anchor, PROJECT).increase(granted_increase(), CAPS, "a" * 64, NOW)
    assert spent.reserve(charge(question="fourth"), CAPS).sequence == 5
    again = SqlLedger(engine, anchor, PROJECT)
    again.check(LINEAGE)
    with pytest.raises(BudgetRefused):
        again.reserve(charge(question="fifth"), CAPS)
    assert again.increase_documents(LINEAGE) == {granted_increase().digest: granted_increase()}


def test_an_increase_is_counted_once_however_often_it_is_granted(spent: SqlLedger, anchor: AnchorFile) -> None:
    spent.increase(granted_increase(), CAPS, "a" * 64, NOW)
    before = spent.entries(LINEAGE), anchor.read(LINEAGE)
    with pytest.raises(Refused, match="counted"):
        spent.increase(granted_increase(), CAPS, "a" * 64, NOW)
    assert (spent.entries(LINEAGE), anchor.read(LINEAGE)) == before


@pytest.mark.parametrize("document", [granted_increase(key=Secret(b"\5" * 32)), None], ids=["forged", "missing"])
def test_whoever_writes_an_increase_into_the_database_raises_nothing(
    spent: SqlLedger, engine: Engine, anchor: AnchorFile, document: IncreaseDocument | None
) -> None:
    """The chain is no secret: an entry that fits it can be made by anyone, a granted document by the service alone."""
    chain = verify_chain(spent.entries(LINEAGE), LINEAGE)
    forged = decide_increase(chain, granted_increase(), project=PROJECT, caps=CAPS, agreement_hash="a" * 64, at=NOW)
    with engine.begin() as connection:
        connection.execute(insert(ledger).values(asdict(forged)))
        if document is not None:
            row = {"digest": document.digest, "lineage": LINEAGE, "document": document.to_bytes()}
            connection.execute(insert(increases).values(row))
    for attempt in (
        lambda: spent.reserve(charge(1, question="third"), CAPS),
        lambda: spent.entries(LINEAGE),
        lambda: SqlLedger(engine, anchor, PROJECT).check(LINEAGE),
    ):
        with pytest.raises(LedgerCorrupt, match="increase"):
            attempt()


def test_another_project_inherits_what_was_spent_and_keeps_an_anchor_of_its_own(
    spent: SqlLedger, engine: Engine, tmp_path: Path
) -> None:
    spent.increase(granted_increase(), CAPS, "a" * 64, NOW)
    other = SqlLedger(engine, AnchorFile(tmp_path / "other" / "anchor.json", Secret(b"\4" * 32)), "health")
    other.check(LINEAGE)
    health = replace(charge(question="third", analyst="bea"), project="health")
    other.reserve(health, CAPS)
    with pytest.raises(BudgetRefused, match="total_nano_rho"):
        other.reserve(replace(health, question_hash="0" * 64), CAPS)
    assert spent.reserve(charge(question="fourth"), CAPS).sequence == 5  # its own increase is for this project only
    (tmp_path / "other" / "anchor.json").unlink()
    with pytest.raises(LedgerCorrupt, match="anchor"):
        SqlLedger(engine, AnchorFile(tmp_path / "other" / "anchor.json", KEY), "health").check(LINEAGE)


def test_rows_changed_under_a_running_service_change_no_decision_and_refuse_to_start(
    spent: SqlLedger, engine: Engine, anchor: AnchorFile
) -> None:
    with engine.begin() as connection:
        connection.execute(update(ledger).where(ledger.c.sequence == 0).values(nano_rho=1))
    spent.reserve(charge(question="third"), CAPS)
    with pytest.raises(BudgetRefused):
        spent.reserve(charge(question="fourth"), CAPS)
    with pytest.raises(LedgerCorrupt, match="entry 0"):
        SqlLedger(engine, anchor, PROJECT).check(LINEAGE)


def test_rows_cut_off_under_a_running_service_are_found_before_it_charges(spent: SqlLedger, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(delete(ledger).where(ledger.c.sequence == 2))
    with pytest.raises(LedgerCorrupt, match="entry 2"):
        spent.reserve(charge(1, question="third"), CAPS)
