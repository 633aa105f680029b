"""Numbers that agencies give: unique, in no visible order, two of them with a check digit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]

MOST_PEOPLE: Final = 10_000_000
"""So many people the number ranges are laid out for."""

_NATIONAL_SIDES: Final = (30_000, 30_000)
_TAXPAYER_SIDES: Final = (9_000, 10_000)
_PASSPORT_SIDES: Final = (78_000, 78_000)
"""Each range of numbers as a rectangle; the product of its sides is the count of numbers that can be given."""

_PASSPORT_DIGITS: Final = 9_000_000
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Permutation:
    """A permutation of the numbers below rows times columns: three steps that each shift one coordinate by a table."""

    rows: int
    columns: int
    first: Numbers
    second: Numbers
    third: Numbers

    def __call__(self, ordinals: Numbers) -> Numbers:
        """The number for each ordinal; different ordinals get different numbers, since every shift can be undone."""
        row, column = ordinals // self.columns, ordinals % self.columns
        row = (row + self.first[column]) % self.rows
        column = (column + self.second[row]) % self.columns
        row = (row + self.third[column]) % self.rows
        numbers: Numbers = row * self.columns + column
        return numbers


@dataclass(frozen=True, slots=True)
class Numbering:
    """How the three agencies number people."""

    national: Permutation
    taxpayer: Permutation
    passport: Permutation


def draw_numbering(rng: np.random.Generator) -> Numbering:
    """Draw the three permutations; with one numbering no number is given twice."""

    def draw(sides: tuple[int, int]) -> Permutation:
        rows, columns = sides
        return Permutation(
            *sides, rng.integers(0, rows, columns), rng.integers(0, columns, rows), rng.integers(0, rows, columns)
        )

    return Numbering(draw(_NATIONAL_SIDES), draw(_TAXPAYER_SIDES), draw(_PASSPORT_SIDES))


def national_ids(ordinals: Numbers, numbering: Numbering) -> Texts:
    """Ten digits, the last one an ISO 7064 MOD 11,10 check digit, the first one never 0."""
    numbers = 100_000_000 + numbering.national(ordinals)
    return _texts(numbers * 10 + _mod_11_10(_digits(numbers, 9)))


def taxpayer_numbers(ordinals: Numbers, numbering: Numbering) -> Texts:
    """Nine digits, the last one a Luhn check digit, the first one never 0."""
    numbers = 10_000_000 + numbering.taxpayer(ordinals)
    return _texts(numbers * 10 + _luhn(_digits(numbers, 8)))


def passport_numbers(ordinals: Numbers, passports: Numbers, numbering: Numbering) -> Texts:
    """Two letters and seven digits; `passports` says which of a person's two passports, 0 or 1."""
    numbers = numbering.passport(2 * ordinals + passports)
    letters, digits = numbers // _PASSPORT_DIGITS, numbers % _PASSPORT_DIGITS + 1_000_000
    pairs = np.array([first + second for first in _LETTERS for second in _LETTERS], dtype=object)
    joined: Texts = pairs[letters] + _texts(digits)
    return joined


def _digits(numbers: Numbers, count: int) -> Numbers:
    """Decimal digits, most significant first: int64 (len(numbers), count)."""
    digits: Numbers = numbers[:, np.newaxis] // 10 ** np.arange(count - 1, -1, -1) % 10
    return digits


def _mod_11_10(digits: Numbers) -> Numbers:
    """The check digit of ISO 7064's hybrid system MOD 11,10."""
    product = np.full(len(digits), 10)
    for column in digits.T:
        total = (product + column) % 10
        product = np.where(total == 0, 10, total) * 2 % 11
    check: Numbers = (11 - product) % 10
    return check


def _luhn(digits: Numbers) -> Numbers:
    """The check digit of ISO/IEC 7812-1 annex B (Luhn)."""
    doubled = digits[:, ::-1].copy()
    doubled[:, ::2] *= 2
    total = (doubled // 10 + doubled % 10).sum(axis=1)
    check: Numbers = -total % 10
    return check


def _texts(numbers: Numbers) -> Texts:
    return np.array([str(number) for number in numbers.tolist()], dtype=object)
