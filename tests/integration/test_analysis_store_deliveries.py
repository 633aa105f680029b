"""Deliveries and wave keys in the metadata store, on SQLite and PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from linkage_core.errors import InputFault, Refused
from linkage_core.types import PartyName
from services.analysis.intake_rules import Delivery
from services.analysis.store.deliveries import DeliveryStore
from services.analysis.store.tables import MIGRATIONS
from services.analysis.wave_keys import WaveKeyring
from services.common.clock import system_random
from services.common.database import open_database
from services.common.errors import Conflict
from services.common.sealing import DataKeys, FileKeyEncryptionKey
from services.common.wave_keys import verify_wave_keys
from tests.support.parties import ANALYSIS, Parties, make_parties
from tests.support.stores import url_of

NOW = "2026-06-15T12:00:00+00:00"


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
    return url_of(str(request.param), request, tmp_path)


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_database(url, MIGRATIONS)
    yield engine
    engine.dispose()


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
