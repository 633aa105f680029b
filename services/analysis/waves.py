"""Which wave a question is about, and which state of the data that is."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from linkage_core.agreement.canonical import digest
from linkage_core.agreement.document import Agreement
from linkage_core.errors import Refused
from services.analysis.intake import KEY_VERSION
from services.analysis.store.deliveries import DeliveryStore
from services.common.errors import NotReady


def choose_wave(agreement: Agreement, deliveries: DeliveryStore, named: str, now: datetime) -> str:
    """Return the wave that is named, or the latest complete one whose payload is there.

    An incremental wave may hold changes only: whether it stands for everybody is for the analyst to know and to name.
    Raises `InputFault` for a wave that the agreement does not list, `NotReady` if not every provider has delivered,
    and `Refused` once the payload's days of retention are over.
    """
    wave = agreement.wave(named).name if named else latest_complete(agreement, deliveries)
    if wave is None:
        raise NotReady("no wave is complete yet: not every provider has delivered its payload")
    if now >= payload_due(agreement, wave):
        raise Refused("retention.payload_days", f"the payload of wave {wave} has been destroyed, as agreed")
    if not is_complete(agreement, deliveries.files(wave)):
        raise NotReady(f"wave {wave} is not complete: not every provider has delivered its payload")
    return wave


def latest_complete(agreement: Agreement, deliveries: DeliveryStore) -> str | None:
    """Return the latest complete wave, in the agreement's order, whose payload is there; None if there is none."""
    complete = (
        wave.name
        for wave in agreement.waves
        if wave.kind == "complete" and is_complete(agreement, deliveries.files(wave.name))
    )
    return max(complete, key=[wave.name for wave in agreement.waves].index, default=None)


def is_complete(agreement: Agreement, files: Mapping[tuple[str, str], str]) -> bool:
    """Tell whether every table that the agreement lists is there."""
    return all((table.provider, table.name) in files for table in agreement.payload)


def payload_due(agreement: Agreement, wave: str) -> datetime:
    """Return when a wave's payload must be destroyed."""
    return agreement.wave(wave).tokens_not_before + timedelta(days=agreement.retention.payload_days)


def data_version(wave: str, batches: Mapping[str, str], concepts_digest: str) -> str:
    """Return the name of one state of payload and linkage: whatever changes a count changes it."""
    return digest(
        {
            "wave": wave,
            "batches": dict(batches),
            "concepts": concepts_digest,
            "synthetic_key_version": KEY_VERSION,
        }
    ).hex()
