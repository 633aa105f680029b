"""One door for every format that a released table is written in."""

from pathlib import Path
from typing import Final, Literal

from services.analysis.export.observations import Publication
from services.common.errors import ConfigurationFault
from services.common.files import write_durably

Format = Literal["json", "csv", "parquet", "sdmx-csv", "sdmx-ml"]

_READABLE: Final = 0o644
"""Released tables are for others to read."""


_ENDINGS: Final[dict[str, Format]] = {".json": "json", ".csv": "csv", ".parquet": "parquet", ".xml": "sdmx-ml"}


def form_of(path: Path) -> Format:
    """Return the format that a path's ending stands for; raises `ConfigurationFault` for another ending."""
    found = _ENDINGS.get(path.suffix)
    if found is None:
        raise ConfigurationFault(f"{path.name}: name the format; only {', '.join(_ENDINGS)} say it by themselves")
    return found


def write_table(
    publication: Publication, path: Path, form: Format, *, agency: str, provenance: bytes | None = None
) -> tuple[Path, ...]:
    """Write a table, and beside it what belongs to it; return the files, the table first.

    `json` is the release itself, the form that its provenance is verified with. CSV has its description beside it,
    SDMX-ML its structure message. Every other form has the release beside it as `NAME.release.json`, and all have the
    signed provenance as `NAME.provenance.json` where there is one. Raises `ConfigurationFault` for SDMX without the
    extra, or a path whose folder is missing.
    """
    if not path.parent.is_dir():
        raise ConfigurationFault(f"the folder {path.parent} does not exist")
    files = _rendered(publication, path, form, agency)
    if form != "json":
        files[path.with_name(f"{path.stem}.release.json")] = publication.release.to_json()
    if provenance is not None:
        files[path.with_name(f"{path.stem}.provenance.json")] = provenance
    for place, content in files.items():
        write_durably(place, content, _READABLE)
    return tuple(files)


def _rendered(publication: Publication, path: Path, form: Format, agency: str) -> dict[Path, bytes]:
    match form:
        case "json":
            return {path: publication.release.to_json()}
        case "csv":
            from services.analysis.export.frames import csv_description, csv_text

            description = path.with_name(f"{path.name}-metadata.json")
            return {path: csv_text(publication).encode(), description: csv_description(publication, path.name).encode()}
        case "parquet":
            from services.analysis.export.frames import parquet

            return {path: parquet(publication)}
        case "sdmx-csv":
            from services.analysis.export.sdmx import sdmx_csv

            return {path: sdmx_csv(publication, agency).encode()}
        case "sdmx-ml":
            from services.analysis.export.sdmx import sdmx_ml

            data, structure = sdmx_ml(publication, agency)
            return {path: data.encode(), path.with_name(f"{path.stem}.structure.xml"): structure.encode()}
