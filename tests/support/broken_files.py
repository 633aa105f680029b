"""Pairs of encoded files that break what the self-comparison null takes for granted, cut from two of everybody."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.inputs import ONE, OTHER, LinkageTask
from benchmarks.linking import encoded_file
from linkage_core.crypto.secret import Secret
from linkage_core.default_matching import default_matching
from linkage_core.default_schema import people_schema
from linkage_core.linking.files import ClkColumn, EncodedFile, MatchKeyColumn
from linkage_core.linking.probabilistic.model import LinkageModel, MeetingQuality
from linkage_core.linking.run import link
from linkage_core.standardise.run import standardise
from linkage_core.types import PartyName
from simulation.pairs import PersonFile, draw_pair

PERSONS = 2_400

Persons = NDArray[np.integer]
Part = tuple[int, Persons]
"""Rows about persons, as one of the two files records them."""


@dataclass(frozen=True, slots=True, eq=False)
class Everybody:
    """All persons as two files record them, a register and what people filled in: the row of each person first."""

    encoded: tuple[EncodedFile, EncodedFile]
    row_of: tuple[Persons, Persons]
    origin: NDArray[np.object_]
    household: NDArray[np.object_]
    birth_year: Persons


@dataclass(frozen=True, slots=True)
class Judged:
    """What a run says of its links, and what is true of them."""

    model: LinkageModel
    precision: float
    recall: float

    @property
    def quality(self) -> MeetingQuality:
        """Of the two files' links with each other."""
        (quality,) = self.model.meetings
        return quality

    @property
    def findings(self) -> set[tuple[str, tuple[str, ...]]]:
        """Names of what the guards found, and where."""
        return {(finding.name, finding.providers) for finding in self.model.findings}

    def intervals_hold_the_truth(self) -> bool:
        """Whether both estimates' intervals do, to their four decimals."""
        pairs = ((self.quality.precision, self.precision), (self.quality.recall, self.recall))
        return all(interval.low - 1e-4 <= true <= interval.high + 1e-4 for interval, true in pairs)


def everybody(missing_names: float = 0.0) -> Everybody:
    """Return them; `missing_names`: share of the second file's rows without given and family name."""
    schema, secret = people_schema(), Secret(hashlib.sha256(b"broken files").digest())
    drawn = draw_pair("usual", PERSONS, 77, overlap=1.0)
    columns = [{item.name: list(file.columns[item.name]) for item in schema.quasi_identifiers} for file in drawn]
    nameless = np.random.default_rng(5).random(PERSONS) < missing_names
    for name in ("given_name", "family_name"):
        columns[1][name] = [
            None if gone else value for gone, value in zip(nameless.tolist(), columns[1][name], strict=True)
        ]
    task = LinkageTask("everybody", schema, default_matching(schema), {}, {})
    one, other = (
        encoded_file(name, task, standardise(schema, of_file)[0], secret)
        for name, of_file in zip((ONE, OTHER), columns, strict=True)
    )
    row_of = (np.argsort(drawn[0].person), np.argsort(drawn[1].person))
    return Everybody((one, other), row_of, *_truth(drawn[0], row_of[0]))


def judged(all_of_them: Everybody, one: Sequence[Part], other: Sequence[Part]) -> Judged:
    """Link two files made of parts, by the defaults, and compare what is estimated with the truth."""
    schema = people_schema()
    files = [_cut(all_of_them, ONE, one), _cut(all_of_them, OTHER, other)]
    persons = [np.concatenate([of_part for _, of_part in parts]) for parts in (one, other)]
    result = link(files, schema, default_matching(schema), seed=7)
    assert result.model is not None
    groups = result.groups.files
    linked = groups[ONE].group[:, None] == groups[OTHER].group[None, :]
    same = persons[0][:, None] == persons[1][None, :]
    right = np.count_nonzero(linked & same)
    return Judged(result.model, right / np.count_nonzero(linked), right / np.count_nonzero(same))


def _truth(file: PersonFile, row_of: Persons) -> tuple[NDArray[np.object_], NDArray[np.object_], Persons]:
    columns: Mapping[str, NDArray[np.object_]] = {name: values[row_of] for name, values in file.columns.items()}
    household = np.array(
        [f"{name} {place}" for name, place in zip(columns["family_name"], columns["municipality"], strict=True)], object
    )
    year = np.array([int(date[:4]) if date and date[:4].isdigit() else 1980 for date in columns["birth_date"]])
    return file.origin[row_of], household, year


def _cut(all_of_them: Everybody, provider: PartyName, parts: Sequence[Part]) -> EncodedFile:
    chosen = [(all_of_them.encoded[file], all_of_them.row_of[file][persons]) for file, persons in parts]
    first = chosen[0][0]
    return EncodedFile(
        provider,
        sum(len(rows) for _, rows in chosen),
        {
            name: ClkColumn(
                np.concatenate([file.clks[name].bits[rows] for file, rows in chosen]),
                np.concatenate([file.clks[name].present[rows] for file, rows in chosen]),
            )
            for name in first.clks
        },
        {
            name: MatchKeyColumn(
                np.concatenate([file.match_keys[name].keys[rows] for file, rows in chosen]),
                np.concatenate([file.match_keys[name].present[rows] for file, rows in chosen]),
            )
            for name in first.match_keys
        },
    )
