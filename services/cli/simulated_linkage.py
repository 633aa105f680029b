"""Linkages of invented people by an agreement's schema and matching clause: what they say of estimated rates."""

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.agreement.declared_rates import SimulatedRates
from linkage_core.agreement.document import Agreement
from linkage_core.assessment.simulated_rates import SimulatedLinkage, simulated_rates
from linkage_core.crypto.kdf import KEY_BYTES
from linkage_core.crypto.secret import Secret
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.match_keys import within_cap
from linkage_core.encoding.run import Encoder
from linkage_core.errors import InputFault
from linkage_core.linking.files import ClkColumn, EncodedFile, MatchKeyColumn
from linkage_core.linking.run import link
from linkage_core.schema import LinkageSchema
from linkage_core.standardise.run import standardise
from linkage_core.types import PartyName
from simulation.pair_profiles import PAIR_PROFILES
from simulation.pairs import PersonFile, draw_pair

SEED: Final = 5
"""Of the first invented pair of files."""
OVERLAP: Final = 0.6
COLUMNS: Final[Mapping[str, str]] = {
    "given-name": "given_name",
    "family-name": "family_name",
    "date": "birth_date",
    "sex": "sex",
    "municipality": "municipality",
    "country": "country_of_birth",
}
"""The invented files' column of each kind of quasi-identifier; identifiers are left out."""
DIMENSIONS: Final = ("sex", "country_of_birth")
"""Columns by which rates can differ; the dimension of that name gives the categories."""


def simulate_linkage(
    agreement: Agreement,
    errors: str,
    records: int,
    linkages: int,
    dimension: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> SimulatedRates:
    """Link `linkages` pairs of invented files of `records` records that err as the profile `errors` says.

    Every pair has a key of its own. Raises `InputFault` for arguments that cannot be simulated, all of them together.
    """
    columns, categories = _checked(agreement, errors, dimension)
    tell = progress or (lambda done, total: None)
    made = []
    for number in range(linkages):
        tell(number, linkages)
        made.append(
            _linked(
                agreement, draw_pair(errors, records, SEED + number, overlap=OVERLAP), columns, dimension, categories
            )
        )
    tell(linkages, linkages)
    return simulated_rates(made, errors=errors, records=records, dimension=dimension, categories=categories)


def _checked(agreement: Agreement, errors: str, dimension: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the invented column of each quasi-identifier, and the dimension's categories, the unknown one last."""
    kinds = {quasi.name: quasi.kind for quasi in agreement.linkage.quasi_identifiers}
    faults = [
        f"quasi-identifier {name}: invented files have no column of kind {kind}"
        for name, kind in kinds.items()
        if kind not in COLUMNS and kind != "identifier"
    ]
    if errors not in PAIR_PROFILES:
        faults.append(f"no error profile of that name; there are {', '.join(PAIR_PROFILES)}")
    found = agreement.statistics.dimension(dimension)
    codes = None if found is None else agreement.statistics.code_list(found.code_list or "")
    if dimension and (codes is None or dimension not in DIMENSIONS):
        faults.append(f"rates can be told apart by {' or '.join(DIMENSIONS)}, where it is a dimension of the agreement")
    if faults:
        raise InputFault("this linkage cannot be simulated", tuple(faults))
    columns = {name: COLUMNS[kind] for name, kind in kinds.items() if kind in COLUMNS}
    return columns, (*codes.codes, codes.unknown) if codes is not None else ()


def _linked(
    agreement: Agreement,
    files: tuple[PersonFile, PersonFile],
    columns: Mapping[str, str],
    dimension: str,
    categories: tuple[str, ...],
) -> SimulatedLinkage:
    secret = Secret(os.urandom(KEY_BYTES))
    names = PartyName("one"), PartyName("other")
    encoded = [
        _encoded(name, file, agreement.linkage, columns, secret) for name, file in zip(names, files, strict=True)
    ]
    matching = agreement.matching.model_copy(update={"sources_with_duplicates": (), "spine": None})
    result = link(encoded, agreement.linkage, matching, SEED)
    if result.model is None:
        raise InputFault("this agreement's linkage estimates no rates: matching.combination, or files too small")
    (quality,) = result.model.meetings
    groups = result.groups.files
    _, one, other = np.intersect1d(groups[names[0]].group, groups[names[1]].group, return_indices=True)
    right = files[0].person[one] == files[1].person[other]
    group = _categories(files[0], dimension, categories)
    matched = np.isin(files[0].person, files[1].person)
    number = max(len(categories), 1)
    links, found, matches = (
        np.bincount(rows, minlength=number) for rows in (group[one], group[one[right]], group[matched])
    )
    return SimulatedLinkage(quality.precision, quality.recall, links, matches, links - found, matches - found)


def _encoded(
    name: PartyName, file: PersonFile, schema: LinkageSchema, columns: Mapping[str, str], secret: Secret
) -> EncodedFile:
    given: dict[str, Any] = {quasi: list(file.columns[column]) for quasi, column in columns.items()}
    records, _ = standardise(schema, given)
    with Encoder(schema, LinkageKeys(secret)) as encoder:
        made = encoder.encode(records)
    caps = {spec.name: spec.max_occurrences for spec in schema.match_keys}
    return EncodedFile(
        provider=name,
        row_count=made.rows,
        clks={clk: ClkColumn(column.bits, column.present) for clk, column in made.clks.items()},
        match_keys={
            key: MatchKeyColumn(column.values, within_cap(column.values, column.present, caps[key]))
            for key, column in made.match_keys.items()
        },
    )


def _categories(file: PersonFile, dimension: str, categories: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the category of each row as the first file has it, the last one for what is not listed.

    Codes are compared without regard to case. Raises `InputFault` if no row's value is listed.
    """
    if not dimension:
        return np.zeros(len(file.person), np.int64)
    place = {category.casefold(): number for number, category in enumerate(categories[:-1])}
    values = (value or "" for value in file.columns[dimension].tolist())
    found = np.array([place.get(value.casefold(), len(categories) - 1) for value in values], np.int64)
    if (found == len(categories) - 1).all():
        raise InputFault(f"invented people have F and M, and ISO 3166 alpha-3 codes: none is a category of {dimension}")
    return found
