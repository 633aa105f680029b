"""How counts are told: those that belong to one value from a least number on, shares with a care for nothing."""

from typing import Final

from services.common.report.cells import Under

FEWEST_TOLD: Final = 5
"""A count of one particular value (a code, a year, an age) below this is told as below this."""


def told(count: int) -> int | Under:
    """Return a count that belongs to one particular value as it may be told."""
    return count if count == 0 or count >= FEWEST_TOLD else Under(FEWEST_TOLD)


def share(count: float, of: float) -> float | None:
    """Return a share from 0 to 1; None of nothing."""
    return count / of if of else None


def percent(count: float, of: float) -> str:
    """Return a share in words."""
    from services.common.report.cells import shown

    return shown(share(count, of), "share")


def times(count: float, one: str, many: str) -> str:
    """Return a count with its noun."""
    whole = round(count)
    return f"{whole:,} {one if whole == 1 else many}"
