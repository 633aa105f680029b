"""Balances over random histories: no order of charges, results and increases spends more than was granted."""

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disclosure.balances import Caps, balance
from disclosure.entries import Chain, Charge, Entry, verify_chain
from disclosure.errors import BudgetRefused
from disclosure.increases import decide_increase
from disclosure.ledger import decide_recording, decide_reservation
from linkage_core.agreement.increases import new_increase
from linkage_core.errors import Refused

LINEAGE = "ab" * 16
PROJECTS, WAVES, ANALYSTS = ("migration", "health"), ("w1", "w2"), ("ana", "bo")
TIMES = tuple(f"{year}-0{month}-01T00:00:00+00:00" for year in (2024, 2025) for month in (3, 6))

amounts = st.integers(1, 60)
caps_of_agreements = st.builds(
    Caps,
    total=st.integers(1, 200),
    wave=st.integers(1, 150),
    analyst=st.integers(1, 150),
    release=st.integers(1, 60),
    project=st.none() | st.integers(1, 150),
    year=st.none() | st.integers(1, 150),
    wave_allotments=st.dictionaries(st.sampled_from(WAVES), st.integers(1, 150)),
)
charges = st.builds(
    Charge,
    lineage=st.just(LINEAGE),
    agreement_hash=st.sampled_from(("00" * 32, "11" * 32)),
    project=st.sampled_from(PROJECTS),
    wave=st.sampled_from(WAVES),
    analyst=st.sampled_from(ANALYSTS),
    question_hash=st.sampled_from(("22" * 32, "33" * 32)),
    nano_rho=amounts,
    at=st.sampled_from(TIMES),
)
raised = st.sampled_from(("total", "project", "wave:w1", "analyst:ana", "year:2025"))
steps = st.lists(
    charges | st.tuples(st.just("result"), st.integers(0, 5)) | st.tuples(raised, amounts, st.sampled_from(PROJECTS)),
    max_size=25,
)


def charged(chain: Chain, charge: Charge, caps: Caps) -> Chain:
    try:
        return chain.followed_by([decide_reservation(chain, charge, caps)])
    except BudgetRefused:
        return chain


def increased(chain: Chain, step: tuple[str, int, str], caps: Caps) -> Chain:
    cap, nano_rho, project = step
    number = sum(entry.kind == "INCREASED" and entry.project == project for entry in chain.entries)
    document = new_increase(LINEAGE, project, number, cap=cap, nano_rho=nano_rho, reason="more tables")
    try:
        entry = decide_increase(chain, document, project=project, caps=caps, agreement_hash="00" * 32, at=TIMES[0])
    except Refused:
        return chain
    return chain.followed_by([entry])


def granted(entries: list[Entry], cap: str, project: str) -> int:
    wanted = ("INCREASED", cap, project)
    return sum(entry.nano_rho for entry in entries if (entry.kind, entry.cap, entry.project) == wanted)


def check_spending(entries: list[Entry], charge: Entry, caps: Caps) -> None:
    """Every cap, counted here once more without the balances: what was spent when the charge had been made."""
    spent = [entry for entry in entries if entry.kind == "RESERVED"]
    wave_cap = caps.wave_allotments.get(charge.wave, caps.wave)
    limits = [
        ("total", caps.total, spent),
        (f"wave:{charge.wave}", wave_cap, [e for e in spent if e.wave == charge.wave]),
        (f"analyst:{charge.analyst}", caps.analyst, [e for e in spent if e.analyst == charge.analyst]),
    ]
    if caps.project is not None:
        limits.append(("project", caps.project, [e for e in spent if e.project == charge.project]))
    if caps.year is not None:
        limits.append((f"year:{charge.at[:4]}", caps.year, [e for e in spent if e.at[:4] == charge.at[:4]]))
    for name, cap, counted in limits:
        assert sum(entry.nano_rho for entry in counted) <= cap + granted(entries, name, charge.project), name
    assert charge.nano_rho <= caps.release


@given(caps=caps_of_agreements, history=steps)
def test_no_history_spends_more_than_was_granted_when_it_was_spent(caps: Caps, history: list[object]) -> None:
    chain = Chain(LINEAGE)
    for step in history:
        if isinstance(step, Charge):
            before, chain = chain, charged(chain, step, caps)
            if chain != before:
                check_spending(list(chain.entries), chain.entries[-1], caps)
        elif isinstance(step, tuple) and step[0] == "result":
            done = {entry.reservation for entry in chain.entries}
            waiting = [e for e in chain.entries if e.kind == "RESERVED" and e.entry_hash not in done]
            if waiting:
                reservation = waiting[step[1] % len(waiting)]
                chain = chain.followed_by([decide_recording(chain, reservation, b"result", reservation.at)])
        elif isinstance(step, tuple):
            chain = increased(chain, cast(tuple[str, int, str], step), caps)
    assert verify_chain(chain.entries, LINEAGE) == chain
    times = [entry.at for entry in chain.entries]
    assert times == sorted(times)


@given(caps=caps_of_agreements, history=steps, asked=charges)
def test_a_charge_is_refused_exactly_when_some_cap_has_less_left(
    caps: Caps, history: list[object], asked: Charge
) -> None:
    chain = Chain(LINEAGE)
    for step in history:
        if isinstance(step, Charge):
            chain = charged(chain, step, caps)
        elif isinstance(step, tuple) and step[0] != "result":
            chain = increased(chain, cast(tuple[str, int, str], step), caps)
    whose = {"project": asked.project, "wave": asked.wave, "analyst": asked.analyst, "at": asked.at}
    tables = balance(chain.entries, caps, **whose).tables_left(asked.nano_rho)
    for _ in range(tables):
        chain = chain.followed_by([decide_reservation(chain, asked, caps)])
    with pytest.raises(BudgetRefused) as refused:
        decide_reservation(chain, asked, caps)
    assert asked.nano_rho > refused.value.left >= 0
