"""A report as values: one source of facts for the page and for JSON."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Final, Literal

from services.common.report.cells import Cell, Kind, Table, shown
from services.common.report.charts import Chart

FORMAT: Final = 1
"""Version of the JSON; it changes when a reader of the last one would be misled."""

Weight = Literal["mend", "look", "note", "good"]
"""Of a note: wrong and to be mended; worth a look; to be known; as it should be."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something found, and what to do about it."""

    weight: Weight
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Notes:
    """Notes one below the other, in the order given."""

    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """One of the figures that a page begins with."""

    label: str
    value: Cell
    kind: Kind = "count"

    @property
    def shown(self) -> str:
        """The figure as people read it."""
        return shown(self.value, self.kind)


Block = Table | Chart | Notes


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, paragraphs below it, and what they speak of."""

    heading: str
    paragraphs: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report. `facts` stand below the title; `closing` says at the end what it is and for whom."""

    title: str
    subtitle: str
    intro: str
    facts: tuple[Fact, ...]
    sections: tuple[Section, ...]
    closing: str = ""

    def to_json(self) -> str:
        """Return every fact of the report as JSON, numbers as numbers, in the order of the page."""
        return json.dumps({"format": FORMAT, **_plain(self)}, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def to_html(self) -> str:
        """Return the report as one self-contained page."""
        from services.common.report.page import page

        return page(self)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; each part of a report is an object that names its kind."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"is": type(value).__name__.lower(), **fields}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value
