"""Attacks on the release door by an analyst, each made and seen to fail."""

import datetime
import statistics
from dataclasses import replace
from typing import Any

import pytest

from disclosure.bounding import TruncationKey
from disclosure.compilation import compile_question
from disclosure.errors import BudgetRefused, DisclosureError, QueryFault
from disclosure.grid import grid_of
from disclosure.measurements import OpenDPNoise
from disclosure.query.parsing import parse_question
from disclosure.release import release
from disclosure.table import Release
from tests.disclosure_cases import document, synthetic_key
from tests.disclosure_world import ASKING, KEY, DuckDbCounter, MemoryLedger, terms, vector

START = datetime.date(2018, 3, 1)
TARGET = synthetic_key(1)


def rows_with(count: int) -> Any:
    keys = [synthetic_key(number) for number in range(1, count + 1)]
    return {
        ("register", "people"): [{"synthetic_key": k, "sex": "fm"[i % 2], "born-in": "aa"} for i, k in enumerate(keys)],
        ("register", "spells"): [{"synthetic_key": k, "start": START, "end": None} for k in keys],
    }


def ask(data: dict[str, Any], ledger: MemoryLedger, rows: Any, analyst: str = "mallory") -> Release:
    return release(
        parse_question(data),
        terms=terms(),
        asking=replace(ASKING, analyst=analyst),
        ledger=ledger,
        counter=DuckDbCounter(rows),
        noise=OpenDPNoise(),
        truncation_key=KEY,
    )


def test_averaging_over_many_askings_and_spellings_gains_nothing() -> None:
    ledger, rows = MemoryLedger(), rows_with(40)
    spellings = [
        document("stock"),
        document("stock", at=["2020-01-01", "2020-01-01"]),
        document("stock", where=[{"dimension": "sex", "in": ["f", "m", "unknown"]}]),
        document("stock", where=[{"dimension": "country", "in": ["other", "cc", "bb", "aa"]}]),
        document("stock", rule={"kind": "registered"}),
        document("stock", accuracy={"half_width": 11}),
    ]
    answers = [ask(data, ledger, rows, f"analyst-{n % 5}").noised[0].values[0] for n in range(10) for data in spellings]
    assert statistics.pvariance(answers) == 0
    assert len(ledger.chain) == 2


def test_splitting_a_question_into_parts_pays_for_every_part() -> None:
    ledger, rows = MemoryLedger(), rows_with(40)
    parts = [["f"], ["m"], ["unknown"], ["f", "m"], ["f", "unknown"]]
    prices = [ask(document("stock", where=[{"dimension": "sex", "in": p}]), ledger, rows).nano_rho for p in parts]
    whole = ask(document("stock"), ledger, rows).nano_rho
    assert sum(entry.nano_rho for entry in ledger.chain) == sum(prices) + whole
    assert min(prices) == max(prices) == whole


def test_summing_up_many_dates_runs_out_of_budget_before_it_tells_two_worlds_apart() -> None:
    # The target is resident on every one of these days, or on none: the sum of the answers would tell, given enough.
    ledger, rows, noise_sds = MemoryLedger(), rows_with(1), list[float]()
    days = [datetime.date(2019, 6, 1) + datetime.timedelta(days=n) for n in range(900)]
    for day in days:
        try:
            noise_sds.append(ask(document("stock", at=[day.isoformat()]), ledger, rows).noise_sd)
        except BudgetRefused:
            break
    assert 0 < len(noise_sds) < len(days)
    # Two worlds whose sums lie d apart, in standard deviations of the sum, cost rho = d²/2: 1 is what one analyst has.
    distance = len(noise_sds) / sum(noise_sd**2 for noise_sd in noise_sds) ** 0.5
    assert distance <= (2 * terms().budget.per_analyst_nano_rho / 1e9) ** 0.5


def test_colluding_analysts_share_the_caps_of_wave_and_lineage() -> None:
    ledger, rows = MemoryLedger(), rows_with(5)
    refused = set()
    for n in range(20):
        data = document("stock", at=[f"2020-01-{n + 1:02}"], accuracy={"nano_rho": 200_000_000})
        try:
            ask(data, ledger, rows, f"analyst-{n}")
        except BudgetRefused as refusal:
            refused.add(refusal.clause)
    assert refused == {"budget.per_wave_nano_rho"}
    assert sum(entry.nano_rho for entry in ledger.chain) <= terms().budget.per_wave_nano_rho


def test_text_of_the_analyst_never_becomes_sql() -> None:
    hostile = "f') UNION SELECT 0, 1 --"
    for data in (
        document("stock", by=[hostile]),
        document("stock", where=[{"dimension": hostile, "in": ["f"]}]),
        document("stock", where=[{"dimension": "sex", "in": [hostile]}]),
        document("overlap", of=["tax", hostile]),
        document("stock", at=[hostile]),
        document("stock", rule={"kind": hostile}),
    ):
        ledger = MemoryLedger()
        with pytest.raises(DisclosureError) as caught:
            ask(data, ledger, rows_with(1))
        assert not isinstance(caught.value, BudgetRefused)
        assert ledger.chain == []


def test_hostile_codes_in_the_agreement_stay_values() -> None:
    hostile = "f') UNION SELECT 0, 1000 --"
    world = terms()
    codes = world.statistics.code_lists[0].model_copy(update={"codes": (hostile, "m")})
    statistics_ = world.statistics.model_copy(update={"code_lists": (codes, world.statistics.code_lists[1])})
    world = replace(world, statistics=statistics_)
    rows = rows_with(4)
    for row in rows["register", "people"]:
        row["sex"] = hostile
    question = parse_question(document("stock", by=["sex"]))
    assert vector(question, world, rows) == (4, 0, 0)
    assert "UNION SELECT 0" not in compile_question(question, world, grid_of(question, world), KEY).sql


def test_which_years_a_person_keeps_follows_the_key_and_not_the_rows() -> None:
    question = parse_question(document("inflow", over=list(range(2016, 2022)), rule={"minimum_months": 0}))
    spells = [
        {"synthetic_key": TARGET, "start": datetime.date(year, 2, 1), "end": datetime.date(year, 3, 1)}
        for year in range(2016, 2022)
    ]
    world = terms(flow_cells_per_person=2)
    rows: Any = {("register", "spells"): spells}
    kept = {vector(question, world, {("register", "spells"): spells[n:] + spells[:n]}) for n in range(len(spells))}
    assert len(kept) == 1
    by_key = {vector(question, world, rows, TruncationKey(1, bytes([n]) * 32)) for n in range(12)}
    assert len(by_key) > 3
    assert {sum(counts) for counts in by_key} == {2}


def test_nothing_shows_the_truncation_key() -> None:
    key = TruncationKey(1, b"\xabsecret-key-material-of-32-byte\xcd")
    question = parse_question(document("inflow", over=[2016, 2017, 2018]))
    world = terms(flow_cells_per_person=1)
    compiled = compile_question(question, world, grid_of(question, world), key)
    inner, outer = key.pads()
    assert {inner, outer} <= {value for value in compiled.parameters.values() if isinstance(value, bytes)}
    for shown in (repr(key), repr(compiled), compiled.sql):
        assert "secret-key" not in shown
        assert repr(inner)[2:20] not in shown
        assert repr(outer)[2:20] not in shown


def test_a_person_with_many_rows_weighs_no_more_than_one_with_few() -> None:
    crossings = [{"synthetic_key": TARGET, "day": START + datetime.timedelta(days=n)} for n in range(1000)]
    question = parse_question(document("overlap", over={"start": "2018-01-01", "end": "2021-12-31"}))
    assert vector(question, terms(), {("border", "crossings"): crossings}) == (0, 1, 0)


def test_a_question_of_absurd_size_is_refused_before_anything_is_built() -> None:
    with pytest.raises(QueryFault):
        parse_question(document("stock", accuracy={"half_width": 10**30}))
    with pytest.raises(DisclosureError):
        ask(document("inflow", over=list(range(1, 9998)), by=["sex"]), MemoryLedger(), rows_with(1))
