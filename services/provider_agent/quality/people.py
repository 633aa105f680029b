"""Sections on whole rows: what is missing together, names in the wrong column, persons who seem to be there twice."""

from typing import Final

from services.common.report.cells import Cell, Column, Table
from services.common.report.charts import Axis, Bar, Bars
from services.common.report.document import Section
from services.provider_agent.profiling.people import PeopleStatistics
from services.provider_agent.profiling.value_counts import LARGEST_SIZE
from services.provider_agent.quality.counts import share, times

MOST_PATTERNS_SHOWN: Final = 20


def missing_section(people: PeopleStatistics, columns: tuple[str, ...]) -> Section:
    """Return the section on which columns are missing together."""
    patterns = list(people.missing.items())
    shown = patterns[:MOST_PATTERNS_SHOWN]
    rows: list[tuple[Cell, ...]] = [
        (*("○" if name in missing else "●" for name in columns), count, share(count, people.rows))
        for missing, count in shown
    ]
    rest = people.rows - sum(count for _, count in shown)
    if rest:
        rows.append((*("" for _ in columns[1:]), "other combinations", rest, share(rest, people.rows)))
    heads = (*(Column(name) for name in columns), Column("rows", "count"), Column("share", "share"))
    complete = people.missing.get((), 0)
    return Section(
        "Missing together",
        (
            f"{times(complete, 'row has', 'rows have')} every column. Columns that are missing together point to one "
            "form, one office or one import that lacks them.",
        ),
        (Table(heads, tuple(rows), "● present, ○ missing; most frequent first"),),
    )


def twice_section(people: PeopleStatistics) -> Section | None:
    """Return the section on persons who seem to be there twice and exchanged names; None if the file has no names."""
    twice, swapped = people.twice, people.swapped
    if swapped is None:
        return None
    paragraphs = [
        f"Of {times(swapped.judged, 'row', 'rows')} with both names, {swapped.swapped:,} seem to have given and family "
        "name exchanged: each is more usual in the other column, both together a hundred times. Rare names cannot be "
        "judged so, hence there may be more."
    ]
    if twice is None:
        return Section("Persons twice, names exchanged", tuple(paragraphs))
    paragraphs.append(
        "Rows with different local ids are held against each other. Namesakes born on one day exist; how many pairs of "
        "them to expect follows from how frequent the names and the dates are in this file."
    )
    rows: tuple[tuple[Cell, ...], ...] = (
        ("same names, same birth date", round(twice.exact.pairs), twice.by_chance),
        ("same words as names in other columns or order, same birth date", round(twice.other_order), None),
        ("a given or family name missing, all else the same", twice.part_missing, twice.part_missing_by_chance),
    )
    heads = (Column("pairs of rows"), Column("found", "count"), Column("expected by chance", "number"))
    sizes = tuple(
        Bar(f"{size}{' or more' if size == LARGEST_SIZE else ''} rows", count)
        for size, count in twice.exact.by_size.items()
    )
    chart = Bars(
        "How often the same names and birth date occur.",
        "Among those that occur more than once.",
        "occurs in",
        Axis("persons"),
        sizes,
    )
    blocks = (Table(heads, rows), *((chart,) if any(twice.exact.by_size.values()) else ()))
    return Section("Persons twice, names exchanged", tuple(paragraphs), blocks)
