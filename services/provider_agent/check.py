"""The dry pass: mapping and every file validated against the agreement before anything is sent.

1. mapping against agreement, all contradictions together
2. identities: columns, encodings, required values, dates, one row per local person
3. payload tables: closed types, code lists, bounds, local ids that exist, rows per person
4. all faults of all files together, or counts that show how good the files are
"""

from collections.abc import Mapping as AbstractMapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from linkage_core.agreement.document import Agreement
from linkage_core.crypto.secret import Secret
from linkage_core.errors import Refused
from linkage_core.standardise.rules import require_current
from linkage_core.types import PartyName
from services.common.clock import RandomBytes
from services.provider_agent.faults import FaultLog
from services.provider_agent.fingerprint import Fingerprint, unchanged
from services.provider_agent.identities import FieldQuality, check_identities
from services.provider_agent.mapping import Mapping, check_mapping, tables_of
from services.provider_agent.payload import TableQuality, check_table
from services.provider_agent.profiling.identities import IdentitiesProfile, IdentitiesStatistics
from services.provider_agent.profiling.payload import PayloadStatistics, TableProfile
from services.provider_agent.progress import Progress

_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class CheckedFiles:
    """What the dry pass found: counts only, and the fingerprint by which a later pass knows the identities again."""

    rows: int
    fields: AbstractMapping[str, FieldQuality]
    tables: AbstractMapping[str, TableQuality]
    identities: Fingerprint


@dataclass(frozen=True, slots=True)
class ExaminedFiles:
    """What the dry pass found in more detail, whether the files can be used or not: counts only."""

    files: CheckedFiles
    identities: IdentitiesStatistics
    payload: AbstractMapping[str, tuple[PayloadStatistics, ...]]
    faults: FaultLog = field(repr=False)
    agreement: Agreement = field(repr=False)

    def accepted(self) -> CheckedFiles:
        """Return the files' counts, or raise as `check_files` does."""
        return _accepted(self.files, self.faults, self.agreement)


def check_files(
    mapping: Mapping,
    agreement: Agreement,
    provider: PartyName,
    *,
    today: date,
    random_bytes: RandomBytes,
    progress: Progress,
) -> CheckedFiles:
    """Validate mapping and files; one `InputFault` lists every fault of all files.

    Raises `Refused` if the agreement names other standardisation rules or another number of rows.
    """
    faults = FaultLog()
    files = _read(mapping, agreement, provider, today, Secret(random_bytes(_KEY_BYTES)), progress, faults, None)
    return _accepted(files, faults, agreement)


def examine_files(
    mapping: Mapping,
    agreement: Agreement,
    provider: PartyName,
    *,
    today: date,
    random_bytes: RandomBytes,
    progress: Progress,
) -> ExaminedFiles:
    """Validate mapping and files, and gather the statistics of a report; faults of the files are kept, not raised."""
    faults, key = FaultLog(), Secret(random_bytes(_KEY_BYTES))
    profile = _Profile(
        IdentitiesProfile(mapping.identities, agreement.linkage, key, today),
        {table.name: TableProfile(table, agreement, today) for table in tables_of(agreement, provider)},
    )
    files = _read(mapping, agreement, provider, today, key, progress, faults, profile)
    payload = {name: table.statistics() for name, table in profile.tables.items()}
    return ExaminedFiles(files, profile.identities.statistics(), payload, faults, agreement)


@dataclass(frozen=True, slots=True)
class _Profile:
    identities: IdentitiesProfile
    tables: AbstractMapping[str, TableProfile]


def _read(
    mapping: Mapping,
    agreement: Agreement,
    provider: PartyName,
    today: date,
    key: Secret,
    progress: Progress,
    faults: FaultLog,
    profile: _Profile | None,
) -> CheckedFiles:
    require_current(agreement.linkage)
    check_mapping(mapping, agreement, provider)
    tables: dict[str, TableQuality] = {}
    with ExitStack() as files:
        print_of_identities = files.enter_context(unchanged(mapping.identities.path))
        with progress(f"checking {mapping.identities.label}", None) as advance:
            observe = profile.identities.add if profile else None
            people = check_identities(mapping.identities, agreement.linkage, today, key, faults, advance, observe)
        images = None if faults.left_out_of(mapping.identities.label) else people.images
        for table in tables_of(agreement, provider):
            source = mapping.payload_source(table.name)
            files.enter_context(unchanged(source.path))
            with progress(f"checking {source.label}", None) as advance:
                watch = profile.tables[table.name].add if profile else None
                tables[table.name] = check_table(source, table, agreement, key, images, faults, advance, watch)
    return CheckedFiles(people.rows, people.fields, tables, print_of_identities)


def _accepted(files: CheckedFiles, faults: FaultLog, agreement: Agreement) -> CheckedFiles:
    faults.refuse("the files cannot be used and nothing was sent")
    _require_volume(agreement, files.rows)
    return files


def _require_volume(agreement: Agreement, rows: int) -> None:
    least, most = agreement.volume.minimum_rows, agreement.volume.maximum_rows
    if rows < least:
        raise Refused("volume.minimum_rows", f"the identities file has {rows:,} rows, at least {least:,} are needed")
    if rows > most:
        raise Refused("volume.maximum_rows", f"the identities file has {rows:,} rows, at most {most:,} are allowed")
