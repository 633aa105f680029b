"""The ledger: caps hold, and whoever changes an entry is found out."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from disclosure.errors import BudgetRefused, LedgerCorrupt
from disclosure.ledger import (
    Anchor,
    Caps,
    Charge,
    Entry,
    balance,
    best_release,
    check_result,
    decide_recording,
    decide_reservation,
    verify_chain,
)

LINEAGE = "ab" * 16
CAPS = Caps(total=100, wave=60, analyst=50, release=40)


def charge(nano_rho: int = 10, **other: Any) -> Charge:
    base = Charge(LINEAGE, "cd" * 32, "migration", "2023", "ana", "ef" * 32, nano_rho, "2023-05-01T12:00:00+00:00")
    return replace(base, **other)


def chain_of(*charges: Charge) -> list[Entry]:
    chain: list[Entry] = []
    for item in charges:
        chain.append(decide_reservation(chain, item, CAPS))
        chain.append(decide_recording(chain, chain[-1], b"result", item.at))
    return chain


def test_balances_come_from_the_reservations() -> None:
    chain = chain_of(charge(10), charge(20, analyst="bo"), charge(15, wave="2024"))
    left = balance(chain, CAPS, wave="2023", analyst="ana")
    assert (left.total, left.wave, left.analyst, left.release) == (55, 30, 25, 40)


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
        decide_reservation(chain, asked, CAPS)
    assert caught.value.left == left
    assert decide_reservation(chain, replace(asked, nano_rho=left), CAPS).nano_rho == left


def test_a_reservation_without_a_result_stays_charged() -> None:
    chain = [decide_reservation([], charge(30), CAPS)]
    assert balance(chain, CAPS, wave="2023", analyst="ana").total == 70
    assert best_release(chain, charge().question_hash) is None


def test_a_charge_of_nothing_is_refused_so_nothing_is_free() -> None:
    for price in (0, -5):
        with pytest.raises(LedgerCorrupt):
            decide_reservation([], charge(price), CAPS)


def test_the_most_precise_release_of_a_question_is_found() -> None:
    chain = chain_of(charge(10), charge(30), charge(5), charge(2, question_hash="00" * 32))
    best = best_release(chain, charge().question_hash)
    assert best == chain[3]
    assert best_release(chain, "11" * 32) is None


def test_a_result_is_recorded_once_and_only_for_a_reservation_of_this_chain() -> None:
    chain = chain_of(charge(10))
    with pytest.raises(LedgerCorrupt, match="no open reservation"):
        decide_recording(chain, chain[0], b"another", "2023-05-01T12:00:00+00:00")
    with pytest.raises(LedgerCorrupt, match="no open reservation"):
        decide_recording(chain, chain[1], b"another", "2023-05-01T12:00:00+00:00")
    foreign = decide_reservation([], charge(11), CAPS)
    with pytest.raises(LedgerCorrupt, match="no open reservation"):
        decide_recording(chain, foreign, b"another", "2023-05-01T12:00:00+00:00")


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
        decide_reservation(chain, charge(5), CAPS)
    with pytest.raises(LedgerCorrupt):
        verify_chain(chain_of(charge(10)), "00" * 16)
