"""What a wave's state allows: every decision on the order of steps, as functions on values.

A wave is *collecting* until its run begins, *linking* while (or since) a run works on it, then *ready* or *failed*. A
run that was killed leaves *linking* behind and is simply run again, as is a failed one: nothing of a run is visible
before the one transaction that makes it *ready*.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from linkage_core.agreement.clauses import Retention, Wave
from linkage_core.agreement.doors import AgreementState
from services.common.errors import Conflict, NotReady
from services.wire.messages import KeyCheck, KeyCheckState, TransferState


class RunState(StrEnum):
    """Where the linking of one wave stands."""

    COLLECTING = "collecting"
    LINKING = "linking"
    READY = "ready"
    FAILED = "failed"


class UploadState(StrEnum):
    """Where one provider's upload stands; the content of a *deleted* one is gone, as the agreement demands."""

    OPEN = "open"
    COMMITTED = "committed"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Upload:
    """One provider's file of one wave. `manifest` is the signed statement, as the store keeps it."""

    id: bytes
    agreement: str
    wave: str
    provider: str
    idempotency_key: str
    manifest: bytes = field(repr=False)
    row_count: int
    chunk_count: int
    next_chunk: int
    state: UploadState

    @property
    def transfer(self) -> TransferState:
        """What its provider is told about it."""
        return TransferState(self.id, self.next_chunk, self.state is not UploadState.OPEN)


class Begin(StrEnum):
    """What to do with a request to begin an upload."""

    CREATE = "create"
    RESUME = "resume"
    REPLACE = "replace"


NO_TOKENS: Final = "there are no tokens to fetch for this wave yet"
"""The one answer to a wave that is not linked, failed, or not due: a provider must not be able to tell these apart."""


def judge_key_checks(providers: Iterable[str], checks: Mapping[str, KeyCheck], caller: str) -> KeyCheckState:
    """Return where the key checks stand, seen from a provider that has submitted one."""
    members = sorted(providers)
    own = checks[caller]
    waiting = tuple(name for name in members if name not in checks)
    submitted = [(name, checks[name]) for name in members if name in checks]
    secret = tuple(name for name, check in submitted if check.key_check != own.key_check)
    canary = tuple(name for name, check in submitted if check.canary_digest != own.canary_digest)
    return KeyCheckState(not (waiting or secret or canary), waiting, secret, canary)


def agreed_key_check(providers: Iterable[str], checks: Mapping[str, KeyCheck], caller: str) -> bytes:
    """Return the key check that all providers agreed on; raises `NotReady` until they have."""
    if caller not in checks or not judge_key_checks(providers, checks, caller).agreed:
        raise NotReady("uploads wait until the key checks of all providers are there and agree")
    return checks[caller].key_check


def judge_begin(existing: Upload | None, *, idempotency_key: str, manifest: bytes, run: RunState) -> Begin:
    """Decide on a request to begin the upload of a provider and wave.

    The same key and manifest resume. An uncommitted upload gives way to another one with a new key, a committed one
    never. Raises `Conflict` otherwise, to the owner of a committed file in the same words before and after linking: the
    state of a run is not for providers.
    """
    if existing is None:
        if run is RunState.READY:
            raise Conflict("the wave is closed")
        return Begin.CREATE
    if existing.idempotency_key == idempotency_key:
        if existing.manifest == manifest:
            return Begin.RESUME
        raise Conflict("this idempotency key belongs to an upload with another manifest")
    if existing.state is UploadState.OPEN:
        return Begin.REPLACE
    raise Conflict("this wave's file is already committed; there is one file per provider and wave")


def require_same_chunk(number: int, arrived: bytes, again: bytes) -> None:
    """Raise `Conflict` unless a chunk that comes again has the SHA-256 that it had the first time."""
    if again != arrived:
        raise Conflict(f"chunk {number} has already arrived with another content")


def require_all_committed(providers: Iterable[str], uploads: Iterable[Upload], agreement: str) -> None:
    """Raise `NotReady`, naming who is missing, unless every provider committed a file under this agreement."""
    done = {u.provider for u in uploads if u.agreement == agreement and u.state is UploadState.COMMITTED}
    missing = sorted(set(providers) - done)
    if missing:
        raise NotReady(f"no committed upload under this version of the agreement yet from: {', '.join(missing)}")


def tokens_may_be_fetched(wave: Wave | None, run: RunState, now: datetime) -> bool:
    """Tell whether tokens are handed out: they are made, and the agreement's fixed time has come."""
    return wave is not None and run is RunState.READY and now >= wave.tokens_not_before


def encodings_are_due(
    wave: Wave, retention: Retention, run: RunState, agreement: AgreementState, now: datetime
) -> bool:
    """Tell whether a wave's encodings must be deleted.

    Days of retention count from the day on which tokens are due; with 0 days they go as soon as tokens are made. Once
    the agreement is over they can serve nothing. Encodings that outlive this are what a provider in collusion with the
    linkage unit would break.
    """
    if agreement is AgreementState.EXPIRED:
        return True
    if run is not RunState.READY:
        return False
    return retention.clks_days == 0 or now >= wave.tokens_not_before + timedelta(days=retention.clks_days)


def registry_encodings_may_be_kept(retention: Retention, agreement: AgreementState, now: datetime) -> bool:
    """Tell whether the registry's encodings may be kept now: a clause allows it, and its last day is not over."""
    until = retention.registry_encodings_until
    return until is not None and agreement is not AgreementState.EXPIRED and now.astimezone(UTC).date() <= until
