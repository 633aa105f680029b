"""Two files of persons who overlap, in one of three profiles, and the truth apart from them.

The people come of households: relatives, twins, namesakes and parents with their children's names are in both files,
in one, or in one each. Names of all origins are about equally frequent, so that each origin's quality can be measured.

| file                 | columns                                                                                     |
|----------------------|---------------------------------------------------------------------------------------------|
| `one`, `other`       | local_id, given_name, family_name, birth_date (YYYY-MM-DD, or the part that is known), sex  |
|                      | (M, F), municipality, country_of_birth (alpha-3), national_id, passport_number              |
| `truth/identities`   | person_id, file (one, other), local_id, origin (culture of the name)                        |
| `truth/errors`       | file, local_id, error (`error_profiles.ErrorProfile`)                                       |

A missing value is empty. Same arguments, same bytes, on any machine with the same versions of numpy and pyarrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simulation.errors import RecordedIdentities, record, true_identities
from simulation.hits import Rows
from simulation.identifiers import MOST_PEOPLE, draw_numbering
from simulation.name_lists import Texts, load_lists
from simulation.pair_profiles import PAIR_PROFILES, PairProfile
from simulation.people import Composition, Kind, draw_population
from simulation.period import Period
from simulation.writing import FileFormat, TableFiles

FILES: Final = ("one", "other")
COLUMNS: Final = tuple(field.name for field in fields(RecordedIdentities) if field.name != "errors")
"""Columns of a file after `local_id`."""

COMPOSITION: Final = Composition(
    {Kind.NATIVE: 0.45, Kind.SETTLED_IMMIGRANT: 0.4, Kind.NEW_IMMIGRANT: 0.15}, even_cultures=True
)

BATCH_PEOPLE: Final = 50_000
"""People drawn at a time. Part of the output: another size is another pair."""

_PERIOD: Final = Period()
_BOTH, _ONE, _OTHER = range(3)


@dataclass(frozen=True, slots=True)
class PersonFile:
    """One of the two files, or a batch of its rows, with what only the truth may hold; one element a row."""

    columns: Mapping[str, Texts]
    """`local_id` and `COLUMNS`, str or None where missing."""
    person: npt.NDArray[np.int64]
    """The number of the person behind each row: the same in both files."""
    origin: Texts
    """The culture of each person's name."""
    errors: Mapping[str, Rows]
    """By kind of error: the rows that suffered it, in any order."""


@dataclass(frozen=True, slots=True)
class GeneratedPair:
    """Where a pair's files are."""

    files: Mapping[str, Path]
    """By name, as in `FILES`."""
    truth: Mapping[str, Path]
    """By table name: `identities` and `errors`."""


_FILE: Final = pa.schema([(name, pa.string()) for name in ("local_id", *COLUMNS)])
_TRUTH: Final = {
    "identities": pa.schema([(name, pa.string()) for name in ("person_id", "file", "local_id", "origin")]),
    "errors": pa.schema([(name, pa.string()) for name in ("file", "local_id", "error")]),
}


def draw_pair(
    profile: PairProfile | str, records: int, seed: int, *, overlap: float = 0.6, duplicates: float | None = None
) -> tuple[PersonFile, PersonFile]:
    """Draw both files whole: `records` persons each, of whom the share `overlap` is in both.

    `profile` may be a name in `PAIR_PROFILES`; `duplicates` replaces its rates of persons with a second row in a file.
    ValueError for arguments out of range.
    """
    batches = [*_batches(_plan(profile, records, overlap, seed, duplicates))]
    one, other = ([batch[place] for batch in batches] for place in range(2))
    return _joined(one), _joined(other)


def write_pair(
    profile: PairProfile | str,
    records: int,
    seed: int,
    directory: Path,
    *,
    overlap: float = 0.6,
    duplicates: float | None = None,
    file_format: FileFormat = "csv",
) -> GeneratedPair:
    """Write what `draw_pair` draws into `directory`; memory holds one batch. FileExistsError if a file exists."""
    made = GeneratedPair(
        files={name: directory / f"{name}.{file_format}" for name in FILES},
        truth={table: directory / "truth" / f"{table}.{file_format}" for table in _TRUTH},
    )
    plan = _plan(profile, records, overlap, seed, duplicates)
    schemas = dict.fromkeys(made.files.values(), _FILE) | {made.truth[table]: _TRUTH[table] for table in _TRUTH}
    with TableFiles(schemas, file_format) as output:
        for batch in _batches(plan):
            for name, file in zip(FILES, batch, strict=True):
                output.append([(made.files[name], _table(_FILE, file.columns))])
                output.append((made.truth[table], rows) for table, rows in _truth_tables(name, file).items())
    return made


@dataclass(frozen=True, slots=True)
class _Plan:
    profile: PairProfile
    seed: int
    roles: npt.NDArray[np.int8]
    """For each person of the universe, in which files: `_BOTH`, `_ONE` or `_OTHER`."""


def _plan(profile: PairProfile | str, records: int, overlap: float, seed: int, duplicates: float | None) -> _Plan:
    """Who is in which file; refuses arguments out of range, all of them together."""
    faults = []
    if isinstance(profile, str) and profile not in PAIR_PROFILES:
        faults.append(f"no pair profile of that name; there are {', '.join(PAIR_PROFILES)}")
    if not 1 <= records <= MOST_PEOPLE // 2:
        faults.append(f"records must be 1 to {MOST_PEOPLE // 2}, got {records}")
    if not 0 <= overlap <= 1:
        faults.append(f"overlap must be 0 to 1, got {overlap}")
    if seed < 0:
        faults.append(f"seed must not be negative, got {seed}")
    if duplicates is not None and not 0 <= duplicates <= 1:
        faults.append(f"duplicates must be 0 to 1, got {duplicates}")
    if faults:
        raise ValueError("; ".join(faults))
    chosen = PAIR_PROFILES[profile] if isinstance(profile, str) else profile
    if duplicates is not None:
        chosen = replace(chosen, duplicates_in_one=duplicates, duplicates_in_other=duplicates)
    both = round(records * overlap)
    roles = np.repeat(np.array([_BOTH, _ONE, _OTHER], dtype=np.int8), [both, records - both, records - both])
    np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,))).shuffle(roles)
    return _Plan(chosen, seed, roles)


def _batches(plan: _Plan) -> Iterator[tuple[PersonFile, PersonFile]]:
    """Both files' rows, batch by batch of people; every file of every batch has a random stream of its own."""
    lists = load_lists()
    numbering = draw_numbering(np.random.default_rng(np.random.SeedSequence(plan.seed, spawn_key=(1,))))
    written = [0, 0]
    for batch, first in enumerate(range(0, len(plan.roles), BATCH_PEOPLE)):
        roles = plan.roles[first : first + BATCH_PEOPLE]
        ordinals = np.arange(first, first + len(roles), dtype=np.int64)
        streams = [np.random.default_rng(np.random.SeedSequence(plan.seed, spawn_key=(2, batch, n))) for n in range(3)]
        people = draw_population(len(roles), lists, _PERIOD, streams[2], COMPOSITION)
        files = []
        for place, (errors, duplicates, absent) in enumerate(
            (
                (plan.profile.one, plan.profile.duplicates_in_one, _OTHER),
                (plan.profile.other, plan.profile.duplicates_in_other, _ONE),
            )
        ):
            rng = streams[place]
            person = np.flatnonzero(roles != absent)
            twice = person[rng.random(len(person)) < duplicates]
            person = rng.permutation(np.concatenate([person, twice]))
            true = true_identities(people, ordinals, numbering, person)
            recorded = record(true, errors, lists, "%Y-%m-%d", _PERIOD.after - 1, rng)
            local_id = [f"{FILES[place]}-{written[place] + row + 1:08d}" for row in range(len(person))]
            written[place] += len(person)
            files.append(
                PersonFile(
                    columns={"local_id": np.array(local_id, dtype=object)}
                    | {name: getattr(recorded, name) for name in COLUMNS},
                    person=ordinals[person],
                    origin=np.array([culture.name for culture in lists.cultures], dtype=object)[people.culture[person]],
                    errors=recorded.errors,
                )
            )
        yield files[0], files[1]


def _joined(batches: list[PersonFile]) -> PersonFile:
    """Batches of one file as one."""
    starts = np.cumsum([0, *(len(batch.person) for batch in batches)])
    kinds = dict.fromkeys(kind for batch in batches for kind in batch.errors)
    return PersonFile(
        columns={name: np.concatenate([batch.columns[name] for batch in batches]) for name in batches[0].columns},
        person=np.concatenate([batch.person for batch in batches]),
        origin=np.concatenate([batch.origin for batch in batches]),
        errors={
            kind: np.concatenate(
                [
                    batch.errors[kind] + start
                    for batch, start in zip(batches, starts[:-1], strict=True)
                    if kind in batch.errors
                ]
            )
            for kind in kinds
        },
    )


def _truth_tables(name: str, file: PersonFile) -> dict[str, Any]:
    local_id = file.columns["local_id"]
    errors = [(kind, rows) for kind, rows in file.errors.items()]
    rows = np.concatenate([np.zeros(0, dtype=np.int64), *(rows for _, rows in errors)])
    kinds = np.repeat(np.array([kind for kind, _ in errors], dtype=object), [len(rows) for _, rows in errors])
    return {
        "identities": _table(
            _TRUTH["identities"],
            {
                "person_id": np.array([f"person-{number:09d}" for number in file.person.tolist()], dtype=object),
                "file": np.full(len(local_id), name, dtype=object),
                "local_id": local_id,
                "origin": file.origin,
            },
        ),
        "errors": _table(
            _TRUTH["errors"],
            {"file": np.full(len(rows), name, dtype=object), "local_id": local_id[rows], "error": kinds},
        ),
    }


def _table(schema: pa.Schema, columns: Mapping[str, Texts]) -> Any:
    return pa.table([pa.array(columns[field.name], type=field.type) for field in schema], schema=schema)
