"""How fast the invented country is written."""

import tempfile
from pathlib import Path

from benchmarks.table import Table
from benchmarks.timing import MEBIBYTE, seconds
from simulation.country import GeneratedCountry, generate
from simulation.writing import FileFormat


def table(people: int = 20_000) -> Table:
    """Return people a second and size on disk, as CSV and as Parquet."""
    with tempfile.TemporaryDirectory() as folder:
        generate(1, 1, Path(folder))  # name lists are loaded once, and not timed
    formats: tuple[FileFormat, ...] = ("csv", "parquet")
    return Table(
        f"Generator: an invented country of {people:,} people, three agencies and the truth",
        ("format", "people/s", "rows", "MiB on disk"),
        tuple(_row(people, file_format) for file_format in formats),
        ("One process, one run each. No peer was run beside it.",),
    )


def _row(people: int, file_format: FileFormat) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory() as folder:
        took, made = seconds(lambda: generate(people, 1, Path(folder), file_format=file_format))
        size = sum(path.stat().st_size for path in made.rows)
    return file_format.upper(), f"{people / took:,.0f}", f"{_rows(made):,}", f"{size / MEBIBYTE:.1f}"


def _rows(made: GeneratedCountry) -> int:
    return sum(made.rows.values())
