"""Rows of a file: what is missing together, persons who seem to be there twice, names in the wrong column.

Everything is told by keyed images; a row is judged by how its names and birth date compare with all others'.

Agreement by chance is reckoned with: if a share p of all pairs of rows has the same names and a share q the same date,
p · q of them have both without being one person.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.schema import LinkageSchema
from services.provider_agent.profiling.columns import ColumnBlock
from services.provider_agent.profiling.value_counts import U64, Frequencies, ValueCounts

MOST_PATTERNS: Final = 1024
MOST_JUDGED: Final = 1 << 19
"""Rows whose names are held to be judged at the end, when it is known how frequent each name is: 24 bytes each."""

_FAMILY: Final = np.uint64(0x9E3779B97F4A7C15)
_DATE: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_LEAST_ODDS: Final = 100.0


@dataclass(frozen=True, slots=True)
class SwappedNames:
    """Rows whose given name is a family name elsewhere in the file, and the other way round; `judged` of all rows."""

    judged: int
    swapped: int
    one_in: int


@dataclass(frozen=True, slots=True)
class Twice:
    """Persons who seem to be there more than once, with different local ids; pairs of rows.

    `exact`: how often the same names with the same full date occur. `by_chance`: pairs of different persons expected to
    agree so. `other_order`: pairs with the same words in other columns or another order. `part_missing`: rows that lack
    a given or a family name and agree in the rest with a row that has it; `part_missing_by_chance` of them expected.
    """

    exact: Frequencies
    by_chance: float
    other_order: float
    part_missing: int
    part_missing_by_chance: float


@dataclass(frozen=True, slots=True)
class PeopleStatistics:
    """Counts over whole rows.

    `missing`: rows by the names of the columns that they lack, most frequent first; `other_patterns`: rows whose
    pattern came after `MOST_PATTERNS` others. `swapped` is None if the file lacks a name, `twice` also without dates.
    """

    rows: int
    missing: Mapping[tuple[str, ...], int]
    other_patterns: int
    twice: Twice | None
    swapped: SwappedNames | None


class PeopleProfile:
    """Collects the counts over whole rows, block by block. `columns` are the quasi-identifiers that the file has."""

    def __init__(self, schema: LinkageSchema, columns: Sequence[str]) -> None:
        self._columns = tuple(columns)
        kinds = {item.name: item.kind for item in schema.quasi_identifiers if item.name in columns}
        self._given = [name for name, kind in kinds.items() if kind == "given-name"]
        self._family = [name for name, kind in kinds.items() if kind == "family-name"]
        self._date = next((name for name, kind in kinds.items() if kind == "date"), None)
        self._patterns: Counter[int] = Counter()
        self._other_patterns = 0
        self.rows = 0
        self._exact, self._any_order, self._names, self._dates = (ValueCounts() for _ in range(4))
        self._rest = {part: (ValueCounts(), ValueCounts()) for part in ("given", "family")}
        self._named_alone = {part: ValueCounts() for part in ("given", "family")}
        self._as_given, self._as_family = ValueCounts(), ValueCounts()
        self._to_judge = _RowsToJudge()

    def add(self, blocks: Mapping[str, ColumnBlock], rows: int) -> None:
        """Count a block of rows by its columns."""
        self.rows += rows
        self._count_missing(blocks, rows)
        if not (self._given and self._family):
            return
        given, family = _side(blocks, self._given), _side(blocks, self._family)
        both = given.present & family.present
        self._as_given.add(given.first_word[given.present])
        self._as_family.add(family.first_word[family.present])
        if self._date is None:
            self._to_judge.add(given.first_word[both], family.first_word[both], given.value[both])
            return
        date = blocks[self._date].values
        dated = blocks[self._date].complete
        names = given.value + family.value * _FAMILY
        self._to_judge.add(given.first_word[both], family.first_word[both], (names + date * _DATE)[both])
        self._names.add(names[both])
        self._dates.add(date[dated])
        whole = both & dated
        of_date = date * _DATE
        self._exact.add((names + of_date)[whole])
        self._any_order.add((given.words + family.words + of_date)[whole])
        for part, other, lacks in (
            ("given", family, ~given.present & family.present & dated),
            ("family", given, given.present & ~family.present & dated),
        ):
            lacking, having = self._rest[part]
            rest = other.value + of_date
            lacking.add(rest[lacks])
            having.add(rest[whole])
            self._named_alone[part].add(other.value[other.present])

    def statistics(self) -> PeopleStatistics:
        """Return what was counted."""
        named = self._given and self._family
        missing = {
            tuple(name for place, name in enumerate(self._columns) if pattern >> place & 1): rows
            for pattern, rows in self._patterns.most_common()
        }
        return PeopleStatistics(
            self.rows,
            missing,
            self._other_patterns,
            self._twice() if named and self._date else None,
            self._to_judge.judged(self._as_given, self._as_family) if named else None,
        )

    def _count_missing(self, blocks: Mapping[str, ColumnBlock], rows: int) -> None:
        pattern = np.zeros(rows, dtype=np.uint64)
        for place, name in enumerate(self._columns):
            pattern |= (~blocks[name].present).astype(np.uint64) << np.uint64(place)
        found, counts = np.unique(pattern, return_counts=True)
        for each, count in zip(found.tolist(), counts.tolist(), strict=True):
            if each in self._patterns or len(self._patterns) < MOST_PATTERNS:
                self._patterns[each] += count
            else:
                self._other_patterns += count

    def _twice(self) -> Twice:
        exact, dates = self._exact.frequencies(), self._dates.frequencies()
        names, rows = self._names.frequencies(), exact.rows
        missing, by_chance = 0, 0.0
        for part, (lacking, having) in self._rest.items():
            level = max(lacking.level, having.level)
            kept = lacking.kept()
            kept = kept[(kept & np.uint64((1 << level) - 1)) == 0]
            found = having.count_of(kept) > 0
            missing += int(lacking.count_of(kept)[found].sum()) << level
            alone = self._named_alone[part].frequencies()
            by_chance += lacking.rows * having.rows * _agreeing(alone, 0) * _agreeing(dates, 0)
        expected = rows * (rows - 1) / 2 * _agreeing(names, exact.pairs) * _agreeing(dates, exact.pairs)
        other_order = max(self._any_order.frequencies().pairs - exact.pairs, 0.0)
        return Twice(exact, expected, other_order, missing, min(by_chance, float(missing)))


@dataclass(frozen=True, slots=True)
class _Side:
    """A name, or several columns of it as one: by row whether any is present, and images."""

    present: NDArray[np.bool_]
    value: U64
    first_word: U64
    words: U64


def _side(blocks: Mapping[str, ColumnBlock], names: Sequence[str]) -> _Side:
    first = blocks[names[0]]
    present, value = first.present, np.where(first.present, first.values, np.uint64(0))
    words = np.where(first.present, first.words, np.uint64(0))
    for place, name in enumerate(names[1:], 1):
        block = blocks[name]
        value = value + np.where(block.present, block.values, np.uint64(0)) * np.uint64(2 * place + 1)
        words = words + np.where(block.present, block.words, np.uint64(0))
        present = present | block.present
    return _Side(present, value, first.first_words, words)


class _RowsToJudge:
    """The names of a share of all rows, drawn by their images; as many as `MOST_JUDGED`."""

    def __init__(self) -> None:
        self._level = 0
        self._kept: list[tuple[U64, U64, U64]] = []
        self._size = 0

    def add(self, given: U64, family: U64, drawn_by: U64) -> None:
        self._kept.append(self._drawn((given, family, drawn_by)))
        self._size += len(self._kept[-1][0])
        while self._size > MOST_JUDGED:
            self._level += 1
            self._kept = [self._drawn(part) for part in self._kept]
            self._size = sum(len(given) for given, _, _ in self._kept)

    def judged(self, as_given: ValueCounts, as_family: ValueCounts) -> SwappedNames:
        """Judge each row by how often its words are the first of given and of family names, itself left out."""
        given, family = (np.concatenate([part[side] for part in self._kept] or [_NONE]) for side in (0, 1))
        against_given = _odds(as_family.count_of(given), as_given.count_of(given))
        against_family = _odds(as_given.count_of(family), as_family.count_of(family))
        odds = against_given * against_family
        swapped = (odds >= _LEAST_ODDS) & (against_given > 1) & (against_family > 1)
        return SwappedNames(len(given), int(swapped.sum()), 1 << self._level)

    def _drawn(self, part: tuple[U64, U64, U64]) -> tuple[U64, U64, U64]:
        mask = np.uint64((1 << self._level) - 1)
        drawn = (part[2] >> np.uint64(32)) & mask == 0
        return part[0][drawn], part[1][drawn], part[2][drawn]


_NONE: Final[U64] = np.empty(0, dtype=np.uint64)


def _odds(other: NDArray[np.uint32], own: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Return how much more often a word stands in the other column than in its own, the row itself left out."""
    return (other + 0.5) / (np.maximum(own.astype(np.int64) - 1, 0) + 0.5)


def _agreeing(frequencies: Frequencies, without: float) -> float:
    """Return the share of pairs of rows that agree, `without` so many pairs that are taken for one person."""
    pairs = frequencies.rows * (frequencies.rows - 1) / 2
    return max(frequencies.pairs - without, 0.0) / pairs if pairs else 0.0
