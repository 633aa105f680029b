"""Splink in clear text, in a process and an environment of its own: what no encoding should be expected to beat.

It gets the same standardised values as an agent would encode, and no truth: only whoever asks judges its links.
"""

import csv
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.own_environment import OwnEnvironment
from linkage_core.assessment.quality import PairQuality
from linkage_core.default_schema import people_schema
from linkage_core.schema import QuasiIdentifier, Variable
from linkage_core.standardise.dates import DateFormat
from linkage_core.standardise.run import StandardisedRecords, standardise

SPLINK: Final = OwnEnvironment("splink", "link.py")

LEAST_PROBABILITY: Final = 0.5
"""Of the pairs that count as Splink's links."""

_QUASI_IDENTIFIERS: Final = (
    QuasiIdentifier(name="given_name", kind="given-name"),
    QuasiIdentifier(name="family_name", kind="family-name"),
    QuasiIdentifier(name="birth_date", kind="date"),
    QuasiIdentifier(name="sex", kind="sex"),
    QuasiIdentifier(name="municipality", kind="municipality"),
)
_VARIABLES: Final = (
    Variable(name="given", of=("given_name",), form="first-token"),
    Variable(name="family", of=("family_name",), form="value"),
    Variable(name="given_sound", of=("given_name",), form="root-skeleton"),
    Variable(name="family_sound", of=("family_name",), form="skeleton"),
    Variable(name="names", of=("given_name", "family_name"), form="sorted-tokens"),
    Variable(name="birth", of=("birth_date",), form="date-digits"),
    Variable(name="sex", of=("sex",), form="value"),
    Variable(name="municipality", of=("municipality",), form="value"),
)


@dataclass(frozen=True, slots=True)
class ClearRun:
    """What Splink took, by step, with all cores, and its links, each record in one at most, the surest first."""

    seconds: Mapping[str, float]
    peak_mebibytes: float
    versions: Mapping[str, str]
    one: NDArray[np.int64]
    """Rows of the first file, (links,)."""
    other: NDArray[np.int64]
    """Rows of the second file, (links,)."""
    probability: NDArray[np.float64]
    """Match probability of each link, falling; links below one half are there for judging thresholds."""

    @property
    def total_seconds(self) -> float:
        """All steps together: from the files read to the links chosen, without the start of Python."""
        return sum(self.seconds.values())

    def quality(
        self, persons: NDArray[np.int64], others: NDArray[np.int64], least: float = LEAST_PROBABILITY
    ) -> PairQuality:
        """Return the quality of the links of at least this probability; the persons of each file are all different."""
        correct = persons[self.one] == others[self.other]
        linked = self.probability >= least
        return PairQuality(int(linked.sum()), len(np.intersect1d(persons, others)), int((correct & linked).sum()))

    def best_threshold(self, persons: NDArray[np.int64], others: NDArray[np.int64]) -> float:
        """Return the probability from which F1 is highest, which only the truth tells."""
        correct = np.cumsum(persons[self.one] == others[self.other])
        f1 = 2 * correct / (np.arange(1, len(correct) + 1) + len(np.intersect1d(persons, others)))
        return float(self.probability[int(np.argmax(f1))])


def clear_records(
    columns: Mapping[str, Sequence[object]], date_formats: Mapping[str, DateFormat] | None = None
) -> StandardisedRecords:
    """Return what Splink gets of a file, from its columns given_name, family_name, birth_date, sex, municipality.

    Standardised as an agent does; columns that the file lacks are missing in every row, others are left out.
    """
    schema = people_schema().model_copy(update={"quasi_identifiers": _QUASI_IDENTIFIERS, "variables": _VARIABLES})
    known = {item.name: columns[item.name] for item in _QUASI_IDENTIFIERS if item.name in columns}
    records, _ = standardise(schema, known, date_formats=date_formats or {})
    return records


def link_in_clear(one: StandardisedRecords, other: StandardisedRecords) -> ClearRun:
    """Link two files of `clear_records` by Splink with all cores. FileNotFoundError without its environment."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("one.csv", "other.csv", "links.csv")]
        for path, records in zip(files, (one, other), strict=False):
            _write(path, records)
        told = SPLINK.run(*map(str, files), "--threads", str(os.cpu_count() or 1))
        with files[-1].open(newline="", encoding="utf-8") as file:
            links = np.array([[float(cell) for cell in row] for row in csv.reader(file)]).reshape(-1, 3)
    return ClearRun(
        told["seconds"],
        told["peak_mebibytes"],
        told["versions"],
        links[:, 0].astype(np.int64),
        links[:, 1].astype(np.int64),
        links[:, 2],
    )


def _write(path: Path, records: StandardisedRecords) -> None:
    names = ("given", "family", "given_sound", "family_sound", "names", "sex", "municipality")
    births = ["-".join(filter(None, (date[:4], date[4:6], date[6:]))) for date in records.values["birth"]]
    columns = [records.values[name] for name in names]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "birth", *names))
        writer.writerows(zip(range(records.rows), births, *columns, strict=True))
