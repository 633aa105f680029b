"""Requests and answers of the Agreements service (M0)."""

from linkage_core.errors import InputFault
from services.wire.convert.signed import signed_from_wire, signed_to_wire
from services.wire.messages import SignedStatement
from services.wire.v1 import agreement_pb2


def get_agreement_request() -> agreement_pb2.GetAgreementRequest:
    """Ask for the agreement that a service works under."""
    return agreement_pb2.GetAgreementRequest()


def get_agreement_response(file: bytes) -> agreement_pb2.GetAgreementResponse:
    """Answer with the signed agreement's file."""
    return agreement_pb2.GetAgreementResponse(document=file)


def agreement_file(response: agreement_pb2.GetAgreementResponse) -> bytes:
    """Return the signed agreement's file of an answer."""
    return response.document


def suspend_request(notice: SignedStatement) -> agreement_pb2.SuspendAgreementRequest:
    """Send a signed suspension notice."""
    return agreement_pb2.SuspendAgreementRequest(notice=signed_to_wire(notice))


def suspension_notice(request: agreement_pb2.SuspendAgreementRequest) -> SignedStatement:
    """Return the signed suspension notice of a request."""
    if not request.HasField("notice"):
        raise InputFault("the request holds no signed notice")
    return signed_from_wire(request.notice)


def suspend_response() -> agreement_pb2.SuspendAgreementResponse:
    """Answer that the agreement is suspended."""
    return agreement_pb2.SuspendAgreementResponse()
