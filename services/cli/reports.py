"""Parts of a report on the screen: its tables as they are, and of its notes those that call for something."""

from typing import TYPE_CHECKING, Final

from services.cli.outcome import results

if TYPE_CHECKING:
    from services.common.report.cells import Table
    from services.common.report.document import Report

WIDEST: Final = 160
"""Columns that a table may take: narrower terminals wrap it."""


def print_table(table: "Table") -> None:
    """Print a table of a report, its cells as its page has them, whole: a figure cut short would mislead."""
    import rich.box
    import rich.console
    import rich.table

    from services.common.report.cells import shown

    printed = rich.table.Table(title=table.title or None, title_justify="left", box=rich.box.SIMPLE_HEAD)
    for column in table.columns:
        printed.add_column(column.title, justify="left" if column.kind == "text" else "right")
    for row in table.rows:
        printed.add_row(*(shown(cell, column.kind) for cell, column in zip(row, table.columns, strict=True)))
    rich.console.Console(file=results.file, width=WIDEST, highlight=False, markup=False).print(printed)


def print_notes(report: "Report") -> None:
    """Print what is to be mended or worth a look among the notes of a report's first section."""
    from services.common.report.document import Notes
    from services.common.report.page import WORDS

    notes = [note for block in report.sections[0].blocks if isinstance(block, Notes) for note in block.notes]
    for note in notes:
        if note.weight in ("mend", "look"):
            results.print(f"{WORDS[note.weight]}: {note.found}")
            results.print(f"  {note.advice}", style="dim")
