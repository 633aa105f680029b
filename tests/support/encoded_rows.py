"""Small encoded files, row by row, on a schema of two CLKs, an identifier and a composite key; and their groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from linkage_core.agreement.clauses import Matching
from linkage_core.linking.files import ClkColumn, EncodedFile, MatchKeyColumn
from linkage_core.linking.run import LinkageResult, link
from linkage_core.schema import ClkSpec, LinkageSchema, MatchKeySpec, QuasiIdentifier, Standardisation, Variable
from linkage_core.types import ClkName, MatchKeyName, PartyName

LENGTH_BITS = 1024
CLKS = {"names": 2, "places": 1}
"""CLKs of the schema and their weights."""


def schema() -> LinkageSchema:
    """Return the schema: match keys `national-id` (an identifier) and `person`."""
    return LinkageSchema(
        standardisation=Standardisation(version=1, digest="0" * 64),
        quasi_identifiers=(
            QuasiIdentifier(name="number", kind="identifier"),
            QuasiIdentifier(name="name", kind="given-name"),
            QuasiIdentifier(name="date", kind="date"),
        ),
        variables=(
            Variable(name="number", of=("number",), form="value"),
            Variable(name="person", of=("name", "date"), form="value"),
        ),
        match_keys=(
            MatchKeySpec(name="national-id", variables=("number",), entropy_bits=40, max_occurrences=5),
            MatchKeySpec(name="person", variables=("person",), entropy_bits=40, max_occurrences=5),
        ),
        clks=tuple(
            ClkSpec(
                name=name,
                clkhash={"version": 3, "clkConfig": {"l": LENGTH_BITS}, "features": [{"identifier": "person"}]},
                diffusion_t=8,
                weight=weight,
            )
            for name, weight in CLKS.items()
        ),
    )


def matching(*duplicates: str) -> Matching:
    """Return the clause, with sources that hold duplicates: everything from .7 on."""
    return Matching(
        passes=("national-id", "person"),
        candidate_per_mille=700,
        link_per_mille=700,
        sources_with_duplicates=duplicates,
        maximum_candidates_per_record=100,
        high_quality_per_mille=900,
        minimum_class_count=1,
    )


@dataclass(frozen=True)
class Row:
    """A row's CLKs as the first set bit of a run of 100 (None: absent), and its match keys as numbers (0: absent)."""

    names: int | None = None
    places: int | None = None
    national_id: int = 0
    person: int = 0


def encoded(provider: str, rows: Sequence[Row]) -> EncodedFile:
    """Return a provider's file."""
    return EncodedFile(
        provider=PartyName(provider),
        row_count=len(rows),
        clks={ClkName(name): clk_column([getattr(row, name) for row in rows]) for name in CLKS},
        match_keys={
            MatchKeyName("national-id"): key_column([row.national_id for row in rows]),
            MatchKeyName("person"): key_column([row.person for row in rows]),
        },
    )


def clk_column(starts: Sequence[int | None]) -> ClkColumn:
    """Return CLKs of 100 set bits each: two that start n bits apart have the Dice (100 - n) / 100."""
    bits = np.zeros((len(starts), LENGTH_BITS), np.uint8)
    for row, start in enumerate(starts):
        if start is not None:
            bits[row, start : start + 100] = 1
    return ClkColumn(np.packbits(bits, axis=1), np.array([start is not None for start in starts], np.bool_))


def key_column(numbers: Sequence[int]) -> MatchKeyColumn:
    """Return match keys, absent where the number is 0."""
    keys = np.zeros((len(numbers), 16), np.uint8)
    keys[:, 0] = numbers
    return MatchKeyColumn(keys, np.array(numbers, np.int64) > 0)


def linked(files: Mapping[str, Sequence[Row]], clause: Matching | None = None) -> LinkageResult:
    """Link small files."""
    return link([encoded(name, rows) for name, rows in files.items()], schema(), clause or matching(), seed=11)


def groups(result: LinkageResult) -> set[frozenset[tuple[str, int]]]:
    """Groups of two or more rows, as sets of (provider, row)."""
    members: dict[int, set[tuple[str, int]]] = {}
    for provider, file in result.groups.files.items():
        for row, group in enumerate(file.group.tolist()):
            members.setdefault(group, set()).add((provider, row))
    assert sorted(members) == list(range(result.groups.group_count))
    return {frozenset(rows) for rows in members.values() if len(rows) > 1}
