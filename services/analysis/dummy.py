"""Invented persons to write questions against: every payload table of an agreement, from its public clauses alone.

No data is touched, here or anywhere: types, bounds, code lists and caps are all that is read, so the files may be
shown to whoever may read the agreement. They obey every clause that intake checks. They resemble nobody, and no figure
counted from them says anything about a country.

Sources disagree now and then, values are missing, spells have short absences, and where the agreement keeps unmatched
rows a share of the persons is in one source only: what a question meets in real data, it meets here.
"""

import datetime
import hashlib
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from disclosure.terms import Terms
from linkage_core.agreement.payload import PayloadColumn, PayloadTable
from linkage_core.agreement.statistics import Crossings, Dimension, TableReference
from linkage_core.errors import InputFault
from services.analysis.opening import EPOCH, FIRST_DAY, payload_schema

TableName = tuple[str, str]
"""Provider and name of a payload table."""

Days = NDArray[np.int64]
"""Days since 1970-01-01."""

MOST_PERSONS: Final = 5_000_000
KEY_PREFIX: Final = b"invented"
"""How every invented synthetic key begins: such rows are known for what they are wherever they turn up."""

ONE_SOURCE_SHARE: Final = 0.2
ABSENT_FROM_SOURCE_SHARE: Final = 0.1
NO_ROWS_SHARE: Final = 0.1
MISSING_SHARE: Final = 0.02
CONFLICT_SHARE: Final = 0.03
QUALITY_SHARES: Final = (0.1, 0.2, 0.7)
"""Of the quality classes 1, 2 and 3, among persons in several sources."""
MOST_SPELLS: Final = 4
ROWS_MEAN: Final = 4
YEARS_BEFORE: Final = 20
"""How long before the period's first day a spell may have begun."""
LONGEST_STAY_YEARS: Final = 30
LONGEST_ABSENCE_YEARS: Final = 8
SHORT_SHARE: Final = 0.3
"""Of stays and absences that last less than a year."""
GOES_ON_SHARE: Final = 0.6
"""Of persons who come back after an absence that ended within the period."""
BEFORE_SHARE: Final = 0.7
"""Of persons whose first spell began before the period."""
YEAR_DAYS: Final = 365
OPEN_BAND_YEARS: Final = 20
"""Length of an age dimension's open band."""


def invent_tables(terms: Terms, persons: int, seed: int) -> dict[TableName, pa.Table]:
    """Return every payload table with rows of invented persons: the same for the same terms, number and seed.

    Columns are those of the analysis store (`payload_schema`). Raises `InputFault` for a number outside 1 to
    `MOST_PERSONS`.
    """
    if not 1 <= persons <= MOST_PERSONS:
        raise InputFault(f"persons: must be 1 to {MOST_PERSONS}, got {persons}")
    invention = _Invention(terms, persons, seed)
    return {(table.provider, table.name): invention.table(table) for table in terms.payload}


class _Invention:
    """The invented persons: in which source each is, and what is true of each, whatever a source says."""

    def __init__(self, terms: Terms, persons: int, seed: int) -> None:
        self._terms = terms
        self._persons = persons
        self._seed = seed
        self._present = self._members(sorted({table.provider for table in terms.payload}))
        several = sum(self._present.values()) > 1
        classes = self._random("quality").choice((1, 2, 3), persons, p=QUALITY_SHARES)
        self._quality = np.where(several, classes, 0).astype(np.uint8)
        self._truth: dict[str, NDArray[np.int64]] = {}
        self._dimension_of = {
            (source.provider, source.table, source.column): dimension
            for dimension in terms.statistics.dimensions
            for source in dimension.sources
        }

    def table(self, table: PayloadTable) -> pa.Table:
        """Return one table, sorted by person and by time."""
        random = self._random("rows", table.provider, table.name)
        members = np.flatnonzero(self._present[table.provider])
        people, roles = members, dict[str, NDArray[np.int64]]()
        if table.kind == "event":
            people, roles = self._events(table, members, random)
        elif table.kind == "spell":
            people, roles = self._spells(table, members, random)
        columns = [_keys(people), pa.array(self._quality[people])]
        for column in table.columns:
            given = roles.get(column.name)
            columns.append(self._reported(table, column, people) if given is None else _typed(column, given))
        return pa.table(columns, schema=payload_schema(table))

    def _random(self, *labels: str) -> np.random.Generator:
        # One stream a purpose: another table or column changes nothing in those that were there.
        text = "\0".join((str(self._seed), *labels))
        return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest(), "big"))

    def _members(self, providers: list[str]) -> dict[str, NDArray[np.bool_]]:
        random = self._random("members")
        share = ONE_SOURCE_SHARE if self._terms.unmatched_rows_kept else 0.0
        alone = random.random(self._persons) < share
        only = random.integers(0, len(providers), self._persons)
        # At least two sources for those who are in several: one after another stays away, while two others are left.
        present = np.ones((len(providers), self._persons), dtype=bool)
        for place in range(len(providers)):
            leaves = (random.random(self._persons) < ABSENT_FROM_SOURCE_SHARE) & (present.sum(axis=0) > 2)
            present[place] &= ~leaves
        return {name: np.where(alone, only == place, present[place]) for place, name in enumerate(providers)}

    def _events(
        self, table: PayloadTable, members: NDArray[np.int64], random: np.random.Generator
    ) -> tuple[NDArray[np.int64], dict[str, NDArray[np.int64]]]:
        rows = np.minimum(random.geometric(1 / ROWS_MEAN, len(members)), table.rows_per_person)
        rows[random.random(len(members)) < NO_ROWS_SHARE] = 0
        people = np.repeat(members, rows)
        period, time = self._terms.period, table.column(table.time or "")
        if time is not None and time.type == "year":
            low, high = _years(time, period.start.year, period.end.year)
        else:
            low, high = _day(period.start), _day(period.end)
        when = random.integers(low, high + 1, len(people))
        order = np.lexsort((when, people))
        return people, {table.time or "": when[order]}

    def _spells(
        self, table: PayloadTable, members: NDArray[np.int64], random: np.random.Generator
    ) -> tuple[NDArray[np.int64], dict[str, NDArray[np.int64]]]:
        first_day, last_day = _day(self._terms.period.start), _day(self._terms.period.end)
        before = np.maximum(first_day - random.integers(0, YEARS_BEFORE * YEAR_DAYS, len(members)), FIRST_DAY)
        within = random.integers(first_day, last_day + 1, len(members))
        start = np.where(random.random(len(members)) < BEFORE_SHARE, before, within)
        people = members[random.random(len(members)) >= NO_ROWS_SHARE]
        start = start[np.searchsorted(members, people)]
        found: list[tuple[NDArray[np.int64], Days, Days]] = []
        for _ in range(min(table.rows_per_person, MOST_SPELLS)):
            end = start + _lengths(len(people), LONGEST_STAY_YEARS, random)
            found.append((people, start, end))
            start = end + 1 + _lengths(len(people), LONGEST_ABSENCE_YEARS, random)
            goes_on = (start <= last_day) & (random.random(len(people)) < GOES_ON_SHARE)
            people, start = people[goes_on], start[goes_on]
        people, start, end = (np.concatenate(part) for part in zip(*found, strict=True))
        end = np.where(end > last_day, _MISSING, end)
        column = table.column(table.end or "")
        if column is not None and column.required:
            end = np.where(end == _MISSING, last_day, end)
        order = np.lexsort((start, people))
        return people[order], {table.start or "": start[order], table.end or "": end[order]}

    def _reported(self, table: PayloadTable, column: PayloadColumn, people: NDArray[np.int64]) -> pa.Array:
        """What a source says: mostly the truth, sometimes another value, sometimes none."""
        random = self._random("reported", table.provider, table.name, column.name)
        dimension = self._dimension_of.get((table.provider, table.name, column.name))
        low, high = self._bounds(column)
        crossings = self._terms.statistics.crossings
        if crossings is not None and (crossings.table, crossings.direction) == (_reference(table), column.name):
            values = self._directions(crossings, self._codes(column), people, random)
        elif dimension is not None and dimension.kind == "age":
            values = self._births(dimension, column)[people]
        else:
            label = (
                dimension.name if dimension else f"{column.type} {column.name} {low} {high} {column.code_list or ''}"
            )
            if label not in self._truth:
                self._truth[label] = _likely(column, low, high, self._persons, self._random("truth", label))
            values = self._truth[label][people]
        other = random.random(len(people)) < CONFLICT_SHARE
        values = np.where(other, random.integers(low, high + 1, len(people)), values)
        if not column.required:
            values = np.where(random.random(len(people)) < MISSING_SHARE, _MISSING, values)
        if column.type == "category":
            codes = pa.array(self._codes(column), type=pa.string())
            return codes.take(pa.array(values, mask=values == _MISSING))
        return _typed(column, values)

    def _directions(
        self, crossings: Crossings, codes: tuple[str, ...], people: NDArray[np.int64], random: np.random.Generator
    ) -> NDArray[np.int64]:
        """Arrivals and departures by turns, whichever comes first; what sources get wrong makes some illogical."""
        first = random.integers(0, 2, self._persons)[people]
        place = np.arange(len(people)) - np.searchsorted(people, people)
        ways = np.array([codes.index(crossings.arrival), codes.index(crossings.departure)], dtype=np.int64)
        return np.asarray(ways[(first + place) % 2], dtype=np.int64)

    def _births(self, dimension: Dimension, column: PayloadColumn) -> NDArray[np.int64]:
        """Days of birth, or their years within the column's bounds: the oldest band holds people too."""
        oldest = YEAR_DAYS * (dimension.bands[-1] + OPEN_BAND_YEARS)
        last = _day(self._terms.period.end)
        label = f"birth {dimension.name}"
        if label not in self._truth:
            self._truth[label] = last - self._random("truth", label).integers(0, oldest, self._persons)
        days = self._truth[label]
        if column.type == "date":
            return np.maximum(days, FIRST_DAY)
        years = days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
        return np.clip(years, int(column.minimum or 0), int(column.maximum or 0))

    def _codes(self, column: PayloadColumn) -> tuple[str, ...]:
        name = column.code_list
        return next(item.codes for item in self._terms.statistics.code_lists if item.name == name)

    def _bounds(self, column: PayloadColumn) -> tuple[int, int]:
        if column.type == "category":
            return 0, len(self._codes(column)) - 1
        if column.type == "date":
            return _day(self._terms.period.start), _day(self._terms.period.end)
        return int(column.minimum or 0), int(column.maximum or 0)


_MISSING: Final = np.iinfo(np.int64).min
"""No value; outside of every bound."""


def _likely(column: PayloadColumn, low: int, high: int, persons: int, random: np.random.Generator) -> NDArray[np.int64]:
    """What is true of each person: first codes are frequent and last ones rare, amounts are skewed, days are even."""
    if column.type == "category":
        weights = 1 / np.arange(1, high - low + 2)
        return random.choice(high - low + 1, persons, p=weights / weights.sum())
    if column.type == "integer":
        return low + np.minimum(random.beta(2, 5, persons) * (high - low + 1), high - low).astype(np.int64)
    return random.integers(low, high + 1, persons)


def _lengths(count: int, longest_years: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Lengths in days of stays or absences: some shorter than a year, so that a 12-month rule has work."""
    short, long = random.integers(1, YEAR_DAYS, count), random.integers(YEAR_DAYS, longest_years * YEAR_DAYS, count)
    return np.where(random.random(count) < SHORT_SHARE, short, long)


def _years(column: PayloadColumn, first: int, last: int) -> tuple[int, int]:
    """The years of a period that a column's bounds allow; the bounds where they have none in common."""
    low, high = max(column.minimum or first, first), min(column.maximum or last, last)
    return (low, high) if low <= high else (column.minimum or first, column.maximum or last)


def _day(date: datetime.date) -> int:
    return date.toordinal() - EPOCH


def _reference(table: PayloadTable) -> TableReference:
    return TableReference(provider=table.provider, table=table.name)


def _keys(people: NDArray[np.int64]) -> pa.Array:
    numbers = np.ascontiguousarray(people, dtype=">u8").view(np.uint8).reshape(-1, 8)
    prefix = np.broadcast_to(np.frombuffer(KEY_PREFIX, dtype=np.uint8), (len(people), len(KEY_PREFIX)))
    keys: Any = np.ascontiguousarray(np.concatenate((prefix, numbers), axis=1))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(people), [None, pa.py_buffer(keys)])


def _typed(column: PayloadColumn, values: NDArray[np.int64]) -> pa.Array:
    missing = values == _MISSING
    if column.type == "date":
        days = np.where(missing, 0, values).astype(np.int32)
        return pa.array(days, mask=missing, type=pa.int32()).cast(pa.date32())
    return pa.array(np.where(missing, 0, values), mask=missing, type=pa.int64())
