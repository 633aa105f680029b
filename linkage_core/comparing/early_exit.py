"""How many first words decide, without any loss, whether a pair may be left: chosen from a sample of the block's pairs.

After some words a pair's common bits can only grow by the rest of the sparser CLK. Where CLKs are far less than half
full, unrelated pairs fall below the threshold even so. Where they are half full, as diffused ones are, no bound cuts.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.cost import Cost

SAMPLE_PAIRS: Final = 1024
"""Pairs of a block that are tried: every few rows of one side beside every few of the other."""

WORTH_SAMPLING: Final = 1 << 19
"""Pairs of a block below which all words are compared: the sample would take longer than what it saves."""


def choose_words(left: NDArray[np.uint64], right: NDArray[np.uint64], need: NDArray[np.int64], cost: Cost) -> int:
    """Return after how many words a pair is left where it cannot reach the threshold: all words if that is cheapest.

    `left` and `right` uint64 (rows, words); `need[s]` as the kernels have it. Affects speed only.
    """
    words: int = left.shape[1]
    if len(left) * len(right) < WORTH_SAMPLING:
        return words
    drawn = np.arange(SAMPLE_PAIRS)
    a, b = left[drawn * len(left) // SAMPLE_PAIRS], right[drawn * 619 % SAMPLE_PAIRS * len(right) // SAMPLE_PAIRS]
    common = np.cumsum(np.bitwise_count(a & b), axis=1, dtype=np.int64)
    in_a = np.cumsum(np.bitwise_count(a), axis=1, dtype=np.int64)
    in_b = np.cumsum(np.bitwise_count(b), axis=1, dtype=np.int64)
    rest = np.minimum(in_a[:, -1:] - in_a, in_b[:, -1:] - in_b)
    survivors = (common + rest >= need[in_a[:, -1:] + in_b[:, -1:]]).mean(axis=0)
    work = {chosen: cost.of(chosen, float(survivors[chosen - 1])) for chosen in range(1, words)}
    work[words] = cost.of(words, 0.0)
    return min(work, key=work.__getitem__)
