"""Dice of chosen pairs: the scores of candidates in the CLKs that did not propose them."""

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.kernels import dice_of_rows


def dice_of_pairs(words: NDArray[np.uint64], a: NDArray[np.uint32], b: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Return the Dice coefficient of rows `a[i]` and `b[i]` of `words`, uint64 (records, words); 0 if both are empty.

    Equal to anonlink's, bit for bit: both divide the same two whole numbers.
    """
    dice = np.empty(len(a), dtype=np.float64)
    dice_of_rows(words, a, b, dice)
    return dice
