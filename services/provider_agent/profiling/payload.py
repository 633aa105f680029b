"""Payload columns in counts: by code of the public list, by bin of the agreed bounds, by year."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from linkage_core.agreement.document import Agreement
from linkage_core.agreement.payload import ColumnType, PayloadColumn, PayloadTable
from services.provider_agent.payload import PayloadBlock

MOST_SINGLE_VALUES: Final = 40
"""Bounds of so many values are counted value by value, wider ones in `BINS` equal parts."""
BINS: Final = 20

_EPOCH: Final = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class PayloadStatistics:
    """Counts of one payload column. `by_label`: rows by public code, by bin of the bounds, or by year, in their order.

    Of dates: `later` lie after today, `first_of_january` and `first_of_month` on these days.
    """

    name: str
    type: ColumnType
    present: int
    by_label: Mapping[str, int]
    later: int = 0
    first_of_january: int = 0
    first_of_month: int = 0


class TableProfile:
    """Collects the counts of a payload table, block by block."""

    def __init__(self, table: PayloadTable, agreement: Agreement, today: date) -> None:
        self._columns = [_ColumnCounts(column, agreement, today) for column in table.columns]

    def add(self, block: PayloadBlock) -> None:
        """Count a block of typed rows."""
        for column in self._columns:
            column.add(block)

    def statistics(self) -> tuple[PayloadStatistics, ...]:
        """Return what was counted, in the agreement's order of columns."""
        return tuple(column.statistics() for column in self._columns)


class _ColumnCounts:
    def __init__(self, column: PayloadColumn, agreement: Agreement, today: date) -> None:
        self._column = column
        self._today = today.toordinal() - _EPOCH
        self._labels, self._low, self._width = _labels(column, agreement)
        self._counts = np.zeros(len(self._labels), dtype=np.int64)
        self._years: Counter[int] = Counter()
        self._present = self._later = self._first_of_january = self._first_of_month = 0

    def add(self, block: PayloadBlock) -> None:
        typed = block.columns[self._column.name]
        values = typed.values[typed.present]
        self._present += len(values)
        if self._column.type == "date":
            self._add_days(values.astype("datetime64[D]"), int((values > self._today).sum()))
        else:
            self._counts += np.bincount((values - self._low) // self._width, minlength=len(self._counts))

    def _add_days(self, days: "np.ndarray[tuple[int], np.dtype[np.datetime64]]", later: int) -> None:
        months, years = days.astype("datetime64[M]"), days.astype("datetime64[Y]")
        self._later += later
        self._first_of_month += int((months == days).sum())
        self._first_of_january += int((years == days).sum())
        found, counts = np.unique(years.astype(np.int64) + 1970, return_counts=True)
        self._years.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))

    def statistics(self) -> PayloadStatistics:
        if self._column.type == "date":
            by_label = {str(year): self._years[year] for year in sorted(self._years)}
        else:
            by_label = dict(zip(self._labels, self._counts.tolist(), strict=True))
        return PayloadStatistics(
            self._column.name,
            self._column.type,
            self._present,
            by_label,
            self._later,
            self._first_of_january,
            self._first_of_month,
        )


def _labels(column: PayloadColumn, agreement: Agreement) -> tuple[list[str], int, int]:
    """Return the labels of a column's counts, the value of the first and how many values each covers."""
    if column.code_list is not None:
        code_list = agreement.statistics.code_list(column.code_list)
        return (list(code_list.codes) if code_list else []), 0, 1
    low, high = column.minimum or 0, column.maximum or 0
    span = high - low + 1
    width = 1 if span <= MOST_SINGLE_VALUES else -(-span // BINS)
    starts = range(low, high + 1, width)
    return [str(start) if width == 1 else f"{start} to {min(start + width - 1, high)}" for start in starts], low, width
