"""The identities file in counts: every column, and whole rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from linkage_core.crypto.secret import Secret
from linkage_core.schema import LinkageSchema
from linkage_core.standardise.run import StandardisedColumns, Standardiser
from services.provider_agent.mapping import FileSource
from services.provider_agent.profiling.columns import ColumnProfile, ColumnStatistics
from services.provider_agent.profiling.people import PeopleProfile, PeopleStatistics


@dataclass(frozen=True, slots=True)
class IdentitiesStatistics:
    """Counts of an identities file: `columns` in the schema's order, those that the file has."""

    columns: tuple[ColumnStatistics, ...]
    people: PeopleStatistics


class IdentitiesProfile:
    """Collects the counts while the file is read. `key` (32 bytes) makes the images that values are counted by."""

    def __init__(self, source: FileSource, schema: LinkageSchema, key: Secret, today: date) -> None:
        self._columns = {
            item.name: ColumnProfile(item, source.columns[item.name].date_format, key, today.year)
            for item in schema.quasi_identifiers
            if item.name in source.columns
        }
        self._people = PeopleProfile(schema, tuple(self._columns))

    def add(self, chunk: StandardisedColumns, texts: Mapping[str, list[str]], standardiser: Standardiser) -> None:
        """Count a chunk: as standardised, and as the file has it."""
        findings: dict[str, list[tuple[int, str]]] = {name: [] for name in self._columns}
        for finding in chunk.findings:
            findings[finding.field].append((finding.row, str(finding.reason)))
        blocks = {
            name: column.add(
                chunk.numbers[name],
                texts[name],
                standardiser.distinct(name),
                chunk.present[name],
                chunk.complete[name],
                findings[name],
            )
            for name, column in self._columns.items()
        }
        self._people.add(blocks, chunk.rows)

    def statistics(self) -> IdentitiesStatistics:
        """Return what was counted."""
        return IdentitiesStatistics(
            tuple(column.statistics() for column in self._columns.values()), self._people.statistics()
        )
