"""The services' exception tree, and the catalogue: exception → code → gRPC status → public sentence.

ServiceError
├── ConfigurationFault   mend the configuration; lists every fault
├── NotReady             try again later: another party's step is still missing
├── Conflict             contradicts an earlier step under the same key, provider or wave
├── Denied               this caller may not do this; unknown and forbidden look alike
├── Unavailable          the other side did not answer; retry
└── RemoteRefusal        the other side refused, with a code of the catalogue
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import grpc

from linkage_core import errors as core_errors


class ServiceError(Exception):
    """Root of every error that `services` raises on purpose."""


class ConfigurationFault(ServiceError):
    """The configuration is wrong; `faults` lists every fault found."""

    def __init__(self, message: str, faults: tuple[str, ...] = ()) -> None:
        super().__init__("\n".join((message, *(f"  - {fault}" for fault in faults))))
        self.faults = faults


class NotReady(ServiceError):
    """Another party's step is still missing; the same call may succeed later."""


class Conflict(ServiceError):
    """The request contradicts an earlier one: another content under the same key, provider or wave."""


class Denied(ServiceError):
    """The caller may not do this, or there is no such thing: the two look alike on purpose."""


class Unavailable(ServiceError):
    """The other side could not be reached or did not answer in time; nothing is known to have happened."""


class RemoteRefusal(ServiceError):
    """The other side refused; `code` is its code in the catalogue."""

    def __init__(self, code: "Code", message: str) -> None:
        super().__init__(message)
        self.code = code


class Code(StrEnum):
    """The codes that travel in the trailing metadata of a refused call."""

    BAD_INPUT = "bad-input"
    REFUSED = "refused"
    OVER_BUDGET = "over-budget"
    TAMPERED = "tampered"
    UNFIT = "unfit"
    NOT_READY = "not-ready"
    CONFLICT = "conflict"
    DENIED = "denied"
    UNAVAILABLE = "unavailable"
    RELEASE_FAILED = "release-failed"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Entry:
    """How an error is told to the other side. `detailed`: its own message follows the sentence."""

    status: grpc.StatusCode
    sentence: str
    detailed: bool


LONGEST_MESSAGE: Final = 4_000
"""Characters of a message to the other side: gRPC's trailers have room for 8 KiB, and without them the code is lost."""

CATALOGUE: Final[dict[Code, Entry]] = {
    Code.BAD_INPUT: Entry(grpc.StatusCode.INVALID_ARGUMENT, "The request is not well formed.", True),
    Code.REFUSED: Entry(grpc.StatusCode.FAILED_PRECONDITION, "The agreement does not allow it.", True),
    Code.OVER_BUDGET: Entry(grpc.StatusCode.RESOURCE_EXHAUSTED, "The privacy budget does not allow it.", True),
    Code.TAMPERED: Entry(grpc.StatusCode.DATA_LOSS, "A signature, seal or digest does not fit.", True),
    Code.UNFIT: Entry(grpc.StatusCode.FAILED_PRECONDITION, "This installation cannot do it.", False),
    Code.NOT_READY: Entry(grpc.StatusCode.FAILED_PRECONDITION, "Not ready; try again later.", True),
    Code.CONFLICT: Entry(grpc.StatusCode.ALREADY_EXISTS, "It contradicts an earlier request.", True),
    Code.DENIED: Entry(grpc.StatusCode.PERMISSION_DENIED, "Not allowed.", False),
    Code.UNAVAILABLE: Entry(grpc.StatusCode.UNAVAILABLE, "Not available now; try again.", False),
    Code.RELEASE_FAILED: Entry(grpc.StatusCode.INTERNAL, "The release failed; what it cost stays charged.", False),
    Code.INTERNAL: Entry(grpc.StatusCode.INTERNAL, "Internal error; the operator's log has the type.", False),
}

Codes = tuple[tuple[type[Exception], Code], ...]
"""Exception classes with their codes; the first that fits counts."""

_CODES: Final[Codes] = (
    (core_errors.InputFault, Code.BAD_INPUT),
    (core_errors.Refused, Code.REFUSED),
    (core_errors.Tampered, Code.TAMPERED),
    (core_errors.Unfit, Code.UNFIT),
    (NotReady, Code.NOT_READY),
    (Conflict, Code.CONFLICT),
    (Denied, Code.DENIED),
    (Unavailable, Code.UNAVAILABLE),
)


def code_of(error: BaseException, role_codes: Codes = ()) -> Code:
    """Return the code of an exception; whatever is in no tree is `INTERNAL`.

    `role_codes` are those of a floor that not every role may import (the analysis service's disclosure errors).
    """
    return next((code for kind, code in (*role_codes, *_CODES) if isinstance(error, kind)), Code.INTERNAL)


def public_message(error: BaseException, code: Code) -> str:
    """Return what the other side is told: the code's sentence, and the error's own where that is meant for it."""
    entry = CATALOGUE[code]
    message = f"{entry.sentence.removesuffix('.')}: {error}" if entry.detailed else entry.sentence
    return message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]} … and more"
