"""The seam between us and a similarity kernel: anonlink's own signature, its reference, and a check that it is native.

A faster kernel takes the same arguments and must return the same pairs; nothing else of the system would notice.
"""

from array import array
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from bitarray import bitarray
from numpy.typing import NDArray

from linkage_core.errors import Unfit

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
