"""Some rows of a file as columns of text, and whether a file has the columns that its mapping names."""

from dataclasses import dataclass, field

from services.provider_agent.faults import Fault, FaultLog
from services.provider_agent.mapping import FileSource


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a file. `numbers` are their data row numbers, from 1; `columns` hold text, "" where empty.

    Rows that could not be read at all are left out: they are in the fault log.
    """

    numbers: list[int]
    columns: dict[str, list[str]] = field(repr=False)


def has_columns(source: FileSource, header: list[str], faults: FaultLog) -> bool:
    """Tell whether each mapped column occurs once. The header itself is not shown: without one it would be a record."""
    counts = {name: header.count(name) for name in source.file_columns}
    for name, count in counts.items():
        if count == 0:
            reason = f"the file has no such column among its {len(header)}; mend the mapping, delimiter or header"
            faults.add_unread(Fault(source.label, 0, f"column {name}", reason))
        elif count > 1:
            faults.add_unread(Fault(source.label, 0, f"column {name}", f"occurs {count} times in the header"))
    return all(count == 1 for count in counts.values())
