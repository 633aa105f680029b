"""The invented country's agencies deliver year after year: what they knew at the end of each, and what changed.

The same people as `simulation.country` generates under the same seed. From year to year they arrive and leave, are born
and die, marry, divorce and move; agencies mend errors, notice that they know one person under two local ids (*merge*),
or two persons under one (*split*). A person is in a year's file if registered on a day of the year, taxed for it, or
seen at the border in it or the year before. For each year, in a folder of its own:

| file                          | columns                                                                             |
|-------------------------------|-------------------------------------------------------------------------------------|
| `<agency>/identities`         | as in `simulation.agencies`: everyone in the file, whatever was delivered before    |
| `<agency>/changes`            | the rows of `identities` that are new or differ from the year before's              |
| `<agency>/gone`               | local_id: those of the year before that are no longer there                         |
| `<agency>/reconciliations`    | local_id, other_local_id, kind: *merge*: the first was given up for the other;      |
|                               | *split*: the first had stood for two persons, one of whom now has the other         |
| `<agency>/…`                  | the agency's other tables, of these local ids, up to the end of the year            |

Before a split the second person's payload is not in the files. The truth lies apart, over all years:

| file                          | columns                                                                             |
|-------------------------------|-------------------------------------------------------------------------------------|
| `truth/persons`, `residence`, `migrations` | as in `simulation.truth`; names and places as in the last year         |
| `truth/identities`            | year, person_id, provider, local_id: two persons with one local id await a split    |
| `truth/errors`                | year, provider, local_id, error: what is still wrong                                |
| `truth/changes`               | person_id, year, change (name, municipality): within the years delivered            |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simulation import agencies, truth
from simulation.country import BATCH_PEOPLE, PROVIDERS, TRUTH, Story, check, draw_story, draw_streams, write_down
from simulation.error_profiles import BORDER_POLICE, DEFAULT_PROFILES, ErrorProfile
from simulation.history import Changes, as_of, draw_changes
from simulation.identifiers import MOST_PEOPLE, Numbers, Texts, draw_numbering
from simulation.life_courses import Spells
from simulation.name_lists import load_lists
from simulation.period import NEVER, Period
from simulation.reconciliation import Confusion, Settled, draw_confusion, settle
from simulation.working_lives import TaxYears
from simulation.writing import FileFormat, TableFiles
from simulation.yearly import Known, differing, gone, joined, mended, only, seen_in

_MENDED_SHARE: Final = 0.1
"""Of the records with errors: those that an agency mends in a year."""

_SECOND: Final = 1
"""The random streams of second local ids."""

Mask = npt.NDArray[np.bool_]

IDENTITIES, CHANGES, GONE, RECONCILIATIONS = "identities", "changes", "gone", "reconciliations"


def _columns(*names: str) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in names])


_TRUTH: Final[Mapping[str, pa.Schema]] = {
    "persons": truth.SCHEMAS["persons"],
    "residence": truth.SCHEMAS["residence"],
    "migrations": truth.SCHEMAS["migrations"],
    "identities": _columns("year", "person_id", "provider", "local_id"),
    "errors": _columns("year", "provider", "local_id", "error"),
    "changes": _columns("person_id", "year", "change"),
}


@dataclass(frozen=True, slots=True)
class GeneratedDeliveries:
    """Where the files are."""

    deliveries: Mapping[int, Mapping[str, Mapping[str, Path]]]
    """By year, provider and table name: those of `simulation.agencies`, `changes`, `gone` and `reconciliations`."""
    truth: Mapping[str, Path]


def generate_deliveries(
    people: int,
    seed: int,
    directory: Path,
    years: int,
    *,
    file_format: FileFormat = "csv",
    period: Period = Period(),  # noqa: B008 - frozen
    profiles: Mapping[str, ErrorProfile] = DEFAULT_PROFILES,
    progress: Callable[[int, int], None] | None = None,
) -> GeneratedDeliveries:
    """Write the deliveries of the last `years` years of the period into `directory` and say where they are.

    Other arguments and errors as of `country.generate`; `years` is 1 to the number of the period's years. Memory holds
    one batch of people and, of each agency, its file of the year before.
    """
    check(people, seed, file_format, profiles)
    if not 1 <= years <= len(period.years):
        raise ValueError(f"years must be 1 to {len(period.years)}, got {years}")
    delivered = period.years[-years:]
    schemas: dict[str, dict[str, pa.Schema]] = {
        provider: {
            **tables,
            CHANGES: tables[IDENTITIES],
            GONE: _columns("local_id"),
            RECONCILIATIONS: _columns("local_id", "other_local_id", "kind"),
        }
        for provider, tables in agencies.SCHEMAS.items()
    }
    made = GeneratedDeliveries(
        deliveries={
            year: {
                provider: {table: directory / str(year) / provider / f"{table}.{file_format}" for table in tables}
                for provider, tables in schemas.items()
            }
            for year in delivered
        },
        truth={table: directory / TRUTH / f"{table}.{file_format}" for table in _TRUTH},
    )
    files = {
        path: schemas[provider][table]
        for of_year in made.deliveries.values()
        for provider, paths in of_year.items()
        for table, path in paths.items()
    } | {made.truth[table]: schema for table, schema in _TRUTH.items()}
    numbering, lists = draw_numbering(np.random.default_rng(np.random.SeedSequence(seed))), load_lists()
    report = progress or (lambda _done, _total: None)
    report(0, people)
    with TableFiles(files, file_format) as output:
        for batch, first in enumerate(range(0, people, BATCH_PEOPLE)):
            ordinals = np.arange(first, min(first + BATCH_PEOPLE, people), dtype=np.int64)
            story = draw_story(ordinals, draw_streams(seed, batch), numbering, lists, period)
            for table, rows in _tables(_course(story, seed, batch, delivered, profiles)):
                output.append([(_path(made, table), rows)])
            report(int(ordinals[-1]) + 1, people)
    return made


def _path(made: GeneratedDeliveries, table: _Table) -> Path:
    year, provider, name = table
    return made.truth[name] if year is None else made.deliveries[year][provider][name]


@dataclass(frozen=True, slots=True)
class _Course:
    """One batch of people, and what the years bring to their records."""

    story: Story
    seed: int
    batch: int
    years: range
    profiles: Mapping[str, ErrorProfile]
    changes: Changes
    confusions: Mapping[str, Confusion]
    """By provider; none at the border, where a passport shown is a person known."""
    mended_in: Mapping[str, Numbers]
    """By provider: which delivery mends the errors of a person's first and second record: int64 (2, people)."""


def _course(story: Story, seed: int, batch: int, years: range, profiles: Mapping[str, ErrorProfile]) -> _Course:
    people, rng = story.office.people, draw_streams(seed, batch)["changes"]
    return _Course(
        story=story,
        seed=seed,
        batch=batch,
        years=years,
        profiles=profiles,
        changes=draw_changes(people, years[-1], rng),
        confusions={p: draw_confusion(people, len(years), rng) for p in PROVIDERS if p != BORDER_POLICE},
        mended_in={provider: rng.geometric(_MENDED_SHARE, (2, len(people))) for provider in PROVIDERS},
    )


_Table = tuple[int | None, str, str]
"""A table's year (None for the truth's), provider and name."""


def _tables(course: _Course) -> Iterator[tuple[_Table, Any]]:
    """Every table of a batch with its rows."""
    office = course.story.office
    person_id = truth.numbered("person", office.ordinals)
    before: dict[str, Any] = {}
    held_before: dict[str, Mask] = {}
    for index, year in enumerate(course.years):
        for provider, known in _known(course, index).items():
            held = seen_in(known, provider, year)
            settled = Settled.nothing(known, held)
            if provider in course.confusions:
                settled = settle(
                    known,
                    held,
                    held_before.get(provider, np.zeros_like(held)),
                    course.confusions[provider],
                    office.people.head,
                    index,
                )
            delivery = only(known, settled.kept, year)
            earlier = before.get(provider, delivery.identities.slice(0, 0))
            yield (year, provider, IDENTITIES), delivery.identities
            yield (year, provider, CHANGES), differing(delivery.identities, earlier)
            yield (year, provider, GONE), gone(delivery.identities, earlier)
            yield (year, provider, RECONCILIATIONS), settled.found
            yield from (((year, provider, name), rows) for name, rows in delivery.payload.items())
            stands_for = pa.concat_tables([delivery.stands_for(), settled.stands_for])
            yield (
                (None, TRUTH, "identities"),
                _truth_rows(
                    "identities",
                    {
                        "year": str(year),
                        "person_id": person_id[stands_for["person"].to_numpy()],
                        "provider": provider,
                        "local_id": stands_for["local_id"],
                    },
                ),
            )
            yield (
                (None, TRUTH, "errors"),
                _truth_rows(
                    "errors",
                    {
                        "year": str(year),
                        "provider": provider,
                        "local_id": delivery.errors["local_id"],
                        "error": delivery.errors["error"],
                    },
                ),
            )
            before[provider], held_before[provider] = delivery.identities, held
    over_all = truth.truth_tables(office.people, office.ordinals, course.story.lives.residence, office.period, {})
    yield from (((None, TRUTH, name), over_all[name]) for name in ("persons", "residence", "migrations"))
    yield from (((None, TRUTH, "changes"), rows) for rows in _changes(course, person_id))


def _known(course: _Course, index: int) -> dict[str, Known]:
    """What each agency would hold at the end of a year if nobody ever left its file."""
    office = course.story.office
    people = as_of(office.people, course.changes, course.years[index], office.lists)
    story = replace(course.story, office=replace(office, people=people))
    flawed, flawless = (
        {provider: _lots(course, story, provider, profiles) for provider in PROVIDERS}
        for profiles in (course.profiles, {})
    )
    known = {}
    for provider, lots in flawed.items():
        due = np.concatenate(
            [course.mended_in[provider][number][lot.person] <= index for number, lot in enumerate(lots)]
        )
        known[provider] = mended(joined(lots), joined(flawless[provider]).identities, due)
    return known


def _lots(
    course: _Course, story: Story, provider: str, profiles: Mapping[str, ErrorProfile]
) -> list[agencies.AgencyTables]:
    """An agency's records, and its second records of those whom it knows twice."""
    lots = [write_down(story, provider, profiles, draw_streams(course.seed, course.batch)[provider])]
    if provider in course.confusions:
        few = _of_few(story, course.confusions[provider].twice)
        lots.append(write_down(few, provider, profiles, draw_streams(course.seed, course.batch, _SECOND)[provider]))
    return lots


def _of_few(story: Story, chosen: Mask) -> Story:
    """The traces of some people only, with the numbers that they get when they are taken for others."""
    of_year, spells = chosen[story.tax_years.person], story.registrations
    return replace(
        story,
        office=replace(story.office, ordinals=story.office.ordinals + MOST_PEOPLE),
        registrations=Spells(
            np.where(chosen[:, np.newaxis], spells.start, NEVER), np.where(chosen[:, np.newaxis], spells.end, NEVER)
        ),
        tax_years=TaxYears(
            story.tax_years.person[of_year],
            story.tax_years.year[of_year],
            story.tax_years.activity[of_year],
            story.tax_years.income_band[of_year],
            story.tax_years.income[of_year],
        ),
    )


def _changes(course: _Course, person_id: Texts) -> Iterator[Any]:
    """The truth's rows of what changed within the years delivered."""
    people = course.story.office.people
    for change, year, changed in (
        ("name", course.changes.name_year, people.family != people.earlier_family),
        ("municipality", course.changes.move_year, people.municipality != people.earlier_municipality),
    ):
        rows = np.flatnonzero(changed & (year >= course.years[0]))
        yield _truth_rows("changes", {"person_id": person_id[rows], "year": year[rows].astype(str), "change": change})


def _truth_rows(table: str, columns: Mapping[str, Any]) -> Any:
    """Rows of one of the truth's tables; a text stands for a whole column."""
    count = max(len(values) for values in columns.values() if not isinstance(values, str))
    schema = _TRUTH[table]
    return pa.table(
        {
            name: pa.repeat(values, count)
            if isinstance(values, str)
            else pa.chunked_array(values).cast(pa.string())
            if isinstance(values, pa.ChunkedArray)
            else pa.array(values.tolist(), type=pa.string())
            for name, values in columns.items()
        },
        schema=schema,
    )
