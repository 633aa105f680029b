"""Increases of the budget: two persons of the roster, one document, counted once."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from disclosure.balances import Caps, balance
from disclosure.entries import Chain, Charge, Entry
from disclosure.errors import BudgetRefused, LedgerCorrupt
from disclosure.increases import check_granted, decide_increase, increases_of
from disclosure.ledger import decide_reservation
from disclosure.measurements import epsilon_millionths
from linkage_core.agreement.increases import (
    Approval,
    IncreaseDocument,
    check_approvals,
    new_increase,
    parse_increase,
)
from linkage_core.crypto import signing
from linkage_core.crypto.secret import Secret
from linkage_core.errors import InputFault, Refused, Tampered

LINEAGE = "ab" * 16
KEYS = {name: Secret(bytes([number]) * 32) for number, name in enumerate(("auer", "berger", "claus"), 1)}
APPROVERS = {name: signing.public_of(key) for name, key in KEYS.items()}
SERVICE = Secret(b"\x09" * 32)
CAPS = Caps(total=100, wave=100, analyst=100, release=100, year=90)
AT = "2026-03-01T12:00:00+00:00"
CHARGE = Charge(LINEAGE, "cd" * 32, "migration", "2026", "ana", "ef" * 32, 90, AT)


def proposed(**other: Any) -> IncreaseDocument:
    stated: dict[str, Any] = {"lineage": LINEAGE, "project": "migration", "number": 0, "cap": "total", "nano_rho": 50}
    return new_increase(**{**stated, "reason": "census year: more tables", **other})


def approved(document: IncreaseDocument, *names: str) -> IncreaseDocument:
    for name in names or ("auer", "berger"):
        document = document.approved_by(name, KEYS[name])
    return document


def decided(chain: Chain, document: IncreaseDocument, caps: Caps = CAPS, project: str = "migration") -> Entry:
    return decide_increase(chain, document, project=project, caps=caps, agreement_hash="cd" * 32, at=AT)


def with_increase(chain: Chain, **other: Any) -> Chain:
    return chain.followed_by([decided(chain, approved(proposed(**other)))])


# ---------------------------------------------------------------------------------------------------------- approvals


def test_two_persons_of_the_roster_approve() -> None:
    check_approvals(approved(proposed()), APPROVERS)
    check_approvals(approved(proposed(), "auer", "berger", "claus"), APPROVERS)


@pytest.mark.parametrize("names", [(), ("auer",)])
def test_fewer_than_two_approvals_are_refused(names: tuple[str, ...]) -> None:
    document = approved(proposed(), *names) if names else proposed()
    with pytest.raises(Refused, match="2 persons must approve"):
        check_approvals(document, APPROVERS)


def test_one_person_cannot_approve_twice() -> None:
    once = approved(proposed(), "auer")
    with pytest.raises(Refused, match="another person"):
        once.approved_by("auer", KEYS["auer"])
    with pytest.raises(Refused, match="another person"):
        once.approved_by("berger", KEYS["auer"])
    doubled = once.model_copy(update={"approvals": once.approvals * 2})
    with pytest.raises(Refused, match="twice"):
        check_approvals(doubled, APPROVERS)


def test_one_key_under_two_names_is_one_person() -> None:
    document = proposed()
    first, second = (document.approved_by(name, KEYS["auer"]).approvals[0] for name in ("auer", "berger"))
    both = document.model_copy(update={"approvals": (first, second)})
    with pytest.raises(Refused, match="one key"):
        check_approvals(both, {"auer": APPROVERS["auer"], "berger": APPROVERS["auer"]})


@pytest.mark.parametrize(
    "roster",
    [
        {"auer": APPROVERS["auer"]},
        {"auer": APPROVERS["auer"], "berger": APPROVERS["claus"]},
        {"auer": APPROVERS["auer"], "claus": APPROVERS["berger"]},
    ],
    ids=["not on it", "another key", "another name"],
)
def test_who_is_no_approver_of_the_roster_approves_nothing(roster: Mapping[str, bytes]) -> None:
    with pytest.raises(Refused, match="berger is no approver"):
        check_approvals(approved(proposed()), roster)


@pytest.mark.parametrize("field", ["nano_rho", "reason", "cap", "number", "project", "lineage"])
def test_an_increase_that_was_changed_after_it_was_approved_is_refused(field: str) -> None:
    changes = {
        "nano_rho": 5_000, "reason": "something else", "cap": "project", "number": 1, "project": "health",
        "lineage": "00" * 16,
    }  # fmt: skip
    document = approved(proposed())
    forged = document.model_copy(update={"increase": document.increase.model_copy(update={field: changes[field]})})
    with pytest.raises(Tampered, match="approval of auer"):
        check_approvals(forged, APPROVERS)


def test_an_approval_of_another_increase_does_not_count() -> None:
    other = approved(proposed(nano_rho=1))
    with pytest.raises(Tampered):
        check_approvals(proposed().model_copy(update={"approvals": other.approvals}), APPROVERS)


def test_a_signature_by_somebody_else_under_an_approvers_name_is_refused() -> None:
    document = approved(proposed(), "auer")
    forged = document.approved_by("berger", KEYS["claus"]).approvals[-1]
    posing = Approval(approver="berger", identity_key=APPROVERS["berger"].hex(), signature=forged.signature)
    with pytest.raises(Tampered, match="approval of berger"):
        check_approvals(document.model_copy(update={"approvals": (*document.approvals, posing)}), APPROVERS)


@pytest.mark.parametrize(
    ("fault", "other"),
    [
        ("cap", {"cap": "release"}),
        ("cap", {"cap": "wave:"}),
        ("nano_rho", {"nano_rho": 0}),
        ("nano_rho", {"nano_rho": -5}),
        ("reason", {"reason": ""}),
        ("number", {"number": -1}),
    ],
)
def test_what_is_no_increase_is_bad_input(fault: str, other: dict[str, Any]) -> None:
    with pytest.raises(InputFault, match=fault):
        proposed(**other)


def test_the_file_survives_its_journey() -> None:
    document = approved(proposed()).granted_by(SERVICE)
    assert parse_increase(document.to_bytes()) == document
    with pytest.raises(InputFault):
        parse_increase(document.to_bytes().replace(b'"nano_rho":50', b'"nano_rho":50.5'))


# ---------------------------------------------------------------------------------------------------------- the ledger


@pytest.mark.parametrize(
    ("cap", "which"), [("total", "total"), ("wave:2026", "wave"), ("analyst:ana", "analyst"), ("year:2026", "year")]
)
def test_an_increase_raises_the_cap_that_it_names_and_no_other(cap: str, which: str) -> None:
    chain = with_increase(Chain(LINEAGE), cap=cap)
    found = balance(chain.entries, CAPS, project="migration", wave="2026", analyst="ana", at=AT)
    caps = {"total": 100, "wave": 100, "analyst": 100, "year": 90} | {which: 140 if which == "year" else 150}
    assert {name: getattr(found, name).cap for name in caps} == caps
    others = balance(
        chain.entries, CAPS, project="migration", wave="2027", analyst="bo", at="2027-01-01T00:00:00+00:00"
    )
    assert (others.wave.cap, others.analyst.cap, others.year.cap if others.year else None) == (100, 100, 90)


def test_more_can_be_spent_after_an_increase_and_not_before() -> None:
    caps = replace(CAPS, year=None, wave=1000, analyst=1000)
    chain = Chain(LINEAGE)
    chain = chain.followed_by([decide_reservation(chain, CHARGE, caps)])
    with pytest.raises(BudgetRefused):
        decide_reservation(chain, replace(CHARGE, nano_rho=60), caps)
    chain = with_increase(chain)
    chain = chain.followed_by([decide_reservation(chain, replace(CHARGE, nano_rho=60), caps)])
    assert balance(chain.entries, caps, project="migration", wave="2026", analyst="ana", at=AT).total.left == 0


def test_another_projects_increase_raises_nothing_here() -> None:
    chain = with_increase(Chain(LINEAGE))
    assert balance(chain.entries, CAPS, project="health", wave="2026", analyst="ana", at=AT).total.cap == 100


def test_a_document_is_counted_once() -> None:
    chain = with_increase(Chain(LINEAGE))
    with pytest.raises(Refused, match="counted, or overtaken"):
        decided(chain, approved(proposed()))
    assert len(increases_of(with_increase(chain, number=1).entries, "migration")) == 2
    replayed = chain.next(chain.entries[0])
    with pytest.raises(LedgerCorrupt, match="counted before"):
        chain.followed_by([replayed])


def test_a_document_that_another_one_overtook_has_to_be_approved_anew() -> None:
    one, other = approved(proposed()), approved(proposed(nano_rho=60))
    chain = Chain(LINEAGE)
    chain = chain.followed_by([decided(chain, one)])
    with pytest.raises(Refused, match="number 0, the next is 1"):
        decided(chain, other)


def test_a_document_of_another_lineage_or_project_is_refused() -> None:
    for document in (proposed(lineage="00" * 16), proposed(project="health")):
        with pytest.raises(Refused, match="another lineage or project"):
            decided(Chain(LINEAGE), approved(document))


@pytest.mark.parametrize("cap", ["project", "year:2026"])
def test_a_cap_that_the_agreement_does_not_set_cannot_be_raised(cap: str) -> None:
    with pytest.raises(Refused, match="sets no cap"):
        decided(Chain(LINEAGE), approved(proposed(cap=cap)), replace(CAPS, year=None))


def test_an_entry_without_a_granted_document_is_found_out() -> None:
    document = approved(proposed())
    entry, service_key = decided(Chain(LINEAGE), document), signing.public_of(SERVICE)
    granted = document.granted_by(SERVICE)
    check_granted(granted, entry, service_key)
    for forged in (
        document,
        document.granted_by(KEYS["auer"]),
        granted.model_copy(update={"approvals": granted.approvals[:1]}),
        proposed().granted_by(SERVICE),
        approved(proposed(nano_rho=51)).granted_by(SERVICE),
    ):
        with pytest.raises(LedgerCorrupt, match="not granted"):
            check_granted(forged, entry, service_key)
    with pytest.raises(LedgerCorrupt, match="not granted"):
        check_granted(granted, replace(entry, nano_rho=51), service_key)


# ------------------------------------------------------------------------------------------------------ as an epsilon


def test_rho_reads_as_opendps_epsilon_below_the_textbooks_bound() -> None:
    textbook = 0.5 + 2 * (0.5 * 13.815510557964274) ** 0.5  # rho + 2 sqrt(rho ln 1/delta), Bun and Steinke 2016
    assert 5.2 < epsilon_millionths(500_000_000, 10**9) / 1e6 < textbook
    assert epsilon_millionths(0, 10**9) == 0
    readings = [epsilon_millionths(nano_rho, 10**9) for nano_rho in (1, 1_000, 10**6, 10**8, 10**9, 10**10)]
    assert readings == sorted(set(readings))
