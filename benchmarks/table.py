"""What a benchmark returns: a titled table of finished texts, with the notes without which it would mislead."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

WIDE_COLUMNS = 240
"""Width of output that no terminal shows: enough for any row, so that Markdown rows are never broken."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it is read; the first column names the row. Every row has one text a column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        odd = sum(len(row) != len(self.columns) for row in self.rows)
        if odd:
            raise ValueError(f"{self.title}: {odd} rows have not {len(self.columns)} texts")


def print_tables(tables: Sequence[Table], console: Console) -> None:
    """Print tables for a terminal, or as Markdown where the output is a file or a pipe."""
    markdown = not console.is_terminal
    if markdown:
        console.width = WIDE_COLUMNS
    for table in tables:
        shown = RichTable(box=box.MARKDOWN if markdown else box.SIMPLE_HEAD)
        for place, column in enumerate(table.columns):
            shown.add_column(column, justify="right" if place else "left", overflow="fold")
        for row in table.rows:
            shown.add_row(*row)
        console.print(f"\n{'## ' if markdown else ''}{table.title}", style="bold", markup=False)
        console.print(shown)
        for note in table.notes:
            console.print(f"- {note}", markup=False, soft_wrap=markdown)
