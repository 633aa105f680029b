"""The linkage unit's processes: serve, check, link, status. Thin: everything they do is in the rooms beside."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import grpc

from linkage_core.agreement.doors import Door, check_door
from linkage_core.agreement.signatures import verify_agreement
from linkage_core.comparing.similarity import assert_native
from linkage_core.crypto import hpke
from services.common.access import AccessGuard
from services.common.agreements import is_party
from services.common.channel import open_channel
from services.common.checking import Checklist
from services.common.clock import Clock, RandomBytes, system_clock, system_random
from services.common.identity import Role, realm_of
from services.common.keystore import load_party_keys
from services.common.locks import only_process
from services.common.own_identity import read_agreement, require_own_keys
from services.common.server import serve_until_stopped, start_server
from services.common.wave_keys import fetch_wave_keys
from services.linkage_unit.config import LinkageUnitConfig
from services.linkage_unit.retention import delete_due_encodings
from services.linkage_unit.servicer import register
from services.linkage_unit.status import Status, status_of
from services.linkage_unit.unit import LINK, SERVE, LinkageUnit, open_unit
from services.linkage_unit.workspace import WorkerKeys

if TYPE_CHECKING:
    from linkage_core.linking.run import Progress
    from services.linkage_unit.changes import ChangeReport
    from services.linkage_unit.declaring import Declaration
    from services.linkage_unit.estimating import WaveEstimate
    from services.linkage_unit.quality.wave import LinkedWave

DECLARE: Final = "declare"
STATUS: Final = "status"
ESTIMATE: Final = "estimate"


def serve(config: LinkageUnitConfig, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is told the address once calls are taken."""
    with only_process(config.data, SERVE):
        unit = open_unit(config, SERVE, system_clock, system_random)
        delete_due_encodings(unit)
        server, port = start(unit, config.listen)
        address = f"{config.listen.rpartition(':')[0]}:{port}"
        unit.log.info("serving", address=address, version=str(unit.agreement.document.version))
        ready(address)
        serve_until_stopped(server, unit.close)


def start(unit: LinkageUnit, listen: str) -> tuple[grpc.Server, int]:
    """Start the gRPC server of an open linkage unit; returns it and its port."""
    guard = AccessGuard(realm_of(unit.agreement), unit.state, partial(is_party, unit.agreement), unit.log)
    return start_server(listen, unit.keys.transport, guard, partial(register, unit))


def link(config: LinkageUnitConfig, wave: str, progress: "Progress | None" = None) -> bool:
    """Link a wave beside the serving process; False if its tokens had been made before."""
    # Only linking loads the kernels, which takes a second.
    from linkage_core.searching.cluster import RayEngine
    from linkage_core.searching.engine import LocalEngine
    from services.linkage_unit.runner import link_wave

    engine = RayEngine(config.cluster) if config.cluster else LocalEngine()
    worker_keys = WorkerKeys(config.key_encryption_key.absolute(), config.wraps.absolute()) if config.cluster else None
    with only_process(config.data, LINK), _opened(config, LINK, system_clock, system_random) as unit:
        analysis = unit.agreement.document.analysis_service
        realm = realm_of(unit.agreement)
        with open_channel(
            config.analysis_service, unit.keys.transport, realm, Role.ANALYSIS_SERVICE, analysis.name
        ) as channel:
            fetch = partial(fetch_wave_keys, channel, unit.agreement)
            return link_wave(unit, wave, fetch, progress, engine=engine, worker_keys=worker_keys)


def estimate(config: LinkageUnitConfig, wave: str) -> "WaveEstimate":
    """Return what linking a wave would cost on this machine; changes nothing."""
    from services.linkage_unit.estimating import estimate_wave

    with _opened(config, ESTIMATE, system_clock, system_random) as unit:
        return estimate_wave(unit, wave, time.perf_counter)


def status(config: LinkageUnitConfig) -> Status:
    """Return what the operator may know of every wave."""
    with _opened(config, STATUS, system_clock, system_random) as unit:
        return status_of(unit)


def changes(config: LinkageUnitConfig, wave: str | None = None) -> "ChangeReport":
    """Return what the linked waves, or one of them, changed in the registry."""
    from services.linkage_unit.changes import change_report

    with _opened(config, STATUS, system_clock, system_random) as unit:
        return change_report(unit, wave)


def linked(config: LinkageUnitConfig, wave: str) -> "LinkedWave":
    """Return a linked wave with its model and counts, for the pages that its operator reads."""
    from services.linkage_unit.quality.wave import linked_wave

    with _opened(config, STATUS, system_clock, system_random) as unit:
        return linked_wave(unit, wave)


def declare(
    config: LinkageUnitConfig, wave: str, simulated: bytes | None, trials: int, progress: Callable[[int, int], None]
) -> "Declaration":
    """Return what is declared of a linked wave, signed."""
    from services.linkage_unit.declaring import declare_rates, parse_simulated

    corrected_by = None if simulated is None else parse_simulated(simulated)
    with only_process(config.data, DECLARE), _opened(config, DECLARE, system_clock, system_random) as unit:
        return declare_rates(unit, wave, corrected_by, trials, progress)


def check(config: LinkageUnitConfig, clock: Clock = system_clock) -> list[str]:
    """Return every reason for which `serve` would not start, or would refuse every file; changes nothing."""
    checklist = Checklist()
    checklist.attempt(assert_native)
    checklist.attempt(hpke.assert_supported)
    keys = checklist.attempt(lambda: load_party_keys(config.keys))
    agreement = checklist.attempt(lambda: verify_agreement(read_agreement(config.agreement)))
    if agreement is not None:
        if keys is not None:
            checklist.attempt(lambda: require_own_keys(agreement, keys, Role.LINKAGE_UNIT))
        checklist.attempt(lambda: check_door(agreement.document, Door.UPLOAD, now=clock(), suspended_by=frozenset()))
    return checklist.findings


@contextmanager
def _opened(config: LinkageUnitConfig, process: str, clock: Clock, random: RandomBytes) -> Iterator[LinkageUnit]:
    unit = open_unit(config, process, clock, random)
    try:
        yield unit
    finally:
        unit.close()
