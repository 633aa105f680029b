"""Who may call what, and in which state of the agreement: one table, deny by default.

A method that is not in the table is denied in the same words as one that is forbidden, so that probing tells nothing.
A test walks the protobuf descriptors and fails for a method without an entry.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError

from linkage_core.agreement.doors import AgreementState
from linkage_core.errors import InputFault, Refused
from services.common.errors import CATALOGUE, Codes, Denied, code_of, public_message
from services.common.identity import Caller, Realm, Role, caller_of
from services.common.logs import Log

ANY_STATE: Final = frozenset(AgreementState)
IN_FORCE: Final = frozenset({AgreementState.IN_FORCE})
PARTIES: Final = frozenset({Role.PROVIDER, Role.LINKAGE_UNIT, Role.ANALYSIS_SERVICE})
PROVIDERS: Final = frozenset({Role.PROVIDER})
ANALYSTS: Final = frozenset({Role.ANALYST})
EVERYONE: Final = PARTIES | ANALYSTS

ACCESS: Final[dict[str, tuple[frozenset[Role], frozenset[AgreementState]]]] = {
    "/grpc.health.v1.Health/Check": (EVERYONE, ANY_STATE),
    "/symbolon.v1.Agreements/GetAgreement": (EVERYONE, ANY_STATE),
    "/symbolon.v1.Agreements/SuspendAgreement": (PARTIES, ANY_STATE),
    "/symbolon.v1.Mailbox/PostShare": (PROVIDERS, IN_FORCE),
    "/symbolon.v1.Mailbox/FetchShares": (PROVIDERS, IN_FORCE),
    "/symbolon.v1.Intake/SubmitKeyCheck": (PROVIDERS, IN_FORCE),
    "/symbolon.v1.Intake/BeginUpload": (PROVIDERS, IN_FORCE),
    "/symbolon.v1.Intake/PutChunks": (PROVIDERS, IN_FORCE),
    "/symbolon.v1.Intake/CommitUpload": (PROVIDERS, IN_FORCE),
    "/symbolon.v1.Tokens/FetchTokens": (PROVIDERS, IN_FORCE),
    "/symbolon.v1.Delivery/GetWaveKeys": (frozenset({Role.PROVIDER, Role.LINKAGE_UNIT}), IN_FORCE),
    "/symbolon.v1.Delivery/BeginDelivery": (PROVIDERS, IN_FORCE),
    "/symbolon.v1.Delivery/PutPayload": (PROVIDERS, IN_FORCE),
    "/symbolon.v1.Delivery/CommitDelivery": (PROVIDERS, IN_FORCE),
    "/symbolon.v1.Queries/PreviewQuery": (ANALYSTS, IN_FORCE),
    "/symbolon.v1.Queries/RunQuery": (ANALYSTS, IN_FORCE),
    "/symbolon.v1.Queries/ListReleases": (ANALYSTS, IN_FORCE),
    "/symbolon.v1.Queries/GetRelease": (ANALYSTS, IN_FORCE),
}


_CLAUSES: Final = {
    AgreementState.PENDING: "validity.valid_from",
    AgreementState.EXPIRED: "validity.valid_until",
    AgreementState.SUSPENDED: "suspension",
}


@dataclass(frozen=True, slots=True)
class AccessGuard:
    """Decides on every call of one server.

    `state` tells the agreement's state now; `is_member` whether the agreement or the roster names a caller;
    `role_codes` add the errors of floors that only this role imports.
    """

    realm: Realm
    state: Callable[[], AgreementState]
    is_member: Callable[[Caller], bool]
    log: Log
    role_codes: Codes = ()

    def admit(self, method: str, context: grpc.ServicerContext) -> Caller:
        """Return the caller if the table lets it call `method` now.

        Raises `Denied` for a stranger or a forbidden method; outside the agreement's time a party gets `Refused` with
        the clause, since only parties come that far.
        """
        caller = caller_of(context, self.realm)
        roles, states = ACCESS.get(method, (frozenset(), frozenset()))
        if caller.role not in roles or not self.is_member(caller):
            raise Denied("not in the table")
        state = self.state()
        if state not in states:
            raise Refused(_CLAUSES[state], f"the agreement is {state}")
        return caller


class AccessInterceptor(grpc.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Admits or denies each call, and turns every exception of a servicer into the catalogue's answer."""

    def __init__(self, guard: AccessGuard) -> None:
        self._guard = guard

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Wrap the method's handler, or the lack of one: a caller is admitted before any of its messages is read.

        Every method is served as a stream both ways, which on the wire is the same; otherwise gRPC itself would answer
        an empty or malformed request, and differently for methods that exist.
        """
        method: str = handler_call_details.method
        handler = continuation(handler_call_details) if method in ACCESS else None
        return grpc.stream_stream_rpc_method_handler(
            lambda requests, context: self._serve(method, handler, requests, context),
            None,
            None if handler is None else handler.response_serializer,
        )

    def _serve(
        self, method: str, handler: Any, requests: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[Any]:
        try:
            if handler is None:
                raise Denied("unknown method")
            self._guard.admit(method, context)
            parsed = (_parse(handler.request_deserializer, request) for request in requests)
            request = parsed if handler.request_streaming else _only(parsed)
            behaviour = _behaviour(handler)
            if handler.response_streaming:
                yield from behaviour(request, context)
            else:
                yield behaviour(request, context)
        except Exception as error:  # noqa: BLE001 - the rim: whatever it is, the peer gets the catalogue's answer
            self._refuse("unknown" if handler is None else method, error, context)

    def _refuse(self, method: str, error: Exception, context: grpc.ServicerContext) -> None:
        code = code_of(error, self._guard.role_codes)
        self._guard.log.warning("refused", method=method, code=str(code), error_type=type(error).__name__)
        context.set_trailing_metadata((("symbolon-code", str(code)),))
        context.abort(CATALOGUE[code].status, public_message(error, code))


def _behaviour(handler: Any) -> Any:
    """The servicer's function in one of gRPC's four slots."""
    if handler.request_streaming:
        return handler.stream_stream if handler.response_streaming else handler.stream_unary
    return handler.unary_stream if handler.response_streaming else handler.unary_unary


def _parse(deserializer: Callable[[bytes], Any], request: bytes) -> Any:
    try:
        return deserializer(request)
    except DecodeError:
        raise InputFault("the request is not a message of the method's type") from None


def _only(requests: Iterator[Any]) -> Any:
    for request in requests:
        return request
    raise InputFault("the call holds no request")
