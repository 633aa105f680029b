"""What linking in clear text takes and gives: Splink, in its own environment, on the same standardised values.

`link_in_clear` is there for other benchmarks too: what no encoding should be expected to beat in quality, and what a
search over encodings is to be measured against in time.
"""

import csv
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.inputs import REGISTER, TAX, country
from benchmarks.table import Figure, Growth, Row, Table
from linkage_core.assessment.quality import PairQuality
from linkage_core.standardise.run import StandardisedRecords

ROOT: Final = Path(__file__).resolve().parents[1]
PYTHON: Final = ROOT / ".bench/splink/bin/python"
SCRIPT: Final = ROOT / "benchmarks/splink/link.py"

STEPS: Final = ("read", "train", "predict", "choose")


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
    """Return what Splink takes for countries of 10,000 people and more: to 1,000,000, or quick, to 30,000."""
    return at_size((10_000, 30_000) if quick else (10_000, 100_000, 1_000_000))


def at_size(sizes: Sequence[int]) -> Table:
    """Return seconds by step, memory and quality for each number of people, of which each file knows a part."""
    rows: list[Row] = []
    versions: set[str] = set()
    for people in sizes:
        task = country(people)
        one, other = task.records[REGISTER], task.records[TAX]
        run = link_in_clear(one, task.persons[REGISTER], other, task.persons[TAX])
        versions.add(", ".join(f"{name} {number}" for name, number in run.versions.items()))
        rows.append(
            (
                "Splink, clear text",
                one.rows,
                other.rows,
                *(run.seconds[step] for step in STEPS),
                run.total_seconds,
                run.peak_mebibytes,
                *(Figure(value, ".4f") for value in (run.quality.precision, run.quality.recall, run.quality.f1)),
            )
        )
    return Table(
        "Clear text: the population register and the tax office, linked by Splink",
        (
            "way",
            "rows of one",
            "rows of the other",
            *(f"{step} s" for step in STEPS),
            "total s",
            "peak MiB",
            "precision",
            "recall",
            "F1",
        ),
        tuple(rows),
        (
            f"{'; '.join(sorted(versions))}: {os.cpu_count()} threads, a process of its own, one run each.",
            "The same standardised names and dates that our encodings are made of; standardisation is not in the time.",
            "No identifiers, and both files free of duplicates. The links are each other's best at probability one "
            "half or more; nothing was chosen by the truth.",
        ),
        chart=Growth("rows of one", "total s", "way"),
    )


def link_in_clear(
    one: StandardisedRecords,
    persons_of_one: NDArray[np.int64],
    other: StandardisedRecords,
    persons_of_other: NDArray[np.int64],
) -> ClearRun:
    """Link two files in clear text by Splink, in a process of its own with all cores.

    The records hold the variables `given`, `family`, `names` and `date` of the default schema for people; `persons`,
    int64 (rows,), says who stands behind each row and only judges. FileNotFoundError without Splink's environment.
    """
    if not PYTHON.is_file():
        raise FileNotFoundError("Splink's environment is not there: `make .bench/splink/.ready` builds it")
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("one.csv", "other.csv")]
        for path, records, persons in zip(files, (one, other), (persons_of_one, persons_of_other), strict=True):
            _write(path, records, persons)
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
