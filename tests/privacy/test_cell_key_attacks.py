"""Attacks on cell-key perturbation: those that it withstands fail, and what the others gain is measured.

It is not differentially private. Where an attack succeeds, the test holds the size of what it gains, which decision 36
tells every reader.
"""

import datetime
import itertools
import random
import statistics
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from disclosure.cell_keys.ptable import PTable, ptable_of
from disclosure.cell_keys.record_keys import KEYS, RecordKey, cell_key, record_key
from disclosure.errors import PolicyRefused
from disclosure.measurements import OpenDPNoise
from disclosure.query.parsing import parse_question
from disclosure.release import release
from disclosure.table import Release
from linkage_core.agreement.cell_keys import CellKeys
from tests.disclosure_cases import document, synthetic_key
from tests.disclosure_world import ASKING, CELL_KEYS, KEY, RECORD_KEY, DuckDbCounter, MemoryLedger, Rows, terms

PTABLE = ptable_of(CELL_KEYS)
START = datetime.date(2018, 3, 1)
BY_KEY: dict[str, Any] = {"cell_key": True}


def rows_with(count: int) -> Rows:
    keys = [synthetic_key(number) for number in range(1, count + 1)]
    return {
        ("register", "people"): [{"synthetic_key": k, "sex": "fm"[i % 2], "born-in": "aa"} for i, k in enumerate(keys)],
        ("register", "spells"): [{"synthetic_key": k, "start": START, "end": None} for k in keys],
    }


def asked(
    data: dict[str, Any],
    rows: Rows,
    *,
    ledger: MemoryLedger | None = None,
    analyst: str = "mallory",
    version: str = "1",
) -> Release:
    return release(
        parse_question(data),
        terms=terms(cell_keys=CELL_KEYS),
        asking=replace(ASKING, analyst=analyst, data_version=version),
        ledger=ledger or MemoryLedger(),
        counter=DuckDbCounter(rows),
        noise=OpenDPNoise(),
        truncation_key=KEY,
        record_key=RECORD_KEY,
    )


def value(people: list[int]) -> int:
    """What a cell of these persons shows."""
    return PTABLE.perturbed(len(people), cell_key(sum(RECORD_KEYS[person] for person in people)))


RECORD_KEYS = [record_key(RECORD_KEY, synthetic_key(number)) for number in range(20_000)]


def test_averaging_over_askings_spellings_analysts_and_data_versions_gains_nothing() -> None:
    rows, ledger = rows_with(40), MemoryLedger()
    spellings = [
        document("stock", accuracy=BY_KEY),
        document("stock", at=["2020-01-01", "2020-01-01"], accuracy=BY_KEY),
        document("stock", where=[{"dimension": "sex", "in": ["f", "m", "unknown"]}], accuracy=BY_KEY),
        document("stock", where=[{"dimension": "country", "in": ["aa"]}], accuracy=BY_KEY),
        document("stock", where=[{"dimension": "sex", "in": ["f", "m"]}], accuracy=BY_KEY),
        document("stock", at=["2020-02-01", "2020-03-01"], accuracy=BY_KEY),
        document("stock", rule={"kind": "registered", "minimum_months": 0}, accuracy=BY_KEY),
        document("stock", by=["country"], where=[{"dimension": "country", "in": ["aa"]}], accuracy=BY_KEY),
    ]
    shown = {
        cell.value
        for version, data in itertools.product("12", spellings)
        for cell in asked(data, rows, ledger=ledger, analyst=f"analyst-{version}", version=version).cells
    }
    assert len(shown) == 1


def test_the_same_cell_in_another_table_shows_the_same_value() -> None:
    rows = rows_with(41)
    tables = [
        asked(document("stock", by=["sex"], accuracy=BY_KEY), rows),
        asked(document("stock", by=["sex", "country"], accuracy=BY_KEY), rows),
        asked(document("stock", where=[{"dimension": "sex", "in": ["f"]}], by=["sex"], accuracy=BY_KEY), rows),
    ]
    women = {cell.value for table in tables for cell in table.cells if cell.coordinates[1:] in (("f",), ("aa", "f"))}
    assert len(women) == 1
    assert len({table.totals[0].value for table in tables[:2]}) == 1


def test_averaging_over_breakdowns_fails_on_the_totals_that_are_shown() -> None:
    # Were totals sums of perturbed cells, every breakdown would give the same persons another draw.
    rows = rows_with(60)
    totals = [
        asked(document("stock", by=by, accuracy=BY_KEY), rows).totals[0].value
        for by in (["sex"], ["country"], ["age"], ["sex", "age"], ["sex", "country"], ["country", "age", "stayed"])
    ]
    assert len(set(totals)) == 1


def test_summing_up_cells_of_many_partitions_does_average_so_their_number_is_agreed() -> None:
    # Asghar and Kaafar, "Averaging attacks on bounded noise-based disclosure control algorithms" (PoPETs 2020): each
    # partition of 60 people into 2 cells gives a sum with the variance of two cells, independent of the others'.
    draw, people = random.Random(2), list(range(60))

    def by_partitions(number: int) -> float:
        sums = []
        for _ in range(number):
            first = set(draw.sample(people, 30))
            sums.append(value(sorted(first)) + value([person for person in people if person not in first]))
        return statistics.mean(sums)

    variance = 2 * CELL_KEYS.variance_thousandths / 1000
    for number, found_exactly in ((5, 0.45), (20, 0.73)):
        errors = [by_partitions(number) - 60 for _ in range(300)]
        assert statistics.fmean(error**2 for error in errors) == pytest.approx(variance / number, rel=0.35)
        assert statistics.fmean(abs(error) < 0.5 for error in errors) == pytest.approx(found_exactly, abs=0.1)
    ledger, rows = MemoryLedger(), rows_with(5)
    for day in range(CELL_KEYS.tables):
        asked(document("stock", at=f"2020-{1 + day // 28:02}-{1 + day % 28:02}", accuracy=BY_KEY), rows, ledger=ledger)
    with pytest.raises(PolicyRefused, match="40 are allowed"):
        asked(document("stock", at="2021-01-01", accuracy=BY_KEY), rows, ledger=ledger)


def differences(table: PTable, count: int) -> dict[int, float]:
    """How cells of `count` and `count + 1` persons differ, if their perturbations are independent: by the p-table."""
    shares: dict[int, float] = {}
    for (less, p), (more, q) in itertools.product(table.chances(count).items(), table.chances(count + 1).items()):
        shares[1 + more - less] = shares.get(1 + more - less, 0) + p * q
    return shares


def test_two_tables_that_differ_by_one_person_tell_what_the_p_table_says_and_no_more() -> None:
    draw, expected = random.Random(5), differences(PTABLE, 20)
    seen: Counter[int] = Counter()
    for _ in range(6_000):
        people = draw.sample(range(len(RECORD_KEYS)), 21)
        seen[value(people) - value(people[:20])] += 1
    # Chi-square over the differences that are expected at least 5 times; the quantile .9999 of 14 degrees is 42.6.
    often = [step for step, share in expected.items() if share * 6_000 >= 5]
    assert len(often) <= 15
    assert sum((seen[s] - 6_000 * expected[s]) ** 2 / (6_000 * expected[s]) for s in often) < 42.6


def test_a_difference_shows_for_certain_that_somebody_is_there_more_often_than_not() -> None:
    # The same persons give the same value; so another value shows that somebody differs. Decision 36 gives the figure.
    equal = differences(PTABLE, 20)[0]
    assert equal == pytest.approx(0.176, abs=0.001)
    wide = differences(ptable_of(CellKeys(maximum_deviation=15, variance_thousandths=10_000, tables=1)), 20)[0]
    assert wide == pytest.approx(0.087, abs=0.001)  # more variance makes it worse


def test_a_cell_of_one_tells_in_which_part_of_the_keys_its_person_is_and_nothing_of_others() -> None:
    chances = PTABLE.chances(1)
    shown: dict[int, list[int]] = {}
    for key in RECORD_KEYS:
        shown.setdefault(PTABLE.perturbed(1, cell_key(key)), []).append(key)
    for result, keys in shown.items():
        share = chances[result - 1]
        assert len(keys) / len(RECORD_KEYS) == pytest.approx(share, abs=0.02)
        # All that is known of the key is this interval; within it every key is as likely.
        assert (max(keys) - min(keys)) / KEYS == pytest.approx(share, rel=0.1)
    # The best that a person can know (of the rarest value) leaves 2^32 times that share of keys open: 26 of 32 bits.
    assert min(chances.values()) * KEYS > 2**26


def test_without_the_key_values_of_known_persons_say_nothing_of_anybody_else() -> None:
    # Mallory knows the members of many cells and what they show. Among 2,000 candidate keys of the service those that
    # agree with all of it are as many as by chance: one in 2^32 keys would be the true one, and no other is nearer.
    draw = random.Random(8)
    cells = [draw.sample(range(300), draw.randint(1, 6)) for _ in range(12)]
    observed = [value(people) for people in cells]
    hits = []
    for number in range(600):
        guess = RecordKey(1, number.to_bytes(32, "big"))
        keys = [record_key(guess, synthetic_key(person)) for person in range(300)]
        shown = [PTABLE.perturbed(len(people), cell_key(sum(keys[p] for p in people))) for people in cells]
        hits.append(sum(a == b for a, b in zip(shown, observed, strict=True)))
    by_chance = sum(
        PTABLE.chances(len(people))[seen - len(people)] for people, seen in zip(cells, observed, strict=True)
    )
    assert statistics.fmean(hits) == pytest.approx(by_chance, abs=0.3)
    assert max(hits) < len(cells)
