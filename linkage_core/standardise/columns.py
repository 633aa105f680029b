"""One column of a file: each distinct value is standardised once, and remembered as long as the file is read.

Columns of names and dates repeat: in the generator's register a value comes up 3 to 10 times in 100,000 rows. What is
remembered are quasi-identifiers in clear, so it is bounded, and it is forgotten when the file ends.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.schema import IdentifierScheme, QuasiIdentifierKind
from linkage_core.standardise.addresses import standardise_address, standardise_municipality, standardise_postcode
from linkage_core.standardise.countries import standardise_country
from linkage_core.standardise.dates import standardise_date
from linkage_core.standardise.findings import Reason, Standardised
from linkage_core.standardise.formats import AS_AGREED, ColumnFormat
from linkage_core.standardise.identifiers import standardise_identifier
from linkage_core.standardise.names import standardise_family_name, standardise_given_name
from linkage_core.standardise.sex import standardise_sex

MOST_REMEMBERED_BYTES: Final = 32 << 20
"""A column that has more to remember forgets everything before its next chunk. About 80,000 names; all dates of a
century."""

_ENTRY_BYTES: Final = 400
"""What a remembered value takes beside its characters, about: two strings, their places in tables and dictionaries."""

_REASONS: Final = tuple(Reason)
_CODES: Final = {None: 0} | {reason: code for code, reason in enumerate(Reason, 1)}
_LONGEST_TOLD: Final = 255


@dataclass(frozen=True, slots=True)
class StandardisedColumn:
    """One column: `values` ("" = missing) row by row, and `(row, reason)` of each that could not be used as it is."""

    values: list[str] = field(repr=False)
    faults: list[tuple[int, Reason]]


def rule_of(
    kind: QuasiIdentifierKind, written: ColumnFormat = AS_AGREED, scheme: IdentifierScheme | None = None
) -> Callable[[str], Standardised]:
    """Return what standardises one value of this kind, as its column is written; the scheme is an identifier's."""
    rules: dict[QuasiIdentifierKind, Callable[[str], Standardised]] = {
        "given-name": partial(standardise_given_name, order=written.name_order),
        "family-name": partial(standardise_family_name, order=written.name_order),
        "date": partial(standardise_date, date_format=written.date_format, latest_year=written.latest_year),
        "sex": standardise_sex,
        "country": partial(standardise_country, codes=written.country_codes),
        "municipality": standardise_municipality,
        "identifier": partial(standardise_identifier, scheme=scheme),
        "address": standardise_address,
        "postcode": standardise_postcode,
    }
    return rules[kind]


def standardise_column(
    kind: QuasiIdentifierKind,
    values: Sequence[object],
    written: ColumnFormat = AS_AGREED,
    scheme: IdentifierScheme | None = None,
) -> StandardisedColumn:
    """Standardise one column of strings; None and NaN are missing, any other type is a `TypeError` (read as text)."""
    column = ColumnMemory(rule_of(kind, written, scheme))
    numbers = column.numbers(values)
    return StandardisedColumn(
        [column.values[number] for number in numbers.tolist()],
        [(int(row), reason) for row, reason in column.findings(numbers)],
    )


class ColumnMemory:
    """The distinct values of one column, numbered as they come; number 0 is the empty text.

    `values` are they by number, standardised, "" = missing. Numbers hold until `forget_if_full` says that it forgot.
    """

    __slots__ = ("_bytes", "_lengths", "_numbers", "_reasons", "_required", "_rule", "values")

    def __init__(self, rule: Callable[[str], Standardised], *, required: bool = False) -> None:
        self._rule = rule
        self._required = required
        self._start_anew()

    def numbers(self, column: Sequence[object]) -> NDArray[np.int64]:
        """Return the number of each value of a column; what is seen for the first time is standardised."""
        return np.fromiter(map(self._numbers.__getitem__, column), np.int64, len(column))

    def findings(self, numbers: NDArray[np.int64]) -> list[tuple[int, Reason]]:
        """Return row and reason of each value that could not be used, in the order of rows."""
        codes = np.frombuffer(self._reasons, np.uint8)[numbers]
        rows = np.flatnonzero(codes)
        return [(row, _REASONS[code - 1]) for row, code in zip(rows.tolist(), codes[rows].tolist(), strict=True)]

    def texts_of(self, numbers: NDArray[np.int64], reason: Reason) -> list[tuple[str, int]]:
        """Return each text, as read, that could not be used for this reason, and how many of these rows have it."""
        codes, counts = np.unique(numbers, return_counts=True)
        rows = {
            number: count
            for number, count in zip(codes.tolist(), counts.tolist(), strict=True)
            if self._reasons[number] == _CODES[reason]
        }
        return [
            (text, rows[number]) for text, number in self._numbers.items() if number in rows and isinstance(text, str)
        ]

    def lengths(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return how many characters each standardised value has, 255 for more; 0 where it is missing."""
        return np.frombuffer(self._lengths, np.uint8)[numbers]

    def forget_if_full(self) -> bool:
        """Start anew if too much is remembered, and tell so: earlier numbers mean nothing any more."""
        full = self._bytes > MOST_REMEMBERED_BYTES
        if full:
            self._start_anew()
        return full

    def _start_anew(self) -> None:
        self.values: list[str] = []
        self._lengths = bytearray()
        self._reasons = bytearray()
        self._numbers = _Numbers(self._new)
        self._bytes = 0
        self._numbers[""]

    def _new(self, value: object) -> int:
        self._bytes += _ENTRY_BYTES
        if not isinstance(value, str):
            if value is not None and value == value:  # NaN is what a table library writes for a missing text
                raise TypeError(f"a quasi-identifier must be read as text, not as {type(value).__name__}")
            return 0
        standardised, reason = self._rule(value)
        if self._required and not standardised and reason is None:
            reason = Reason.REQUIRED_MISSING
        self._bytes += len(value) + len(standardised)
        self.values.append(standardised)
        self._lengths.append(min(len(standardised), _LONGEST_TOLD))
        self._reasons.append(_CODES[reason])
        return len(self.values) - 1


class _Numbers(dict[object, int]):
    """Numbers by value; a value that is not there gets a new one."""

    __slots__ = ("_new",)

    def __init__(self, new: Callable[[object], int]) -> None:
        super().__init__()
        self._new = new

    def __missing__(self, value: object) -> int:
        number = self[value] = self._new(value)
        return number
