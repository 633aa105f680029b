"""What is wrong with an agency's files: every fault with file, row, field and what to do, never a value."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from linkage_core.errors import InputFault

DETAILED_FAULTS: Final = 100
"""Faults that are listed one by one; the others are counted by file, field and reason, so that memory stays flat."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault. `row` counts data rows from 1 (the header is not counted); 0 stands for the file as a whole.

    `detail` adds numbers to the reason (another row, an offset, a count), never content.
    """

    file: str
    row: int
    field: str
    reason: str
    detail: str = ""

    def __str__(self) -> str:
        where = [self.file, *([f"row {self.row}"] if self.row else []), *([self.field] if self.field else [])]
        return f"{', '.join(where)}: {self.reason}{f' ({self.detail})' if self.detail else ''}"


class FaultLog:
    """Collects faults while files are read; `refuse` raises them together."""

    def __init__(self) -> None:
        self._detailed: list[Fault] = []
        self._more: Counter[tuple[str, str, str]] = Counter()
        self._unread: set[str] = set()

    def add(self, fault: Fault) -> None:
        """Keep a fault: in detail up to the cap, as a count beyond it."""
        if len(self._detailed) < DETAILED_FAULTS:
            self._detailed.append(fault)
        else:
            self._more[(fault.file, fault.field, fault.reason)] += 1

    def add_unread(self, fault: Fault) -> None:
        """Keep a fault because of which a row, or the whole file, was left out of what is read."""
        self._unread.add(fault.file)
        self.add(fault)

    def left_out_of(self, file: str) -> bool:
        """Tell whether anything of a file was left out: then what it lacks cannot be held against other files."""
        return file in self._unread

    def __len__(self) -> int:
        return len(self._detailed) + self._more.total()

    def lines(self) -> tuple[str, ...]:
        """Return the faults in the order of files and rows, then the counts of those that are not listed."""
        listed = [str(fault) for fault in sorted(self._detailed)]
        counted = [
            f"{file}{f', {field}' if field else ''}: {reason}: {count:,} more rows"
            for (file, field, reason), count in sorted(self._more.items())
        ]
        return (*listed, *counted)

    def counts(self) -> dict[tuple[str, str, str], int]:
        """Return how many faults there are by file, field and reason, in their order."""
        found = Counter((fault.file, fault.field, fault.reason) for fault in self._detailed)
        return dict(sorted((found + self._more).items()))

    def refuse(self, message: str) -> None:
        """Raise one `InputFault` with every fault, or return if there is none."""
        if len(self):
            count = "1 fault" if len(self) == 1 else f"{len(self):,} faults"
            raise InputFault(f"{message}: {count}; rows are data rows, the first is 1", self.lines())
