"""Draws which records suffer an error of a kind, and keeps their rows: what the truth later tells.

What is drawn for one record does not depend on what is true of it or of others: the same stream gives the same slips
to the same rows, also after a person has moved or changed a name.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from simulation.error_profiles import ErrorProfile

Rows = npt.NDArray[np.int64]

CHOICES = 2**30
"""Choices are drawn from 0..CHOICES-1: the caller takes them apart by remainders."""


USUAL_LETTERS = 14
"""Letters of a given and a family name together, about the mean of all origins."""


class Hits:
    """The rows that suffer each kind of error, drawn kind by kind from one random stream."""

    def __init__(self, count: int, profile: ErrorProfile, rng: np.random.Generator) -> None:
        """Begin with `count` records without errors."""
        self.count = count
        self.rng = rng
        self.errors: dict[str, Rows] = {}
        """By field name of `ErrorProfile`, ascending rows; kinds that hit nobody are absent."""
        self._profile = profile

    def draw(self, kind: str, eligible: npt.NDArray[np.bool_] | None = None) -> Rows:
        """Draw the records that suffer `kind`, of the eligible ones if a mask (count,) says which, and note them."""
        struck = self.rng.random(self.count) < getattr(self._profile, kind)
        rows = np.flatnonzero(struck if eligible is None else struck & eligible)
        self._note(kind, rows)
        return rows

    def try_each(
        self,
        kind: str,
        change: Callable[[int, int], bool],
        *,
        eligible: npt.NDArray[np.bool_] | None = None,
        letters: npt.NDArray[np.int64] | None = None,
    ) -> Rows:
        """Draw records and let `change(row, choice)` try each; noted are those that it says it changed.

        With `letters`, how many each record has, every letter is as likely to go wrong as any other: the declared rate
        is that of a record of `USUAL_LETTERS`.
        """
        rate = np.full(self.count, getattr(self._profile, kind))
        if letters is not None:
            rate = 1.0 - (1.0 - rate) ** (letters / USUAL_LETTERS)
        struck = self.rng.random(self.count) < rate
        choices = self.rng.integers(0, CHOICES, self.count)
        drawn = np.flatnonzero(struck if eligible is None else struck & eligible)
        changed = [change(row, choice) for row, choice in zip(drawn.tolist(), choices[drawn].tolist(), strict=True)]
        rows: Rows = drawn[np.array(changed, dtype=bool)]
        self._note(kind, rows)
        return rows

    def _note(self, kind: str, rows: Rows) -> None:
        if len(rows):
            self.errors[kind] = rows
