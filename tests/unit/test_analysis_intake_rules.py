"""What a delivery may announce, and when one may begin."""

from dataclasses import replace

import pytest

from linkage_core.agreement.document import Agreement
from linkage_core.crypto.signing import Statement
from linkage_core.errors import InputFault, Refused
from linkage_core.types import PartyName
from services.analysis.intake_rules import (
    MAXIMUM_CHUNKS,
    Begin,
    Delivery,
    check_manifest,
    judge_begin,
)
from services.common.errors import Conflict
from services.wire.messages import DeliveryManifest, SignedStatement, TableStatement, TokenBatchHeader
from tests.support.parties import LINKAGE_UNIT, Parties, make_parties

TAX = PartyName("tax")
HEADER = TokenBatchHeader(b"b" * 16, "tax", b"sealed", 100, 1, b"r" * 32)
DELIVERY = Delivery("1" * 32, TAX, "w1", "key", "d" * 64, b"", "a" * 64, "b" * 32, 2, 10, 0, False)
OTHER = replace(DELIVERY, id="2" * 32, idempotency_key="other", manifest_digest="e" * 64)
COMMITTED = replace(DELIVERY, committed=True)


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


@pytest.fixture(scope="module")
def agreement(parties: Parties) -> Agreement:
    return parties.verified.document


def manifest(parties: Parties, *tables: tuple[str, int], chunk_count: int = 1) -> DeliveryManifest:
    statement = Statement("TokenBatchHeader", LINKAGE_UNIT, TAX, parties.verified.context("w1"), b"")
    statements = tuple(TableStatement(name, rows) for name, rows in tables)
    return DeliveryManifest(SignedStatement(statement, b""), statements, chunk_count, b"r" * 32)


def test_what_the_agreement_lists_may_be_delivered(parties: Parties, agreement: Agreement) -> None:
    check_manifest(manifest(parties, ("activity", 3000)), HEADER, agreement, TAX)


def test_a_table_that_is_not_listed_is_refused_with_its_clause(parties: Parties, agreement: Agreement) -> None:
    with pytest.raises(Refused) as refused:
        check_manifest(manifest(parties, ("activity", 1), ("names", 1)), HEADER, agreement, TAX)
    assert refused.value.clause == "payload.tax.names"


def test_tokens_of_another_provider_are_refused(parties: Parties, agreement: Agreement) -> None:
    with pytest.raises(Refused):
        check_manifest(manifest(parties, ("activity", 1)), replace(HEADER, provider="border"), agreement, TAX)


def test_every_other_fault_of_a_manifest_is_told_at_once(parties: Parties, agreement: Agreement) -> None:
    twice = manifest(parties, ("activity", 3001), ("activity", 1), chunk_count=MAXIMUM_CHUNKS + 1)
    with pytest.raises(InputFault) as fault:
        check_manifest(twice, HEADER, agreement, TAX)
    assert [sentence.split(":")[0] for sentence in fault.value.faults] == [
        "tables.activity",
        "tables.activity",
        "chunk_count",
    ]


def test_a_table_that_is_listed_and_not_announced_is_a_fault(parties: Parties, agreement: Agreement) -> None:
    with pytest.raises(InputFault, match=r"tables\.activity: missing"):
        check_manifest(manifest(parties), HEADER, agreement, TAX)


def test_a_person_table_has_no_more_rows_than_tokens(parties: Parties, agreement: Agreement) -> None:
    header = replace(HEADER, provider="register")
    with pytest.raises(InputFault, match=r"tables\.persons: 101 rows, 100 at most"):
        check_manifest(manifest(parties, ("persons", 101), ("residence", 1)), header, agreement, PartyName("register"))


class ComparedName(str):
    """A table's name that counts how often it is compared."""

    comparisons = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        ComparedName.comparisons += 1
        return str.__eq__(self, other)


def test_a_table_announced_very_often_keeps_the_service_no_longer_busy_than_reading_it(
    parties: Parties, agreement: Agreement
) -> None:
    announced = [(ComparedName("activity"), 1) for _ in range(2_000)]
    with pytest.raises(InputFault, match="announced twice"):
        check_manifest(manifest(parties, *announced), HEADER, agreement, TAX)
    assert ComparedName.comparisons < 10 * len(announced)


def test_the_first_delivery_of_a_wave_begins() -> None:
    assert judge_begin((), DELIVERY, wave_closed=False) == (Begin.CREATE, None)


def test_the_same_key_and_manifest_resume() -> None:
    again = replace(DELIVERY, id="9" * 32)
    assert judge_begin((DELIVERY,), again, wave_closed=False) == (Begin.RESUME, DELIVERY)


def test_a_committed_delivery_answers_the_same_even_after_its_wave_is_closed() -> None:
    assert judge_begin((COMMITTED,), DELIVERY, wave_closed=True) == (Begin.RESUME, COMMITTED)


def test_one_key_with_two_manifests_is_a_conflict() -> None:
    with pytest.raises(Conflict):
        judge_begin((DELIVERY,), replace(DELIVERY, manifest_digest="e" * 64), wave_closed=False)


def test_an_unfinished_delivery_gives_way() -> None:
    assert judge_begin((DELIVERY,), OTHER, wave_closed=False) == (Begin.REPLACE, DELIVERY)


def test_a_batch_that_was_delivered_is_never_delivered_again() -> None:
    with pytest.raises(Conflict, match="batch"):
        judge_begin((COMMITTED,), replace(OTHER, wave="w2", agreement="f" * 64), wave_closed=False)


def test_a_wave_that_is_committed_takes_no_other_batch() -> None:
    with pytest.raises(Conflict, match="w1"):
        judge_begin((COMMITTED,), replace(OTHER, batch="c" * 32), wave_closed=False)


def test_another_wave_begins_beside_a_committed_one() -> None:
    wanted = replace(OTHER, batch="c" * 32, wave="w2")
    assert judge_begin((COMMITTED,), wanted, wave_closed=False) == (Begin.CREATE, None)


def test_an_amended_agreement_lets_the_wave_be_delivered_again() -> None:
    wanted = replace(OTHER, batch="c" * 32, agreement="f" * 64)
    assert judge_begin((COMMITTED,), wanted, wave_closed=False) == (Begin.CREATE, None)


@pytest.mark.parametrize("earlier", [(), (DELIVERY,)])
def test_a_closed_wave_takes_nothing(earlier: tuple[Delivery, ...]) -> None:
    for wanted in (DELIVERY, OTHER):
        with pytest.raises(Refused, match=r"waves\.w1"):
            judge_begin(earlier, wanted, wave_closed=True)
