"""Our side of anonlink: its signature of a similarity, its own Dice and ours, and a check that its parts are native.

To search with anonlink and this project's kernel:

    anonlink.candidate_generation.find_candidate_pairs(datasets, dice_of_kernel(), threshold)
"""

from array import array
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from bitarray import bitarray
from numpy.typing import NDArray

from linkage_core.errors import InputFault, Unfit

Clks = Sequence[bitarray]
"""CLKs of a block of rows, all of one length, a multiple of 64 bits."""


class SimilarityFunction(Protocol):
    """anonlink's signature, as any kernel has it."""

    def __call__(
        self, datasets: tuple[Clks, Clks], threshold: float, k: int | None = None
    ) -> tuple["array[float]", tuple["array[int]", "array[int]"]]:
        """Return pairs of two blocks with similarity >= `threshold`, at most `k` for each row of the first (None: all).

        The result is (similarities, (indices in the first block, indices in the second)): arrays of type `d`, `I`, `I`.
        """


def dice_of_anonlink() -> SimilarityFunction:
    """Return anonlink's native Dice; raises `Unfit` where only its Python twin could be loaded."""
    assert_native()
    from anonlink.similarities import dice_coefficient_accelerated

    function: SimilarityFunction = dice_coefficient_accelerated
    return function


def dice_of_kernel() -> SimilarityFunction:
    """Return this project's Dice with anonlink's signature: the same pairs and order as `dice_coefficient_python`.

    That is, by falling similarity, then rising index in the first block, then in the second; every pair that is exactly
    at the threshold, of which anonlink's compiled Dice loses some; of equals, the first `k`. CLKs may be of any length,
    but all of one: else it raises `InputFault`. Compiles on first use; releases Python's lock while it compares.
    """
    from linkage_core.comparing.dice import find_pairs
    from linkage_core.comparing.pairwise import dice_of_pairs

    def dice(
        datasets: tuple[Clks, Clks], threshold: float, k: int | None = None
    ) -> tuple["array[float]", tuple["array[int]", "array[int]"]]:
        lengths = {len(clk) for clks in datasets for clk in clks}
        if len(lengths) > 1:
            raise InputFault(f"CLKs of {len(lengths)} lengths cannot be compared; use one schema")
        if not all(datasets) or threshold > 1:
            return array("d"), (array("I"), array("I"))
        left, right = (_as_words(clks) for clks in datasets)
        if threshold > 0:
            i, j = find_pairs(left, right, threshold)
        else:  # also of CLKs that are empty: their Dice is 0
            i, j = (every.ravel().astype(np.uint32) for every in np.indices((len(left), len(right))))
        similarity = dice_of_pairs(np.concatenate([left, right]), i, j + np.uint32(len(left)))
        order = np.lexsort((j, -similarity, i))
        if k is not None:
            order = order[_rank_among_equals(i[order]) < k]
        order = order[np.argsort(-similarity[order], kind="stable")]
        return array("d", similarity[order].tobytes()), (array("I", i[order].tobytes()), array("I", j[order].tobytes()))

    return dice


def assert_native() -> None:
    """Raise `Unfit` unless anonlink's compiled Dice and solver are loaded: it replaces either silently by Python.

    The twins give the same answers, hundreds of times slower: a run that should take minutes would take days.
    """
    import anonlink.similarities
    import anonlink.solving

    missing = []
    if anonlink.similarities.dice_coefficient is not getattr(
        anonlink.similarities, "dice_coefficient_accelerated", None
    ):
        missing.append("anonlink.similarities._dice")
    if anonlink.solving.greedy_solve is not getattr(anonlink.solving, "greedy_solve_native", None):
        missing.append("anonlink.solving._multiparty_solving")
    if missing:
        raise Unfit(
            f"compiled parts of anonlink did not load: {', '.join(missing)}. "
            "Install a wheel for this Python, or build anonlink with a C++ compiler and Cython."
        )


def as_bitarrays(bits: NDArray[np.uint8]) -> list[bitarray]:
    """Return each row of packed bits, uint8 (rows, bytes), as a bitarray."""
    clks = []
    for row in bits:
        clk = bitarray()
        clk.frombytes(row.tobytes())
        clks.append(clk)
    return clks


def _as_words(clks: Clks) -> NDArray[np.uint64]:
    """Return CLKs as uint64 (rows, words), filled up with zeros to whole words."""
    rows = np.frombuffer(b"".join(clk.tobytes() for clk in clks), np.uint8).reshape(len(clks), -1)
    return np.ascontiguousarray(np.pad(rows, ((0, 0), (0, -rows.shape[1] % 8)))).view(np.uint64)


def _rank_among_equals(sorted_values: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return for each of some sorted values how many equal ones stand before it."""
    return np.arange(len(sorted_values)) - np.searchsorted(sorted_values, sorted_values)
