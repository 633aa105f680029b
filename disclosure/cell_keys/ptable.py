"""The perturbation table (p-table): what a count becomes, given its cell's key.

For each count the chances of the deviations that the agreement allows are those of maximum entropy with a mean of
nought and the agreed variance (Marley and Leaver 2011; S. Giessing, "Computational issues in the design of transition
probabilities and disclosure risk estimation for additive noise", Privacy in Statistical Databases 2016). They have the
form exp(a·d + b·d²), so that two numbers a count are to be found: the minimum of a convex function.

Everything is computed in decimals of a fixed precision and ends in integers, so that a cell gets the same value on
every machine, for ever.
"""

import functools
import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Final

from pydantic import JsonValue

from disclosure.cell_keys.record_keys import KEYS
from disclosure.table import MILLION
from linkage_core.agreement.canonical import digest
from linkage_core.agreement.cell_keys import THOUSAND, CellKeys

_DIGITS: Final = 40
_CLOSE: Final = Decimal("1e-24")
"""How near mean and variance come to what is agreed, before chances are rounded to steps of one in 2^32."""

_MOST_STEPS: Final = 500
_COVERED_PER_MILLE: Final = 950


@dataclass(frozen=True, slots=True)
class PTable:
    """One row a count, from 0 to the count from which on all are alike: deviations, and where in the keys each ends.

    A cell key below the first of a row's `ends` gives the first of its `deviations`, and so on; the last end is 2^32.
    `reaches` are the least deviations that 95 % of a row's keys do not exceed.
    """

    deviations: tuple[tuple[int, ...], ...]
    ends: tuple[tuple[int, ...], ...]
    reaches: tuple[int, ...]
    noise_sd_millionths: int

    @property
    def half_width(self) -> int:
        """The half-width of the 95 % interval of a large count."""
        return self.reaches[-1]

    @property
    def digest(self) -> str:
        """SHA-256 of the table (hexadecimal): another table gives the same cell another value."""
        return digest({"deviations": _lists(self.deviations), "ends": _lists(self.ends)}).hex()

    def perturbed(self, count: int, key: int) -> int:
        """Return what a count becomes in a cell with this key; raises `ValueError` for what is neither."""
        if count < 0 or not 0 <= key < KEYS:
            raise ValueError("a count is not negative, and a cell key has 32 bits")
        row = self._row(count)
        return count + self.deviations[row][bisect_right(self.ends[row], key)]

    def chances(self, count: int) -> dict[int, float]:
        """Return the chance of each deviation of a count, over uniform cell keys."""
        row = self._row(count)
        widths = (end - start for start, end in zip((0, *self.ends[row]), self.ends[row], strict=False))
        return {each: width / KEYS for each, width in zip(self.deviations[row], widths, strict=True)}

    def interval(self, value: int) -> tuple[int, int]:
        """Return the least and the greatest count that a perturbed value is likely of.

        Whatever the count, an interval made so holds it in at least 95 % of cells. Raises `ValueError` for a value that
        never appears.
        """
        most = max(map(abs, self.deviations[-1]))
        near = range(max(0, value - most), value + most + 1)
        likely = [count for count in near if abs(value - count) <= self.reaches[self._row(count)]]
        if not likely:
            raise ValueError("the p-table gives no such value")
        return likely[0], likely[-1]

    def _row(self, count: int) -> int:
        return min(count, len(self.deviations) - 1)


@functools.cache
def ptable_of(clause: CellKeys) -> PTable:
    """Return the p-table of an agreement's clause: the same one for the same deviation, variance and smallest count."""
    rows = [clause.deviations(count) for count in range(clause.last_count + 1)]
    with localcontext(Context(prec=_DIGITS, rounding=ROUND_HALF_EVEN)):
        variance = Decimal(clause.variance_thousandths) / THOUSAND
        ends = [_ends(_most_even(row, variance) if len(row) > 1 else (Decimal(1),)) for row in rows]
    reaches = [_reach(row, row_ends) for row, row_ends in zip(rows, ends, strict=True)]
    square = clause.variance_thousandths * MILLION**2 // THOUSAND
    root = math.isqrt(square - 1) + 1  # rounded up
    return PTable(tuple(rows), tuple(ends), tuple(reaches), root)


def _most_even(deviations: Sequence[int], variance: Decimal) -> tuple[Decimal, ...]:
    """Return the chances of maximum entropy with mean 0 and this variance, by Newton's method with halved steps."""
    a = b = Decimal(0)
    value, chances = _dual(deviations, a, b, variance)
    for _ in range(_MOST_STEPS):
        moments = [sum((p * d**k for p, d in zip(chances, deviations, strict=True)), Decimal(0)) for k in range(5)]
        _, mean, square, third, fourth = moments
        off_a, off_b = mean, square - variance
        if abs(off_a) < _CLOSE and abs(off_b) < _CLOSE:
            return chances
        # The function's second derivatives are the covariances of d and d².
        aa, ab, bb = square - mean * mean, third - mean * square, fourth - square * square
        determinant = aa * bb - ab * ab
        step_a = (bb * off_a - ab * off_b) / determinant
        step_b = (aa * off_b - ab * off_a) / determinant
        share, slope = Decimal(1), step_a * off_a + step_b * off_b
        while True:
            tried, chances = _dual(deviations, a - share * step_a, b - share * step_b, variance)
            if tried <= value - share * slope / 10_000 or share * slope < _CLOSE * _CLOSE:
                break
            share /= 2
        a, b, value = a - share * step_a, b - share * step_b, tried
    raise ArithmeticError("no chances of maximum entropy were found for a p-table")


def _dual(deviations: Sequence[int], a: Decimal, b: Decimal, variance: Decimal) -> tuple[Decimal, tuple[Decimal, ...]]:
    """Return log Σ exp(a·d + b·d²) - b·variance, which is least at the chances wanted, and the chances at a and b."""
    powers = [a * d + b * d * d for d in deviations]
    largest = max(powers)
    weights = [(power - largest).exp() for power in powers]
    total = sum(weights, Decimal(0))
    return total.ln() + largest - b * variance, tuple(weight / total for weight in weights)


def _ends(chances: Sequence[Decimal]) -> tuple[int, ...]:
    return (*tuple(_rounded_sums(chances))[:-1], KEYS)


def _rounded_sums(chances: Sequence[Decimal]) -> Iterator[int]:
    total = Decimal(0)
    for chance in chances:
        total += chance
        yield int((total * KEYS).to_integral_value(ROUND_HALF_EVEN))


def _lists(rows: Sequence[Sequence[int]]) -> JsonValue:
    return [list(row) for row in rows]


def _reach(deviations: Sequence[int], ends: Sequence[int]) -> int:
    widths = [(abs(each), end - start) for each, start, end in zip(deviations, (0, *ends), ends, strict=False)]
    candidates = sorted({distance for distance, _ in widths})
    return next(
        reach
        for reach in candidates
        if sum(width for distance, width in widths if distance <= reach) * 1000 >= KEYS * _COVERED_PER_MILLE
    )
