"""A published table's data structure in SDMX 3.0: concepts, code lists and the definition that binds them.

Dimensions are the measure, the table's axes and `TIME_PERIOD`, of which a table without an axis of time has one. Codes
are the agreement's categories, spelled as SDMX allows; a code's name is the category as it stands. `_T` is the total
over a dimension.
OBS_STATUS and CONF_STATUS carry the codes of SDMX's cross-domain lists.

Needs the extra `sdmx`.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from disclosure.errors import QueryFault
from linkage_core.agreement.canonical import digest
from services.analysis.export.observations import TOTAL, Publication

if TYPE_CHECKING:
    from pysdmx.model import Codelist, Component, Concept, ConceptScheme, DataStructureDefinition, DataType

VERSION: Final = "1.0"
TIME: Final = "TIME_PERIOD"
VALUE: Final = "OBS_VALUE"
INDICATOR: Final = "INDICATOR"
"""The first dimension: the measure. SDMX wants a dimension besides time, which a table may not have."""

OF_OBSERVATIONS: Final = {
    "INTERVAL_LOW": ("low", "Lower end of the 95 % interval"),
    "INTERVAL_HIGH": ("high", "Upper end of the 95 % interval"),
    "NOISE_SD": ("noise_sd", "Standard deviation of the noise, in the unit"),
    "CORRECTED_VALUE": ("corrected_value", "Value corrected for declared errors of linkage"),
    "CORRECTED_LOW": ("corrected_low", "Lower end of its 95 % interval for noise and linkage"),
    "CORRECTED_HIGH": ("corrected_high", "Upper end of its 95 % interval for noise and linkage"),
    "OBS_STATUS": ("obs_status", "Observation status"),
    "CONF_STATUS": ("", "Confidentiality status"),
    "FLAGS": (
        "flags",
        "All flags: U unreliable, P provisional (days not observed count), A above the last bin, N not available",
    ),
    "REASON": ("reason", "Why there is no figure"),
}
"""Attributes of each observation: the column of `observations.rows` that they are, and their names."""

OF_THE_TABLE: Final = {
    "UNIT_MEASURE": "Unit of measure",
    "UNIT_MULT": "Unit multiplier",
    "DECIMALS": "Decimals",
    "MECHANISM": "How the table is protected: the mechanism that added the noise, or cell-key perturbation",
    "NANO_RHO": "Price in zero-concentrated differential privacy, in 1e-9 rho",
    "PERTURBATION": "What cell-key perturbation did, which is not differentially private",
    "CONFIDENCE_PER_CENT": "Confidence of the intervals, in per cent",
    "INTERVAL_COVERS": "Errors that the intervals of values cover",
    "CORRECTED_COVERS": "Errors that the intervals of corrected values cover",
    "LINKAGE": "How errors of linkage were allowed for, or why not",
    "LINKAGE_RATES": "Rates of linkage errors, as the linkage unit declares them, JSON",
    "NOISE": "Every vector that got noise, with its bound and its price",
    "CELLS_PER_PERSON": "Cells that one person counts in at most",
    "L2_SQUARED": "Squared L2 bound on what one person changes",
    "REFERENCE_PERIOD": "Dates or periods that the table is about",
    "BREAK_IN_SERIES": "Breaks since the release before",
    "PREVIOUS_RELEASE": "The release before in this series",
    "RELEASE_ID": "Release",
    "DERIVED_FROM": "The release whose cells were summed to this table, at no price",
    "RELEASED_AT": "Time of release (UTC)",
    "WAVE": "Wave of linkage",
    "DATA_VERSION": "Version of payload and linkage",
    "AGREEMENT": "SHA-256 of the agreement",
    "QUESTION": "The question, canonical JSON",
    "QUESTION_HASH": "Hash of the question and all that identifies it",
}
"""Attributes of the whole table, by name."""

_STATUSES: Final = {
    "A": "Normal value",
    "O": "Missing value",
    "P": "Provisional value",
    "U": "Low reliability",
}
_CONFIDENTIALITIES: Final = {
    "F": "Free (free for publication)",
    "N": "Not for publication, restricted for internal use only",
    "C": "Confidential statistical information",
}
_WHOLE_NUMBERS: Final = frozenset({"UNIT_MULT", "DECIMALS", "NANO_RHO", "CONFIDENCE_PER_CENT", "CELLS_PER_PERSON"})
_SPELLED: Final = re.compile(r"[A-Za-z0-9_@$\-]+")
_AGENCY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z][A-Za-z0-9_-]*)*")


@dataclass(frozen=True, slots=True)
class Structure:
    """What a structure message holds, and how the table's axes and categories are called in it."""

    definition: "DataStructureDefinition"
    concepts: "ConceptScheme"
    code_lists: tuple["Codelist", ...]
    dimensions: tuple[str, ...]
    codes: tuple[dict[str, str], ...]


def structure_of(publication: Publication, agency: str) -> Structure:
    """Return the structure of a table under an agency's name; tables with the same axes and categories share it.

    Raises `QueryFault` for an agency that SDMX cannot name, and for a table whose time is not known.
    """
    from pysdmx.model import Agency, Components, ConceptScheme, DataStructureDefinition, DataType

    if _AGENCY.fullmatch(agency) is None:
        raise QueryFault(
            "an agency's name has letters, digits, - and _, begins with a letter, and may have dots between"
        )
    if publication.time_axis is None and not publication.whole_time:
        raise QueryFault(
            "this table is about the whole period of an agreement that has been amended since: "
            "SDMX needs that period, so export it with the version that it was released under"
        )
    measure = str(publication.release.question["measure"])
    name = f"{measure.upper()}_{_fingerprint(publication)}"
    maker = _Maker(agency, f"CS_{name}")
    dimensions = tuple(TIME if axis == publication.time_axis else _dimension_id(axis) for axis in publication.axes)
    codes = tuple({category: code_of(category) for category in found} for found in publication.categories)
    components = [maker.coded_dimension(INDICATOR, "Indicator", {code_of(measure): measure})]
    for dimension, axis, found, spelled in zip(
        dimensions, publication.axes, publication.categories, codes, strict=True
    ):
        if dimension == TIME:
            continue
        entries = {spelled[category]: category for category in found}
        summed = {} if axis in publication.release.totals_axes else {TOTAL: "Total"}
        components.append(maker.coded_dimension(dimension, axis, {**entries, **summed}))
    # In SDMX, time comes after the other dimensions.
    components.append(maker.dimension(TIME, "Time period or date", DataType.PERIOD))
    number = DataType.DOUBLE if publication.release.decimals else DataType.LONG
    components.append(maker.measure(VALUE, "Observation value", number))
    kinds = {"INTERVAL_LOW": number, "INTERVAL_HIGH": number, "NOISE_SD": DataType.DOUBLE}
    kinds |= dict.fromkeys(("CORRECTED_VALUE", "CORRECTED_LOW", "CORRECTED_HIGH"), DataType.LONG)
    for attribute, (_, words) in OF_OBSERVATIONS.items():
        listed = {"OBS_STATUS": _STATUSES, "CONF_STATUS": _CONFIDENTIALITIES}.get(attribute)
        kind = kinds.get(attribute)
        components.append(maker.attribute(attribute, words, "O", kind or DataType.STRING, listed))
    for attribute, words in OF_THE_TABLE.items():
        kind = DataType.LONG if attribute in _WHOLE_NUMBERS else DataType.STRING
        components.append(maker.attribute(attribute, words, "D", kind, None))
    scheme = ConceptScheme(
        id=f"CS_{name}", name="Concepts", agency=Agency(id=agency), version=VERSION, items=maker.concepts
    )
    definition = DataStructureDefinition(
        id=name,
        name=f"{measure}, by {', '.join(publication.axes)}",
        agency=Agency(id=agency),
        version=VERSION,
        components=Components(components),
    )
    return Structure(definition, scheme, tuple(maker.code_lists), dimensions, codes)


def code_of(category: str) -> str:
    """Return a category as SDMX spells codes: `65+` becomes `GE65`; other signs become their number between x and _."""
    if _SPELLED.fullmatch(category):
        return category
    if (open_band := re.fullmatch(r"([0-9]+)\+", category)) is not None:
        return f"GE{open_band[1]}"
    return "".join(sign if _SPELLED.fullmatch(sign) else f"_x{ord(sign):x}_" for sign in category)


def _dimension_id(axis: str) -> str:
    name = re.sub(r"[^A-Z0-9_]", "_", axis.upper())
    reserved = {TIME, VALUE, INDICATOR, "STRUCTURE", "STRUCTURE_ID", "ACTION", *OF_OBSERVATIONS, *OF_THE_TABLE}
    return f"DIM_{name}" if name in reserved or not name[0].isalpha() else name


def _fingerprint(publication: Publication) -> str:
    own = publication.categories if publication.time_axis is None else publication.categories[1:]
    shape: Any = [[TIME, *publication.axes], [list(found) for found in own]]
    return digest([publication.release.decimals, *shape]).hex()[:8].upper()


class _Maker:
    """Makes components with their concepts and code lists, which it keeps."""

    def __init__(self, agency: str, scheme: str) -> None:
        self._agency = agency
        self._scheme = scheme
        self.concepts: list[Concept] = []
        self.code_lists: list[Codelist] = []

    def dimension(self, name: str, words: str, kind: "DataType") -> "Component":
        from pysdmx.model import Component, Role

        return Component(name, True, Role.DIMENSION, self._concept(name, words), local_dtype=kind)

    def coded_dimension(self, name: str, words: str, codes: dict[str, str]) -> "Component":
        from pysdmx.model import Component, Role

        return Component(
            name, True, Role.DIMENSION, self._concept(name, words), local_codes=self._code_list(name, words, codes)
        )

    def measure(self, name: str, words: str, kind: "DataType") -> "Component":
        from pysdmx.model import Component, Role

        return Component(name, False, Role.MEASURE, self._concept(name, words), local_dtype=kind)

    def attribute(
        self, name: str, words: str, level: str, kind: "DataType", codes: dict[str, str] | None
    ) -> "Component":
        from pysdmx.model import Component, Role

        listed = None if codes is None else self._code_list(name, words, codes)
        return Component(
            name,
            False,
            Role.ATTRIBUTE,
            self._concept(name, words),
            local_dtype=None if listed else kind,
            local_codes=listed,
            attachment_level=level,
        )

    def _concept(self, name: str, words: str) -> "Concept":
        from pysdmx.model import Concept

        urn = f"urn:sdmx:org.sdmx.infomodel.conceptscheme.Concept={self._agency}:{self._scheme}({VERSION}).{name}"
        concept = Concept(id=name, name=words, urn=urn)
        self.concepts.append(concept)
        return concept

    def _code_list(self, name: str, words: str, codes: dict[str, str]) -> "Codelist":
        from pysdmx.model import Agency, Code, Codelist

        content = hashlib.sha256("\n".join(f"{code}\t{text}" for code, text in codes.items()).encode()).hexdigest()
        found = Codelist(
            id=f"CL_{name}_{content[:8].upper()}",
            name=words,
            agency=Agency(id=self._agency),
            version=VERSION,
            items=[Code(id=code, name=text) for code, text in codes.items()],
        )
        self.code_lists.append(found)
        return found
