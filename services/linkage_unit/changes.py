"""The change report: what a wave changed in the registry, and how the registry grew over the waves.

For the linkage unit's operator only: which of a provider's people were merged or split says how its file overlaps with
others. Counts come from the runs' signed manifests, reasons from the registry's events.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from pydantic import BaseModel, ConfigDict, JsonValue

from linkage_core.linking.waves import GroupChanges
from services.linkage_unit.project import RunState
from services.linkage_unit.store.history import RegistryKey
from services.linkage_unit.unit import LinkageUnit
from services.linkage_unit.wave_files import WaveFiles
from services.wire.convert.signed import signed_from_bytes


class HandleChanges(BaseModel):
    """One provider's handles in one wave.

    `brought`: rows of its file. Of these `new`: never seen before; `corrected`: known with another encoding, None where
    no encodings were kept to compare with; `returned`: had been withdrawn. `withdrawn`: were there, and are no more.
    `held`: handles of the provider that the registry holds after the wave.
    """

    model_config = ConfigDict(frozen=True)

    brought: int
    new: int
    corrected: int | None
    returned: int
    withdrawn: int
    held: int


@dataclass(frozen=True, slots=True)
class WaveChanges:
    """What a wave changed: groups as `linking.waves.GroupChanges` counts them, and each provider's handles."""

    groups: GroupChanges
    handles: Mapping[str, HandleChanges]

    def to_json(self) -> dict[str, JsonValue]:
        """Return it as the run's manifest states it."""
        handles: dict[str, JsonValue] = {name: part.model_dump(mode="json") for name, part in self.handles.items()}
        groups: dict[str, JsonValue] = dict(asdict(self.groups))
        return {"groups": groups, "handles": handles}


@dataclass(frozen=True, slots=True)
class WaveReport:
    """One linked wave. `events`: how often each kind of event happened for each reason."""

    wave: str
    kind: str
    registry_version: int
    groups: Mapping[str, int]
    providers: Mapping[str, HandleChanges]
    events: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class ChangeReport:
    """The linked waves, in the order in which they were linked."""

    waves: tuple[WaveReport, ...]

    def to_json(self) -> str:
        """Return it as JSON."""
        waves = [
            {
                "wave": wave.wave,
                "kind": wave.kind,
                "registry_version": wave.registry_version,
                "groups": dict(wave.groups),
                "providers": {name: part.model_dump(mode="json") for name, part in wave.providers.items()},
                "events": {kind: dict(reasons) for kind, reasons in wave.events.items()},
            }
            for wave in self.waves
        ]
        return json.dumps({"waves": waves}, indent=2)


def changes_of(files: WaveFiles, registry: Mapping[RegistryKey, bytes], groups: GroupChanges) -> WaveChanges:
    """Return what a wave changes; `registry`: the group of every handle before it, `groups`: as inheriting counted."""
    handles = {}
    for rows, keys in zip(files.rows, files.brought(), strict=True):
        provider = str(rows.file.provider)
        brought = set(keys)
        handles[provider] = HandleChanges(
            brought=len(keys),
            new=len(brought - registry.keys()),
            corrected=None if files.corrected is None else len(brought & files.corrected),
            returned=len(brought & files.returned),
            withdrawn=sum(name == provider for name, _ in files.withdrawn),
            held=len(rows.handles),
        )
    return WaveChanges(groups, handles)


def change_report(unit: LinkageUnit, wave: str | None = None) -> ChangeReport:
    """Read the report of every linked wave, or of one; raises `InputFault` for a wave that the agreement lacks."""
    document = unit.agreement.document
    listed = [document.wave(wave).name] if wave is not None else unit.runs.waves()
    events: dict[int, dict[str, dict[str, int]]] = {}
    for counted in unit.history.counts():
        events.setdefault(counted.version, {}).setdefault(counted.kind, {})[counted.reason] = counted.count
    reports = []
    for name in listed:
        run = unit.runs.run(name)
        if run is None or run.state is not RunState.READY or run.manifest is None:
            continue
        manifest = json.loads(signed_from_bytes(run.manifest).statement.body)
        changes = manifest["changes"]
        reports.append(
            WaveReport(
                wave=name,
                kind=manifest.get("kind", "complete"),
                registry_version=run.version,
                groups=changes.get("groups", changes),
                providers={key: HandleChanges(**part) for key, part in changes.get("handles", {}).items()},
                events=events.get(run.version, {}),
            )
        )
    return ChangeReport(tuple(reports))
