"""A linkage unit whose agreement adds waves to a registry: its clauses, its files, what a wave leaves behind."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from services.linkage_unit.changes import ChangeReport, change_report
from services.linkage_unit.config import LinkageUnitConfig
from tests.support.linkage import EncodedPeople, encode_people, opened
from tests.support.linking import OpenedToken, fetch, link, open_batch, pseudonym_of, upload_files
from tests.support.parties import Parties

AFTER: Final = datetime(2028, 1, 1, tzinfo=UTC)
"""All tokens are due, and the registry's encodings are still kept."""
TOO_LATE: Final = datetime(2028, 6, 2, tzinfo=UTC)
ADDING: Final[Any] = {
    "waves": [
        {"name": "w1", "tokens_not_before": "2026-06-01T00:00:00Z"},
        {"name": "w2", "kind": "incremental", "tokens_not_before": "2027-06-01T00:00:00Z"},
        {"name": "w3", "kind": "incremental", "corrects": "w2", "tokens_not_before": "2027-12-01T00:00:00Z"},
        {"name": "w4", "kind": "complete", "tokens_not_before": "2027-12-15T00:00:00Z"},
    ],
    "retention": {
        "clks_days": 0,
        "registry_days": 3650,
        "registry_encodings_until": "2028-06-01",
        "payload_days": 365,
    },
}
FIRST: Final = {"register": range(60), "border": range(30, 90), "tax": range(50, 100)}
NEW: Final = {"register": range(100, 110), "border": range(105, 115), "tax": range(40, 50)}
Tokens = dict[str, dict[int, OpenedToken]]


def run_wave(parties: Parties, config: LinkageUnitConfig, wave: str, files: Mapping[str, EncodedPeople]) -> Tokens:
    """Upload and link a wave; returns every person's token by provider."""
    with opened(config, lambda: AFTER) as unit:
        upload_files(parties, unit, files, wave)
    assert link(config, wave, AFTER)
    return tokens_of(parties, config, wave, files)


def tokens_of(parties: Parties, config: LinkageUnitConfig, wave: str, files: Mapping[str, EncodedPeople]) -> Tokens:
    """Return every person's token by provider."""
    return {
        name: pseudonym_of(file, open_batch(parties, fetch(parties, config, name, wave, AFTER), name, wave))
        for name, file in files.items()
    }


def upload(parties: Parties, config: LinkageUnitConfig, wave: str, people: Mapping[str, range]) -> None:
    """Upload files of these people, and link nothing."""
    with opened(config, lambda: AFTER) as unit:
        upload_files(parties, unit, {name: encode_people(name, numbers) for name, numbers in people.items()}, wave)


def registered(config: LinkageUnitConfig) -> dict[tuple[str, bytes], bytes]:
    """Return the registry: who is which person."""
    with opened(config, lambda: AFTER) as unit:
        return unit.runs.registry()


def reports(config: LinkageUnitConfig) -> ChangeReport:
    """Return what changed, as the operator reads it."""
    with opened(config, lambda: AFTER) as unit:
        return change_report(unit)
