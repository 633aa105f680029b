"""How fast the invented country is written."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.table import Growth, Row, Table
from benchmarks.timing import MEBIBYTE, seconds
from simulation.country import GeneratedCountry, generate
from simulation.writing import FileFormat


def table(quick: bool = False) -> Table:
    """Return what writing 10,000 people and more takes: to 1,000,000, or quick, to 30,000."""
    return at_size((10_000, 30_000) if quick else (10_000, 100_000, 1_000_000))


def at_size(sizes: Sequence[int]) -> Table:
    """Return people a second and size on disk, as CSV and as Parquet."""
    with tempfile.TemporaryDirectory() as folder:
        generate(1, 1, Path(folder))  # name lists are loaded once, and not timed
    formats: tuple[FileFormat, ...] = ("csv", "parquet")
    return Table(
        "Generator: an invented country, its three agencies and the truth",
        ("format", "people", "seconds", "people/s", "rows", "MiB on disk"),
        tuple(_row(people, file_format) for file_format in formats for people in sizes),
        ("One process, one run each. No peer was run beside it.",),
        chart=Growth("people", "seconds", "format"),
    )


def _row(people: int, file_format: FileFormat) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        took, made = seconds(lambda: generate(people, 1, Path(folder), file_format=file_format))
        size = sum(path.stat().st_size for path in made.rows)
    return file_format.upper(), people, took, people / took, _rows(made), size / MEBIBYTE


def _rows(made: GeneratedCountry) -> int:
    return sum(made.rows.values())
