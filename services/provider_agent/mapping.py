"""The mapping file: which column of which file is which quasi-identifier or payload variable."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from linkage_core.agreement.document import Agreement
from linkage_core.agreement.payload import PayloadTable, TableKind
from linkage_core.errors import InputFault
from linkage_core.schema import Name, QuasiIdentifier, QuasiIdentifierKind
from linkage_core.standardise.countries import CountryCodes
from linkage_core.standardise.dates import LATEST_YEAR, DateFormat, has_two_digit_years
from linkage_core.standardise.formats import ColumnFormat
from linkage_core.standardise.names import NameOrder
from linkage_core.types import PartyName
from services.common.config import load_toml
from services.common.paths import FilePath

EXAMPLE: Final = """\
[identities]                         # one row per local person
path = "register.csv"                # relative to this file; .csv or .parquet
encoding = "cp1250"                  # of CSV; utf-8 if left out
delimiter = ";"                      # of CSV; a comma if left out
local_id = "person_no"
[identities.columns]                 # quasi-identifier of the linkage schema = column of the file
given_name = "first_name"
family_name = "surname"
birth_date = { column = "dob", date_format = "DD.MM.YYYY" }
# Others as they need it; none is guessed:
# given_name = { column = "name", name_order = "family-comma-given" }         # or family-given, given-family
# birth_date = { column = "dob", date_format = "D/M/YY", latest_year = 2024 } # years of two digits: 1925 to 2024
# birth_country = { column = "pob", country_codes = "icao" }                  # or ioc, fips, road, numident; else iso
# birth_country = { column = "pob", place_column = "city" }                   # the place decides ambiguous codes
# sex = { column = "sexo", codes = { "H" = "m", "M" = "f" } }                 # letters of other languages

[[payload]]                          # one for each table that the agreement lists for this provider
name = "registrations"
kind = "spell"
path = "registrations.csv"
local_id = "person_no"
[payload.columns]                    # column of the agreement = column of the file
start = "from"
end = "to"
reason = { column = "why", codes = { "1" = "work", "2" = "study" } } # code in the file = code of the public list
"""

_KINDS_OF_OPTIONS: Final[dict[str, tuple[QuasiIdentifierKind, ...]]] = {
    "country_codes": ("country",),
    "place_column": ("country",),
    "name_order": ("given-name", "family-name"),
}

FileEncoding = Literal[
    "utf-8", "ascii", "iso-8859-1", "iso-8859-2", "iso-8859-5", "iso-8859-7", "iso-8859-9", "iso-8859-15",
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1257",
]  # fmt: skip
"""Encodings of CSV files. UTF-16 is not among them: a damaged byte would shift all that follows."""


class MappingPart(BaseModel):
    """Base of the mapping's parts: immutable, strictly typed, no unknown field."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class ColumnSource(MappingPart):
    """A column of a file and how it is written. `codes` translates a file's values into codes of the public list, those
    of sex into m, f and x.

    `latest_year` belongs to date formats with years of two digits; `country_codes` and `place_column` to countries,
    the place being that of the same event, which decides ambiguous codes; `name_order` to names.
    """

    column: str = Field(min_length=1)
    date_format: DateFormat = "YYYY-MM-DD"
    latest_year: int | None = Field(default=None, ge=1900, le=LATEST_YEAR)
    country_codes: CountryCodes = "iso"
    place_column: str | None = Field(default=None, min_length=1)
    name_order: NameOrder = "separate"
    codes: dict[str, str] | None = None

    @property
    def written(self) -> ColumnFormat:
        """How the column is written, as standardisation takes it."""
        return ColumnFormat(self.date_format, self.latest_year, self.country_codes, self.name_order)

    @model_validator(mode="after")
    def _two_digit_years_have_a_century(self) -> "ColumnSource":
        if has_two_digit_years(self.date_format) and self.latest_year is None:
            raise ValueError(
                f"the date_format {self.date_format} has years of two digits: declare latest_year, the latest year "
                "that can occur in the column (the year of the extract, say); each year is the last one not after it"
            )
        if not has_two_digit_years(self.date_format) and self.latest_year is not None:
            raise ValueError(f"latest_year is for years of two digits, {self.date_format} has four: leave it out")
        return self

    @model_validator(mode="before")
    @classmethod
    def _a_name_alone_is_a_column(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value


class FileSource(MappingPart):
    """One file: where it is, how it is written, which column holds the local id, and which columns are read."""

    path: FilePath = Field(strict=False)
    format: Literal["csv", "parquet"] | None = None
    encoding: FileEncoding = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    local_id: str = Field(min_length=1)
    columns: dict[Name, ColumnSource] = Field(min_length=1)

    @property
    def kind_of_file(self) -> Literal["csv", "parquet"]:
        """The declared format, or what the file's name says."""
        return self.format or ("parquet" if self.path.suffix.lower() in (".parquet", ".pq") else "csv")

    @property
    def label(self) -> str:
        """The file's name, as messages show it."""
        return self.path.name

    @property
    def file_columns(self) -> tuple[str, ...]:
        """Every column of the file that is read, the local id first."""
        named = (name for source in self.columns.values() for name in (source.column, source.place_column) if name)
        return tuple(dict.fromkeys((self.local_id, *named)))

    @field_validator("delimiter")
    @classmethod
    def _delimiter_can_delimit(cls, value: str) -> str:
        if value in '"\r\n' or not value.isascii():
            raise ValueError('must be one ASCII character other than a quote or a line end, e.g. "," ";" or "\\t"')
        return value


class PayloadSource(FileSource):
    """The file of one payload table of the agreement."""

    name: Name
    kind: TableKind


class Mapping(MappingPart):
    """The whole mapping file, paths resolved."""

    identities: FileSource
    payload: tuple[PayloadSource, ...] = Field(default=(), strict=False)

    def payload_source(self, table: str) -> PayloadSource:
        """Return the file of a payload table; raises `InputFault` if the mapping has none."""
        for source in self.payload:
            if source.name == table:
                return source
        raise InputFault(f"the mapping has no payload table {table}")


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file; one `ConfigurationFault` lists everything that is wrong with it."""
    return load_toml(path, Mapping)


def check_mapping(mapping: Mapping, agreement: Agreement, provider: PartyName) -> None:
    """Raise one `InputFault` that lists every contradiction between mapping and agreement, and every missing file."""
    faults = (
        *_file_faults(mapping),
        *_identity_faults(mapping.identities, agreement),
        *_payload_faults(mapping, agreement, provider),
    )
    if faults:
        raise InputFault("the mapping does not fit the agreement", faults)


def tables_of(agreement: Agreement, provider: PartyName) -> tuple[PayloadTable, ...]:
    """Return the payload tables that the agreement lists for a provider, in the agreement's order."""
    return tuple(table for table in agreement.payload if table.provider == provider)


def _file_faults(mapping: Mapping) -> Iterator[str]:
    sources = [("identities", mapping.identities), *((f"payload.{p.name}", p) for p in mapping.payload)]
    for where, source in sources:
        if not source.path.is_file():
            yield f"{where}.path: there is no file {source.path}"


def _identity_faults(source: FileSource, agreement: Agreement) -> Iterator[str]:
    known = {item.name: item for item in agreement.linkage.quasi_identifiers}
    for name, column in source.columns.items():
        if name not in known:
            listed = ", ".join(known)
            yield f"identities.columns.{name}: the linkage schema has no such quasi-identifier; it has {listed}"
        if column.codes is not None:
            yield from _sex_code_faults(f"identities.columns.{name}.codes", column.codes, known.get(name))
        if name in known:
            yield from _misplaced(f"identities.columns.{name}", column, known[name].kind)
    for item in known.values():
        if item.required and item.name not in source.columns:
            yield f"identities.columns.{item.name}: the linkage schema requires it"
    for classes in agreement.linkage.frequency_classes:
        name = agreement.linkage.named(classes)
        if name not in source.columns:
            yield f"identities.columns.{name}: the linkage schema has frequency classes of it; map its column"


def _sex_code_faults(where: str, codes: dict[str, str], item: QuasiIdentifier | None) -> Iterator[str]:
    if item is not None and item.kind != "sex":
        yield f"{where}: in an identities file codes translate columns of kind sex only; leave it out"
    elif not set(codes.values()) <= {"m", "f", "x", ""}:
        yield f'{where}: a code of sex means "m", "f", "x" or "" (not recorded)'


def _misplaced(where: str, column: ColumnSource, kind: QuasiIdentifierKind | None) -> Iterator[str]:
    """Declarations that say nothing about a column of this kind (None: of a payload table)."""
    for option, kinds in _KINDS_OF_OPTIONS.items():
        if option in column.model_fields_set and kind not in kinds:
            yield f"{where}.{option}: is for columns of kind {', '.join(kinds)} of an identities file; leave it out"


def _payload_faults(mapping: Mapping, agreement: Agreement, provider: PartyName) -> Iterator[str]:
    agreed = {table.name: table for table in tables_of(agreement, provider)}
    named = [source.name for source in mapping.payload]
    for name in sorted({n for n in named if named.count(n) > 1}):
        yield f"payload.{name}: occurs twice"
    for name in agreed:
        if name not in named:
            yield f"payload.{name}: the agreement lists this table for {provider}, and the mapping has no file for it"
    for source in mapping.payload:
        table = agreed.get(source.name)
        if table is None:
            yield f"payload.{source.name}: the agreement lists no such table for {provider}"
            continue
        if table.kind != source.kind:
            yield f"payload.{source.name}.kind: the agreement says {table.kind}, the mapping {source.kind}"
        yield from _column_faults(source, table, agreement)


def _column_faults(source: PayloadSource, table: PayloadTable, agreement: Agreement) -> Iterator[str]:
    where = f"payload.{source.name}.columns"
    for name, column_source in source.columns.items():
        column = table.column(name)
        if column is None:
            yield f"{where}.{name}: the agreement does not list this column, it may not be delivered"
            continue
        yield from _misplaced(f"{where}.{name}", column_source, None)
        if column_source.codes is None:
            continue
        code_list = agreement.statistics.code_list(column.code_list) if column.code_list else None
        if code_list is None:
            yield f"{where}.{name}.codes: only a category column has codes"
            continue
        allowed = {*code_list.codes, code_list.unknown}
        unknown = sorted(set(column_source.codes.values()) - allowed)
        if unknown:
            yield f"{where}.{name}.codes: the public list {code_list.name} has no code {', '.join(unknown)}"
    for column in table.columns:
        if column.required and column.name not in source.columns:
            yield f"{where}.{column.name}: the agreement requires it"
