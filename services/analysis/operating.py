"""What an operator does beside the serving process: check, status, close a wave, add rates. None of it draws noise."""

from typing import Final

from disclosure.balances import Caps, balance
from disclosure.entries import cell_key_tables
from linkage_core.agreement.declared_rates import DeclaredRates
from linkage_core.agreement.doors import Door, check_door
from linkage_core.agreement.signatures import verify_agreement
from linkage_core.crypto import hpke
from services.analysis.assembly import open_service
from services.analysis.config import AnalysisConfig
from services.analysis.declared_rates import keep_rates, rates_of
from services.analysis.roster import read_roster
from services.common.audit import AuditLog
from services.common.checking import Checklist
from services.common.clock import Clock, system_clock
from services.common.identity import Role
from services.common.keystore import load_party_keys
from services.common.locks import only_process
from services.common.own_identity import read_agreement, require_own_keys

CLOSE_WAVE: Final = "close-wave"
ADD_RATES: Final = "add-rates"
"""Names of processes that change something: each has a lock and an audit log of its own."""


def check(config: AnalysisConfig, clock: Clock = system_clock) -> list[str]:
    """Return every reason for which `serve` would not start or no analyst could ask; changes nothing."""
    checklist = Checklist()
    checklist.attempt(hpke.assert_supported)
    keys = checklist.attempt(lambda: load_party_keys(config.keys))
    agreement = checklist.attempt(lambda: verify_agreement(read_agreement(config.agreement)))
    if agreement is not None:
        if keys is not None:
            checklist.attempt(lambda: require_own_keys(agreement, keys, Role.ANALYSIS_SERVICE))
        checklist.attempt(lambda: check_door(agreement.document, Door.QUERY, now=clock(), suspended_by=frozenset()))
        checklist.attempt(lambda: read_roster(config.roster, agreement))
    return checklist.findings


def status(config: AnalysisConfig) -> dict[str, object]:
    """Return what an operator may know: waves, who has delivered, budget spent. It verifies the ledger on the way."""
    service = open_service(config, takes_into_force=False)
    try:
        document = service.agreement.document
        entries = service.ledger.entries(document.lineage)
        return {
            "agreement": document.id,
            "version": document.version,
            "state": str(service.keeper.state(service.agreement)),
            "waves": {
                wave.name: {
                    "delivered": sorted({provider for provider, _ in service.deliveries.files(wave.name)}),
                    "closed": service.keyring.is_closed(wave.name),
                }
                for wave in document.waves
            },
            "releases": sum(entry.kind == "RELEASED" for entry in entries),
            "cell_key_tables": cell_key_tables(entries),
            "nano_rho_total": document.budget.total_nano_rho,
            "nano_rho_left": balance(
                entries,
                Caps.of(document.budget),
                project=document.project,
                wave="",
                analyst="",
                at=service.clock().isoformat(),
            ).total.left,
        }
    finally:
        service.close()


def close_wave(config: AnalysisConfig, wave: str) -> bool:
    """Destroy the private keys of a wave for good; tells whether it was open. Its payload stays until it is due."""
    with only_process(config.data, CLOSE_WAVE):
        service = open_service(config, takes_into_force=False)
        try:
            service.agreement.document.wave(wave)
            was_open = service.keyring.close(wave, service.clock())
            audit = AuditLog(config.data / f"audit-{CLOSE_WAVE}.jsonl", service.keys.identity, service.clock)
            audit.append("wave-closed", wave=wave)
            return was_open
        finally:
            service.close()


def add_rates(config: AnalysisConfig, file: bytes) -> DeclaredRates:
    """Keep what the linkage unit declares of a wave; raises what `declared_rates.keep_rates` raises."""
    with only_process(config.data, ADD_RATES):
        service = open_service(config, takes_into_force=False)
        try:
            rates = keep_rates(config.data, file, service.agreement)
            audit = AuditLog(config.data / f"audit-{ADD_RATES}.jsonl", service.keys.identity, service.clock)
            audit.append("rates-added", wave=rates.wave)
            return rates
        finally:
            service.close()


def declared_rates(config: AnalysisConfig, wave: str) -> DeclaredRates | None:
    """Return what is declared of a wave, or None."""
    service = open_service(config, takes_into_force=False)
    try:
        return rates_of(config.data, service.agreement.document.wave(wave).name, service.agreement)
    finally:
        service.close()
