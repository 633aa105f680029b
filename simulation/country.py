"""Generates an invented country: the files of three of its agencies, and the truth apart from them.

The steps, for each batch of people:

1. *People*: households with names, birth dates, origins and citizenships.
2. *Life courses*: who truly lives in the country, when.
3. *Traces*: registrations (late, or never ended), border crossings, taxpayers' years.
4. *Records*: each agency writes down the people it knows, with its own errors and its own numbers.
5. *Truth*: who stands behind which local id, and what really happened.
6. *Files*: the batch is appended to every file.

Same people, seed, period, profiles and format: the same bytes, on any machine (with the same versions of numpy and
pyarrow). Every batch and every step draws from a random stream of its own, so that other error profiles give other
records of the very same people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from simulation import agencies, truth
from simulation.error_profiles import BORDER_POLICE, DEFAULT_PROFILES, POPULATION_REGISTER, TAX, ErrorProfile
from simulation.identifiers import MOST_PEOPLE, Numbering, Numbers, draw_numbering
from simulation.life_courses import LifeCourses, Spells, draw_life_courses
from simulation.name_lists import Lists, load_lists
from simulation.people import draw_population
from simulation.period import Period
from simulation.registration import draw_registrations
from simulation.travel import Crossings, draw_crossings
from simulation.working_lives import TaxYears, draw_tax_years
from simulation.writing import FileFormat, TableFiles

BATCH_PEOPLE: Final = 50_000
"""People drawn at a time. Part of the output: another size is another country."""

TRUTH: Final = "truth"
PROVIDERS: Final = (POPULATION_REGISTER, BORDER_POLICE, TAX)

_STEPS: Final = ("people", "life courses", "registrations", "crossings", "tax years", *PROVIDERS, "changes")
"""One random stream per step and batch, numbered in this order."""


@dataclass(frozen=True, slots=True)
class GeneratedCountry:
    """Where the files are and how many rows they have."""

    directory: Path
    file_format: FileFormat
    people: int
    seed: int
    period: Period
    agencies: Mapping[str, Mapping[str, Path]]
    """By provider and table name, as in `simulation.agencies`; `identities` is in each."""
    truth: Mapping[str, Path]
    """By table name, as in `simulation.truth`."""
    rows: Mapping[Path, int]
    """Rows of every file, without the header."""


def generate(
    people: int,
    seed: int,
    directory: Path,
    *,
    file_format: FileFormat = "csv",
    period: Period = Period(),  # noqa: B008 - frozen
    profiles: Mapping[str, ErrorProfile] = DEFAULT_PROFILES,
    progress: Callable[[int, int], None] | None = None,
) -> GeneratedCountry:
    """Write the files of an invented country of `people` people into `directory` and say where they are.

    `people` counts everyone in the universe, visitors included (1 to ten million); `seed` is not negative. An agency
    without a profile makes no errors. `progress` is called with people done and people in all, first at 0. ValueError
    for arguments out of range; FileExistsError if a file to be written exists. Memory holds one batch.
    """
    check(people, seed, file_format, profiles)
    lists = load_lists()
    numbering = draw_numbering(np.random.default_rng(np.random.SeedSequence(seed)))
    files = {
        provider: {table: directory / provider / f"{table}.{file_format}" for table in schemas}
        for provider, schemas in (*agencies.SCHEMAS.items(), (TRUTH, truth.SCHEMAS))
    }
    schemas = {files[p][t]: schema for p, s in agencies.SCHEMAS.items() for t, schema in s.items()}
    schemas |= {files[TRUTH][t]: schema for t, schema in truth.SCHEMAS.items()}
    report = progress or (lambda _done, _total: None)
    report(0, people)
    with TableFiles(schemas, file_format) as output:
        for batch, first in enumerate(range(0, people, BATCH_PEOPLE)):
            ordinals = np.arange(first, min(first + BATCH_PEOPLE, people), dtype=np.int64)
            streams = draw_streams(seed, batch)
            story = draw_story(ordinals, streams, numbering, lists, period)
            written = {provider: write_down(story, provider, profiles, streams[provider]) for provider in PROVIDERS}
            tables: dict[str, Mapping[str, Any]] = {provider: agency.tables for provider, agency in written.items()}
            # 5. Truth
            tables[TRUTH] = truth.truth_tables(story.office.people, ordinals, story.lives.residence, period, written)
            output.append((files[p][t], table) for p, of_p in tables.items() for t, table in of_p.items())  # 6. Files
            report(int(ordinals[-1]) + 1, people)
    return GeneratedCountry(
        directory=directory,
        file_format=file_format,
        people=people,
        seed=seed,
        period=period,
        agencies={provider: files[provider] for provider in PROVIDERS},
        truth=files[TRUTH],
        rows=output.rows,
    )


@dataclass(frozen=True, slots=True)
class Story:
    """One batch of people and what truly happens to them: everything but what the agencies write down."""

    office: agencies.Office
    lives: LifeCourses
    registrations: Spells
    crossings: Crossings
    tax_years: TaxYears


def draw_story(
    ordinals: Numbers, streams: Mapping[str, np.random.Generator], numbering: Numbering, lists: Lists, period: Period
) -> Story:
    """Draw one batch of people, numbered `ordinals` in the universe."""
    # 1. People
    people = draw_population(len(ordinals), lists, period, streams["people"])
    # 2. Life courses
    lives = draw_life_courses(people, period, streams["life courses"])
    # 3. Traces
    registrations = draw_registrations(people, lives, period, streams["registrations"])
    return Story(
        agencies.Office(
            people, ordinals, numbering, lists, period, registrations.present[:, 0] | registrations.present[:, 1]
        ),
        lives,
        registrations,
        draw_crossings(people, lives, period, streams["crossings"]),
        draw_tax_years(people, lives, period, streams["tax years"]),
    )


def write_down(
    story: Story, provider: str, profiles: Mapping[str, ErrorProfile], rng: np.random.Generator
) -> agencies.AgencyTables:
    """4. Records: the tables of one agency; without a profile it makes no errors."""
    profile = profiles.get(provider, ErrorProfile())
    if provider == POPULATION_REGISTER:
        return agencies.population_register(story.office, story.registrations, profile, rng)
    if provider == BORDER_POLICE:
        return agencies.border_police(story.office, story.crossings, profile, rng)
    return agencies.tax_office(story.office, story.tax_years, profile, rng)


def draw_streams(seed: int, batch: int, *more: int) -> dict[str, np.random.Generator]:
    """An independent random generator for each step of a batch; `more` numbers tell further ones apart."""
    return {
        step: np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(batch, number, *more)))
        for number, step in enumerate(_STEPS)
    }


def check(people: int, seed: int, file_format: str, profiles: Mapping[str, ErrorProfile]) -> None:
    """Refuse arguments out of range, all of them together."""
    faults = []
    if not 1 <= people <= MOST_PEOPLE:
        faults.append(f"people must be 1 to {MOST_PEOPLE}, got {people}")
    if seed < 0:
        faults.append(f"seed must not be negative, got {seed}")
    if file_format not in ("csv", "parquet"):
        faults.append(f"file format must be csv or parquet, got {file_format}")
    unknown = sorted(set(profiles) - set(PROVIDERS))
    if unknown:
        faults.append(
            f"no such agency to have an error profile: {', '.join(unknown)}; there are {', '.join(PROVIDERS)}"
        )
    if faults:
        raise ValueError("; ".join(faults))
