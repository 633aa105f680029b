"""A search for candidates: what is compared with what, cut into tasks with stable names.

Tasks share nothing, so any engine runs them in any order, on any machine, again if a worker is lost; together they find
every pair once. The same search has the same tasks.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import combinations_with_replacement
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.dice import find_pairs, find_pairs_within
from linkage_core.comparing.pairwise import dice_of_pairs
from linkage_core.comparing.statistical_exit import StatisticalExit
from linkage_core.searching.candidates import Candidates, Found, unique_pairs
from linkage_core.searching.encodings import Encodings
from linkage_core.types import ClkName

BLOCK_ROWS: Final = 8192
"""Rows of a block: a task of all pairs then takes about half a second for four CLKs, and at worst, when every pair is a
candidate, about 500 MiB a CLK."""


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive record numbers of one file, `start` included, `stop` not; `within`: also compared with each other."""

    start: int
    stop: int
    within: bool


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
        return f"pairs.{self.left.start:010d}.{self.right.start:010d}"


Task = BlockPair


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: pairs across `spans`, or within one that is so marked, one of whose Dice is >= `threshold`.

    `exits`: for each of `clks`, when a comparison may end early by chance; None compares every bit.
    """

    clks: tuple[ClkName, ...]
    spans: tuple[Span, ...]
    threshold: float
    exits: tuple[StatisticalExit | None, ...]

    def digest(self, records: bytes) -> str:
        """Return a name of this search over records with that digest: another search, or other records, other name."""
        described = json.dumps(asdict(self), sort_keys=True).encode()
        return hashlib.blake2b(records + described, digest_size=16).hexdigest()

    def tasks(self) -> tuple[BlockPair, ...]:
        """Return the tasks, the same for the same search."""
        return tuple(self._block_pairs())

    def run(self, task: BlockPair, encodings: Encodings) -> Found:
        """Run one task. Takes no lock of Python while it compares, so that threads share the cores."""
        left, right = task.left, task.right
        parts = []
        for clk, exit_ in zip(self.clks, self.exits, strict=True):
            rows = encodings.words(clk, left.start, left.stop)
            if left == right:
                parts.append(find_pairs_within(rows, self.threshold, statistical_exit=exit_))
            else:
                others = encodings.words(clk, right.start, right.stop)
                parts.append(find_pairs(rows, others, self.threshold, statistical_exit=exit_))
        rows_left, rows_right = unique_pairs(parts)
        dice = {clk: _dice(encodings, clk, task, rows_left, rows_right) for clk in self.clks}
        return Found(Candidates(rows_left + np.uint32(left.start), rows_right + np.uint32(right.start), dice))

    def _block_pairs(self) -> Iterator[BlockPair]:
        blocks = [
            (span, Block(start, min(start + BLOCK_ROWS, span.stop)))
            for span in self.spans
            for start in range(span.start, span.stop, BLOCK_ROWS)
        ]
        for (span, left), (other, right) in combinations_with_replacement(blocks, 2):
            if span != other or span.within:
                yield BlockPair(left, right)


def _dice(
    encodings: Encodings, clk: ClkName, task: BlockPair, rows_left: NDArray[np.uint32], rows_right: NDArray[np.uint32]
) -> NDArray[np.float64]:
    """Return the pairs' Dice in one CLK, not a number where a record lacks it."""
    left = encodings.words(clk, task.left.start, task.left.stop)
    both = np.concatenate([left, encodings.words(clk, task.right.start, task.right.stop)])
    rows_right = rows_right + np.uint32(len(left))
    dice = dice_of_pairs(both, rows_left, rows_right)
    has = np.asarray(both.any(axis=1))
    dice[~(has[rows_left] & has[rows_right])] = np.nan
    return dice
