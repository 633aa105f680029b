"""The ledger: caps hold, and whoever changes an entry is found out."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import pytest

from disclosure.balances import Balance, Caps, balance
from disclosure.entries import Anchor, Charge, Entry, verify_chain
from disclosure.errors import BudgetRefused, KeyReused, LedgerCorrupt, ReleaseFailed
from disclosure.ledger import (
    answer_to_retry,
    best_release,
    check_result,
    decide_recording,
    decide_reservation,
    released_as,
    reservation_under,
)

LINEAGE = "ab" * 16
CAPS = Caps(total=100, wave=60, analyst=50, release=40)


def charge(nano_rho: int = 10, **other: Any) -> Charge:
    base = Charge(LINEAGE, "cd" * 32, "migration", "2023", "ana", "ef" * 32, nano_rho, "2023-05-01T12:00:00+00:00")
    return replace(base, **other)


def reserve(entries: Sequence[Entry], asked: Charge, caps: Caps = CAPS) -> Entry:
    return decide_reservation(verify_chain(entries, LINEAGE), asked, caps)


def record(entries: Sequence[Entry], reservation: Entry, result: bytes = b"result") -> Entry:
    return decide_recording(verify_chain(entries, LINEAGE), reservation, result, reservation.at)


def chain_of(*charges: Charge, caps: Caps = CAPS) -> list[Entry]:
    chain: list[Entry] = []
    for item in charges:
        chain.append(reserve(chain, item, caps))
        chain.append(record(chain, chain[-1]))
    return chain


def balance_of(entries: Sequence[Entry], caps: Caps = CAPS, **other: Any) -> Balance:
    whose = {"project": "migration", "wave": "2023", "analyst": "ana", "at": "2023-05-01T12:00:00+00:00"} | other
    return balance(entries, caps, **whose)


def test_balances_come_from_the_reservations() -> None:
    left = balance_of(chain_of(charge(10), charge(20, analyst="bo"), charge(15, wave="2024")))
    assert (left.total.left, left.wave.left, left.analyst.left, left.release) == (55, 30, 25, 40)
    assert (left.project, left.year) == (None, None)


@pytest.mark.parametrize(
    ("before", "asked", "clause", "left"),
    [
        ([], charge(41), "budget.per_release_nano_rho", 40),
        (
            [charge(30), charge(30, analyst="bo"), charge(35, wave="2024", analyst="cy")],
            charge(6, wave="2024"),
            "total",
            5,
        ),
        ([charge(30), charge(25, analyst="bo")], charge(6, analyst="cy"), "budget.per_wave_nano_rho", 5),
        ([charge(30), charge(15, wave="2024")], charge(6, wave="2025"), "budget.per_analyst_nano_rho", 5),
    ],
)
def test_a_charge_above_any_cap_is_refused_by_that_cap(
    before: list[Charge], asked: Charge, clause: str, left: int
) -> None:
    chain = chain_of(*before)
    with pytest.raises(BudgetRefused, match=clause) as caught:
        reserve(chain, asked)
    assert caught.value.left == left
    assert reserve(chain, replace(asked, nano_rho=left)).nano_rho == left


WIDE = Caps(total=1000, wave=300, analyst=900, release=400, project=500, year=600, wave_allotments={"2024": 350})


@pytest.mark.parametrize(
    ("before", "asked", "clause", "left"),
    [
        ([charge(300), charge(150, wave="2024")], charge(51, wave="2025"), "budget.per_project_nano_rho", 50),
        (
            [charge(300), charge(250, wave="2024", project="health")],
            charge(51, wave="2025", project="tax"),
            "budget.per_year_nano_rho",
            50,
        ),
        ([charge(300, wave="2024")], charge(51, wave="2024"), "budget.wave_allotments_nano_rho.2024", 50),
        ([charge(300)], charge(1), "budget.per_wave_nano_rho", 0),
    ],
)
def test_projects_years_and_waves_with_an_allotment_have_caps_of_their_own(
    before: list[Charge], asked: Charge, clause: str, left: int
) -> None:
    chain = chain_of(*before, caps=WIDE)
    with pytest.raises(BudgetRefused, match=clause) as caught:
        reserve(chain, asked, WIDE)
    assert caught.value.left == left


def test_a_new_year_brings_the_years_cap_anew_and_nothing_of_the_others() -> None:
    caps = replace(WIDE, project=None, year=100)
    chain = chain_of(charge(100, at="2023-12-31T23:59:59+00:00"), caps=caps)
    with pytest.raises(BudgetRefused, match="per_year"):
        reserve(chain, charge(1, at="2023-12-31T23:59:59+00:00"), caps)
    assert reserve(chain, charge(100, at="2024-01-01T00:00:00+00:00"), caps).year == "2024"
    left = balance_of(chain, caps, at="2024-01-01T00:00:00+00:00")
    assert (left.total.left, left.wave.left) == (900, 200)


def test_a_clock_that_is_set_back_opens_no_year_that_was_spent() -> None:
    caps = replace(WIDE, project=None, year=100)
    chain = chain_of(charge(100, at="2024-02-01T00:00:00+00:00"), caps=caps)
    with pytest.raises(BudgetRefused, match="per_year"):
        reserve(chain, charge(1, at="2023-02-01T00:00:00+00:00"), caps)
    later = reserve(chain, charge(1, at="2023-02-01T00:00:00+00:00"), WIDE)
    assert later.at == "2024-02-01T00:00:00+00:00"


def test_amendments_other_projects_and_relinked_waves_inherit_what_was_spent() -> None:
    """The lineage is population and office: a new agreement, project, wave or linkage changes nobody's people."""
    chain = chain_of(charge(30), charge(30, analyst="bo"), charge(20, wave="2024", analyst="cy"))
    for asked in (
        charge(21, agreement_hash="00" * 32, wave="2025"),
        charge(21, project="health", wave="2025", analyst="dan"),
        charge(21, question_hash="11" * 32, wave="2025", analyst="dan"),
    ):
        with pytest.raises(BudgetRefused, match="total_nano_rho") as caught:
            reserve(chain, asked)
        assert caught.value.left == 20
    relinked = charge(1, question_hash="22" * 32)  # the wave linked anew: other data, and so another question
    with pytest.raises(BudgetRefused, match="per_wave_nano_rho"):
        reserve(chain, relinked)


def test_a_cap_that_was_lowered_below_what_is_spent_leaves_nothing() -> None:
    chain = chain_of(charge(40), charge(20, analyst="bo"))
    left = balance_of(chain, replace(CAPS, total=50))
    assert left.total.left == 0
    assert left.tables_left(1) == 0


def test_an_idempotency_key_pays_once() -> None:
    chain = chain_of(charge(10, idempotency_key="first"))
    for again in (charge(10, idempotency_key="first"), charge(5, idempotency_key="first", question_hash="0" * 64)):
        with pytest.raises(KeyReused):
            reserve(chain, again)
    assert reserve(chain, charge(10, idempotency_key="first", analyst="bo")).sequence == 2
    assert reserve(chain, charge(10)).sequence == 2


def test_a_retry_gets_what_the_first_attempt_got() -> None:
    chain = chain_of(charge(10, idempotency_key="answered"))
    chain.append(reserve(chain, charge(10, idempotency_key="failed")))
    answered, failed = (reservation_under(chain, "ana", key) for key in ("answered", "failed"))
    assert answered == chain[0]
    assert failed == chain[2]
    assert released_as(chain, chain[0]) == chain[1]
    question = charge().question_hash
    assert answer_to_retry((chain[0], b"result"), question, 10) == b"result"
    assert answer_to_retry(None, question, 10) is None
    assert reservation_under(chain, "bo", "answered") is None
    assert reservation_under(chain, "ana", "") is None
    with pytest.raises(ReleaseFailed):
        answer_to_retry((chain[2], None), question, 10)
    for other in (("00" * 32, 10), (question, 11)):
        with pytest.raises(KeyReused):
            answer_to_retry((chain[0], b"result"), *other)


def test_ledgers_from_before_idempotency_keys_still_hold() -> None:
    """Their rows get empty fields by migration, and empty fields enter no hash."""
    chain = chain_of(charge(10))
    assert chain[0].idempotency_key == chain[0].cap == ""
    for field in ("idempotency_key", "cap"):
        with pytest.raises(LedgerCorrupt):
            verify_chain([replace(chain[0], **{field: "x"})], LINEAGE)  # type: ignore[arg-type] # built from keywords


def test_a_reservation_without_a_result_stays_charged() -> None:
    chain = [reserve([], charge(30))]
    assert balance_of(chain).total.left == 70
    assert best_release(chain, charge().question_hash) is None


def test_a_charge_of_nothing_is_refused_so_nothing_is_free() -> None:
    for price in (0, -5):
        with pytest.raises(LedgerCorrupt):
            reserve([], charge(price))


def test_the_most_precise_release_of_a_question_is_found() -> None:
    chain = chain_of(charge(10), charge(30), charge(5), charge(2, question_hash="00" * 32))
    best = best_release(chain, charge().question_hash)
    assert best == chain[3]
    assert best_release(chain, "11" * 32) is None


def test_a_result_is_recorded_once_and_only_for_a_reservation_of_this_chain() -> None:
    chain = chain_of(charge(10))
    with pytest.raises(LedgerCorrupt, match="no open reservation"):
        record(chain, chain[0], b"another")
    with pytest.raises(LedgerCorrupt, match="no open reservation"):
        record(chain, chain[1], b"another")
    foreign = reserve([], charge(11))
    with pytest.raises(LedgerCorrupt, match="no open reservation"):
        record(chain, foreign, b"another")


def test_a_stored_result_must_fit_its_entry() -> None:
    chain = chain_of(charge(10))
    check_result(chain[1], b"result")
    with pytest.raises(LedgerCorrupt, match="stored result"):
        check_result(chain[1], b"resulu")


@pytest.mark.parametrize("field", [field.name for field in fields(Entry)])
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_changing_any_field_of_any_entry_is_found_out(field: str, place: int) -> None:
    chain = chain_of(charge(10), charge(20))
    value = getattr(chain[place], field)
    other: Any = value + 1 if isinstance(value, int) else ("RELEASED" if value == "RESERVED" else value + "0")
    changed: dict[str, Any] = {field: other}
    chain[place] = replace(chain[place], **changed)
    with pytest.raises(LedgerCorrupt):
        verify_chain(chain, LINEAGE)


@pytest.mark.parametrize(
    "attack",
    [
        lambda chain: chain[2:],
        lambda chain: chain[:1] + chain[2:],
        lambda chain: [chain[2], chain[3], chain[0], chain[1]],
        lambda chain: [*chain, chain[-1]],
        lambda chain: [*chain[:2], *chain[:2]],
    ],
    ids=["first entries cut", "one left out", "swapped", "one repeated", "two repeated"],
)
def test_leaving_out_moving_or_repeating_entries_is_found_out(attack: Callable[[list[Entry]], list[Entry]]) -> None:
    with pytest.raises(LedgerCorrupt):
        verify_chain(attack(chain_of(charge(10), charge(20))), LINEAGE)


def test_an_anchor_kept_elsewhere_finds_a_ledger_whose_newest_entries_were_cut_off() -> None:
    chain = chain_of(charge(10), charge(20))
    anchor = Anchor(chain[-1].sequence, chain[-1].entry_hash)
    verify_chain(chain, LINEAGE, anchor)
    verify_chain(chain[:2], LINEAGE)
    with pytest.raises(LedgerCorrupt, match="anchored entry 3"):
        verify_chain(chain[:2], LINEAGE, anchor)
    with pytest.raises(LedgerCorrupt, match="anchored entry 3"):
        verify_chain(chain_of(charge(10), charge(19)), LINEAGE, anchor)


def test_a_corrupt_ledger_takes_no_more_charges() -> None:
    chain = chain_of(charge(10), charge(20))
    chain[0] = replace(chain[0], nano_rho=1)
    with pytest.raises(LedgerCorrupt):
        reserve(chain, charge(5))
    with pytest.raises(LedgerCorrupt):
        verify_chain(chain_of(charge(10)), "00" * 16)
