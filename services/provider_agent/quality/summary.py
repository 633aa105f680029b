"""The data-quality summary of a check on the agency's own screen: a line by file and field, counts only."""

from dataclasses import dataclass

from services.provider_agent.check import CheckedFiles
from services.provider_agent.quality.counts import percent


@dataclass(frozen=True, slots=True)
class Line:
    """What is told of a field, or of a file as a whole (no field): shares in words, and what was counted."""

    file: str
    field: str
    present: str
    complete: str
    found: str


def summary(checked: CheckedFiles) -> list[Line]:
    """Return the lines, the identities first."""
    lines = [Line("identities", "", "", "", f"{checked.rows:,} people, each local id once")]
    for name, quality in checked.fields.items():
        counts = [f"{count:,} {reason.replace('-', ' ')}" for reason, count in quality.findings.items()]
        present, complete = (percent(count, checked.rows) for count in (quality.present, quality.complete))
        lines.append(Line("identities", name, present, complete, ", ".join(counts)))
    for table, table_quality in checked.tables.items():
        lines.append(Line(table, "", "", "", f"{table_quality.rows:,} rows"))
        for column, count in table_quality.present.items():
            unlisted = table_quality.unlisted.get(column, 0)
            found = f"{unlisted:,} outside the public list, taken as absent" if unlisted else ""
            lines.append(Line(table, column, percent(count, table_quality.rows), "", found))
    return lines
