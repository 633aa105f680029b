"""What each party has in its hands, looked up in its own store: only the demo may look into all of them."""

import csv
from dataclasses import dataclass
from typing import Final

import numpy as np

from linkage_core.types import PartyName
from services.common.clock import system_clock, system_random
from services.demo.stage import ANALYSIS_SERVICE, LINKAGE_UNIT, Stage

_SHOWN_BYTES: Final = 10


@dataclass(frozen=True, slots=True)
class View:
    """One row as a party has it: names of fields and their contents, as text."""

    fields: dict[str, str]


def identity_row(stage: Stage, provider: PartyName) -> View:
    """Return the first row of a provider's own identities file."""
    from services.provider_agent.mapping import load_mapping

    source = load_mapping(stage.home(provider) / "mapping.toml").identities
    with source.path.open("r", encoding="utf-8", newline="") as file:
        first = next(csv.DictReader(file))
    return View({name: first[name] for name in source.file_columns})


def encoded_row(stage: Stage) -> View:
    """Return one row as the linkage unit has it between upload and linking."""
    from services.linkage_unit.config import load
    from services.linkage_unit.loading import load_upload
    from services.linkage_unit.unit import open_unit

    unit = open_unit(load(stage.config(LINKAGE_UNIT)), "demo", system_clock, system_random)
    try:
        loaded = load_upload(unit, unit.uploads.of_wave(stage.wave)[0])
    finally:
        unit.close()
    fields = {"row id": _beginning(loaded.row_ids[0]), "handle": _beginning(loaded.handles[0])}
    for name, column in loaded.file.clks.items():
        bits = int(np.unpackbits(column.bits[0]).sum())
        fields[f"CLK {name}"] = f"{_beginning(column.bits[0])} {bits} of {8 * column.bits.shape[1]} bits set"
    for key, values in loaded.file.match_keys.items():
        fields[f"match key {key}"] = _beginning(values.keys[0]) if values.present[0] else "absent"
    for variable, classes in loaded.file.frequency_classes.items():
        fields[f"frequency class {variable}"] = str(classes[0]) if classes[0] else "absent"
    return View(fields)


def payload_row(stage: Stage, provider: PartyName, table: str) -> View:
    """Return one row of a payload table as the analysis service has it."""
    from services.analysis.assembly import open_service
    from services.analysis.config import load

    service = open_service(load(stage.config(ANALYSIS_SERVICE)), takes_into_force=False)
    try:
        file = service.deliveries.files(stage.wave)[(provider, table)]
        row = service.payload.dataset(file).head(1).to_pylist()[0]
    finally:
        service.close()
    return View({name: _text(value) for name, value in row.items()})


def _beginning(values: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> str:
    return f"{values[:_SHOWN_BYTES].tobytes().hex()}…"


def _text(value: object) -> str:
    if value is None:
        return "absent"
    return f"{value[:_SHOWN_BYTES].hex()}…" if isinstance(value, bytes) else str(value)
