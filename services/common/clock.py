"""Time and randomness as values that are passed in, so that tests need neither sleeps nor luck."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present moment with a time zone."""

RandomBytes = Callable[[int], bytes]
"""Returns that many bytes from a cryptographic source."""


def system_clock() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


system_random: RandomBytes = secrets.token_bytes
