"""Standardisation in steps: columns of a file in, the linkage schema's variables out.

    1. the agreement names these rules (`rules.require_current`), else nothing is standardised
    2. each quasi-identifier's column is standardised by its kind, once per distinct value
    3. an empty value of a required quasi-identifier is a finding
    4. variables are formed; which quasi-identifiers are present and complete is kept beside them

It works on a chunk of rows; chunks are independent. Everything here is in clear and stays with the provider.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from linkage_core.errors import InputFault
from linkage_core.schema import LinkageSchema, QuasiIdentifierKind, Variable
from linkage_core.standardise.addresses import standardise_address, standardise_municipality, standardise_postcode
from linkage_core.standardise.countries import standardise_country
from linkage_core.standardise.dates import DateFormat, standardise_date
from linkage_core.standardise.findings import Finding, Reason, Standardised
from linkage_core.standardise.identifiers import standardise_identifier
from linkage_core.standardise.names import standardise_name
from linkage_core.standardise.rules import require_current
from linkage_core.standardise.sex import standardise_sex
from linkage_core.standardise.variables import in_form

FULL_DATE_LENGTH = len("YYYY-MM-DD")

_RULES: dict[QuasiIdentifierKind, Callable[[str], Standardised]] = {
    "given-name": standardise_name,
    "family-name": standardise_name,
    "sex": standardise_sex,
    "country": standardise_country,
    "municipality": standardise_municipality,
    "identifier": standardise_identifier,
    "address": standardise_address,
    "postcode": standardise_postcode,
}


@dataclass(frozen=True, slots=True)
class StandardisedColumn:
    """One column: `values` ("" = missing) row by row, and `(row, reason)` of each value that could not be used."""

    values: list[str] = field(repr=False)
    faults: list[tuple[int, Reason]]


@dataclass(frozen=True, slots=True)
class StandardisedRecords:
    """A chunk of records ready to be encoded; identifiers in clear, never to leave the provider agent.

    `values`: variable -> one string per row, "" = missing. `present`, `complete`: quasi-identifier -> bool, (rows,);
    a partial date is present and not complete.
    """

    rows: int
    values: Mapping[str, list[str]] = field(repr=False)
    present: Mapping[str, NDArray[np.bool_]] = field(repr=False)
    complete: Mapping[str, NDArray[np.bool_]] = field(repr=False)


def standardise_column(
    kind: QuasiIdentifierKind, values: Sequence[object], *, date_format: DateFormat = "YYYY-MM-DD"
) -> StandardisedColumn:
    """Standardise one column of strings; None and NaN are missing, any other type is a `TypeError` (read as text)."""
    rule = _RULES[kind] if kind != "date" else lambda text: standardise_date(text, date_format)
    memo: dict[str, Standardised] = {}
    standardised: list[str] = []
    faults: list[tuple[int, Reason]] = []
    for row, value in enumerate(values):
        text = _text(value)
        if text not in memo:
            memo[text] = rule(text)
        result, reason = memo[text]
        standardised.append(result)
        if reason is not None:
            faults.append((row, reason))
    return StandardisedColumn(standardised, faults)


def standardise(
    schema: LinkageSchema,
    columns: Mapping[str, Sequence[object]],
    *,
    date_formats: Mapping[str, DateFormat] | None = None,
    first_row: int = 0,
) -> tuple[StandardisedRecords, tuple[Finding, ...]]:
    """Return a chunk's variables and every finding (rows counted from `first_row`).

    `columns` holds text by quasi-identifier name; one that the provider does not have is left out and missing in
    every row. `date_formats` names the format of each date column, `YYYY-MM-DD` if it does not.
    Raises `Refused` if the agreement names other rules, `InputFault` if columns and schema do not fit.
    """
    require_current(schema)
    rows = _row_count(schema, columns)
    formats = date_formats or {}
    values: dict[str, list[str]] = {}
    findings: list[Finding] = []
    for item in schema.quasi_identifiers:
        if item.name not in columns:
            values[item.name] = [""] * rows
            continue
        column = standardise_column(item.kind, columns[item.name], date_format=formats.get(item.name, "YYYY-MM-DD"))
        values[item.name] = column.values
        faults = list(column.faults)
        if item.required:
            explained = {row for row, _ in faults}
            empty = (row for row, value in enumerate(column.values) if not value and row not in explained)
            faults += [(row, Reason.REQUIRED_MISSING) for row in empty]
        findings += [Finding(item.name, first_row + row, reason) for row, reason in sorted(faults)]
    kinds = {item.name: item.kind for item in schema.quasi_identifiers}
    records = StandardisedRecords(
        rows=rows,
        values={variable.name: _variable(variable, values) for variable in schema.variables},
        present={name: np.array([bool(v) for v in column], dtype=np.bool_) for name, column in values.items()},
        complete={name: _complete(kinds[name], column) for name, column in values.items()},
    )
    return records, tuple(findings)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None or value != value:  # NaN is what a table library writes for a missing text
        return ""
    raise TypeError(f"a quasi-identifier must be read as text, not as {type(value).__name__}")


def _row_count(schema: LinkageSchema, columns: Mapping[str, Sequence[object]]) -> int:
    names = {item.name for item in schema.quasi_identifiers}
    faults = [f"no quasi-identifier {name} in the linkage schema" for name in sorted(set(columns) - names)]
    faults += [
        f"{q.name} is required and the file has no such column"
        for q in schema.quasi_identifiers
        if q.required and q.name not in columns
    ]
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1:
        faults.append("the columns must be one or more, of one length")
    if faults:
        raise InputFault("the columns do not fit the linkage schema", tuple(faults))
    return lengths.pop()


def _variable(variable: Variable, values: Mapping[str, list[str]]) -> list[str]:
    memo: dict[tuple[str, ...], str] = {}
    formed: list[str] = []
    for parts in zip(*(values[name] for name in variable.of), strict=True):
        if parts not in memo:
            memo[parts] = in_form(variable.form, parts)
        formed.append(memo[parts])
    return formed


def _complete(kind: QuasiIdentifierKind, column: list[str]) -> NDArray[np.bool_]:
    if kind == "date":
        return np.array([len(value) == FULL_DATE_LENGTH for value in column], dtype=np.bool_)
    return np.array([bool(value) for value in column], dtype=np.bool_)
