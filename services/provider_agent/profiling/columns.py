"""One quasi-identifier while its file is read: what each distinct value is like, looked at once.

Distinct values are numbered by the standardiser, whose numbers hold until it forgets; so do the tables here. They hold
keyed images and flags, no text.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.crypto.kdf import keyed_images
from linkage_core.crypto.secret import Secret
from linkage_core.schema import QuasiIdentifier, QuasiIdentifierKind
from linkage_core.standardise.countries import PLACE_SEPARATOR
from linkage_core.standardise.dates import DateFormat
from services.provider_agent.profiling.calendar import NOT_A_DATE, Calendar, CalendarStatistics, written_day
from services.provider_agent.profiling.spelling import Oddity, oddities, script_of
from services.provider_agent.profiling.value_counts import U64, Frequencies, ValueCounts

NAMES: Final[frozenset[QuasiIdentifierKind]] = frozenset({"given-name", "family-name"})
CODES: Final[frozenset[QuasiIdentifierKind]] = frozenset({"sex", "country", "municipality", "postcode"})
"""Kinds of which few values stand for many people, so that a frequent one says nothing."""

_LEAST_SUSPECT: Final = 10
_TIMES_THE_NEXT: Final = 3
_RANKS_LOOKED_AT: Final = 5


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """Counts of one quasi-identifier.

    `frequencies` are those of its standardised values; of dates, of those written in full, as they are written.
    `stand_ins`: rows that hold something which the rules take for nothing, as `unknown` or 1900-01-01. `unusable`: rows
    that lost their value by a finding. `suspects`: how often each value occurs that is far more frequent than the next
    one: a placeholder perhaps.
    """

    name: str
    kind: QuasiIdentifierKind
    rows: int
    present: int
    complete: int
    stand_ins: int
    unusable: int
    findings: Mapping[str, int]
    frequencies: Frequencies
    suspects: tuple[int, ...]
    oddities: Mapping[Oddity, int]
    scripts: Mapping[str, int]
    calendar: CalendarStatistics | None


@dataclass(frozen=True, slots=True)
class ColumnBlock:
    """One column's part of a block of rows, by row: images of the value, of its first word, and of its words' sum."""

    present: NDArray[np.bool_]
    complete: NDArray[np.bool_]
    values: U64 = field(repr=False)
    first_words: U64 = field(repr=False)
    words: U64 = field(repr=False)


class ColumnProfile:
    """Collects the counts of one quasi-identifier, block by block."""

    def __init__(self, item: QuasiIdentifier, date_format: DateFormat, key: Secret, today_year: int) -> None:
        self._item = item
        self._date_format = date_format
        self._key = key
        self._values: Sequence[str] | None = None
        self._tables = _Tables.empty()
        self._counts = ValueCounts()
        self._findings: Counter[str] = Counter()
        self._oddities: Counter[Oddity] = Counter()
        self._scripts: Counter[str] = Counter()
        self._calendar = Calendar(today_year) if item.kind == "date" else None
        self._rows = self._present = self._complete = self._stand_ins = self._unusable = 0

    def add(
        self,
        numbers: NDArray[np.int64],
        texts: Sequence[str],
        values: Sequence[str],
        present: NDArray[np.bool_],
        complete: NDArray[np.bool_],
        findings: Sequence[tuple[int, str]],
    ) -> ColumnBlock:
        """Count a block: by row its value's number, text, and what of it is known; by number what is standardised."""
        self._learn(numbers, texts, values)
        tables = self._tables
        by_number = np.bincount(numbers, minlength=len(tables.images))
        self._rows += len(numbers)
        self._present += int(present.sum())
        self._complete += int(complete.sum())
        self._findings.update(reason for _, reason in findings)
        unusable = len({row for row, _ in findings if not present[row] and tables.holds_something[numbers[row]]})
        self._unusable += unusable
        self._stand_ins += int(np.count_nonzero(tables.holds_something[numbers] & ~present)) - unusable
        here = np.flatnonzero(by_number)
        told = here[tables.counted[here] != 0]
        self._counts.add(tables.counted[told], by_number[told].astype(np.uint32))
        if self._item.kind in NAMES:
            self._count_spelling(here, by_number)
        if self._calendar is not None:
            self._calendar.add(tables.days[here], tables.years[here], by_number[here])
        return ColumnBlock(
            present, complete, tables.images[numbers], tables.first_words[numbers], tables.words[numbers]
        )

    def statistics(self) -> ColumnStatistics:
        """Return what was counted."""
        frequencies = self._counts.frequencies()
        return ColumnStatistics(
            name=self._item.name,
            kind=self._item.kind,
            rows=self._rows,
            present=self._present,
            complete=self._complete,
            stand_ins=self._stand_ins,
            unusable=self._unusable,
            findings=dict(sorted(self._findings.items())),
            frequencies=frequencies,
            suspects=suspects(self._item.kind, frequencies.heaviest),
            oddities={oddity: self._oddities[oddity] for oddity in Oddity if self._oddities[oddity]},
            scripts=dict(self._scripts.most_common()),
            calendar=self._calendar.statistics() if self._calendar is not None else None,
        )

    def _learn(self, numbers: NDArray[np.int64], texts: Sequence[str], values: Sequence[str]) -> None:
        """Look at the values that are new in this block, once each."""
        if values is not self._values:  # the standardiser forgot, and numbers anew; 0 is always the empty text
            self._values = values
            self._tables = _Tables.of([""], [values[0]], self._item.kind, self._date_format, self._key)
        new = np.flatnonzero(numbers >= len(self._tables.images))
        if not new.size:
            return
        found, first = np.unique(numbers[new], return_index=True)
        raw = [texts[row] for row in new[first].tolist()]
        standardised = [values[number] for number in found.tolist()]
        self._tables += _Tables.of(raw, standardised, self._item.kind, self._date_format, self._key)

    def _count_spelling(self, here: NDArray[np.intp], by_number: NDArray[np.intp]) -> None:
        flags, rows = self._tables.oddities[here], by_number[here]
        for oddity in Oddity:
            self._oddities[oddity] += int(rows[flags & oddity > 0].sum())
        scripts = self._tables.scripts
        for number in here.tolist():
            if scripts[number]:
                self._scripts[scripts[number]] += int(by_number[number])


def suspects(kind: QuasiIdentifierKind, heaviest: Sequence[int]) -> tuple[int, ...]:
    """Return the counts of values that may stand for no value: each far above the next rank's.

    Ranks of true names fall slowly, about as 1 / rank; a value three times as frequent as the next is made by a clerk
    or a program. Only the first ranks are looked at, and not where few values stand for many people.
    """
    if kind in CODES:
        return ()
    if kind == "identifier":
        return tuple(count for count in heaviest if count >= _LEAST_SUSPECT)
    pairs = pairwise(heaviest[: _RANKS_LOOKED_AT + 1])
    steps = [
        rank
        for rank, (count, below) in enumerate(pairs, 1)
        if count >= _LEAST_SUSPECT and count >= _TIMES_THE_NEXT * below
    ]
    return tuple(heaviest[: max(steps)]) if steps else ()


@dataclass(frozen=True, slots=True)
class _Tables:
    """What is known of each distinct value, by its number. `counted`: the image it is counted by, 0 if it is not."""

    images: U64
    first_words: U64
    words: U64
    counted: U64
    holds_something: NDArray[np.bool_]
    oddities: NDArray[np.uint8]
    days: NDArray[np.int64]
    years: NDArray[np.int64]
    scripts: list[str]

    @classmethod
    def empty(cls) -> "_Tables":
        return cls.of([], [], "address", "YYYY-MM-DD", Secret(b""))

    @classmethod
    def of(
        cls,
        raw: Sequence[str],
        values: Sequence[str],
        kind: QuasiIdentifierKind,
        date_format: DateFormat,
        key: Secret,
    ) -> "_Tables":
        names, dates = kind in NAMES, kind == "date"
        images = _images(key, values)
        first_words, words = _words(key, values, images) if names else (images, images)
        days = [written_day(text, date_format) if dates else NOT_A_DATE for text in raw]
        held = np.array([bool(value) for value in values], dtype=np.bool_)
        if dates:
            written = [f"{value[:4]} {day}" for value, day in zip(values, days, strict=True)]
            counted = np.where(held & (np.array(days, dtype=np.int64) >= 0), _images(key, written), np.uint64(0))
        else:
            counted = np.where(held, images, np.uint64(0))
        return cls(
            images,
            first_words,
            words,
            counted,
            np.array([bool(text.partition(PLACE_SEPARATOR)[0].strip()) for text in raw], dtype=np.bool_),
            np.array([oddities(text) if names else 0 for text in raw], dtype=np.uint8),
            np.array(days, dtype=np.int64),
            np.array([int(value[:4]) if dates and value else 0 for value in values], dtype=np.int64),
            [script_of(text) if names and text.strip() else "" for text in raw],
        )

    def __add__(self, other: "_Tables") -> "_Tables":
        return _Tables(
            np.concatenate((self.images, other.images)),
            np.concatenate((self.first_words, other.first_words)),
            np.concatenate((self.words, other.words)),
            np.concatenate((self.counted, other.counted)),
            np.concatenate((self.holds_something, other.holds_something)),
            np.concatenate((self.oddities, other.oddities)),
            np.concatenate((self.days, other.days)),
            np.concatenate((self.years, other.years)),
            self.scripts + other.scripts,
        )


def _images(key: Secret, texts: Sequence[str]) -> U64:
    return np.frombuffer(keyed_images(key, map(str.encode, texts)), dtype=np.uint64)[::2].copy()


def _words(key: Secret, values: Sequence[str], images: U64) -> tuple[U64, U64]:
    """Return the image of each value's first word, and the sum of its words' images: the same in any order."""
    first, every = images.copy(), images.copy()
    places = [place for place, value in enumerate(values) if " " in value]
    split = [values[place].split() for place in places]
    of_words = _images(key, [word for words in split for word in words])
    starts = np.cumsum([0, *(len(words) for words in split)])[:-1]
    if places:
        first[places] = of_words[starts]
        every[places] = np.add.reduceat(of_words, starts)
    return first, every
