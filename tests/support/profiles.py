"""Statistics of a few rows without files: what `symbolon agent check` would count of them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from linkage_core.crypto.secret import Secret
from linkage_core.schema import LinkageSchema, QuasiIdentifier
from linkage_core.standardise.dates import DateFormat
from linkage_core.standardise.formats import ColumnFormat
from linkage_core.standardise.run import Standardiser
from services.provider_agent.mapping import ColumnSource, FileSource
from services.provider_agent.profiling.columns import ColumnStatistics
from services.provider_agent.profiling.identities import IdentitiesProfile, IdentitiesStatistics
from tests.support.parties import small_schema

TODAY: Final = date(2026, 6, 15)


def schema_of(*more: QuasiIdentifier) -> LinkageSchema:
    """Return the small agreement's schema with further quasi-identifiers, which nothing encodes."""
    small = small_schema()
    return small.model_copy(update={"quasi_identifiers": (*small.quasi_identifiers, *more)})


def profile(
    columns: Mapping[str, Sequence[str]],
    *,
    schema: LinkageSchema | None = None,
    date_format: DateFormat = "YYYY-MM-DD",
    block_rows: int = 10_000,
    key: bytes = bytes(32),
) -> IdentitiesStatistics:
    """Return the statistics of rows given as columns, read in blocks."""
    schema = schema or small_schema()
    source = FileSource.model_validate(
        {
            "path": "people.csv",
            "local_id": "no",
            "columns": {name: ColumnSource(column=name, date_format=date_format) for name in columns},
        },
        strict=False,
    )
    collected = IdentitiesProfile(source, schema, Secret(key), TODAY)
    rows = len(next(iter(columns.values())))
    with Standardiser(schema, dict.fromkeys(columns, ColumnFormat(date_format))) as standardiser:
        for start in range(0, rows, block_rows):
            texts = {name: list(values[start : start + block_rows]) for name, values in columns.items()}
            collected.add(standardiser.read(texts), texts, standardiser)
    return collected.statistics()


def column_of(statistics: IdentitiesStatistics, name: str) -> ColumnStatistics:
    """Return the statistics of one column."""
    return next(column for column in statistics.columns if column.name == name)
