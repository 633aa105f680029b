"""A linked wave as its operator may see it: the model of its links, and the counts of its signed manifest."""

import hashlib
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from linkage_core.errors import InputFault
from linkage_core.linking.deterministic import PassCounts
from linkage_core.linking.probabilistic.model import LinkageModel
from services.common.errors import NotReady
from services.linkage_unit.project import RunState
from services.linkage_unit.quality.stored import read_model
from services.linkage_unit.run_manifest import IdentifierEntry
from services.linkage_unit.unit import LinkageUnit
from services.wire.convert.signed import signed_from_bytes


class FileEntry(BaseModel):
    """One provider's file, as the manifest states it."""

    model_config = ConfigDict(frozen=True)

    provider: str
    rows: int


class RunCounts(BaseModel):
    """What a report needs of a run's manifest; `quality_classes`: rows of each provider in each class.

    `model`: SHA-256 of the kept model, None where the weighted mean linked the wave.
    """

    model_config = ConfigDict(frozen=True)

    kind: str = "complete"
    registry_version: int
    files: tuple[FileEntry, ...]
    parameters: dict[str, str | int]
    groups: int
    passes: tuple[PassCounts, ...]
    identifiers: tuple[IdentifierEntry, ...] = ()
    candidates: dict[str, int]
    scored_pairs: int
    linkable_pairs: int
    quality_classes: dict[str, tuple[int, ...]]
    model: str | None = None


@dataclass(frozen=True, slots=True)
class LinkedWave:
    """One linked wave. `stored` are the bytes that `model` was read from; both None where there is no model.

    `manifest_digest`: SHA-256 of the run's signed manifest, in hexadecimal.
    """

    agreement: str
    wave: str
    counts: RunCounts
    model: LinkageModel | None
    stored: bytes | None
    manifest_digest: str

    def require_model(self) -> LinkageModel:
        """Return the model; raises `InputFault` where there is none, with the reason."""
        if self.model is None:
            raise InputFault(
                f"wave {self.wave} has no linkage model: it was linked by the weighted mean of similarities, because "
                "the agreement says so (matching.combination) or its files are too small to learn weights from"
            )
        return self.model


def linked_wave(unit: LinkageUnit, wave: str) -> LinkedWave:
    """Read a linked wave from the store.

    Raises `InputFault` for a wave that the agreement lacks, `NotReady` before it is linked, `Tampered` if the model is
    not the manifest's.
    """
    document = unit.agreement.document
    name = document.wave(wave).name
    run = unit.runs.run(name)
    if run is None or run.state is not RunState.READY or run.manifest is None:
        raise NotReady(f"wave {name} is not linked yet; `symbolon linkage-unit link` links it")
    digest = hashlib.sha256(run.manifest).hexdigest()
    counts = RunCounts.model_validate_json(signed_from_bytes(run.manifest).statement.body)
    if counts.model is None:
        return LinkedWave(document.title, name, counts, None, None, digest)
    stored = unit.runs.model(name) or b""
    return LinkedWave(document.title, name, counts, read_model(stored, counts.model), stored, digest)
