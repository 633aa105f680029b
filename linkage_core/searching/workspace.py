"""Where a search keeps what it can go on from, and what its workers read."""

from dataclasses import dataclass, field
from typing import Protocol

from linkage_core.searching.candidates import Found
from linkage_core.searching.encodings import Encodings, EncodingsInMemory


class FinishedTasks(Protocol):
    """What the tasks of one search found, by their ids."""

    def ids(self) -> set[str]:
        """Return which tasks are finished."""

    def write(self, task: str, found: Found) -> None:
        """Keep what a task found."""

    def read(self, task: str) -> Found:
        """Return what a task found; raises `Tampered` where a store was changed."""


class Workspace(Protocol):
    """The place of one linkage run. `search` is a digest of all that decides what a search finds."""

    def finished(self, search: str) -> FinishedTasks:
        """Return what this search has finished before; findings of another search are dropped."""

    def publish(self, search: str, encodings: EncodingsInMemory) -> Encodings:
        """Return the encodings in the form that the run's engine can hand to its workers."""


@dataclass(frozen=True, slots=True)
class FinishedInMemory:
    """Kept as long as this process runs."""

    _found: dict[str, Found] = field(default_factory=dict)

    def ids(self) -> set[str]:
        """Return which tasks are finished."""
        return set(self._found)

    def write(self, task: str, found: Found) -> None:
        """Keep what a task found."""
        self._found[task] = found

    def read(self, task: str) -> Found:
        """Return what a task found."""
        return self._found[task]


class InMemory:
    """The workspace of a run that is not taken up again, on threads of this process."""

    def finished(self, search: str) -> FinishedInMemory:
        """Return an empty memory."""
        del search
        return FinishedInMemory()

    def publish(self, search: str, encodings: EncodingsInMemory) -> Encodings:
        """Return the encodings as they are: threads share them."""
        del search
        return encodings
