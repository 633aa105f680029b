"""SDMX-CSV 2.0 and SDMX-ML 3.0 of a published table, by pysdmx; SDMX-ML is validated before it is handed out.

A table's SDMX-ML is two messages: structure-specific data, and the structure (definition, concepts, code lists) that
they are read with. Needs the extra `sdmx`.
"""

from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from services.analysis.export.observations import Publication, rows
from services.analysis.export.sdmx_structure import (
    INDICATOR,
    OF_OBSERVATIONS,
    TIME,
    VALUE,
    Structure,
    code_of,
    structure_of,
)
from services.common.errors import ConfigurationFault

if TYPE_CHECKING:
    from pysdmx.io.pd import PandasDataset
    from pysdmx.model.message import Header

AGENCY: Final = "SYMBOLON"
"""Stands for the maintenance agency where none is named; a publishing office names its own."""

_ATTRIBUTE_SIGNS: Final = {'"': "&quot;", "'": "&apos;", "\\": "&#92;", "\n": "&#10;"}


def sdmx_csv(publication: Publication, agency: str = AGENCY) -> str:
    """Return the table as SDMX-CSV 2.0: every attribute is a column."""
    _check_installed()
    from pysdmx.io.csv.sdmx20.writer import write

    text: str = write([_dataset(publication, structure_of(publication, agency))])
    return text


def sdmx_ml(publication: Publication, agency: str = AGENCY) -> tuple[str, str]:
    """Return the table as SDMX-ML 3.0: the data message, and the structure message that it refers to.

    Both fit the schemas of SDMX 3.0, or this raises pysdmx's `Invalid`.
    """
    _check_installed()
    from pysdmx.io.xml.doc_validation import validate_doc
    from pysdmx.io.xml.sdmx30.writer import structure as structure_writer
    from pysdmx.io.xml.sdmx30.writer import structure_specific

    structure = structure_of(publication, agency)
    dataset = _dataset(publication, structure)
    # pysdmx 1.21 writes these without escaping them.
    dataset.attributes = {name: escape(str(fact), _ATTRIBUTE_SIGNS) for name, fact in dataset.attributes.items()}
    data: str = structure_specific.write([dataset], header=_header(publication, agency))
    definitions: str = structure_writer.write(
        [*structure.code_lists, structure.concepts, structure.definition], header=_header(publication, agency)
    )
    for message in (data, definitions):
        validate_doc(message)
    return data, definitions


def _dataset(publication: Publication, structure: Structure) -> "PandasDataset":
    import pandas as pd
    from pysdmx.io.pd import PandasDataset

    found = rows(publication, with_totals=True)
    measure = code_of(str(publication.release.question["measure"]))
    columns: dict[str, Any] = {INDICATOR: [measure] * len(found["value"])}
    for dimension, axis, codes in zip(structure.dimensions, publication.axes, structure.codes, strict=True):
        columns[dimension] = found[axis] if dimension == TIME else [codes.get(each, each) for each in found[axis]]
    if publication.time_axis is None:
        columns[TIME] = [publication.whole_time] * len(found["value"])
    columns[VALUE] = found["value"]
    for attribute, (column, _) in OF_OBSERVATIONS.items():
        if column in found:
            columns[attribute] = found[column]
    columns["CONF_STATUS"] = [publication.confidentiality] * len(found["value"])
    frame = pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in columns.items()})
    facts = {name: fact for name, fact in publication.facts.items() if fact != ""}
    return PandasDataset(structure=structure.definition.to_schema(), data=frame, attributes=facts)


def _header(publication: Publication, agency: str) -> "Header":
    """Return a header that the same table always has: what is signed or compared must not change by the clock."""
    import datetime

    from pysdmx.model import Organisation
    from pysdmx.model.message import Header

    prepared = datetime.datetime.fromisoformat(publication.release.released_at)
    return Header(
        id=f"R{publication.release.release_id}", prepared=prepared, sender=Organisation(id=agency.split(".")[0])
    )


def _check_installed() -> None:
    from importlib.util import find_spec

    if find_spec("pysdmx") is None:
        raise ConfigurationFault("SDMX needs the extra `sdmx`: install symbolon[sdmx]")
