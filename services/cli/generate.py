"""`symbolon generate`: the files of an invented country's agencies, and the truth behind them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.outcome import results, talk

if TYPE_CHECKING:
    from simulation.writing import FileFormat


def generate(
    folder: Annotated[Path, typer.Argument(help="Folder for the files; one folder an agency, and `truth` apart.")],
    people: Annotated[int, typer.Option(min=1, help="Persons in the invented country's universe.")] = 5000,
    seed: Annotated[int, typer.Option(help="The same seed and size give the same files, byte for byte.")] = 1,
    file_format: Annotated[str, typer.Option("--format", help="csv or parquet.")] = "csv",
    years: Annotated[
        int, typer.Option(min=0, help="Deliveries of so many successive years, each with what changed.")
    ] = 0,
    pair: Annotated[str, typer.Option(help="Instead of a country, two files of persons: clean, usual or dirty.")] = "",
    records: Annotated[int, typer.Option(min=1, help="With --pair: persons in each file.")] = 50_000,
    overlap: Annotated[float, typer.Option(help="With --pair: share of a file's persons who are in both.")] = 0.6,
    duplicates: Annotated[float, typer.Option(help="With --pair: share of persons with two rows in a file.")] = 0.0,
) -> None:
    """Write the files of three agencies of an invented country, with the errors that such files have, and the truth.

    Example: symbolon generate country --people 100000 --seed 7 --format parquet

    Or what the agencies deliver year after year, as people come, go, marry and move, and errors are mended.

    Example: symbolon generate years --years 3

    Or two overlapping files of persons with names of many origins, to try a linkage on.

    Example: symbolon generate pair --pair usual --records 50000 --overlap 0.6
    """
    from services.common.errors import ConfigurationFault

    if file_format not in ("csv", "parquet"):
        raise ConfigurationFault("--format must be csv or parquet")
    chosen: FileFormat = "csv" if file_format == "csv" else "parquet"
    if pair and years:
        raise ConfigurationFault("--pair and --years exclude each other")
    if pair:
        _write_pair(folder, pair, records, seed, overlap, duplicates, chosen)
    else:
        _write_country(folder, people, seed, years, chosen)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        results.print(str(path))


def _write_country(folder: Path, people: int, seed: int, years: int, file_format: "FileFormat") -> None:
    from rich.progress import Progress

    from services.common.errors import ConfigurationFault
    from simulation.country import generate as generate_country
    from simulation.deliveries import generate_deliveries

    with Progress(console=talk, transient=True) as bar:
        task = bar.add_task("generating", total=people)

        def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        try:
            if years:
                generate_deliveries(people, seed, folder, years, file_format=file_format, progress=report)
            else:
                generate_country(people, seed, folder, file_format=file_format, progress=report)
        except ValueError as fault:
            raise ConfigurationFault(str(fault)) from None
    talk.print(f"{people} persons" + (f", {years} years" if years else ""))


def _write_pair(
    folder: Path, profile: str, records: int, seed: int, overlap: float, duplicates: float, file_format: "FileFormat"
) -> None:
    from services.common.errors import ConfigurationFault
    from simulation.pairs import write_pair

    try:
        write_pair(profile, records, seed, folder, overlap=overlap, duplicates=duplicates, file_format=file_format)
    except ValueError as fault:
        raise ConfigurationFault(str(fault)) from None
    talk.print(f"two files of {records} persons each")
