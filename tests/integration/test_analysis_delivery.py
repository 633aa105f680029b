"""Delivery over real mTLS: payload under tokens, resumed, refused and attacked."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from linkage_core.errors import Tampered
from services.analysis.assembly import AnalysisService
from services.analysis.service import destroy_expired_payload, intake_of
from services.common.audit import AuditLog
from services.common.errors import Code
from services.wire import messages
from tests.support.analysis import (
    Batch,
    Deliverer,
    Prepared,
    config_of,
    deliver_all,
    deliverers,
    make_batch,
    opened,
    pseudonym_of,
    refusal_of,
    rows_of,
    served,
    small_tables,
)
from tests.support.parties import NOW, Parties, make_parties

ROWS = [{"person": i, "year": 2022, "band": i % 10} for i in range(120)]
PEOPLE = [f"p{number}" for number in range(120)]


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


@pytest.fixture
def service(parties: Parties, tmp_path: Path) -> Iterator[AnalysisService]:
    with opened(config_of(parties, tmp_path)) as service:
        yield service


@pytest.fixture
def address(service: AnalysisService) -> Iterator[str]:
    with served(service) as address:
        yield address


@pytest.fixture
def providers(parties: Parties, address: str) -> Iterator[dict[str, Deliverer]]:
    with deliverers(parties, address) as providers:
        yield providers


@pytest.fixture
def tax(providers: dict[str, Deliverer]) -> Deliverer:
    return providers["tax"]


@pytest.fixture
def batch(parties: Parties, tax: Deliverer) -> Batch:
    return make_batch(parties, "tax", tax.wave_keys(), PEOPLE)


@pytest.fixture
def prepared(tax: Deliverer, batch: Batch) -> Prepared:
    """Three chunks of one table."""
    return tax.prepare(batch, {"activity": ROWS}, tax.wave_keys())


# ------------------------------------------------------------------------------------------------------- what arrives


def test_a_delivery_becomes_rows_under_synthetic_keys(service: AnalysisService, tax: Deliverer) -> None:
    assert tax.deliver(PEOPLE, {"activity": ROWS}) == 120
    rows = rows_of(service, "tax", "activity")
    assert sorted(int(str(row["band"])) for row in rows) == sorted(row["band"] for row in ROWS)
    assert len({row["synthetic_key"] for row in rows}) == 120
    assert not {row["synthetic_key"] for row in rows} & {pseudonym_of(person) for person in PEOPLE}


def test_one_person_has_one_synthetic_key_in_every_table(
    service: AnalysisService, providers: dict[str, Deliverer]
) -> None:
    assert deliver_all(providers) == {"register": 120, "border": 90, "tax": 30}
    keys = {
        name: {row["synthetic_key"] for row in rows_of(service, *name)}
        for name in (("register", "persons"), ("register", "residence"), ("border", "crossings"), ("tax", "activity"))
    }
    assert keys[("register", "persons")] == keys[("register", "residence")]
    assert len(keys[("register", "persons")] & keys[("border", "crossings")]) == 40
    assert keys[("tax", "activity")] < keys[("register", "persons")]


def test_a_broken_delivery_goes_on_at_the_first_missing_chunk(
    parties: Parties, tmp_path: Path, batch: Batch, tax: Deliverer, prepared: Prepared, service: AnalysisService
) -> None:
    state = tax.begin(prepared)
    assert tax.put(prepared.as_chunks(state.transfer_id)[:2]) == 2
    # The service stops and starts again between two chunks.
    with opened(config_of(parties, tmp_path)) as again, served(again) as address, deliverers(parties, address) as new:
        resumed = new["tax"].begin(prepared)
        assert resumed == messages.TransferState(state.transfer_id, 2, False)
        assert new["tax"].put(prepared.as_chunks(state.transfer_id, 2)) == 3
        assert new["tax"].commit(state.transfer_id, prepared.root) == 120
        assert new["tax"].begin(prepared) == messages.TransferState(state.transfer_id, 3, True)
        assert new["tax"].commit(state.transfer_id, prepared.root) == 120


def test_a_chunk_that_was_received_may_come_again(tax: Deliverer, prepared: Prepared) -> None:
    state = tax.begin(prepared)
    chunks = prepared.as_chunks(state.transfer_id)
    assert tax.put([chunks[0], chunks[0], chunks[1], chunks[0]]) == 2


def test_nothing_but_payload_is_left_after_a_commit(service: AnalysisService, tax: Deliverer, tmp_path: Path) -> None:
    tax.deliver(PEOPLE, {"activity": ROWS})
    assert list((tmp_path / "data" / "incoming").iterdir()) == []
    assert {path.name for path in (tmp_path / "data" / "payload").iterdir()} == service.deliveries.all_files()


def test_a_commit_that_was_killed_while_writing_is_simply_run_again(
    parties: Parties,
    tmp_path: Path,
    tax: Deliverer,
    prepared: Prepared,
    monkeypatch: pytest.MonkeyPatch,
    service: AnalysisService,
) -> None:
    state = tax.begin(prepared)
    tax.put(prepared.as_chunks(state.transfer_id))

    class Killed(BaseException):
        """Stands for the end of the process: nothing handles it."""

    def killed(*_: object) -> None:
        raise Killed

    audit = AuditLog(tmp_path / "other-audit.jsonl", service.keys.identity, service.clock)

    with monkeypatch.context() as patch:
        patch.setattr(type(service.deliveries), "commit", killed)
        with pytest.raises(Killed):
            intake_of(service, audit).commit(
                tax.name, tax.sign(messages.TransferCommit(state.transfer_id, prepared.root))
            )
    assert service.deliveries.files("w1") == {}
    assert len(list((tmp_path / "data" / "payload").iterdir())) == 1
    with opened(config_of(parties, tmp_path)) as again, served(again) as address, deliverers(parties, address) as new:
        assert list((tmp_path / "data" / "payload").iterdir()) == []
        assert new["tax"].commit(state.transfer_id, prepared.root) == 120
        assert len(rows_of(again, "tax", "activity")) == 120


def test_rows_outside_the_agreed_join_are_dropped_and_acknowledged_all_the_same(tmp_path: Path) -> None:
    parties = make_parties(tmp_path / "parties", unmatched_rows="drop")
    received = []
    for number, unmatched in enumerate(([], PEOPLE[:50], PEOPLE)):
        config = config_of(parties, tmp_path / str(number))
        with opened(config) as service, served(service) as address, deliverers(parties, address) as providers:
            received.append(providers["tax"].deliver(PEOPLE, {"activity": ROWS}, unmatched=unmatched))
            assert len(rows_of(service, "tax", "activity")) == 120 - len(unmatched)
    assert received == [120, 120, 120]


def test_an_unmatched_row_is_kept_with_its_class_where_the_agreement_keeps_it(
    service: AnalysisService, tax: Deliverer
) -> None:
    tax.deliver(PEOPLE, {"activity": ROWS}, unmatched=PEOPLE[:50])
    classes = [row["quality_class"] for row in rows_of(service, "tax", "activity")]
    assert (classes.count(0), classes.count(3)) == (50, 70)


# ------------------------------------------------------------------------------------------------- time and agreement


def test_an_expired_agreement_takes_no_delivery_and_says_which_clause(parties: Parties, tmp_path: Path) -> None:
    now = [NOW]
    with (
        opened(config_of(parties, tmp_path), clock=lambda: now[0]) as service,
        served(service) as address,
        deliverers(parties, address) as providers,
    ):
        tax = providers["tax"]
        batch = make_batch(parties, "tax", tax.wave_keys(), PEOPLE)
        prepared = tax.prepare(batch, {"activity": ROWS}, tax.wave_keys())
        state = tax.begin(prepared)
        now[0] = datetime(2036, 1, 1, tzinfo=UTC)
        for attempt in (
            tax.wave_keys,
            lambda: tax.begin(prepared),
            lambda: tax.put(prepared.as_chunks(state.transfer_id)),
            lambda: tax.commit(state.transfer_id, prepared.root),
        ):
            refused = refusal_of(attempt)
            assert refused.code is Code.REFUSED
            assert "validity.valid_until" in str(refused)


def test_a_closed_wave_takes_no_delivery(service: AnalysisService, tax: Deliverer, prepared: Prepared) -> None:
    state = tax.begin(prepared)
    tax.put(prepared.as_chunks(state.transfer_id))
    assert service.keyring.close("w1", NOW)
    for attempt in (
        lambda: tax.begin(prepared),
        lambda: tax.commit(state.transfer_id, prepared.root),
        tax.wave_keys,
    ):
        refused = refusal_of(attempt)
        assert "waves.w1" in str(refused)


def test_payload_past_its_days_of_retention_is_destroyed(
    service: AnalysisService, tax: Deliverer, tmp_path: Path
) -> None:
    tax.deliver(PEOPLE, {"activity": ROWS})
    later = replace(service, clock=lambda: datetime(2027, 6, 1, tzinfo=UTC))
    assert destroy_expired_payload(later) == ["w1"]
    assert list((tmp_path / "data" / "payload").iterdir()) == []
    assert not [path for path in (tmp_path / "secrets" / "wraps").iterdir() if path.name.startswith("payload.")]


def test_a_lost_master_key_stops_the_service_instead_of_making_everybody_another(
    parties: Parties, tmp_path: Path, service: AnalysisService, tax: Deliverer
) -> None:
    tax.deliver(PEOPLE, {"activity": ROWS})
    (service.config.data / "master-key" / "k-as.wrap").unlink()
    with pytest.raises(Tampered, match="k-as"), opened(config_of(parties, tmp_path)):
        pass


def test_an_amended_agreement_keeps_synthetic_keys(tmp_path: Path) -> None:
    parties = make_parties(tmp_path / "parties")
    config = config_of(parties, tmp_path)
    keys = []
    for key in ("first", "amended"):
        with opened(config) as service, served(service) as address, deliverers(parties, address) as providers:
            providers["tax"].deliver(PEOPLE, {"activity": ROWS}, key=key)
            keys.append({row["synthetic_key"] for row in rows_of(service, "tax", "activity")})
        parties.amend(title="Small agreement, amended")
    assert keys[0] == keys[1]


def test_a_delivery_sealed_before_an_amendment_is_refused(tmp_path: Path) -> None:
    parties = make_parties(tmp_path / "parties")
    config = config_of(parties, tmp_path)
    with opened(config) as service, served(service) as address, deliverers(parties, address) as providers:
        tax = providers["tax"]
        batch = make_batch(parties, "tax", tax.wave_keys(), PEOPLE)
        prepared = tax.prepare(batch, {"activity": ROWS}, tax.wave_keys())
        tax.begin(prepared)
    parties.amend(title="Small agreement, amended")
    with opened(config) as service, served(service) as address, deliverers(parties, address) as providers:
        assert refusal_of(lambda: providers["tax"].begin(prepared)).code is Code.TAMPERED


def test_dates_arrive_as_they_were_sent(service: AnalysisService, providers: dict[str, Deliverer]) -> None:
    people, tables = small_tables()["register"]
    spells = [{"person": 0, "start": date(1899, 12, 31), "end": date(2024, 2, 29)}]
    providers["register"].deliver(people, {**tables, "residence": spells})
    row = rows_of(service, "register", "residence")[0]
    assert (row["start"], row["end"]) == (date(1899, 12, 31), date(2024, 2, 29))


def test_a_wave_that_the_agreement_does_not_list_is_bad_input(tax: Deliverer) -> None:
    assert refusal_of(replace(tax, wave="w9").wave_keys).code is Code.BAD_INPUT
