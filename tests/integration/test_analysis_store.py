"""One suite over both stores: ledger, deliveries and wave keys are the same on SQLite and on PostgreSQL."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, delete, insert, update
from sqlalchemy.exc import IntegrityError

from disclosure.balances import Caps
from disclosure.entries import Charge, Entry, verify_chain
from disclosure.errors import BudgetRefused, LedgerCorrupt
from disclosure.increases import decide_increase
from linkage_core.agreement.increases import IncreaseDocument, new_increase
from linkage_core.crypto.secret import Secret
from linkage_core.errors import InputFault, Refused, Tampered
from linkage_core.types import PartyName
from services.analysis.intake_rules import Delivery
from services.analysis.store.anchor import AnchorFile
from services.analysis.store.deliveries import DeliveryStore
from services.analysis.store.ledger import SqlLedger
from services.analysis.store.tables import METADATA, MIGRATIONS, increases, ledger, releases
from services.analysis.wave_keys import WaveKeyring
from services.common.agreements import agreement_tables
from services.common.clock import system_random
from services.common.database import open_database, sqlite_url
from services.common.errors import Conflict
from services.common.sealing import DataKeys, FileKeyEncryptionKey
from services.common.wave_keys import verify_wave_keys
from tests.support.parties import ANALYSIS, Parties, make_parties

LINEAGE = "5a" * 16
KEY = Secret(bytes(32))
CAPS = Caps(total=300, wave=1000, analyst=1000, release=100)
PROJECT = "migration"
NOW = "2026-06-15T12:00:00+00:00"


def charge(nano_rho: int = 100, question: str = "q", analyst: str = "ana", lineage: str = LINEAGE) -> Charge:
    digest = hashlib.sha256(question.encode()).hexdigest()
    return Charge(lineage, "a" * 64, PROJECT, "w1", analyst, digest, nano_rho, NOW)


def delivery(number: int = 1, **changes: object) -> Delivery:
    fields: dict[str, object] = {
        "id": f"{number:032x}",
        "provider": PartyName("tax"),
        "wave": "w1",
        "idempotency_key": f"key {number}",
        "manifest_digest": f"{number:064x}",
        "manifest": b"manifest",
        "agreement": "a" * 64,
        "batch": f"{number:032x}",
        "chunk_count": 2,
        "row_count": 10,
        "next_chunk": 0,
        "committed": False,
    }
    return Delivery(**(fields | changes))  # type: ignore[arg-type] # built from keywords


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "store.sqlite")
    new_database: Callable[[], str] = request.getfixturevalue("new_postgresql_database")
    return new_database()


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


# --------------------------------------------------------------------------------------------------------- deliveries


@pytest.fixture
def store(engine: Engine) -> DeliveryStore:
    return DeliveryStore(engine)


def begin(store: DeliveryStore, wanted: Delivery, *, wave_closed: bool = False) -> tuple[Delivery, str | None]:
    return store.begin(wanted, NOW, wave_closed=wave_closed)


def test_the_same_key_and_manifest_resume_at_the_first_missing_chunk(store: DeliveryStore) -> None:
    first, _ = begin(store, delivery())
    store.add_chunk(first.id, 0, "0" * 64)
    store.add_chunk(first.id, 0, "0" * 64)
    again, gave_way = begin(store, replace(delivery(), id=f"{9:032x}"))
    assert (again.id, again.next_chunk, gave_way) == (first.id, 1, None)


def test_another_delivery_of_the_wave_replaces_an_unfinished_one(store: DeliveryStore) -> None:
    first, _ = begin(store, delivery())
    store.add_chunk(first.id, 0, "0" * 64)
    second, gave_way = begin(store, delivery(2, batch=delivery().batch))
    assert gave_way == first.id
    assert store.open_ids() == {second.id}


def test_files_count_once_their_delivery_is_committed(store: DeliveryStore) -> None:
    begun, _ = begin(store, delivery())
    assert store.files("w1") == {}
    assert store.commit(begun, {"activity": "file"}, NOW) == set()
    assert store.files("w1") == {("tax", "activity"): "file"}
    assert store.batches("w1") == {"tax": begun.batch}
    found = store.find(begun.id, PartyName("tax"))
    assert found is not None
    assert (found.committed, found.next_chunk) == (True, 2)


def test_a_committed_wave_takes_no_second_delivery(store: DeliveryStore) -> None:
    begun, _ = begin(store, delivery())
    store.commit(begun, {"activity": "file"}, NOW)
    with pytest.raises(Conflict):
        begin(store, delivery(2))


def test_a_new_version_of_the_agreement_lets_a_provider_deliver_the_wave_again(store: DeliveryStore) -> None:
    begun, _ = begin(store, delivery())
    store.commit(begun, {"activity": "file"}, NOW)
    second, _ = begin(store, delivery(2, agreement="b" * 64))
    assert store.commit(second, {"activity": "newer"}, NOW) == {"file"}
    assert store.batches("w1") == {"tax": second.batch}


def test_two_providers_cannot_use_one_batch(store: DeliveryStore) -> None:
    for provider in ("tax", "border"):
        begin(store, delivery(1 if provider == "tax" else 2, provider=PartyName(provider), batch="b"))
    store.commit(delivery(1, batch="b"), {}, NOW)
    with pytest.raises(IntegrityError):
        store.commit(delivery(2, provider=PartyName("border"), batch="b"), {}, NOW)


def test_a_delivery_is_found_by_its_own_provider_only(store: DeliveryStore) -> None:
    begun, _ = begin(store, delivery())
    assert store.find(begun.id, PartyName("border")) is None


def test_forgotten_payload_does_not_count_any_more(store: DeliveryStore) -> None:
    begun, _ = begin(store, delivery())
    store.commit(begun, {"activity": "file"}, NOW)
    assert store.forget_payload("w1") == {("tax", "activity"): "file"}
    assert store.all_files() == set()


# ---------------------------------------------------------------------------------------------------------- wave keys


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


@pytest.fixture
def data_keys(tmp_path: Path) -> DataKeys:
    kek = FileKeyEncryptionKey.load_or_create(tmp_path / "kek", system_random)
    return DataKeys(kek, tmp_path / "wraps", system_random)


@pytest.fixture
def keyring(engine: Engine, data_keys: DataKeys, parties: Parties) -> WaveKeyring:
    return WaveKeyring(engine, data_keys, parties.keys[ANALYSIS])


def test_a_wave_keeps_its_keys_over_a_restart(
    keyring: WaveKeyring, engine: Engine, data_keys: DataKeys, parties: Parties
) -> None:
    first = verify_wave_keys(keyring.public(parties.verified, "w1"), parties.verified, "w1")
    again = WaveKeyring(engine, data_keys, parties.keys[ANALYSIS])
    assert verify_wave_keys(again.public(parties.verified, "w1"), parties.verified, "w1") == first


def test_each_wave_has_keys_of_its_own(keyring: WaveKeyring, parties: Parties) -> None:
    first, second = (verify_wave_keys(keyring.public(parties.verified, w), parties.verified, w) for w in ("w1", "w2"))
    assert {first.token_key, first.payload_key}.isdisjoint({second.token_key, second.payload_key})


def test_a_closed_wave_has_no_private_keys(
    keyring: WaveKeyring, parties: Parties, data_keys: DataKeys, tmp_path: Path
) -> None:
    keyring.public(parties.verified, "w1")
    assert keyring.close("w1", datetime(2026, 6, 15, tzinfo=UTC))
    assert list((tmp_path / "wraps").iterdir()) == []
    for attempt in (lambda: keyring.private("w1"), lambda: keyring.public(parties.verified, "w1")):
        with pytest.raises(Refused, match=r"waves\.w1"):
            attempt()
    assert not keyring.close("w1", datetime(2026, 6, 16, tzinfo=UTC))


def test_a_wave_that_the_agreement_does_not_list_has_no_keys(keyring: WaveKeyring, parties: Parties) -> None:
    with pytest.raises(InputFault):
        keyring.public(parties.verified, "w9")


def test_the_ledger_accepts_each_place_of_a_chain_once(spent: SqlLedger, engine: Engine) -> None:
    entry = spent.entries(LINEAGE)[0]
    row = {name: getattr(entry, name) for name in ledger.c.keys()}  # noqa: SIM118 - columns, not a dictionary
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(insert(ledger).values(row | {"entry_hash": "f" * 64}))
