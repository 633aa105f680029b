"""Whether somebody is in the data: the best attack on released tables, made through the whole door.

The attacker knows everybody's rows, the target's too, and has only to tell which of two neighbouring data sets a table
came from. Whoever knows both exact vectors does best by projecting the noisy numbers on their difference. Of Gaussian
noise with rho in all, that attack is right with probability Φ(√(2·rho) / 2) at most; a mechanism that leaks more than
it charges is found out by being told apart more often.
"""

import datetime
from collections.abc import Mapping
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from disclosure.compilation import CompiledQuestion
from disclosure.measurements import OpenDPNoise
from disclosure.query.parsing import parse_question
from disclosure.release import release
from disclosure.table import Release
from tests.disclosure_cases import crowd, document, synthetic_key, together
from tests.disclosure_world import ASKING, KEY, DuckDbCounter, MemoryLedger, Rows, terms, vectors

TABLES = 300
TARGET = synthetic_key(10**6)
NANO_RHO = 400_000_000


def day(year: int, month: int) -> datetime.date:
    return datetime.date(year, month, 1)


WORST: Rows = {
    ("register", "spells"): [
        {"synthetic_key": TARGET, "start": day(2018, 2), "end": day(2019, 3)},
        {"synthetic_key": TARGET, "start": day(2020, 2), "end": day(2020, 4)},
    ],
    ("border", "crossings"): [
        {"synthetic_key": TARGET, "day": day(year, month), "direction": "in"}
        for year in range(2017, 2022)
        for month in range(1, 13)
    ],
    ("tax", "years"): [{"synthetic_key": TARGET, "year": year, "income": 90_000} for year in range(2017, 2022)],
}
"""Somebody who contributes as much as anybody can."""


class CountedOnce:
    """Counts in DuckDB once, and gives the same numbers to every release."""

    def __init__(self, rows: Rows) -> None:
        self._counter = DuckDbCounter(rows)
        self._found: Mapping[int, tuple[int, ...]] | None = None

    def count(self, compiled: CompiledQuestion) -> Mapping[int, tuple[int, ...]]:
        if self._found is None:
            self._found = self._counter.count(compiled)
        return self._found


QUESTIONS: list[dict[str, Any]] = [
    document("stock", at=["2018-03-01", "2019-03-01", "2020-03-01"], by=["sex"], rule={"minimum_months": 0}),
    document("net", by=["age"], rule={"minimum_months": 0}),
    document("events", at_most=9),
    document("mean"),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["measure"])
def test_the_best_attack_tells_neighbours_apart_no_more_often_than_rho_allows(question: dict[str, Any]) -> None:
    others = together(*crowd(3, 30))
    with_target = {table: [*rows, *WORST.get(table, ())] for table, rows in others.items()}
    asked = {**question, "accuracy": {"nano_rho": NANO_RHO}}
    world = replace(terms(), minimum_cell_count=0)
    parsed = parse_question(asked)

    def table(counter: CountedOnce) -> Release:
        return release(
            parsed,
            terms=world,
            asking=ASKING,
            ledger=MemoryLedger(),
            counter=counter,
            noise=OpenDPNoise(),
            truncation_key=KEY,
        )

    here, gone = vectors(parsed, world, with_target), vectors(parsed, world, others)
    scores = []
    for rows in (with_target, others):
        counter = CountedOnce(rows)
        scores.append([_score(table(counter), here, gone) for _ in range(TABLES)])
    present, absent = np.array(scores)
    # On integers the two worlds may be equally likely: then a guess is right half the time.
    right = (present > 0).sum() + (absent < 0).sum() + ((present == 0).sum() + (absent == 0).sum()) / 2
    allowed = NormalDist().cdf((2 * NANO_RHO / 1e9) ** 0.5 / 2)
    error = (allowed * (1 - allowed) / (2 * TABLES)) ** 0.5
    assert right / (2 * TABLES) < allowed + 4 * error
    # The target contributes as much as the bound lets anybody: an attack that stays far below would test nothing.
    assert right / (2 * TABLES) > allowed - 6 * error


def _score(table: Release, here: tuple[tuple[int, ...], ...], gone: tuple[tuple[int, ...], ...]) -> float:
    """The log-likelihood ratio of Gaussian noise: positive where the target seems to be in the table."""
    total = 0.0
    for vector, one, other in zip(table.noised, here, gone, strict=True):
        a, b = np.array(one, dtype=float), np.array(other, dtype=float)
        total += float((np.array(vector.values) - (a + b) / 2) @ (a - b)) / (vector.noise_sd_millionths / 1e6) ** 2
    return total
