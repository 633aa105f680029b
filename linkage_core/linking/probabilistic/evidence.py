"""What a pair of records shows: for every CLK a level of its Dice, for every match key whether it agrees.

Where the agreement has frequency classes, a CLK that encodes such a name has a comparison beside it for each of them:
what is near on a rare name is more than what is near on a common one. Its levels count the bounds that the commoner of
the two names stays below; level 0 is also that of a pair that is not near, or of unknown class. So it adds to the CLK
and never takes from it, and where few pairs of a class speak the weight stays that of the CLK alone.

Levels of a CLK begin at fixed steps above what unrelated codes reach by chance, in standard deviations of that chance:
codes of another length or diffusion have other levels without anybody choosing them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from linkage_core.errors import Unfit
from linkage_core.linking.files import MatchKeyColumn
from linkage_core.linking.pool import ClassColumn, RecordPool
from linkage_core.linking.probabilistic.false_matches import UnrelatedCloseness
from linkage_core.searching.encodings import Encodings
from linkage_core.searching.search import dice_where_present
from linkage_core.types import ClkName, MatchKeyName, VariableName

MISSING: Final = -1
"""The level of a comparison that one of the two records lacks."""

AGREES: Final = 1
"""The level of a match key that both records have alike; they differ at level 0."""

FIRST_STEP: Final = 2.5
STEP_FACTOR: Final = 1.4
"""Levels of a CLK begin at 2.5 standard deviations above chance, each 1.4 times as far as the last: false pairs thin
out about as evenly from level to level as they can, true pairs are told apart where they overlap with them."""

HIGH_SHARES: Final = (0.85, 0.97)
"""Shares of the way from chance to equal codes at which the last two levels begin."""

NEAR_LEVEL: Final = 3
"""The level of a CLK from which on its frequency classes count: nearer than those who share one part of it."""

UNRELATED_PAIRS: Final = 20_000
LEAST_UNRELATED_PAIRS: Final = 100

LABEL: Final = b"symbolon unrelated pairs v1"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One CLK or match key as it is compared: level k > 0 begins at `edges[k - 1]` (a Dice, `>=`).

    `chance`, `spread`: mean and standard deviation of the Dice of unrelated records; 0 and 1 for a match key, whose one
    edge is 1. A frequency class is compared for each CLK that encodes its name, `of_clk`; its edges are counts of
    bounds.
    """

    name: str
    kind: Literal["clk", "match-key", "frequency-class"]
    edges: tuple[float, ...]
    chance: float = 0.0
    spread: float = 1.0
    of_clk: str = ""

    @property
    def levels(self) -> int:
        """How many levels there are beside *missing*."""
        return len(self.edges) + 1


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Pairs of record numbers with what each shows.

    `row_a`, `row_b`: uint32, (pairs,). `levels`: int8, (pairs, comparisons), from 0 or `MISSING`. `closeness`: float32,
    (pairs,), the Dice above chance in standard deviations, summed over the CLKs that both have: it orders pairs whose
    levels are the same.
    """

    row_a: NDArray[np.uint32]
    row_b: NDArray[np.uint32]
    levels: NDArray[np.int8]
    closeness: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.row_a)

    def take(self, kept: NDArray[np.bool_] | NDArray[np.intp]) -> "Evidence":
        """Return some of the pairs, by a mask or by their places."""
        return Evidence(self.row_a[kept], self.row_b[kept], self.levels[kept], self.closeness[kept])


def comparisons_of(pool: RecordPool, encodings: Encodings, seed: int) -> tuple[Comparison, ...]:
    """Return the pool's CLKs, with levels measured on random pairs drawn by `seed`, then match keys, then classes.

    A CLK that hardly any two records have gets one level, equal codes. Raises `Unfit` where unrelated ones do not vary.
    """
    first, second = _unrelated(pool.size, seed)
    made = []
    for clk in pool.clks:
        words = encodings.words(clk, 0, pool.size)
        dice = dice_where_present(words, first, second)
        dice = dice[~np.isnan(dice)]
        if len(dice) < LEAST_UNRELATED_PAIRS:
            made.append(Comparison(clk, "clk", (1.0,)))
            continue
        chance = float(np.median(dice))
        spread = float(np.subtract(*np.quantile(dice, [0.84134, 0.15866]))) / 2
        if not 0 < spread < 1 - chance:
            raise Unfit(f"CLK {clk}: unrelated records have codes of one similarity; the encoding says nothing")
        made.append(Comparison(clk, "clk", _edges(chance, spread), chance, spread))
    made += [Comparison(key, "match-key", (1.0,)) for key in pool.match_keys]
    for variable, column in pool.frequency_classes.items():
        steps = tuple(map(float, range(1, column.classes)))
        made += [Comparison(variable, "frequency-class", steps, of_clk=clk) for clk in column.clks]
    return tuple(made)


def _edges(chance: float, spread: float) -> tuple[float, ...]:
    high = [chance + share * (1 - chance) for share in HIGH_SHARES]
    edges, step = [], FIRST_STEP
    while chance + step * spread < high[0]:
        edges.append(chance + step * spread)
        step *= STEP_FACTOR
    return (*edges, *high)


def _unrelated(size: int, seed: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Draw pairs of different records; among many records, next to none of them is of one person."""
    stream = hashlib.shake_256(LABEL + seed.to_bytes(8, "big")).digest(16 * UNRELATED_PAIRS)
    both = (np.frombuffer(stream, ">u8") % np.uint64(size)).astype(np.uint32).reshape(2, -1)
    return both[0][both[0] != both[1]], both[1][both[0] != both[1]]


def unrelated_closeness(
    pool: RecordPool, encodings: Encodings, comparisons: Sequence[Comparison], seed: int
) -> UnrelatedCloseness:
    """Return how close random pairs of records are, by the same draw as `comparisons_of`."""
    closeness = evidence_between(*_unrelated(pool.size, seed), encodings, pool, comparisons).closeness
    low, middle, high = np.quantile(closeness, [0.15866, 0.5, 0.84134]).tolist()
    return UnrelatedCloseness(middle, max((high - low) / 2, float(np.finfo(np.float32).eps)))


def evidence_of(
    row_a: NDArray[np.uint32],
    row_b: NDArray[np.uint32],
    dice: Mapping[ClkName, NDArray[np.float64]],
    match_keys: Mapping[MatchKeyName, MatchKeyColumn],
    frequency_classes: Mapping[VariableName, ClassColumn],
    comparisons: Sequence[Comparison],
) -> Evidence:
    """Return what pairs show, given their Dice in every CLK (not a number where a record lacks it)."""
    levels = np.empty((len(row_a), len(comparisons)), np.int8)
    closeness = np.zeros(len(row_a), np.float32)
    place_of = {comparison.name: place for place, comparison in enumerate(comparisons) if comparison.kind == "clk"}
    for place, comparison in enumerate(comparisons):
        if comparison.kind == "frequency-class":
            rarity = _rarity(frequency_classes[VariableName(comparison.name)], row_a, row_b)
            levels[:, place] = np.where(levels[:, place_of[comparison.of_clk]] >= NEAR_LEVEL, rarity, 0)
            continue
        if comparison.kind == "match-key":
            levels[:, place] = _agreement(match_keys[MatchKeyName(comparison.name)], row_a, row_b)
            continue
        of_clk = dice[ClkName(comparison.name)]
        missing = np.isnan(of_clk)
        levels[:, place] = np.where(missing, MISSING, np.searchsorted(comparison.edges, of_clk, side="right"))
        closeness += np.where(missing, 0, (of_clk - comparison.chance) / comparison.spread).astype(np.float32)
    return Evidence(row_a, row_b, levels, closeness)


def evidence_between(
    row_a: NDArray[np.uint32],
    row_b: NDArray[np.uint32],
    encodings: Encodings,
    pool: RecordPool,
    comparisons: Sequence[Comparison],
) -> Evidence:
    """Return what any pairs of the pool show."""
    dice = {clk: dice_where_present(encodings.words(clk, 0, pool.size), row_a, row_b) for clk in pool.clks}
    return evidence_of(row_a, row_b, dice, pool.match_keys, pool.frequency_classes, comparisons)


def joined(parts: Sequence[Evidence], comparisons: int) -> Evidence:
    """Return the pairs of all parts, sorted by their record numbers, so that no order of finding them remains."""
    if not parts:
        none = np.zeros(0, np.uint32)
        return Evidence(none, none, np.zeros((0, comparisons), np.int8), np.zeros(0, np.float32))
    row_a = np.concatenate([part.row_a for part in parts])
    row_b = np.concatenate([part.row_b for part in parts])
    order = np.lexsort((row_b, row_a))
    return Evidence(
        row_a[order],
        row_b[order],
        np.concatenate([part.levels for part in parts])[order],
        np.concatenate([part.closeness for part in parts])[order],
    )


def _agreement(column: MatchKeyColumn, row_a: NDArray[np.uint32], row_b: NDArray[np.uint32]) -> NDArray[np.int8]:
    values = np.ascontiguousarray(column.keys).view("<u8").reshape(-1, 2)
    equal = (values[row_a] == values[row_b]).all(axis=1)
    both = column.present[row_a] & column.present[row_b]
    return np.where(both, equal, MISSING).astype(np.int8)


def _rarity(column: ClassColumn, row_a: NDArray[np.uint32], row_b: NDArray[np.uint32]) -> NDArray[np.int8]:
    """Return how many bounds the commoner name of each pair stays below; 0 where one of the two has no class."""
    one, other = column.of[row_a], column.of[row_b]
    rarity = column.classes - np.maximum(one, other).astype(np.int8)
    return np.where((one > 0) & (other > 0), rarity, 0).astype(np.int8)
