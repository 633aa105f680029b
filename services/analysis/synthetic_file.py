"""A synthetic person-level file in a folder: the persons, the report on their use, and the release they come from."""

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv

from disclosure.errors import QueryFault
from disclosure.margins import MeasuredMargins
from disclosure.synthesis import require_mbi, synthesize
from disclosure.table import Release
from disclosure.utility import UtilityReport, utility_of

PERSONS_FILE: Final = "persons.csv"
UTILITY_FILE: Final = "utility.json"
RELEASE_FILE: Final = "release.json"


def check_ready(question: Mapping[str, Any], folder: Path) -> None:
    """Raise what would stand in the way of a file, before anything is charged for it.

    `QueryFault` for a question of another measure, `FileExistsError` for a folder that is there, `Unfit` without the
    extra `synthetic`.
    """
    if question.get("measure") != "synthetic":
        raise QueryFault("a synthetic file needs a question of the measure synthetic")
    if folder.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder))
    require_mbi()


def write_synthetic(release: Release, folder: Path, *, persons: int | None, seed: int) -> UtilityReport:
    """Write a synthetic file into a new folder and return the report on it.

    Raises what `check_ready` and `synthesize` raise.
    """
    check_ready(release.question, folder)
    file = synthesize(MeasuredMargins.of(release), seed=seed, persons=persons)
    report = utility_of(file)
    folder.mkdir(parents=True)
    pyarrow.csv.write_csv(pa.table(dict(file.columns())), folder / PERSONS_FILE)
    (folder / UTILITY_FILE).write_bytes(report.to_json())
    (folder / RELEASE_FILE).write_bytes(release.to_json())
    return report
