"""A section for each payload table: fill, and counts by what the agreement makes public."""

from collections.abc import Sequence
from typing import Final

from services.common.report.cells import Cell, Column, Table
from services.common.report.charts import Axis, Bar, Bars, Columns
from services.common.report.document import Block, Section
from services.provider_agent.payload import TableQuality
from services.provider_agent.profiling.payload import PayloadStatistics
from services.provider_agent.quality.counts import FEWEST_TOLD, share, told

_NOUNS: Final = {"category": "code", "integer": "value", "year": "year", "date": "year"}
_MOST_UPRIGHT: Final = 31


def payload_section(name: str, quality: TableQuality, columns: Sequence[PayloadStatistics]) -> Section:
    """Return the section on one payload table."""
    rows: list[tuple[Cell, ...]] = []
    for column in columns:
        unlisted = quality.unlisted.get(column.name, 0)
        later = column.later if column.type == "date" else None
        first = share(column.first_of_january, column.present) if column.type == "date" else None
        rows.append((column.name, column.present, share(column.present, quality.rows), unlisted, later, first))
    heads = (
        Column("column"),
        Column("present", "count"),
        Column("of rows", "share"),
        Column("outside the list", "count"),
        Column("after today", "count"),
        Column("on 1 January", "share"),
    )
    blocks: list[Block] = [Table(heads, tuple(rows))]
    blocks += [_chart(column) for column in columns if column.by_label]
    return Section(
        f"Payload: {name}",
        (
            f"{quality.rows:,} rows. Counts are by codes, bounds and years that the agreement makes public; those "
            f"under {FEWEST_TOLD} are not told more closely.",
        ),
        tuple(blocks),
    )


def _chart(column: PayloadStatistics) -> Bars | Columns:
    bars = tuple(Bar(label, told(count)) for label, count in column.by_label.items())
    title, noun = f"{column.name}.", _NOUNS[column.type]
    description = f"Rows by {noun}{' of the public list' if column.type == 'category' else ''}."
    if column.type == "category" or len(bars) > _MOST_UPRIGHT:
        return Bars(title, description, noun, Axis("rows"), bars)
    return Columns(title, description, Axis(noun, kind="text"), Axis("rows"), bars)
