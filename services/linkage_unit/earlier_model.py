"""The model that the newest wave under the same linkage schema learnt, for a wave that brings few rows."""

import json

from linkage_core.linking.probabilistic.earlier import EarlierModel
from services.linkage_unit.project import RunState
from services.linkage_unit.quality.stored import read_model
from services.linkage_unit.unit import LinkageUnit
from services.wire.convert.signed import signed_from_bytes


def earlier_model(unit: LinkageUnit) -> EarlierModel | None:
    """Return it with the name of its wave, None where no wave has learnt weights from pairs of different people.

    A wave that took another one's weights taught none, and the noise of codes alone teaches no weights that last.
    Raises `Tampered` if a model is not the one that its run's signed manifest names.
    """
    schema = unit.agreement.document.schema_hash.hex()
    for wave in reversed(unit.runs.waves()):
        run = unit.runs.run(wave)
        if run is None or run.state is not RunState.READY or run.manifest is None:
            continue
        manifest = json.loads(signed_from_bytes(run.manifest).statement.body)
        if manifest["schema"] != schema or manifest.get("model") is None:
            continue
        model = read_model(unit.runs.model(wave) or b"", manifest["model"])
        if model.basis == "self-comparison" and not model.weights_of:
            return EarlierModel(wave, model)
    return None
