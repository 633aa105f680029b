"""Keeps what was measured: a JSON file a benchmark, with the machine, and its chart beside it.

`<folder>/<date>-<machine>[-quick]/<name>.json` and `.svg`; a later run of the same day replaces the earlier one's. A
cell is a number wherever one was measured; a spread is an object of min, median and max.
"""

import dataclasses
import datetime
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import Machine
from benchmarks.plot import draw
from benchmarks.table import Cell, Figure, Spread, Table


@dataclass(frozen=True, slots=True)
class Measured:
    """One benchmark's table, and when and under what load it was made."""

    name: str
    table: Table
    quick: bool
    started: datetime.datetime
    seconds: float
    load_before: float


def result_folder(parent: Path, machine: Machine, day: datetime.date, *, quick: bool) -> Path:
    """Return the folder of a day's results on a machine, named by its processor and cores."""
    named = re.sub(r"[^a-z0-9]+", "-", machine.processor.lower()).strip("-")
    return parent / f"{day.isoformat()}-{named}-{machine.cores}-cores{'-quick' if quick else ''}"


def keep(measured: Measured, machine: Machine, folder: Path) -> list[Path]:
    """Write the JSON file, and the chart if the table has one; return the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"{measured.name}.json"]
    written[0].write_text(json.dumps(document(measured, machine), indent=2, ensure_ascii=False) + "\n")
    chart = draw(measured.table)
    if chart is not None:
        written.append(folder / f"{measured.name}.svg")
        written[1].write_text(chart)
    return written


def document(measured: Measured, machine: Machine) -> dict[str, Any]:
    """Return a result as JSON has it."""
    table = measured.table
    return {
        "benchmark": measured.name,
        "title": table.title,
        "quick": measured.quick,
        "started": measured.started.isoformat(timespec="seconds"),
        "seconds": round(measured.seconds, 1),
        "load_before": round(measured.load_before, 2),
        "machine": dataclasses.asdict(machine),
        "columns": list(table.columns),
        "rows": [dict(zip(table.columns, map(_plain, row), strict=True)) for row in table.rows],
        "notes": list(table.notes),
    }


def _plain(cell: Cell) -> Any:
    match cell:
        case Figure():
            return cell.value
        case Spread():
            return {"min": cell.least, "median": cell.median, "max": cell.greatest}
        case _:
            return cell
