"""Small searches over invented CLKs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from linkage_core.searching.candidates import Found
from linkage_core.searching.encodings import Encodings, EncodingsInMemory, as_words
from linkage_core.searching.engine import Engine, LocalEngine
from linkage_core.searching.run import find_candidates
from linkage_core.searching.search import Search, Span
from linkage_core.searching.workspace import FinishedInMemory, FinishedTasks
from linkage_core.types import ClkName

CLK = ClkName("main")
LENGTH_BITS = 1024


def with_set_bits(*runs: tuple[int, int]) -> NDArray[np.uint8]:
    """Return one packed CLK a run of set bits, `start` included, `stop` not."""
    rows = np.zeros((len(runs), LENGTH_BITS), np.uint8)
    for row, (start, stop) in enumerate(runs):
        rows[row, start:stop] = 1
    return np.packbits(rows, axis=1)


def in_memory(*clks: NDArray[np.uint8]) -> EncodingsInMemory:
    """Return CLKs `main`, `second`, … that every record has."""
    names = [CLK, *(ClkName(f"clk-{number}") for number in range(2, len(clks) + 1))]
    return EncodingsInMemory(
        {name: as_words(bits, np.ones(len(bits), np.bool_)) for name, bits in zip(names, clks, strict=True)}
    )


def all_pairs(encodings: EncodingsInMemory, spans: Sequence[Span], threshold: float, seed: int = 1) -> Search:
    """Return the exact search."""
    clks = tuple(encodings.by_clk)
    return Search(clks, tuple(spans), threshold, tuple(None for _ in clks), maximum=10**6, seed=seed)


def findings(
    search: Search,
    encodings: Encodings,
    *,
    engine: Engine | None = None,
    finished: FinishedTasks | None = None,
) -> list[Found]:
    """Run a search."""
    return list(
        find_candidates(
            search,
            encodings,
            engine=engine or LocalEngine(2),
            finished=finished or FinishedInMemory(),
            progress=lambda _done, _total: None,
        )
    )


def pairs(found: Sequence[Found]) -> list[tuple[int, int]]:
    """Return the pairs of all findings, in their order."""
    return [
        pair
        for part in found
        for pair in zip(part.candidates.row_a.tolist(), part.candidates.row_b.tolist(), strict=True)
    ]
