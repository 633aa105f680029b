"""A search for candidates: what is compared with what, cut into tasks with stable names.

Either every pair of records is compared, block by block, or only pairs that share a bucket of some table. Tasks share
nothing, so any engine runs them in any order, on any machine, again if a worker is lost; together they find every pair
once. The same search has the same tasks.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import combinations_with_replacement, product
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.dice import find_pairs, find_pairs_within
from linkage_core.comparing.pairwise import dice_of_pairs
from linkage_core.comparing.statistical_exit import StatisticalExit
from linkage_core.lsh.buckets import BUCKET_ROWS, SPLIT_BITS
from linkage_core.lsh.find import find_in_tables
from linkage_core.lsh.plan import LshPlan
from linkage_core.lsh.rows import CROWD, CodedRows, WantedPairs
from linkage_core.lsh.sample import draw_records
from linkage_core.searching.candidates import Candidates, Found, unique_pairs
from linkage_core.searching.encodings import Encodings, Words
from linkage_core.types import ClkName

BLOCK_ROWS: Final = 8192
"""Rows of a block: a task of all pairs then takes a fifth of a second for four CLKs. What it holds is bounded by the
search's `maximum`: 24 bytes a pair and CLK while it compares."""

TABLES_OF_A_TASK: Final = 4
"""At two million records a task of four tables then takes one to two seconds."""


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive record numbers of one file, `start` included, `stop` not; `within`: also compared with each other.

    `settled`: so many of its last records, none by default, are not compared with settled records of any file: what
    they have in common was decided before.
    """

    start: int
    stop: int
    within: bool
    settled: int = 0

    @property
    def first_settled(self) -> int:
        """The first record that is settled; `stop` if none is."""
        return self.stop - self.settled


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive records of one file."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class BlockPair:
    """A task: all pairs of two blocks, or of one block within itself."""

    left: Block
    right: Block

    @property
    def id(self) -> str:
        """The task's name among the search's."""
        return f"pairs.{self.left.start}-{self.left.stop}.{self.right.start}-{self.right.stop}"


@dataclass(frozen=True, slots=True)
class Tables:
    """A task: what tables `first` to before `stop` of one CLK (its place in the search) are the first to find."""

    clk: int
    first: int
    stop: int

    @property
    def id(self) -> str:
        """The task's name among the search's."""
        return f"tables.{self.clk}.{self.first}-{self.stop}"


@dataclass(frozen=True, slots=True)
class _Part:
    """Consecutive records of one file, all of them settled or none."""

    start: int
    stop: int
    file: int
    within: bool
    settled: bool

    @property
    def size(self) -> int:
        return self.stop - self.start

    def blocks(self) -> list[Block]:
        return [Block(start, min(start + BLOCK_ROWS, self.stop)) for start in range(self.start, self.stop, BLOCK_ROWS)]


Task = BlockPair | Tables


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: pairs across `spans`, or within one that is so marked, one of whose Dice is >= `threshold`.

    `spans` follow each other from record 0 on. With a `spine`, the place of a span, only pairs of one of its records
    and one of another span's count. Pairs of two settled records are never compared, so that a search costs in
    proportion to the others and to what they are compared with. More than `maximum` candidates, of one task or of all,
    stop the search.
    `seed`, 0 to 2^64 - 1, keys what tables remember of codes: it must not be known before the codes are. With a `plan`,
    its tables propose pairs; without, all are compared, and `exits` says for each of `clks` when a comparison may end
    early by chance: None compares every bit.
    """

    clks: tuple[ClkName, ...]
    spans: tuple[Span, ...]
    threshold: float
    exits: tuple[StatisticalExit | None, ...]
    maximum: int
    seed: int
    plan: LshPlan | None = None
    spine: int | None = None

    @property
    def records(self) -> int:
        """How many records there are."""
        return self.spans[-1].stop if self.spans else 0

    @property
    def wanted(self) -> WantedPairs:
        """Which pairs count, as tables and samples take it."""
        parts = self._parts()
        return WantedPairs(
            np.array([0, *(part.stop for part in parts)], np.int64),
            np.array([[self._compared(one, other) for other in parts] for one in parts], np.bool_).reshape(
                len(parts), len(parts)
            ),
            np.array([part.file for part in parts], np.int64),
        )

    @property
    def asking(self) -> NDArray[np.uint32]:
        """The records that are not settled, rising, uint32: every wanted pair has one of them or two."""
        settled = np.zeros(self.records, np.bool_)
        for span in self.spans:
            settled[span.first_settled : span.stop] = True
        return np.flatnonzero(~settled).astype(np.uint32)

    def draw(self, purpose: str, count: int) -> NDArray[np.uint32]:
        """Return up to `count` of the records in `asking`, rising, drawn by the seed for a purpose."""
        asking = self.asking
        return asking[draw_records(self.seed, purpose, count, len(asking))]

    @property
    def is_exact(self) -> bool:
        """Whether every pair is compared to its last bit."""
        return self.plan is None and not any(self.exits)

    def pairs(self) -> int:
        """Return how many pairs of records count."""
        return sum(
            one.size * (one.size - 1) // 2 if one is other else one.size * other.size
            for one, other in combinations_with_replacement(self._parts(), 2)
            if self._compared(one, other)
        )

    def digest(self, records: bytes) -> str:
        """Return a name of this search over records with that digest: another search, or other records, other name."""
        cut = (BLOCK_ROWS, TABLES_OF_A_TASK, BUCKET_ROWS, SPLIT_BITS, CROWD)
        described = json.dumps([asdict(self), cut], sort_keys=True).encode()
        return hashlib.blake2b(records + described, digest_size=16).hexdigest()

    def tasks(self) -> tuple[Task, ...]:
        """Return the tasks, the same for the same search."""
        return tuple(self._block_pairs() if self.plan is None else self._tables(self.plan))

    def run(self, task: Task, encodings: Encodings) -> Found:
        """Run one task. Takes no lock of Python while it compares, so that threads share the cores."""
        if isinstance(task, BlockPair):
            return self._compare(task, encodings)
        if self.plan is None:
            raise ValueError(f"task {task.id} is of a search by tables, this compares all pairs")
        return self._look_up(task, self.plan, encodings)

    def coded(self, encodings: Encodings) -> tuple[CodedRows, ...]:
        """Return every CLK of all records with what tables ask of it, made once for all tasks of this process."""
        with _CODING:
            return _coded_rows(encodings, self.clks, self.records, self.seed)

    def _compare(self, task: BlockPair, encodings: Encodings) -> Found:
        left, right = task.left, task.right
        parts = []
        for clk, exit_ in zip(self.clks, self.exits, strict=True):
            rows = encodings.words(clk, left.start, left.stop)
            if left == right:
                parts.append(find_pairs_within(rows, self.threshold, statistical_exit=exit_, maximum=self.maximum))
            else:
                others = encodings.words(clk, right.start, right.stop)
                parts.append(find_pairs(rows, others, self.threshold, statistical_exit=exit_, maximum=self.maximum))
        rows_left, rows_right = unique_pairs(parts)
        stop = np.uint32(left.stop - left.start)
        dice = {}
        for clk in self.clks if len(rows_left) else ():
            both = [encodings.words(clk, block.start, block.stop) for block in (left, right)]
            dice[clk] = dice_where_present(np.concatenate(both), rows_left, rows_right + stop)
        none: NDArray[np.float64] = np.zeros(0)
        return Found(
            Candidates(
                rows_left + np.uint32(left.start),
                rows_right + np.uint32(right.start),
                {clk: dice.get(clk, none) for clk in self.clks},
            )
        )

    def _look_up(self, task: Tables, plan: LshPlan, encodings: Encodings) -> Found:
        coded = self.coded(encodings)
        tables = range(task.first, task.stop)
        found = find_in_tables(coded, self.wanted, plan, task.clk, tables, self.threshold, self.maximum)
        order = np.lexsort((found.row_b, found.row_a))
        row_a, row_b = found.row_a[order], found.row_b[order]
        dice = {clk: dice_where_present(rows.words, row_a, row_b) for clk, rows in zip(self.clks, coded, strict=True)}
        return Found(Candidates(row_a, row_b, dice), found.split_buckets, found.skipped_pairs)

    def _block_pairs(self) -> Iterator[BlockPair]:
        for one, other in combinations_with_replacement(self._parts(), 2):
            if one is other and self._compared(one, other):
                yield from (BlockPair(*pair) for pair in combinations_with_replacement(one.blocks(), 2))
            elif self._compared(one, other):
                yield from (BlockPair(*pair) for pair in product(one.blocks(), other.blocks()))

    def _compared(self, one: "_Part", other: "_Part") -> bool:
        """Return whether pairs of two parts, or within one, are compared."""
        if one.settled and other.settled:
            return False
        if self.spine is not None:
            return (one.file == self.spine) != (other.file == self.spine)
        return one.file != other.file or one.within

    def _parts(self) -> list["_Part"]:
        """Return each span's records that are settled and those that are not, rising, apart; none without records."""
        return [
            part
            for file, span in enumerate(self.spans)
            for part in (
                _Part(span.start, span.first_settled, file, span.within, settled=False),
                _Part(span.first_settled, span.stop, file, span.within, settled=True),
            )
            if part.size
        ]

    def _tables(self, plan: LshPlan) -> Iterator[Tables]:
        for clk, tables in enumerate(plan.tables):
            for first in range(0, tables, TABLES_OF_A_TASK):
                yield Tables(clk, first, min(first + TABLES_OF_A_TASK, tables))


def dice_where_present(words: Words, row_a: NDArray[np.uint32], row_b: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Return the pairs' Dice in one CLK, float64, not a number where a record lacks it."""
    dice = dice_of_pairs(words, row_a, row_b)
    doubtful = np.flatnonzero(dice == 0)  # only a pair with nothing in common may lack something
    for rows in (row_a[doubtful], row_b[doubtful]):
        dice[doubtful[~words[rows].any(axis=1)]] = np.nan
    return dice


def forget_coded_rows() -> None:
    """Let go of the codes that this process holds of the last search."""
    with _CODING:
        _coded_rows.cache_clear()


_CODING: Final = Lock()


@lru_cache(maxsize=1)
def _coded_rows(encodings: Encodings, clks: tuple[ClkName, ...], records: int, seed: int) -> tuple[CodedRows, ...]:
    return tuple(CodedRows.of(encodings.words(clk, 0, records), seed) for clk in clks)
