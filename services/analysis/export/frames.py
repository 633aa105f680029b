"""A published table as data frame, as CSV with its description, and as Parquet with its facts in the schema.

CSV says nothing of itself: its description stands beside it as W3C's "Metadata Vocabulary for Tabular Data" (2015) has
it, in a file named after it.
"""

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Final

from services.analysis.export.observations import CORRECTED, Publication, rows

if TYPE_CHECKING:
    import pandas as pd

FACTS_KEY: Final = b"symbolon"
"""Under which a Parquet file's schema holds the table's facts, as JSON."""

_TITLES: Final = {
    "value": "raw released value: it may be negative, and is neither rounded nor clipped",
    "low": "lower end of the 95 % interval",
    "high": "upper end of the 95 % interval",
    "noise_sd": "standard deviation of the noise, in the unit",
    "corrected_value": "value corrected for declared errors of linkage",
    "corrected_low": "lower end of its 95 % interval, for noise and linkage",
    "corrected_high": "upper end of its 95 % interval, for noise and linkage",
    "obs_status": "SDMX CL_OBS_STATUS: A normal, U low reliability, P provisional, O missing",
    "flags": "U unreliable, P provisional (days not observed count), A above the last bin, N not available",
    "reason": "why there is no figure",
    "mechanism": "how the table is protected, where it is not differentially private",
}


def frame(publication: Publication) -> "pd.DataFrame":
    """Return the full grid, zeros included, as a data frame; `attrs` has what belongs to the whole table.

    Columns are those of `observations.rows`. Values are nullable integers, or floats in tables with decimals.
    """
    import pandas as pd

    release = publication.release
    found = pd.DataFrame(rows(publication))
    kind = "Float64" if release.decimals else "Int64"
    found = found.astype(dict.fromkeys(("value", "low", "high"), kind))
    found = found.astype(dict.fromkeys((name for name in CORRECTED if name in found), "Int64"))
    found.attrs = {
        "release_id": release.release_id,
        "derived_from": release.derived_from,
        "question_hash": release.question_hash,
        "wave": publication.facts["WAVE"],
        "question": dict(release.question),
        "released_at": release.released_at,
        "mechanism": release.mechanism,
        "nano_rho": release.nano_rho if release.is_private else None,
        "unit": release.unit,
        "decimals": release.decimals,
        "noise_sd": release.noise_sd,
        "half_width": release.half_width,
        "cells_per_person": release.bound_cells,
        "data_version": release.data_version,
        "agreement_hash": release.agreement_hash,
        "covers": release.covers,
        "linkage": release.explanation,
        "declared_rates": release.declared_rates,
        "breaks": publication.facts["BREAK_IN_SERIES"],
        "totals": _totals(publication),
    }
    return found


def _totals(publication: Publication) -> list[dict[str, Any]]:
    """Return the sums of cells, each with the axes that it is not summed over."""
    axes = publication.release.totals_axes
    return [
        {axis: each.coordinates[publication.axes.index(axis)] for axis in axes}
        | {name: getattr(each, name) for name in ("value", "low", "high", "noise_sd", "flags")}
        for each in publication.totals
    ]


def csv_text(publication: Publication) -> str:
    """Return the full grid as CSV; a missing figure is an empty field."""
    columns = rows(publication)
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return written.getvalue()


def csv_description(publication: Publication, file_name: str) -> str:
    """Return the description of a CSV file of this table: columns with types, and the table's facts."""
    number = "decimal" if publication.release.decimals else "integer"
    kinds = {"value": number, "low": number, "high": number, "noise_sd": "decimal"} | dict.fromkeys(
        CORRECTED, "integer"
    )
    columns: list[dict[str, Any]] = [
        {"name": name, "titles": name, "datatype": kinds.get(name, "string")}
        | ({"dc:description": _TITLES[name]} if name in _TITLES and name not in publication.axes else {})
        for name in rows(publication)
    ]
    facts = {f"symbolon:{name}": fact for name, fact in publication.facts.items() if fact != ""}
    described = {
        "@context": ["http://www.w3.org/ns/csvw", {"symbolon": "urn:symbolon:fact:"}],
        "url": file_name,
        "tableSchema": {"columns": columns, "primaryKey": list(publication.axes)},
        "symbolon:CONF_STATUS": publication.confidentiality,
        **facts,
    }
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


def parquet(publication: Publication) -> bytes:
    """Return the full grid as a Parquet file whose schema has the table's facts under `symbolon`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = pa.float64() if publication.release.decimals else pa.int64()
    kinds = {"value": number, "low": number, "high": number, "noise_sd": pa.float64()}
    kinds |= dict.fromkeys(CORRECTED, pa.int64())
    columns = rows(publication)
    facts = {**publication.facts, "CONF_STATUS": publication.confidentiality}
    schema = pa.schema(
        [(name, kinds.get(name, pa.string())) for name in columns],
        metadata={FACTS_KEY: json.dumps(facts, ensure_ascii=False).encode()},
    )
    written = io.BytesIO()
    pq.write_table(pa.table(columns, schema=schema), written)
    return written.getvalue()
