"""The serving process of the analysis service. Thin: everything it does is in the rooms beside."""

from collections.abc import Callable
from functools import partial
from typing import Final

import grpc

from disclosure import errors as disclosure_errors
from disclosure.measurements import NoiseSource, OpenDPNoise
from services.analysis.assembly import AnalysisService, open_service
from services.analysis.config import AnalysisConfig
from services.analysis.declared_rates import rates_of
from services.analysis.intake import Intake, IntakeParts
from services.analysis.pacing import Pace
from services.analysis.queries import QueryDesk, QueryParts
from services.analysis.roster import read_roster
from services.analysis.servicer import DeliveryServicer, QueriesServicer
from services.analysis.store.cells import locked_connection
from services.analysis.store.payload import data_key_name
from services.analysis.waves import payload_due
from services.common.access import AccessGuard
from services.common.agreements import AgreementsServicer, is_party
from services.common.audit import AuditLog
from services.common.errors import Code, Codes
from services.common.identity import Caller, Role, realm_of
from services.common.locks import only_process
from services.common.server import serve_until_stopped, start_server
from services.wire.v1 import agreement_pb2_grpc, delivery_pb2_grpc, queries_pb2_grpc

SERVE: Final = "serve"

DISCLOSURE_CODES: Final[Codes] = (
    (disclosure_errors.QueryFault, Code.BAD_INPUT),
    (disclosure_errors.PolicyRefused, Code.REFUSED),
    (disclosure_errors.BudgetRefused, Code.OVER_BUDGET),
    (disclosure_errors.KeyReused, Code.CONFLICT),
    (disclosure_errors.ReleaseFailed, Code.RELEASE_FAILED),
)
"""The disclosure floor's errors in the catalogue: only this role imports that floor."""


def serve(config: AnalysisConfig, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is told the address once calls are taken."""
    with only_process(config.data, SERVE):
        service = open_service(config, takes_into_force=True)
        server, port = start(service, OpenDPNoise(), Pace(config.answer_step_seconds))
        address = f"{config.listen.rpartition(':')[0]}:{port}"
        service.log.info("serving", address=address, version=str(service.agreement.document.version))
        ready(address)
        serve_until_stopped(server, service.close)


def start(service: AnalysisService, noise: NoiseSource, pace: Pace) -> tuple[grpc.Server, int]:
    """Start the gRPC server of an open analysis service; returns it and its port."""
    with locked_connection(service.config.memory_limit):
        pass  # a memory limit that DuckDB cannot keep to fails here, not after a charge
    destroy_expired_payload(service)
    audit = AuditLog(service.config.data / "audit.jsonl", service.keys.identity, service.clock)
    guard = AccessGuard(
        realm=realm_of(service.agreement),
        state=lambda: service.keeper.state(service.agreement),
        is_member=partial(is_member, service),
        log=service.log,
        role_codes=DISCLOSURE_CODES,
    )
    intake, desk = intake_of(service, audit), desk_of(service, audit, noise, pace)

    def register(server: grpc.Server) -> None:
        realm = realm_of(service.agreement)
        agreements = AgreementsServicer(service.keeper, service.agreement, service.keys.name)
        agreement_pb2_grpc.add_AgreementsServicer_to_server(agreements, server)
        delivery_pb2_grpc.add_DeliveryServicer_to_server(DeliveryServicer(intake, realm), server)
        queries_pb2_grpc.add_QueriesServicer_to_server(QueriesServicer(desk, realm), server)

    audit.append("started", version=service.agreement.document.version)
    return start_server(service.config.listen, service.keys.transport, guard, register)


def intake_of(service: AnalysisService, audit: AuditLog) -> Intake:
    """Return the service's intake; what an earlier process left unfinished on disk is tidied up."""
    return Intake(
        IntakeParts(
            agreement=service.agreement,
            keeper=service.keeper,
            keyring=service.keyring,
            deliveries=service.deliveries,
            payload=service.payload,
            incoming=service.config.data / "incoming",
            k_as=service.k_as,
            clock=service.clock,
            random=service.random,
            audit=audit,
            log=service.log,
        )
    )


def desk_of(service: AnalysisService, audit: AuditLog, noise: NoiseSource, pace: Pace) -> QueryDesk:
    """Return the desk that answers analysts."""
    return QueryDesk(
        QueryParts(
            agreement=service.agreement,
            identity=service.keys.identity,
            keeper=service.keeper,
            roster=service.config.roster,
            deliveries=service.deliveries,
            payload=service.payload,
            declared_rates=lambda wave: rates_of(service.config.data, wave, service.agreement),
            ledger=service.ledger,
            truncation_key=service.truncation_key,
            record_key=service.record_key,
            noise=noise,
            memory_limit=service.config.memory_limit,
            pace=pace,
            clock=service.clock,
            audit=audit,
            log=service.log,
        )
    )


def destroy_expired_payload(service: AnalysisService) -> list[str]:
    """Destroy data keys and files of waves whose days of retention are over; returns the waves."""
    document = service.agreement.document
    expired = []
    for wave in (w.name for w in document.waves if service.clock() >= payload_due(document, w.name)):
        files = service.deliveries.forget_payload(wave)
        for (provider, table), file in files.items():
            service.payload.destroy(file, data_key_name(document.lineage, wave, provider, table))
        expired += [wave] if files else []
    return expired


def is_member(service: AnalysisService, caller: Caller) -> bool:
    """Tell whether the agreement names a party, or the roster an analyst."""
    if caller.role is not Role.ANALYST:
        return is_party(service.agreement, caller)
    if not service.config.roster.exists():
        return False
    return read_roster(service.config.roster, service.agreement).identity_key(caller.name) is not None
