"""What comparing costs, in words: the model by which an early exit is chosen. It decides speed only, no result."""

from typing import Final

WORD_BITS: Final = 64

WORDS_OF_A_PAIR: Final = 1.0
"""What looking whether a pair survived its first words costs, in words compared of 128 columns at a time."""

WORDS_OF_A_SURVIVOR: Final = 60.0
"""What comparing one survivor to its end costs, in words compared of 128 columns at a time; measured."""


def words_of_work(words: int, survivors: float) -> float:
    """Return the work of a pair whose first `words` words are compared, when a share of `survivors` goes on."""
    return words + WORDS_OF_A_PAIR + WORDS_OF_A_SURVIVOR * survivors
