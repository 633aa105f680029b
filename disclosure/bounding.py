"""Bounds on what one person may contribute, derived per measure, and the keyed choice of what is kept.

The bound is the noise's licence: were a person able to contribute more than it says, an analyst would learn more about
that person than the ledger charges for. The choice of the cells kept is keyed and depends on nothing but the person and
the cell: never on the order of rows, and nobody without the key can foresee it.
"""

import hmac
import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from disclosure.query import FlowQuestion, OverlapQuestion, Question, StockQuestion

HMAC_BLOCK_BYTES: Final = 64
"""Block length of SHA-256 (RFC 2104)."""

TRUNCATION_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class ContributionBound:
    """At most `cells` cells of the table change when one synthetic key and all its rows are added or removed.

    `l2_squared` bounds the squared Euclidean length of that change: an exact integer, since every measure counts in
    integers. `truncates` tells whether persons with more cells exist in principle and lose some of them.
    """

    cells: int
    l2_squared: int
    truncates: bool

    @property
    def l2(self) -> float:
        """The L2 sensitivity, rounded upward."""
        return square_root_upward(self.l2_squared)


def square_root_upward(value: int) -> float:
    """Return the least double (or its neighbour) that is not below the square root of a non-negative integer."""
    root = math.sqrt(value)
    while Fraction(root) ** 2 < value:
        root = math.nextafter(root, math.inf)
    return root


def contribution_bound(question: Question, flow_cells_per_person: int) -> ContributionBound:
    """Return the bound of a question.

    *Stock*: a person is in at most one cell a date, so in as many cells as there are dates; nothing is truncated.
    *Flows*: a person has one value per dimension, so at most one cell a year; the agreement's `flow_cells_per_person`
    truncates what exceeds it. *Overlap*: each person is in exactly one cell or none.
    Each distinct person-cell counts 1, so the squared length of the change is the number of cells.
    """
    match question:
        case StockQuestion():
            return ContributionBound(len(question.dates), len(question.dates), truncates=False)
        case FlowQuestion():
            cells = min(flow_cells_per_person, len(question.years))
            return ContributionBound(cells, cells, truncates=cells < len(question.years))
        case OverlapQuestion():
            return ContributionBound(1, 1, truncates=False)


@dataclass(frozen=True, slots=True)
class TruncationKey:
    """The versioned secret key of the choice of cells kept; a new version makes every question a new one."""

    version: int
    material: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.material) != TRUNCATION_KEY_BYTES:
            raise ValueError(f"a truncation key has {TRUNCATION_KEY_BYTES} bytes")

    def pads(self) -> tuple[bytes, bytes]:
        """Return HMAC's inner and outer padded key (64 bytes each, RFC 2104), as secret as the key itself."""
        padded = self.material.ljust(HMAC_BLOCK_BYTES, b"\0")
        return bytes(byte ^ 0x36 for byte in padded), bytes(byte ^ 0x5C for byte in padded)


def keyed_rank(key: TruncationKey, synthetic_key: bytes, label: str) -> str:
    """Return the rank of a person-cell: HMAC-SHA256(key, synthetic key ‖ label), hexadecimal. Lowest ranks are kept."""
    return hmac.digest(key.material, synthetic_key + label.encode(), "sha256").hex()


def keyed_rank_sql(inner: str, outer: str, synthetic_key: str, label: str) -> str:
    """Return the SQL twin of `keyed_rank` over four SQL expressions: two padded keys, a BLOB and a VARCHAR."""
    return f"sha256({outer} || unhex(sha256({inner} || {synthetic_key} || encode({label}))))"
