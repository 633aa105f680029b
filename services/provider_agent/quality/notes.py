"""What is worth a look in an agency's files, why, and what to do about it."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from linkage_core.standardise.findings import Reason
from linkage_core.types import PartyName
from services.common.report.document import Note, Weight
from services.provider_agent.check import ExaminedFiles
from services.provider_agent.profiling.calendar import (
    DAYS_A_YEAR,
    OLDEST_USUAL,
    UNSEEN_FOR_SEEN,
    CalendarStatistics,
)
from services.provider_agent.profiling.columns import ColumnStatistics
from services.provider_agent.profiling.payload import PayloadStatistics
from services.provider_agent.profiling.people import PeopleStatistics
from services.provider_agent.profiling.spelling import MIXED, NO_LETTERS, SENTENCES
from services.provider_agent.quality.counts import percent, times

_ORDER: Final[tuple[Weight, ...]] = ("mend", "look", "note", "good")
_WELL_FILLED: Final = 0.95
_HEAPED: Final = 1.3
"""A heap is told where it is so many times as high as an even spread, and beyond what chance gives (5 SD)."""
_MANY_SD: Final = 5
_LEAST_CHANCE: Final = 0.05
"""Pairs by chance that are reckoned with at least, so that one pair where none was to be expected is told."""


def notes_of(examined: ExaminedFiles, provider: PartyName) -> tuple[Note, ...]:
    """Return every note on a provider's files, what must be mended first."""
    columns = examined.identities.columns
    declared = provider in examined.agreement.matching.sources_with_duplicates
    found = [*_faults(examined), *_fill(columns)]
    for column in columns:
        found += [*_findings(column), *_values(column), *_spelling(column)]
        found += _calendar(column.name, column.calendar) if column.calendar else []
    found += [*_people(examined.identities.people, declared), *_scripts(columns)]
    for table, payload_columns in examined.payload.items():
        rows = examined.files.tables[table].rows
        for payload in payload_columns:
            found += _payload(table, payload, rows, examined.files.tables[table].unlisted.get(payload.name, 0))
    found += _sampling(examined)
    return tuple(sorted(found, key=lambda note: _ORDER.index(note.weight)))


def _faults(examined: ExaminedFiles) -> Iterator[Note]:
    for (file, field, reason), count in examined.faults.counts().items():
        what, _, advice = reason.partition("; ")
        where = f"{file}, {field}" if field else file
        told = f"{where}: in {times(count, 'row', 'rows')} it {what}." if field else f"{where}: {what}."
        sentence = f"{advice[:1].upper()}{advice[1:]}. " if advice else ""
        yield Note("mend", told, f"{sentence}Nothing can be sent before; the terminal lists the rows.")
    if not len(examined.faults):
        yield Note("good", "Every file fits the agreement: nothing stands in the way of sending this wave.")


def _fill(columns: Sequence[ColumnStatistics]) -> Iterator[Note]:
    """Return what is missing, all columns in one note, so that the first page has room for what is rarer."""
    gaps = [
        f"{column.name} {percent(column.rows - column.present, column.rows)}"
        for column in columns
        if column.present < _WELL_FILLED * column.rows
    ]
    if gaps:
        yield Note(
            "look",
            f"Many rows have no usable value: {', '.join(gaps)}.",
            "Ask where the source system keeps it, and whether the export leaves it out. Each gap weakens links.",
        )
    stand_ins = [f"{column.name} {column.stand_ins:,}" for column in columns if column.stand_ins]
    if stand_ins:
        yield Note(
            "look",
            "Words or dates that stand for nothing, as “unknown” or 1900-01-01 do, are taken as missing. Rows with "
            f"them: {', '.join(stand_ins)}.",
            "Leave the field empty where nothing is known, and let the entry form allow that.",
        )


def _findings(column: ColumnStatistics) -> Iterator[Note]:
    for reason, count in column.findings.items():
        known = Reason(reason)
        if not known.refuses:  # those that refuse the file are among its faults
            yield Note("look", f"{column.name}: {times(count, 'value', 'values')}: {known.advice}.", _MEND_AT_SOURCE)


_MEND_AT_SOURCE: Final = "Mend the values in the source, and the form or conversion that lets them in."


def _values(column: ColumnStatistics) -> Iterator[Note]:
    frequencies = column.frequencies
    if column.kind == "identifier":
        repeated = sum(frequencies.by_size.values())
        if repeated:
            yield Note(
                "look",
                f"{column.name}: {times(repeated, 'number stands', 'numbers stand')} under more than one local id, "
                f"the most frequent one under {frequencies.heaviest[0]:,}.",
                "Either one person is registered twice, or a number was typed for another person: compare the records.",
            )
    elif column.suspects:
        several = len(column.suspects) > 1
        yield Note(
            "look",
            f"{column.name}: {times(len(column.suspects), 'value stands', 'values stand')} out, far more frequent than "
            f"the next; {'the first ' if several else 'it '}is in {percent(column.suspects[0], column.rows)} of rows "
            f"({column.suspects[0]:,}).",
            "Look the most frequent values up in your own database. A placeholder links strangers: leave it empty.",
        )


def _spelling(column: ColumnStatistics) -> Iterator[Note]:
    for oddity, count in column.oddities.items():
        what, advice = SENTENCES[oddity]
        yield Note("look", f"{column.name}: {times(count, 'value', 'values')} {what}.", advice)
    if column.scripts.get(MIXED):
        yield Note(
            "look",
            f"{column.name}: {times(column.scripts[MIXED], 'value mixes', 'values mix')} letters of several scripts.",
            "Often one letter was typed on the wrong keyboard and looks right. Search for words of two scripts.",
        )


def _scripts(columns: Sequence[ColumnStatistics]) -> Iterator[Note]:
    several = [column.name for column in columns if len(set(column.scripts) - {MIXED, NO_LETTERS}) > 1]
    if several:
        yield Note(
            "note",
            f"Names are written in several scripts: {', '.join(several)}.",
            "They are transliterated before linking, which loses a little; keep the travel document's spelling if "
            "there is one.",
        )


def _calendar(name: str, dates: CalendarStatistics) -> Iterator[Note]:
    for count, expected, of, where in (
        (dates.first_of_january, 1 / DAYS_A_YEAR, dates.full, "on 1 January"),
        (dates.first_of_month - dates.first_of_january, 11 / DAYS_A_YEAR, dates.full, "on the first of another month"),
        (dates.fifteenth, 12 / DAYS_A_YEAR, dates.full, "on the fifteenth of a month"),
        (dates.round_years, 0.2, dates.years, "in years that end in 0 or 5"),
    ):
        if _heaped(count, expected, of):
            yield Note(
                "look",
                f"{name}: {percent(count, of)} of dates lie {where}, {count / (expected * of):.1f} times as many as an "
                "even spread gives.",
                "Such dates are often guessed. Record what is known (the year, the month) and leave the rest open, "
                "as YYYY-XX-XX does in the declared format.",
            )
    if dates.over_oldest:
        yield Note(
            "look",
            f"{name}: {times(dates.over_oldest, 'person is', 'persons are')} older than {OLDEST_USUAL} by the date.",
            "Look for centuries mistyped, and for deaths and departures that were never recorded.",
        )
    yield from _exchanged_days(name, dates)


def _exchanged_days(name: str, dates: CalendarStatistics) -> Iterator[Note]:
    advice = (
        "Slips of typing if they are few. If many, part of the file is written month first, or was converted by a "
        "program that guesses: find the office or year of entry. The mapping's date_format holds for the whole column."
    )
    if dates.month_above_12:
        yield Note(
            "look",
            f"{name}: {times(dates.month_above_12, 'value is', 'values are')} no date, but would be one with day and "
            f"month exchanged; {dates.month_above_12 * UNSEEN_FOR_SEEN:,.0f} more, with days up to the twelfth, may be "
            "exchanged unseen.",
            advice,
        )
    if dates.exchanged is not None and dates.exchanged.low > 0:
        low, high = round(dates.exchanged.low), round(dates.exchanged.high)
        yield Note(
            "look",
            f"{name}: about {dates.exchanged.dates:,.0f} dates ({low:,} to {high:,}) have day and month exchanged, as "
            "the days of January tell.",
            advice,
        )


def _heaped(count: int, expected_share: float, of: int) -> bool:
    expected = expected_share * of
    return count > _HEAPED * expected and count - expected > _MANY_SD * math.sqrt(max(expected, 1.0))


def _people(people: PeopleStatistics, declared: bool) -> Iterator[Note]:
    if people.swapped is not None and people.swapped.swapped:
        estimated = people.swapped.swapped * people.swapped.one_in
        yield Note(
            "look",
            f"In {times(estimated, 'row', 'rows')} given and family name seem to be exchanged: each is usual in the "
            "other column of this file, and not in its own.",
            "Compare with the document. Name the fields on the form as passports do, and show an example.",
        )
    twice = people.twice
    if twice is None:
        return
    surplus = twice.exact.pairs - twice.by_chance
    if twice.exact.pairs and surplus > 3 * math.sqrt(max(twice.by_chance, _LEAST_CHANCE)):
        yield Note(
            "look",
            f"{times(twice.exact.pairs, 'pair', 'pairs')} of rows with different local ids have the same names and "
            f"birth date; about {twice.by_chance:,.0f} would by chance.",
            "The agreement says that this file may hold a person under several numbers, and linking joins them; still, "
            "compare those that should have one."
            if declared
            else "Compare them: a person registered twice is counted twice. If the file may hold a person under "
            "several numbers, the agreement must say so (matching.sources_with_duplicates).",
        )
    elif not twice.exact.pairs:
        yield Note("good", "No two rows have the same names and birth date.")
    if twice.other_order:
        yield Note(
            "look",
            f"{times(twice.other_order, 'more pair has', 'more pairs have')} the same birth date and the same words as "
            "names, in other columns or another order.",
            "Probably one person twice, once with names exchanged: compare them.",
        )
    if twice.part_missing > 1 + 2 * twice.part_missing_by_chance:
        yield Note(
            "look",
            f"{times(twice.part_missing, 'row', 'rows')} without a given or a family name agree in the rest with a row "
            f"that has both; about {twice.part_missing_by_chance:,.0f} would by chance.",
            "Possibly an entry begun twice. Twins and namesakes born on one day look the same: compare before merging.",
        )


def _payload(table: str, column: PayloadStatistics, rows: int, unlisted: int) -> Iterator[Note]:
    where = f"{table}.{column.name}"
    if unlisted:
        yield Note(
            "look",
            f"{where}: {times(unlisted, 'row has', 'rows have')} a value outside the public list "
            f"({percent(unlisted, rows)}), taken as absent.",
            "Translate it with “codes” in the mapping, or ask for the code to be added to the agreement's list.",
        )
    if column.later:
        yield Note(
            "look",
            f"{where}: {times(column.later, 'date lies', 'dates lie')} after today.",
            "Planned events and open ends are often written so; leave the field empty until it has happened.",
        )
    if column.type == "date" and _heaped(column.first_of_january, 1 / DAYS_A_YEAR, column.present):
        yield Note(
            "note",
            f"{where}: {percent(column.first_of_january, column.present)} of dates are 1 January.",
            "If this is the day on which a register was set up, say so to the analysts: no event happened on it.",
        )


def _sampling(examined: ExaminedFiles) -> Iterator[Note]:
    sampled = [column.name for column in examined.identities.columns if column.frequencies.one_in > 1]
    twice = examined.identities.people.twice
    if sampled or (twice is not None and twice.exact.one_in > 1):
        what = [*sampled, *(["persons twice"] if twice is not None and twice.exact.one_in > 1 else [])]
        yield Note(
            "note",
            f"More values than are counted one by one: {', '.join(what)}. Their counts come from a random share.",
            "The section on how this was counted gives the share.",
        )
