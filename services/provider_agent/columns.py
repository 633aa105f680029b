"""One payload column: text into a closed type. A category becomes a place in the public list, a date a day number."""

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.agreement.payload import PayloadColumn
from linkage_core.standardise.dates import DateFormat, full_date
from services.provider_agent.blocks import Block
from services.provider_agent.faults import Fault, FaultLog
from services.provider_agent.mapping import ColumnSource, PayloadSource

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_EPOCH: Final = datetime.date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Typed:
    """Values of one column: `present` bool (rows,), `values` int64 (rows,), 0 where absent.

    `unlisted` counts values outside the public list that were taken as absent.
    """

    present: NDArray[np.bool_] = field(repr=False)
    values: NDArray[np.int64] = field(repr=False)
    unlisted: int = 0


@dataclass(frozen=True, slots=True)
class _Unusable:
    """Why a value cannot be used; `counted` if an optional column takes it as absent and only counts it."""

    reason: str
    counted: bool = False


_Result = int | None | _Unusable
"""A value, absent, or why it cannot be used."""


def typed_column(
    source: PayloadSource, column: PayloadColumn, block: Block, codes: tuple[Mapping[str, int], str], faults: FaultLog
) -> Typed:
    """Return a column of a block in its agreed type, logging what cannot be used.

    `codes` are a category's positions by code and the code that stands for unknown. A column that the file does not
    have is absent in every row.
    """
    rows = len(block.numbers)
    values = np.zeros(rows, dtype=np.int64)
    present = np.zeros(rows, dtype=np.bool_)
    column_source = source.columns.get(column.name)
    if column_source is None:
        return Typed(present, values)
    parse = _parser(column, column_source, codes)
    memo: dict[str, _Result] = {}
    unlisted = 0
    for row, text in enumerate(block.columns[column_source.column]):
        if text not in memo:
            memo[text] = parse(text.strip())
        result = memo[text]
        if isinstance(result, int):
            values[row] = result
            present[row] = True
        elif isinstance(result, _Unusable) and result.counted and not column.required:
            unlisted += 1
        elif isinstance(result, _Unusable):
            faults.add(Fault(source.label, block.numbers[row], column.name, result.reason))
        elif column.required:
            faults.add(Fault(source.label, block.numbers[row], column.name, "is empty, and the agreement requires it"))
    return Typed(present, values, unlisted)


def _parser(
    column: PayloadColumn, source: ColumnSource, codes: tuple[Mapping[str, int], str]
) -> Callable[[str], _Result]:
    if column.type == "category":
        return partial(_category, *codes, source.codes, column.code_list or "")
    if column.type == "date":
        return partial(_date, source.date_format, source.latest_year)
    return partial(_integer, column.minimum or 0, column.maximum or 0)


def _category(
    places: Mapping[str, int], unknown: str, translation: Mapping[str, str] | None, list_name: str, text: str
) -> _Result:
    code = text if translation is None else translation.get(text, text)
    if code in ("", unknown):
        return None
    place = places.get(code)
    if place is None:
        return _Unusable(f"is not in the public list {list_name}; add it to the mapping's codes", counted=True)
    return place


def _integer(minimum: int, maximum: int, text: str) -> _Result:
    if not text:
        return None
    if not _INTEGER.fullmatch(text):
        return _Unusable("is not a whole number")
    value = int(text)
    if not minimum <= value <= maximum:
        return _Unusable(f"is outside the agreed bounds {minimum} to {maximum}")
    return value


def _date(date_format: DateFormat, latest_year: int | None, text: str) -> _Result:
    if not text:
        return None
    day = full_date(text, date_format, latest_year)
    return day.toordinal() - _EPOCH if day else _Unusable(f"is not a full date in the declared format {date_format}")
