"""What the operator sees of each wave: uploads, key checks, runs. None of it is for a provider."""

import json
from dataclasses import asdict, dataclass

from pydantic import JsonValue

from services.linkage_unit.project import RunState, UploadState, judge_key_checks
from services.linkage_unit.unit import LinkageUnit
from services.wire.convert.signed import signed_from_bytes


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """One provider in one wave. `upload` is `missing`, or the state of its upload."""

    provider: str
    key_check: str
    upload: str
    rows: int
    chunks: int
    chunks_expected: int


@dataclass(frozen=True, slots=True)
class WaveStatus:
    """One wave. `counts` is the manifest of its run, empty before it is ready."""

    wave: str
    state: str
    failure: str | None
    tokens_not_before: str
    providers: tuple[ProviderStatus, ...]
    counts: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Status:
    """The linkage unit as its operator sees it."""

    agreement: str
    version: int
    state: str
    waves: tuple[WaveStatus, ...]

    def to_json(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), indent=2)


def status_of(unit: LinkageUnit) -> Status:
    """Read the status of every wave of the agreement."""
    document = unit.agreement.document
    checks = _key_checks(unit)
    return Status(
        agreement=document.id,
        version=document.version,
        state=str(unit.state()),
        waves=tuple(_wave(unit, wave.name, wave.tokens_not_before.isoformat(), checks) for wave in document.waves),
    )


def _wave(unit: LinkageUnit, wave: str, tokens_not_before: str, checks: dict[str, str]) -> WaveStatus:
    run = unit.runs.run(wave)
    manifest = None if run is None or run.state is not RunState.READY else run.manifest
    return WaveStatus(
        wave=wave,
        state=str(RunState.COLLECTING if run is None else run.state),
        failure=None if run is None else run.failure,
        tokens_not_before=tokens_not_before,
        providers=_providers(unit, wave, checks),
        counts={} if manifest is None else json.loads(signed_from_bytes(manifest).statement.body),
    )


def _providers(unit: LinkageUnit, wave: str, checks: dict[str, str]) -> tuple[ProviderStatus, ...]:
    uploads = {upload.provider: upload for upload in unit.uploads.of_wave(wave)}
    statuses = []
    for name, check in checks.items():
        upload = uploads.get(name)
        if upload is None:
            statuses.append(ProviderStatus(name, check, "missing", 0, 0, 0))
            continue
        state = "receiving" if upload.state is UploadState.OPEN else str(upload.state)
        statuses.append(ProviderStatus(name, check, state, upload.row_count, upload.next_chunk, upload.chunk_count))
    return tuple(statuses)


def _key_checks(unit: LinkageUnit) -> dict[str, str]:
    """Each provider's key check: `missing`, `agrees` (with all others that are there) or `differs`."""
    submitted = unit.mailbox.key_checks(unit.version)
    members = [party.name for party in unit.agreement.document.providers]
    states = {}
    for name in members:
        if name not in submitted:
            states[name] = "missing"
            continue
        seen = judge_key_checks(members, submitted, name)
        states[name] = "differs" if seen.key_check_differs_from or seen.canary_differs_from else "agrees"
    return states
