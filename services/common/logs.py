"""Structured logs whose keys are on an allow-list: what is not listed cannot be logged.

Lines are JSON on standard error. A value is an id of the protocol, a count, a name of the agreement or a type, never
anything from a record; a test sends canary identifiers through the whole system and searches the logs for them.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import structlog

Log = structlog.typing.FilteringBoundLogger

ALLOWED_KEYS: Final = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "service",
        "party",
        "role",
        "agreement",
        "version",
        "wave",
        "method",
        "code",
        "error_type",
        "table",
        "upload",
        "delivery",
        "batch",
        "chunk",
        "chunks",
        "rows",
        "count",
        "seconds",
        "address",
        "release",
        "nano_rho",
        "step",
    }
)


class UnlistedLogKey(Exception):
    """A log line used a key that is not on the allow-list: a mistake of the code, found by its tests."""


def _only_allowed_keys(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    unlisted = sorted(set(event) - ALLOWED_KEYS)
    if unlisted:
        raise UnlistedLogKey(f"log keys are not on the allow-list: {', '.join(unlisted)}")
    return event


def configure_logs(stream: TextIO | None = None) -> None:
    """Send every log line as JSON to `stream` (standard error by default). Called once by a process's entry."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _only_allowed_keys,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )


def get_log(service: str, **bound: str) -> Log:
    """Return the log of one service, with some allowed keys bound to every line."""
    log: Log = structlog.get_logger().bind(service=service, **bound)
    return log
