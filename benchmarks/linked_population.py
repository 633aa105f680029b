"""Small populations of the invented country, linked as in production, and their tables as linked and as in truth.

A register and a tax office write down the same people, each with its errors; the default schema and matching clause
link the two files. Every table is counted twice: by the people that the linkage made, and by the true ones. What
differs is linkage error alone: both counts see the same late registrations and the same missing taxpayers.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.inputs import REGISTER, LinkageTask
from benchmarks.inputs import TAX as TAX_OFFICE
from benchmarks.linking import encoded_file
from linkage_core.crypto.secret import Secret
from linkage_core.default_matching import default_matching
from linkage_core.default_schema import people_schema
from linkage_core.linking.probabilistic.model import Interval
from linkage_core.linking.run import link
from linkage_core.standardise.run import standardise
from simulation.country import Story, draw_story, draw_streams, write_down
from simulation.error_profiles import DEFAULT_PROFILES, POPULATION_REGISTER, TAX, ErrorProfile
from simulation.identifiers import draw_numbering
from simulation.name_lists import HOME_CULTURE, load_lists
from simulation.pair_profiles import PAIR_PROFILES
from simulation.period import Period, first_of_year

Counts = NDArray[np.int64]

ERRORS: Final[Mapping[str, Mapping[str, ErrorProfile]]] = {
    "usual": DEFAULT_PROFILES,
    "dirty": {POPULATION_REGISTER: PAIR_PROFILES["dirty"].one, TAX: PAIR_PROFILES["dirty"].other},
}
"""How the two agencies err, by name."""

GROUPS: Final = ("home", "european", "other")
"""Origins of names; in tables `unknown` comes last where only one of the files knows the origin."""
_EUROPEAN: Final = ("east_slavic", "west_slavic", "south_slavic", "west_european", "iberian", "greek")

YEARS: Final = (2022, 2023, 2024)
"""Of the flows, and of the stocks on their first days; the overlap is that of the middle one."""

SCORES: Final[Mapping[int, str]] = {1: "either file", 2: "both files"}
"""Signs of life that make a resident of a year, in words."""

UNRECORDED: Final = 3
"""People of ten whose origin the register does not know, in tables by what both files say."""

PERIOD: Final = Period()


@dataclass(frozen=True, slots=True)
class Table:
    """One table, by linked and by true people; int64, both of one shape, the last axis the groups.

    `moved`: where two files decide together, the linked people whom each cell would gain, and those whom it would lose,
    if their link were missed; (2, …). None where a map of the table's own cells does without.
    """

    observed: Counts
    true: Counts
    moved: Counts | None = None


@dataclass(frozen=True, slots=True)
class LinkedPopulation:
    """One repetition: what the linkage unit estimates of its links, what is true of them, and all tables by name.

    `links`, `matches`, `false_links`, `missed`: int64, (groups,), by the origin of the register's row.
    """

    precision: Interval
    recall: Interval
    estimated_matches: Interval
    links: Counts
    matches: Counts
    false_links: Counts
    missed: Counts
    tables: Mapping[str, Table]


def repetitions(
    errors: str, people: int, first_seed: int, number: int, kept: Path | None = None
) -> Iterator[LinkedPopulation]:
    """Yield linked populations of seeds from `first_seed` on, each under a key of its own.

    They are appended to `kept`, one JSON line each, as they come, and those that it holds already are not made again.
    """
    done = kept.read_text().splitlines() if kept is not None and kept.exists() else []
    yield from (_from_json(json.loads(line)) for line in done[:number])
    for place in range(len(done), number):
        made = linked_population(errors, people, first_seed + place)
        if kept is not None:
            with kept.open("a") as file:
                file.write(json.dumps(_to_json(made)) + "\n")
        yield made


def linked_population(errors: str, people: int, seed: int) -> LinkedPopulation:
    """Draw a population and its two files, link them and count all tables."""
    streams, lists = draw_streams(seed, 0), load_lists()
    numbering = draw_numbering(np.random.default_rng(np.random.SeedSequence(seed)))
    story = draw_story(np.arange(people, dtype=np.int64), streams, numbering, lists, PERIOD)
    agencies = {
        provider: write_down(story, name, ERRORS[errors], streams[name])
        for provider, name in ((REGISTER, POPULATION_REGISTER), (TAX_OFFICE, TAX))
    }
    schema = people_schema()
    records = {}
    for provider, agency in agencies.items():
        identities = agency.tables["identities"]
        columns = {
            item.name: identities.column(item.name).to_pylist()
            for item in schema.quasi_identifiers
            if item.name in identities.column_names
        }
        records[provider], _ = standardise(schema, columns)
    persons = {provider: agency.person for provider, agency in agencies.items()}
    task = LinkageTask("small population", schema, default_matching(schema), records, persons)
    secret = Secret(os.urandom(32))
    files = [encoded_file(provider, task, one, secret) for provider, one in records.items()]
    result = link(files, task.schema, task.matching, seed)
    assert result.model is not None
    (quality,) = result.model.meetings
    _, register_row, tax_row = np.intersect1d(
        result.groups.files[REGISTER].group, result.groups.files[TAX_OFFICE].group, return_indices=True
    )
    group = _groups([lists.cultures[culture].name for culture in story.office.people.culture])
    linked = _People.of(persons, persons[REGISTER][register_row], persons[TAX_OFFICE][tax_row])
    both = np.intersect1d(persons[REGISTER], persons[TAX_OFFICE])
    true = _People.of(persons, both, both)
    right = persons[REGISTER][register_row] == persons[TAX_OFFICE][tax_row]
    of_links = group[persons[REGISTER][register_row]]
    links, found, matches = (_by_group(rows) for rows in (of_links, of_links[right], group[both]))
    return LinkedPopulation(
        precision=quality.precision,
        recall=quality.recall,
        estimated_matches=quality.matches,
        links=links,
        matches=matches,
        false_links=links - found,
        missed=matches - found,
        tables=_tables(story, group, linked, true),
    )


@dataclass(frozen=True, slots=True)
class _People:
    """Who is one person: for each, the person behind its row in the register and in tax, -1 for no row; int64."""

    register: Counts
    tax: Counts

    @classmethod
    def of(cls, persons: Mapping[Any, Counts], register: Counts, tax: Counts) -> "_People":
        """Return the people of two files in which these rows are linked."""
        alone = np.setdiff1d(persons[REGISTER], register), np.setdiff1d(persons[TAX_OFFICE], tax)
        nobody = [np.full(len(rows), -1, np.int64) for rows in alone]
        return cls(np.concatenate([register, alone[0], nobody[1]]), np.concatenate([tax, nobody[0], alone[1]]))


def _groups(cultures: list[str]) -> Counts:
    home, european = GROUPS.index("home"), GROUPS.index("european")
    other = GROUPS.index("other")
    return np.array(
        [home if name == HOME_CULTURE else european if name in _EUROPEAN else other for name in cultures], np.int64
    )


def _by_group(groups: Counts) -> Counts:
    return np.bincount(groups, minlength=len(GROUPS)).astype(np.int64)


def _tables(story: Story, group: Counts, linked: _People, true: _People) -> dict[str, Table]:
    signs = _Signs.of(story)
    made = {}
    for name in ("overlap", "stock", "inflow", "outflow"):
        made[name] = Table(*(_counted(name, signs, group, people) for people in (linked, true)))
    for name in ("stock", "inflow", "outflow"):
        made[f"{name} by both files"] = _together(_by_both_files(name, signs, group), len(GROUPS) + 1, linked, true)
        for score in SCORES:
            made[f"{name} by signs, {SCORES[score]}"] = _together(
                _by_signs(name, signs, group, score), len(GROUPS), linked, true
            )
    return made


@dataclass(frozen=True, slots=True)
class _Signs:
    """What the files say of each person; bool, (persons + 1, years from the one before the first on).

    The last row is nobody's. `resident`: on the first day; `came`, `left`: within the year; `registered`, `taxed`: at
    any time of it.
    """

    resident: NDArray[np.bool_]
    came: NDArray[np.bool_]
    left: NDArray[np.bool_]
    registered: NDArray[np.bool_]
    taxed: NDArray[np.bool_]

    @classmethod
    def of(cls, story: Story) -> "_Signs":
        """Return the signs of a story's people."""
        start, end = story.registrations.start[:, :, None], story.registrations.end[:, :, None]
        years = (YEARS[0] - 1, *YEARS)
        begin, after = (np.array([first_of_year(year + shift) for year in years]) for shift in (0, 1))
        taxed = np.zeros((len(story.office.people), len(years)), np.bool_)
        within = np.isin(story.tax_years.year, years)
        taxed[story.tax_years.person[within], story.tax_years.year[within] - years[0]] = True
        return cls(
            resident=_with_nobody((start <= begin) & (begin < end)),
            came=_with_nobody((begin <= start) & (start < after) & (start > PERIOD.first_day)),
            left=_with_nobody((begin <= end) & (end < after)),
            registered=_with_nobody((start < after) & (end > begin)),
            taxed=np.concatenate([taxed, np.zeros((1, len(years)), np.bool_)]),
        )


def _with_nobody(of_spells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return what any spell of a person shows, and a row of nobody's."""
    seen = of_spells.any(axis=1)
    return np.concatenate([seen, np.zeros((1, seen.shape[1]), np.bool_)])


def _counted(name: str, signs: _Signs, group: Counts, people: _People) -> Counts:
    """Return the overlap in a year by origin as the register knows it: (both, one only, other only; groups, unknown).

    Or a stock or a flow of the register by origin as tax knows it: (years; groups, unknown).
    """
    unknown = np.append(group, len(GROUPS))
    if name == "overlap":
        year = 1 + len(YEARS) // 2
        register, tax = signs.registered[people.register, year], signs.taxed[people.tax, year]
        cells = [register & tax, register & ~tax, ~register & tax]
        return np.stack([_with_unknown(unknown[people.register[cell]]) for cell in cells])
    seen = {"stock": signs.resident, "inflow": signs.came, "outflow": signs.left}[name][people.register, 1:]
    return np.stack([_with_unknown(unknown[people.tax[of_year]]) for of_year in seen.T])


def _with_unknown(groups: Counts) -> Counts:
    return np.bincount(groups, minlength=len(GROUPS) + 1).astype(np.int64)


Cells = Callable[[Counts, Counts], Counts]
"""Which category each pair of rows counts in, year by year, -1 for none: int64, (people, years). Row -1 is nobody's."""


def _together(cells: Cells, categories: int, linked: _People, true: _People) -> Table:
    """Return a table that two files decide together, and whom a missed link would move."""
    nobody = np.full_like(linked.register, -1)
    whole, first, second, truth = (
        _one_hot(cells(*rows), categories)
        for rows in (
            (linked.register, linked.tax),
            (linked.register, nobody),
            (nobody, linked.tax),
            (true.register, true.tax),
        )
    )
    moved = [np.clip(sign * (first + second - whole), 0, 1).sum(axis=0) for sign in (1, -1)]
    return Table(whole.sum(axis=0), truth.sum(axis=0), np.stack(moved))


def _one_hot(places: Counts, categories: int) -> Counts:
    """Return (people, years, categories)."""
    hot: Counts = (places[:, :, None] == np.arange(categories)).astype(np.int64)
    return hot


def _by_both_files(name: str, signs: _Signs, group: Counts) -> Cells:
    """A stock or flow of the register by origin, which tax fills in where the register does not know it."""
    told = {"stock": signs.resident, "inflow": signs.came, "outflow": signs.left}[name][:, 1:]
    of_tax = np.append(group, len(GROUPS))
    of_register = np.append(np.where(np.arange(len(group)) % 10 < UNRECORDED, len(GROUPS), group), len(GROUPS))

    def cells(register: Counts, tax: Counts) -> Counts:
        category = np.where(of_register[register] < len(GROUPS), of_register[register], of_tax[tax])
        return np.where(told[register], category[:, None], -1)

    return cells


def _by_signs(name: str, signs: _Signs, group: Counts, score: int) -> Cells:
    """Who is present by signs of life in so many files at least, comes or goes, by origin."""

    def cells(register: Counts, tax: Counts) -> Counts:
        seen = signs.registered[register].astype(np.int64) + signs.taxed[tax] >= score
        either = np.append(group, -1)[np.where(register >= 0, register, tax)]
        return np.where(_present(name, seen), either[:, None], -1)

    return cells


def _present(name: str, seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    before, now = seen[:, :-1], seen[:, 1:]
    return {"stock": now, "inflow": ~before & now, "outflow": before & ~now}[name]


def _to_json(made: LinkedPopulation) -> dict[str, Any]:
    intervals = {
        name: [getattr(made, name).estimate, getattr(made, name).low, getattr(made, name).high]
        for name in ("precision", "recall", "estimated_matches")
    }
    counts = {name: getattr(made, name).tolist() for name in ("links", "matches", "false_links", "missed")}
    tables = {
        name: [part if part is None else part.tolist() for part in (table.observed, table.true, table.moved)]
        for name, table in made.tables.items()
    }
    return intervals | counts | {"tables": tables}


def _from_json(line: Mapping[str, Any]) -> LinkedPopulation:
    tables = {
        name: Table(*(None if part is None else np.array(part, np.int64) for part in parts))  # type: ignore[arg-type]
        for name, parts in line["tables"].items()
    }
    precision, recall, estimated_matches = (
        Interval(*line[name]) for name in ("precision", "recall", "estimated_matches")
    )
    links, matches, false_links, missed = (
        np.array(line[name], np.int64) for name in ("links", "matches", "false_links", "missed")
    )
    return LinkedPopulation(precision, recall, estimated_matches, links, matches, false_links, missed, tables)
