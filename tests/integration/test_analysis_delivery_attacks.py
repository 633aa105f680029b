"""Deliveries that are forged, foreign or not as agreed, over real mTLS."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from linkage_core.crypto.hpke import seal
from linkage_core.tokens import TOKEN_BYTES
from services.analysis.assembly import AnalysisService
from services.analysis.intake_rules import tables_of
from services.common.errors import Code, Denied
from services.common.identity import Role
from services.wire import messages
from services.wire.convert.chunks import payload_chunk_to_bytes
from services.wire.convert.signed import sign_message
from services.wire.seals import payload_chunk_info
from tests.support.analysis import (
    Batch,
    Deliverer,
    Prepared,
    Row,
    config_of,
    connect,
    deliverers,
    make_batch,
    opened,
    refusal_of,
    rows_of,
    served,
    small_tables,
)
from tests.support.parties import ANALYSIS, LINKAGE_UNIT, Parties, make_parties

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


# ------------------------------------------------------------------------------------------------------------ attacks


def test_a_chunk_that_was_changed_on_the_way_is_refused(tax: Deliverer, prepared: Prepared) -> None:
    state = tax.begin(prepared)
    chunk = prepared.as_chunks(state.transfer_id)[0]
    changed = replace(chunk, content=chunk.content[:-1] + bytes([chunk.content[-1] ^ 1]))
    assert refusal_of(lambda: tax.put([changed])).code is Code.TAMPERED


def test_a_chunk_that_does_not_open_is_refused_at_commit(tax: Deliverer, batch: Batch) -> None:
    keys = tax.wave_keys()
    table = tables_of(tax.parties.verified.document, "tax")["activity"]
    other_wave = payload_chunk_info(tax.name, ANALYSIS, tax.parties.verified.context("w2"))
    sealed = seal(keys.payload_key, payload_chunk_to_bytes(tax.chunk(table, batch, ROWS[:5])), other_wave)
    root = hashlib.sha256(hashlib.sha256(sealed).digest()).digest()
    manifest = messages.DeliveryManifest(batch.header, (messages.TableStatement("activity", 5),), 1, root)
    assert refusal_of(lambda: tax.send(Prepared(tax.sign(manifest), root, (sealed,)))).code is Code.TAMPERED


def test_a_chunk_exchanged_at_rest_is_refused_though_it_was_sealed_for_the_service(
    service: AnalysisService, tax: Deliverer, batch: Batch, prepared: Prepared
) -> None:
    other = tax.prepare(batch, {"activity": [row | {"band": 0} for row in ROWS]}, tax.wave_keys())
    state = tax.begin(prepared)
    tax.put(prepared.as_chunks(state.transfer_id))
    arrived = service.config.data / "incoming" / state.transfer_id.hex() / "000000"
    arrived.write_bytes(other.chunks[0])
    refusal = refusal_of(lambda: tax.commit(state.transfer_id, prepared.root))
    assert refusal.code is Code.TAMPERED
    assert service.deliveries.files("w1") == {}


def test_other_chunks_than_announced_are_refused(tax: Deliverer, batch: Batch, prepared: Prepared) -> None:
    other = tax.prepare(batch, {"activity": ROWS}, tax.wave_keys())
    state = tax.begin(prepared)
    tax.put(replace(other, manifest=prepared.manifest).as_chunks(state.transfer_id))
    assert refusal_of(lambda: tax.commit(state.transfer_id, prepared.root)).code is Code.TAMPERED


def test_a_batch_is_delivered_once(service: AnalysisService, tax: Deliverer, batch: Batch, prepared: Prepared) -> None:
    tax.send(prepared)
    again = tax.prepare(batch, {"activity": ROWS[:1]}, tax.wave_keys())
    assert refusal_of(lambda: tax.send(again, key="second")).code is Code.CONFLICT
    assert len(rows_of(service, "tax", "activity")) == 120


def test_a_second_batch_of_a_committed_wave_is_refused(tax: Deliverer, prepared: Prepared) -> None:
    tax.send(prepared)
    assert refusal_of(lambda: tax.deliver(PEOPLE, {"activity": ROWS})).code is Code.CONFLICT


def test_a_header_that_the_linkage_unit_did_not_sign_is_refused(tax: Deliverer, batch: Batch, parties: Parties) -> None:
    own = sign_message(
        tax.keys.identity,
        LINKAGE_UNIT,
        tax.name,
        parties.verified.context("w1"),
        messages.TokenBatchHeader(b"b" * 16, "tax", b"", 1, 1, b"r" * 32),
    )
    forged = tax.prepare(replace(batch, header=own), {"activity": ROWS[:1]}, tax.wave_keys())
    assert refusal_of(lambda: tax.begin(forged)).code is Code.TAMPERED


def test_tokens_of_another_provider_are_refused(tax: Deliverer, parties: Parties) -> None:
    foreign = make_batch(parties, "border", tax.wave_keys(), PEOPLE)
    stolen = tax.prepare(foreign, {"activity": ROWS[:1]}, tax.wave_keys())
    assert refusal_of(lambda: tax.begin(stolen)).code is Code.TAMPERED


def test_a_token_of_another_batch_is_refused(tax: Deliverer, batch: Batch, parties: Parties) -> None:
    other = make_batch(parties, "tax", tax.wave_keys(), PEOPLE)
    mixed = replace(batch, tokens=(other.tokens[0], *batch.tokens[1:]))
    wrong = tax.prepare(mixed, {"activity": ROWS}, tax.wave_keys())
    assert refusal_of(lambda: tax.send(wrong)).code is Code.TAMPERED


def test_an_invented_token_is_refused(tax: Deliverer, batch: Batch) -> None:
    invented = replace(batch, tokens=(bytes(TOKEN_BYTES), *batch.tokens[1:]))
    wrong = tax.prepare(invented, {"activity": ROWS}, tax.wave_keys())
    assert refusal_of(lambda: tax.send(wrong)).code is Code.TAMPERED


def test_an_unlisted_table_is_refused_by_its_clause_before_anything_is_sent(tax: Deliverer, batch: Batch) -> None:
    names = messages.PayloadChunk("names", batch.tokens[0], ())
    wrong = tax.seal(batch, [names], {"activity": 0, "names": 1}, tax.wave_keys())
    refused = refusal_of(lambda: tax.begin(wrong))
    assert refused.code is Code.REFUSED
    assert "payload.tax.names" in str(refused)


def test_an_unlisted_column_is_refused_by_its_clause_and_nothing_is_kept(
    service: AnalysisService, tax: Deliverer, batch: Batch
) -> None:
    table = tables_of(tax.parties.verified.document, "tax")["activity"]
    chunk = tax.chunk(table, batch, ROWS[:1])
    extra = messages.PayloadColumn("salary", "integers", b"\1", (123456,))
    wrong = tax.seal(batch, [replace(chunk, columns=(*chunk.columns, extra))], {"activity": 1}, tax.wave_keys())
    refused = refusal_of(lambda: tax.send(wrong))
    assert refused.code is Code.REFUSED
    assert "payload.tax.activity" in str(refused)
    assert "123456" not in str(refused)
    assert service.deliveries.files("w1") == {}


def test_values_outside_the_agreed_bounds_are_told_without_the_values(service: AnalysisService, tax: Deliverer) -> None:
    rows: list[Row] = [{"person": 0, "year": 1871, "band": 987654}, {"person": 1, "year": None, "band": 1}]
    refused = refusal_of(lambda: tax.deliver(PEOPLE[:2], {"activity": rows}))
    assert refused.code is Code.BAD_INPUT
    for told in ("tax.activity.band", "tax.activity.year: a required value", "tax.activity.year: a value lies outside"):
        assert told in str(refused)
    assert "987654" not in str(refused)
    assert "1871" not in str(refused)
    assert service.deliveries.files("w1") == {}


def test_one_person_is_in_a_person_table_once(providers: dict[str, Deliverer]) -> None:
    people, tables = small_tables()["register"]
    twice: dict[str, list[Row]] = {**tables, "persons": [{"person": 0, "sex": "f"}, {"person": 0, "sex": "m"}]}
    refused = refusal_of(lambda: providers["register"].deliver(people, twice))
    assert "register.persons: 1 tokens have more rows" in str(refused)


def test_a_mended_delivery_follows_a_refused_one(tax: Deliverer, batch: Batch) -> None:
    keys = tax.wave_keys()
    refusal_of(lambda: tax.send(tax.prepare(batch, {"activity": [{"person": 0, "year": 1871}]}, keys)))
    assert tax.send(tax.prepare(batch, {"activity": ROWS}, keys), key="mended") == 120


def test_a_delivery_is_nobody_elses(providers: dict[str, Deliverer], prepared: Prepared) -> None:
    state = providers["tax"].begin(prepared)
    with pytest.raises(Denied):
        providers["border"].put(prepared.as_chunks(state.transfer_id))
    with pytest.raises(Denied):
        providers["border"].commit(state.transfer_id, prepared.root)


def test_a_manifest_that_another_party_signed_is_refused(providers: dict[str, Deliverer], prepared: Prepared) -> None:
    assert refusal_of(lambda: providers["border"].begin(prepared)).code is Code.TAMPERED


@pytest.mark.parametrize(
    ("role", "name"), [(Role.PROVIDER, "stranger"), (Role.ANALYST, "tax"), (Role.LINKAGE_UNIT, "tax")]
)
def test_a_certificate_of_another_role_or_name_gets_nowhere(
    parties: Parties, address: str, tax: Deliverer, prepared: Prepared, role: Role, name: str, tmp_path: Path
) -> None:
    keys = replace(parties, folder=tmp_path).stranger(role, name)
    with connect(keys, address) as channel:
        impostor = replace(tax, channel=channel)
        with pytest.raises(Denied):
            impostor.begin(prepared)


def test_the_linkage_unit_may_read_wave_keys_and_deliver_nothing(
    parties: Parties, address: str, tax: Deliverer, prepared: Prepared
) -> None:
    with connect(parties.keys[LINKAGE_UNIT], address) as channel:
        unit = replace(tax, channel=channel)
        assert unit.wave_keys() == tax.wave_keys()
        with pytest.raises(Denied):
            unit.begin(prepared)
