"""Sections on the quasi-identifiers: fill, validity, values, spelling, dates."""

from collections.abc import Mapping, Sequence
from typing import Final

from linkage_core.standardise.findings import Reason
from services.common.report.cells import Cell, Column, Table
from services.common.report.charts import Axis, Bar, Bars, Bin, Columns, Histogram
from services.common.report.document import Block, Section
from services.provider_agent.identities import FieldQuality
from services.provider_agent.profiling.calendar import (
    AGE_STEP,
    DAYS_A_YEAR,
    OLDEST_USUAL,
    CalendarStatistics,
    expected_by_day,
)
from services.provider_agent.profiling.columns import NAMES, ColumnStatistics
from services.provider_agent.profiling.spelling import SENTENCES
from services.provider_agent.quality.counts import share, told

_SHARE_OF_ROWS: Final = Axis("share of rows", kind="share")
_FIRST_RANKS: Final = (1, 10, 100)

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def fill_section(columns: Sequence[ColumnStatistics], absent: Sequence[str]) -> Section:
    """Return the section on how full each column is; `absent` are quasi-identifiers that the file does not have."""
    paragraphs = (
        "A value is present if the agreed rules make something of it, and complete if nothing of it is unknown: a year "
        "without its day is present, not complete.",
        *((f"The file has no column for {', '.join(absent)}; linking does without.",) if absent else ()),
    )
    bars = tuple(
        Bar(column.name, share(count, column.rows) or 0.0, series=series)
        for column in columns
        for series, count in (("present", column.present), ("complete", column.complete))
    )
    table = Table(
        (
            Column("column"),
            Column("present", "count"),
            Column("complete", "count"),
            Column("nothing there", "count"),
            Column("stands for nothing", "count"),
            Column("not usable", "count"),
        ),
        tuple((c.name, c.present, c.complete, _empty(c), c.stand_ins, c.unusable) for c in columns),
        "Rows by what the column holds",
    )
    chart = Bars("How full each column is.", "Shares of all rows.", "column", _SHARE_OF_ROWS, bars)
    return Section("Fill", paragraphs, (chart, table))


def validity_section(columns: Sequence[ColumnStatistics], fields: Mapping[str, FieldQuality]) -> Section:
    """Return the section on values that the rules could not use, or only with doubt, by reason."""
    rows: list[tuple[Cell, ...]] = [
        (column.name, reason.replace("-", " "), count, share(count, column.rows), f"{Reason(reason).advice}.")
        for column in columns
        for reason, count in column.findings.items()
    ]
    if not rows:
        return Section("Validity", ("Every value could be used as it is.",))
    heads = (Column("column"), Column("finding"), Column("values", "count"), Column("of rows", "share"), Column("what"))
    blocks = [Table(heads, tuple(rows))]
    candidates: list[tuple[Cell, ...]] = [
        (name, " or ".join(codes), told(count))
        for name, quality in fields.items()
        for codes, count in sorted(quality.candidates.items())
    ]
    if candidates:
        may_be = (Column("column"), Column("may be"), Column("rows", "count"))
        blocks.append(Table(may_be, tuple(candidates), "Countries that may be each of several"))
    return Section("Validity", ("Values that the agreed rules could not use, or only with doubt.",), tuple(blocks))


def values_section(columns: Sequence[ColumnStatistics]) -> Section:
    """Return the section on rare and over-frequent values; no value is named."""
    paragraphs = (
        "No value is shown, only how often values occur. Many that occur once are usual for names; among codes they "
        "are typing errors. A value far more frequent than the next stands for something else than a person's own.",
    )
    rows: list[tuple[Cell, ...]] = []
    bars: list[Bar] = []
    for column in columns:
        frequencies = column.frequencies
        shares = [share(sum(frequencies.heaviest[:rank]), frequencies.rows) for rank in _FIRST_RANKS]
        rows.append((column.name, frequencies.distinct, frequencies.once, *shares, len(column.suspects) or None))
        for rank, of_rank in zip(_FIRST_RANKS[:2], shares, strict=False):
            series = "the most frequent value" if rank == 1 else f"the {rank} most frequent"
            bars.append(Bar(column.name, of_rank or 0.0, series=series))
    heads = (
        Column("column"),
        Column("distinct values", "count"),
        Column("occur once", "count"),
        *(Column("heaviest" if rank == 1 else f"heaviest {rank}", "share") for rank in _FIRST_RANKS),
        Column("stand out", "count"),
    )
    chart = Bars(
        "How much the most frequent values weigh.",
        "Shares of the rows that have a value.",
        "column",
        _SHARE_OF_ROWS,
        tuple(bars),
    )
    return Section(
        "Rare and frequent values", paragraphs, (chart, Table(heads, tuple(rows), "Distinct values, standardised"))
    )


def names_section(columns: Sequence[ColumnStatistics]) -> Section | None:
    """Return the section on the spelling of names; None if the file has none."""
    names = [column for column in columns if column.kind in NAMES]
    if not names:
        return None
    scripts = list(dict.fromkeys(script for column in names for script in column.scripts))
    blocks: list[Block] = [
        Table(
            (Column("script"), *(Column(column.name, "count") for column in names)),
            tuple((script, *(told(column.scripts.get(script, 0)) for column in names)) for script in scripts),
            "Values by script",
        )
    ]
    odd = [(column.name, SENTENCES[oddity], count) for column in names for oddity, count in column.oddities.items()]
    if odd:
        heads = (Column("column"), Column("values"), Column("rows", "count"), Column("what to do"))
        blocks.append(
            Table(heads, tuple((name, what, count, advice) for name, (what, advice), count in odd), "Oddities")
        )
    told_odd = (
        "What is odd in them stands below." if odd else "No digit, no single letter, no sign of damage was found."
    )
    return Section(
        "Spelling of names", (f"Names as the file has them, before standardisation. {told_odd}",), tuple(blocks)
    )


def dates_sections(columns: Sequence[ColumnStatistics]) -> tuple[Section, ...]:
    """Return a section for each date column."""
    return tuple(_dates(column.name, column.calendar) for column in columns if column.calendar is not None)


def _dates(name: str, dates: CalendarStatistics) -> Section:
    paragraphs = [
        "Births are spread almost evenly over days and years. Where they heap, a day was written that nobody knew.",
        _exchanged_sentence(dates),
    ]
    days = tuple(Bar(str(day), told(count)) for day, count in enumerate(dates.by_day, 1))
    months = tuple(Bar(MONTHS[place], told(count)) for place, count in enumerate(dates.by_month[:12]))
    ages = tuple(Bin(place * AGE_STEP, (place + 1) * AGE_STEP, told(count)) for place, count in enumerate(dates.by_age))
    people, days_axis = Axis("people"), Axis("day of the month", kind="text")
    return Section(
        f"Dates: {name}",
        tuple(paragraphs),
        (
            Table(
                (Column("dates"), Column("rows", "count"), Column("share", "share"), Column("expected", "share")),
                (
                    ("on 1 January", *_shares(dates.first_of_january, dates.full), 1 / DAYS_A_YEAR),
                    ("on the first of any month", *_shares(dates.first_of_month, dates.full), 12 / DAYS_A_YEAR),
                    ("on the fifteenth of any month", *_shares(dates.fifteenth, dates.full), 12 / DAYS_A_YEAR),
                    ("in years that end in 0 or 5", *_shares(dates.round_years, dates.years), 0.2),
                    (f"more than {OLDEST_USUAL} years ago", *_shares(dates.over_oldest, dates.years), None),
                    ("none, but one with day and month exchanged", dates.month_above_12, None, None),
                ),
                "Heaping and plausibility",
            ),
            Columns(
                "Days of the month.",
                "Full dates; the short lines mark what an even spread would give.",
                days_axis,
                people,
                days,
                tuple(part * dates.full for part in expected_by_day()),
            ),
            Columns("Months.", "Full dates.", Axis("month", kind="text"), people, months),
            Histogram(
                "Ages.",
                f"By year of birth, in steps of {AGE_STEP} years; the last step holds all who are older.",
                Axis("age", "years", "year"),
                people,
                ages,
            ),
        ),
    )


def _exchanged_sentence(dates: CalendarStatistics) -> str:
    found = dates.exchanged
    if found is None:
        return (
            "Whether day and month are exchanged cannot be told from days up to the twelfth, as births do not heap "
            "enough on the first of the month."
        )
    if found.low <= 0:
        return (
            f"There is no sign of exchanged days and months; at most {found.high:,.0f} dates could be exchanged unseen."
        )
    return (
        f"About {found.dates:,.0f} dates ({found.low:,.0f} to {found.high:,.0f}, 95 % interval) have day and month "
        "exchanged: part of the heap on the firsts of months lies on the days of January."
    )


def _shares(count: int, of: int) -> tuple[Cell, Cell]:
    return count, share(count, of)


def _empty(column: ColumnStatistics) -> int:
    """Return the rows in which the column holds nothing at all."""
    return max(column.rows - column.present - column.stand_ins - column.unusable, 0)
