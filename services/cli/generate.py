"""`symbolon generate`: the files of an invented country's agencies, and the truth behind them."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.outcome import results, talk


def generate(
    folder: Annotated[Path, typer.Argument(help="Folder for the files; one folder an agency, and `truth` apart.")],
    people: Annotated[int, typer.Option(min=1, help="Persons in the invented country's universe.")] = 5000,
    seed: Annotated[int, typer.Option(help="The same seed and size give the same files, byte for byte.")] = 1,
    file_format: Annotated[str, typer.Option("--format", help="csv or parquet.")] = "csv",
) -> None:
    """Write the files of three agencies of an invented country, with the errors that such files have, and the truth.

    Example: symbolon generate country --people 100000 --seed 7 --format parquet
    """
    from rich.progress import Progress

    from services.common.errors import ConfigurationFault
    from simulation.country import generate as generate_country

    if file_format not in ("csv", "parquet"):
        raise ConfigurationFault("--format must be csv or parquet")
    with Progress(console=talk, transient=True) as bar:
        task = bar.add_task("generating", total=people)
        country = generate_country(
            people,
            seed,
            folder,
            file_format="csv" if file_format == "csv" else "parquet",
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        results.print(str(path))
    talk.print(f"{country.people} persons")
