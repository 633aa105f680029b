"""What linking in clear text takes and gives, beside ours: Splink, in its own environment, on the same values.

`link_in_clear` is there for other benchmarks too: what no encoding should be expected to beat in quality, and what a
search over encodings is to be measured against in time.
"""

import csv
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.inputs import REGISTER, TAX, LinkageTask, country
from benchmarks.linking import ours
from benchmarks.table import Figure, Growth, Row, Table
from benchmarks.timing import seconds, spread
from linkage_core.assessment.quality import PairQuality
from linkage_core.crypto.secret import Secret
from linkage_core.standardise.run import StandardisedRecords
from linkage_core.types import PartyName

ROOT: Final = Path(__file__).resolve().parents[1]
PYTHON: Final = ROOT / ".bench/splink/bin/python"
SCRIPT: Final = ROOT / "benchmarks/splink/link.py"

SECRET: Final = Secret(b"benchmark".ljust(32))


@dataclass(frozen=True, slots=True)
class ClearRun:
    """What Splink took, by step, with all cores, and the quality of its links."""

    seconds: Mapping[str, float]
    peak_mebibytes: float
    quality: PairQuality
    versions: Mapping[str, str]

    @property
    def total_seconds(self) -> float:
        """All steps together: from the files read to the links chosen, without the start of Python."""
        return sum(self.seconds.values())


def table(quick: bool = False) -> Table:
    """Return both ways for countries of 10,000 people and more: to 1,000,000, or quick, to 30,000."""
    return at_size({10_000: 1, 30_000: 1} if quick else {10_000: 3, 100_000: 3, 1_000_000: 1})


def at_size(rounds: Mapping[int, int]) -> Table:
    """Return seconds and quality for numbers of people, of which each file knows a part, each in so many rounds."""
    rows: list[Row] = []
    notes: list[str] = []
    versions: set[str] = set()
    for people in rounds:
        whole = country(people)
        records = {provider: whole.records[provider] for provider in (REGISTER, TAX)}
        task = replace(whole, records=records, persons={provider: whole.persons[provider] for provider in records})
        in_clear, encoded = zip(*(_both(task) for _ in range(rounds[people])), strict=True)
        rows += [
            _row("Splink, clear text", task, [run.total_seconds for run in in_clear], in_clear[0].quality),
            _row("ours, diffused CLKs", task, [took for took, _ in encoded], encoded[0][1]),
        ]
        run = in_clear[0]
        steps = ", ".join(f"{step} {took:.2f} s" for step, took in run.seconds.items())
        notes.append(
            f"Splink on {people:,} people, the first of {rounds[people]} rounds: {steps}; at most "
            f"{run.peak_mebibytes:,.0f} MiB in memory."
        )
        versions |= {f"{name} {number}" for name, number in run.versions.items()}
    return Table(
        "Clear text: the population register and the tax office, linked by Splink and by us",
        ("way", "rows of one", "rows of the other", "seconds, min–median–max", "precision", "recall", "F1"),
        tuple(rows),
        (
            f"{', '.join(sorted(versions))}, in a process of its own; {os.cpu_count()} threads each; rounds in turns.",
            "Splink's seconds run from files read to links chosen, ours from standardised values to linkage groups, "
            "encoding included. Both start from the same standardised names and dates.",
            "Splink's links are each other's best at probability one half or more; its blocking rules were chosen on "
            "this country by what they missed. Ours are those of the default matching clause, whose threshold was "
            "chosen earlier on other countries of the same generator. Neither reads the truth when it links.",
            *notes,
        ),
        chart=Growth("rows of one", "seconds, min–median–max", "way"),
    )


def _both(task: LinkageTask) -> tuple[ClearRun, tuple[float, PairQuality]]:
    return link_in_clear(task, REGISTER, TAX), seconds(lambda: ours(task, SECRET))


def _row(way: str, task: LinkageTask, took: Sequence[float], quality: PairQuality) -> Row:
    return (
        way,
        task.records[REGISTER].rows,
        task.records[TAX].rows,
        spread(took),
        *(Figure(value, ".4f") for value in (quality.precision, quality.recall, quality.f1)),
    )


def link_in_clear(task: LinkageTask, one: PartyName, other: PartyName) -> ClearRun:
    """Link the files of two providers in clear text by Splink, in a process of its own with all cores.

    The records hold the variables `given`, `family`, `names` and `date` of the default schema for people; the task's
    `persons` only judge. FileNotFoundError without Splink's environment.
    """
    if not PYTHON.is_file():
        raise FileNotFoundError("Splink's environment is not there: `make .bench/splink/.ready` builds it")
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("one.csv", "other.csv")]
        for path, provider in zip(files, (one, other), strict=True):
            _write(path, task.records[provider], task.persons[provider])
        command = [str(PYTHON), "-P", str(SCRIPT), *map(str, files), "--threads", str(os.cpu_count() or 1)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"Splink ended with status {ended.returncode}:\n{ended.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(ended.stdout)
    return ClearRun(
        told["seconds"],
        told["peak_mebibytes"],
        PairQuality(linked=told["links"], true=told["true"], correct=told["correct"]),
        told["versions"],
    )


def _write(path: Path, records: StandardisedRecords, persons: NDArray[np.int64]) -> None:
    columns = [records.values[name] for name in ("given", "family", "names")]
    births = ["-".join(filter(None, (date[:4], date[4:6], date[6:]))) for date in records.values["date"]]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "person", "given", "family", "names", "birth"))
        writer.writerows(zip(range(records.rows), persons.tolist(), *columns, births, strict=True))
