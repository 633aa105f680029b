"""The quality report of an agency's files: what to do first, then the counts behind it."""

from datetime import date

from linkage_core.types import PartyName
from services.common.report.document import Fact, Notes, Report, Section
from services.provider_agent.check import ExaminedFiles
from services.provider_agent.profiling.people import PeopleStatistics
from services.provider_agent.profiling.value_counts import MOST_VALUES
from services.provider_agent.quality.columns import (
    dates_sections,
    fill_section,
    names_section,
    validity_section,
    values_section,
)
from services.provider_agent.quality.counts import FEWEST_TOLD, share
from services.provider_agent.quality.notes import notes_of
from services.provider_agent.quality.payload import payload_section
from services.provider_agent.quality.people import missing_section, twice_section


def quality_report(examined: ExaminedFiles, provider: PartyName, wave: str, today: date) -> Report:
    """Return the report: counts only, of everything that the dry pass looked at."""
    columns, people = examined.identities.columns, examined.identities.people
    names = tuple(column.name for column in columns)
    absent = [item.name for item in examined.agreement.linkage.quasi_identifiers if item.name not in names]
    notes = notes_of(examined, provider)
    sections = (
        Section("What to look at first", (), (Notes(notes),)),
        fill_section(columns, absent),
        validity_section(columns, examined.files.fields),
        missing_section(people, names),
        values_section(columns),
        names_section(columns),
        *dates_sections(columns),
        twice_section(people),
        *(payload_section(name, examined.files.tables[name], told) for name, told in examined.payload.items()),
        _method(examined),
    )
    return Report(
        title=f"How good the files of {provider} are",
        subtitle=f"{examined.agreement.title} · wave {wave} · checked on {today.isoformat()}",
        intro=_intro([note.weight for note in notes]),
        facts=_facts(examined, people),
        sections=tuple(section for section in sections if section is not None),
        closing=(
            "Made by the provider agent on its own premises, for the agency itself; it is sent to nobody. It holds "
            "counts only: no name, date, number or other value of a person."
        ),
    )


def _intro(weights: list[str]) -> str:
    mend, look = weights.count("mend"), weights.count("look")
    if mend:
        begin = f"{mend} {'thing has' if mend == 1 else 'things have'} to be mended"
        return f"{begin}{f', and {look} more are worth a look' if look else ''}. Each note says what to do."
    if look:
        return f"{look} {'thing is' if look == 1 else 'things are'} worth a look. Each note says what to do."
    return "Nothing in these files calls for a look."


def _facts(examined: ExaminedFiles, people: PeopleStatistics) -> tuple[Fact, ...]:
    facts = [
        Fact("people, one row each", people.rows),
        Fact("of them with every column", share(people.missing.get((), 0), people.rows), "share"),
    ]
    if people.twice is not None:
        facts.append(Fact("pairs that may be one person", round(people.twice.exact.pairs)))
    payload = sum(table.rows for table in examined.files.tables.values())
    if payload:
        facts.append(Fact("payload rows", payload))
    return tuple(facts)


def _method(examined: ExaminedFiles) -> Section:
    twice = examined.identities.people.twice
    counted = [(column.name, column.frequencies.one_in) for column in examined.identities.columns]
    counted += [("persons twice", twice.exact.one_in)] if twice is not None else []
    sampled = [f"{name}: one value in {one_in}" for name, one_in in counted if one_in > 1]
    exact = (
        "All values were counted one by one, so every count is exact."
        if not sampled
        else f"Up to {MOST_VALUES:,} distinct values are counted one by one. Above that a random share of them was "
        f"counted and scaled up ({'; '.join(sampled)}); the most frequent values are always counted."
    )
    return Section(
        "How this was counted",
        (
            "The files were read once, row by row. Values were counted by keyed images under a key that was thrown "
            f"away at the end. {exact}",
            f"Counts of one particular code, year or age are told from {FEWEST_TOLD} on. Exchanged names, exchanged "
            "days and persons twice are suspicions drawn from frequencies in these files: look before you change "
            "anything.",
        ),
    )
