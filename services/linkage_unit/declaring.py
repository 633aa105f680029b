"""What the operator declares of a linked wave, signed: rates of its links for the analysis service's intervals.

Made from the estimates that are kept with the run. Signing it is the operator's decision: declared rates leave the
linkage unit outside the privacy budget.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pydantic import ValidationError

from linkage_core.agreement.declared_rates import DeclaredRates, LinkageSensitivity, SimulatedRates, sign_rates
from linkage_core.assessment.declaring import declarable
from linkage_core.assessment.sensitivity import measure_sensitivity
from linkage_core.errors import InputFault
from services.linkage_unit.loading import load_upload
from services.linkage_unit.project import UploadState, require_all_committed
from services.linkage_unit.quality.wave import linked_wave
from services.linkage_unit.unit import LinkageUnit

SEED_BYTES = 8


def parse_simulated(file: bytes) -> SimulatedRates:
    """Read what was simulated; raises `InputFault` with every fault."""
    try:
        return SimulatedRates.model_validate_json(file)
    except ValidationError as error:
        faults = tuple(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise InputFault("the simulated rates are not well formed", faults) from None


@dataclass(frozen=True, slots=True)
class Declaration:
    """A signed document and what it says; `left_out`: pairs of files that met in parts and have no rates of their own.

    `doubts`: what the guards of the model found.
    """

    document: bytes
    rates: DeclaredRates
    left_out: tuple[tuple[str, str], ...]
    doubts: tuple[str, ...]


def declare_rates(
    unit: LinkageUnit,
    wave: str,
    simulated: SimulatedRates | None = None,
    trials: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Declaration:
    """Return what may be declared of a linked wave; with `trials`, how far one row moves its linkage is measured too.

    Raises what `linked_wave` raises, and `InputFault` for a wave without a model or, with trials, an incremental one.
    """
    found = linked_wave(unit, wave)
    model = found.require_model()
    made = declarable(model, simulated)
    document = unit.agreement.document
    rates = DeclaredRates(
        lineage=document.lineage,
        agreement=unit.agreement.hash.hex(),
        wave=wave,
        run=found.manifest_digest,
        pairs=made.pairs,
        simulated=simulated,
        sensitivity=_sensitivity(unit, wave, trials, progress) if trials else None,
    )
    signed = sign_rates(rates, unit.keys.identity, unit.agreement)
    unit.audit.append("rates-declared", wave=wave)
    return Declaration(signed, rates, made.left_out, tuple(finding.explanation for finding in model.findings))


def _sensitivity(
    unit: LinkageUnit, wave: str, trials: int, progress: Callable[[int, int], None] | None
) -> LinkageSensitivity:
    document = unit.agreement.document
    if document.wave(wave).kind != "complete":
        raise InputFault(
            f"wave {wave} adds to the registry: how far a row moves a linkage is measured on complete waves"
        )
    uploads = unit.uploads.of_wave(wave)
    if any(upload.state is UploadState.DELETED for upload in uploads):
        raise InputFault(
            f"the encodings of wave {wave} are deleted, as agreed (retention.clks_days): declare without trials"
        )
    require_all_committed((party.name for party in document.providers), uploads, unit.version)
    files = [load_upload(unit, upload).file for upload in uploads]
    seed = int.from_bytes(unit.random(SEED_BYTES), "big")
    return measure_sensitivity(
        files, document.linkage, document.matching, seed, trials, np.random.default_rng(seed), progress
    )
