"""Presentation of unreliable cells. It protects nobody: small cells are protected by the noise alone.

It looks at noisy values only, so that it costs nothing and tells nothing that the values do not.
"""

from typing import Final

LARGEST_HALF_WIDTH_PER_MILLE: Final = 500
"""A cell is unreliable if the half-width of its 95 % interval is above this share of its noisy value."""


def least_reliable(half_width: int, minimum_cell_count: int) -> int:
    """Return the least noisy value that is neither too small to be read by itself nor drowned in its own noise."""
    return max(-(-half_width * 1000 // LARGEST_HALF_WIDTH_PER_MILLE), minimum_cell_count)


def is_unreliable(value: int, half_width: int, minimum_cell_count: int, *, signed: bool = False) -> bool:
    """Tell whether a noisy value is too uncertain to be read by itself: below `least_reliable`.

    A signed value, such as a balance or a sum, may be small or negative; only its noise counts.
    """
    least = least_reliable(half_width, 0 if signed else minimum_cell_count)
    return (abs(value) if signed else value) < least
