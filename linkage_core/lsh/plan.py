"""A plan of tables: which bits each samples, and how many tables of each CLK give the wanted recall at the least cost.

A table takes the same few bits of every row; rows with equal bits there share a bucket, and only pairs of a bucket are
compared. A pair that agrees in a share q of its bits shares a bucket of r bits with chance q^r, so L tables find it
with chance 1 - (1 - q^r)^L (Indyk and Motwani, 1998: locality-sensitive hashing by bit sampling). Unrelated diffused
CLKs agree in half of their bits, so few of their pairs share a bucket. Decoding the sampled bits with a Golay or
Reed-Muller code instead gives the same pairs at the same cost, to a few per cent, at every q from .6 to .9.

Which pairs count: those of two records that are each other's best, `SampledPairs.best`. They are the links that are
chosen whatever else is found. Of all pairs that reach the link threshold most are false in a large file: near it, and
of records that have a better partner. The plan tells the expected share of both.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.cost import WORD_BITS
from linkage_core.comparing.statistical_exit import chance_within
from linkage_core.lsh.kernels import HEAD_WORDS

FEWEST_BITS: Final = 4
MOST_BITS: Final = 24
"""Sampled bits of a table: 2^24 buckets take 128 MiB while they are sorted."""

MOST_TABLES: Final = 1024
"""Tables of all CLKs: beyond, files are either small or too unlike for this."""

ROW_COST: Final = 160.0
"""What a table costs for each row, in pairs of a bucket compared: 80 ns against .5 ns, measured at 1.8 million rows."""

EXACT_PAIR_COST: Final = 1.4
"""What one pair of an exact search costs for each CLK, in pairs of a bucket compared: .7 ns, measured at 2 G pairs."""

STANDARD_ERRORS: Final = 2.33
"""The true recall is below the wanted one in a hundredth of all samples; tables are cheaper than larger samples."""

PAIRS_FOR_ONE_MISS: Final = 4.6
"""A sample of n pairs that are all found says that at most 4.6 / n are not, at the same odds."""

UNRELATED_KEPT: Final = 0.001
"""Share of unrelated pairs of a bucket that are compared beyond their first words."""

HEAD_BITS: Final = HEAD_WORDS * WORD_BITS

SALT: Final = b"symbolon lsh table v1"


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """What a sample of pairs tells a plan.

    `apart`: int64, (pairs, CLKs), in how many bits each pair differs; -1 where the pair's Dice in that CLK is below the
    candidate threshold or a record lacks the CLK, so that it cannot be found there. `best`: bool, (pairs,), whether the
    two are each other's best. `unrelated`: int64, (pairs, CLKs), the same of pairs of any two records,
    -1 only where one lacks the CLK. `length_bits`: of each CLK.
    """

    apart: NDArray[np.int64]
    best: NDArray[np.bool_]
    unrelated: NDArray[np.int64]
    length_bits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LshPlan:
    """Tables of each CLK. Table 0 finds equal codes; each other samples `bits[clk]` bits, drawn from `seed`.

    `tables[clk]` counts both kinds. A pair of a bucket is left unless at most `most_in_head[clk]` bits of four words
    differ. `expected_recall` is the share of best pairs that the tables find by the sample that planned them, and
    `expected_recall_of_linkable` that of all pairs that reach the link threshold. `cost_of_exact`: how many times as
    long an exact search would take, by the plan's own model.
    """

    seed: int
    bits: tuple[int, ...]
    tables: tuple[int, ...]
    most_in_head: tuple[int, ...]
    expected_recall: float
    expected_recall_of_linkable: float
    cost_of_exact: float

    def describe(self) -> dict[str, str | int]:
        """Return the fields as a manifest states them: the seed in hexadecimal, shares with six decimals."""
        return {
            "lsh_seed": self.seed.to_bytes(8, "big").hex(),
            "lsh_bits": ",".join(map(str, self.bits)),
            "lsh_tables": ",".join(map(str, self.tables)),
            "lsh_most_in_head": ",".join(map(str, self.most_in_head)),
            "lsh_expected_recall": f"{self.expected_recall:.6f}",
            "lsh_expected_recall_of_linkable": f"{self.expected_recall_of_linkable:.6f}",
        }


def plan_tables(
    agreement: Agreement, rows: Sequence[int], pairs: Sequence[int], wanted_recall: float, seed: int
) -> LshPlan | None:
    """Return the cheapest plan that finds `wanted_recall` of the best pairs, by the sample; None if exact is cheaper.

    The recall that the sample predicts is above the wanted one by `STANDARD_ERRORS` of its own, so that a plan that
    fits its sample too well does not fall short elsewhere.

    `rows` and `pairs`: of each CLK, how many records have it, and how many pairs of them an exact search compares.
    `wanted_recall` below 1; `seed` 0 to 2^64 - 1. None also where the sample holds too few
    best pairs to promise that much, or no pair of records that have some CLK.
    """
    if (
        agreement.best.sum() * (1 - wanted_recall) < PAIRS_FOR_ONE_MISS
        or not (agreement.unrelated >= 0).any(axis=0).all()
    ):
        return None
    most_in_head = tuple(
        _most_in_head(apart, length) for apart, length in zip(agreement.unrelated.T, agreement.length_bits, strict=True)
    )
    passed = _passed(agreement, most_in_head)
    exact = EXACT_PAIR_COST * sum(pairs)
    best: tuple[float, LshPlan] | None = None
    for bits in range(FEWEST_BITS, MOST_BITS + 1):
        chances = _Chances.of(agreement, passed, bits)
        costs = [ROW_COST * r + p * c for r, p, c in zip(rows, pairs, chances.unrelated, strict=True)]
        limit = exact if best is None else best[0]
        tables = _fewest_tables(chances, agreement.best, costs, wanted_recall, limit)
        if tables is None:
            continue
        cost = float(np.dot(tables, costs))
        found = chances.found(tables)
        plan = LshPlan(
            seed=seed,
            bits=(bits,) * len(rows),
            tables=tuple(int(number) + 1 for number in tables),
            most_in_head=most_in_head,
            expected_recall=float(found[agreement.best].mean()),
            expected_recall_of_linkable=float(found.mean()),
            cost_of_exact=exact / cost if cost else np.inf,
        )
        if best is None or cost < best[0]:
            best = cost, plan
    return None if best is None else best[1]


def places_of(plan: LshPlan, clk: int, table: int, length_bits: int, count: int) -> NDArray[np.uint64]:
    """Return `count` different places of bits, uint64, drawn for a table: the first `plan.bits[clk]` make its key.

    From SHAKE-256 by rejection, so that a recorded seed gives the same tables on every machine and version.
    """
    name = SALT + plan.seed.to_bytes(8, "big") + clk.to_bytes(4, "big") + table.to_bytes(4, "big")
    fair = (1 << 32) // length_bits * length_bits
    numbers = 2 * count
    while True:
        stream = np.frombuffer(hashlib.shake_256(name).digest(4 * numbers), ">u4")
        drawn = list(dict.fromkeys((stream[stream < fair] % length_bits).tolist()))
        if len(drawn) >= count:
            return np.array(drawn[:count], np.uint64)
        numbers *= 2


def head_of(table: int, length_bits: int) -> int:
    """Return the word from which on a table compares pairs first: tables take turns, so that none is left for good."""
    return table % (length_bits // HEAD_BITS) * HEAD_WORDS


@dataclass(frozen=True, slots=True, eq=False)
class _Chances:
    """For tables of some number of bits: chances of sampled pairs (pairs, CLKs) to share a bucket, and to pass by their
    first words; and of two unrelated records (a number a CLK) to share a bucket."""

    shared: NDArray[np.float64]
    passed: NDArray[np.float64]
    unrelated: tuple[float, ...]
    heads: NDArray[np.int64]

    @classmethod
    def of(cls, agreement: Agreement, passed: NDArray[np.float64], bits: int) -> "_Chances":
        lengths = np.array(agreement.length_bits)
        shared = np.where(agreement.apart >= 0, 1 - agreement.apart / lengths, 0.0) ** bits
        any_two = np.where(agreement.unrelated >= 0, 1 - agreement.unrelated / lengths, np.nan) ** bits
        return cls(shared, passed, tuple(np.nanmean(any_two, axis=0).tolist()), lengths // HEAD_BITS)

    def found(self, tables: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the chance of each pair to be found by so many tables of each CLK: float64, (pairs,)."""
        found: NDArray[np.float64] = 1 - self.missed(tables).prod(axis=1)
        return found

    def missed(self, tables: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the chance of each pair to be missed by the tables of each CLK: float64, (pairs, CLKs).

        A pair passes by one head or it does not, in all tables of that head; equal codes are always found.
        """
        by_head = 1 - self.passed + self.passed * (1 - self.shared) ** (tables / self.heads)
        missed: NDArray[np.float64] = np.where(self.shared == 1, 0.0, by_head**self.heads)
        return missed


def _most_in_head(unrelated: NDArray[np.int64], length_bits: int) -> int:
    """Return how many bits of a head may differ, so that few unrelated pairs are compared beyond it."""
    apart, pairs = np.unique(unrelated[unrelated >= 0], return_counts=True)
    kept = pairs @ chance_within(apart, HEAD_BITS, length_bits) / pairs.sum()
    return max(int(np.searchsorted(kept, UNRELATED_KEPT, side="right")) - 1, 0)


def _passed(agreement: Agreement, most_in_head: Sequence[int]) -> NDArray[np.float64]:
    """Return the chance of each pair to pass by its head in a table of each CLK: float64, (pairs, CLKs)."""
    passed = np.zeros(agreement.apart.shape)
    for clk, (length, most) in enumerate(zip(agreement.length_bits, most_in_head, strict=True)):
        possible = agreement.apart[:, clk] >= 0
        passed[possible, clk] = chance_within(agreement.apart[possible, clk], HEAD_BITS, length)[:, most]
    return passed


def _fewest_tables(
    chances: _Chances, best: NDArray[np.bool_], costs: Sequence[float], wanted: float, limit: float
) -> NDArray[np.int64] | None:
    """Return the tables of each CLK, added one by one where they win most for their cost; None beyond the limit."""
    uncertain = best & (chances.shared < 1).all(axis=1)
    pairs, certain = int(best.sum()), int(best.sum() - uncertain.sum())
    chances = _Chances(chances.shared[uncertain], chances.passed[uncertain], chances.unrelated, chances.heads)

    def recall_and_error(tables: NDArray[np.int64]) -> tuple[float, float]:
        found = chances.found(tables)
        recall = (certain + found.sum()) / pairs
        variance = (certain + (found * found).sum()) / pairs - recall**2
        return float(recall), float(np.sqrt(max(variance, 0.0) / pairs))

    tables = np.zeros(len(costs), np.int64)
    one_more = np.eye(len(costs), dtype=np.int64)
    recall, error = recall_and_error(tables)
    while recall - STANDARD_ERRORS * error < wanted:
        nexts = [recall_and_error(tables + more) for more in one_more]
        gains = [(after - recall) / cost for (after, _), cost in zip(nexts, costs, strict=True)]
        chosen = int(np.argmax(gains))
        tables[chosen] += 1
        recall, error = nexts[chosen]
        if gains[chosen] <= 0 or np.dot(tables, costs) > limit or tables.sum() > MOST_TABLES:
            return None
    return tables
