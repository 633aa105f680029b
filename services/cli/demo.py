"""`symbolon demo`: the whole path on an invented country, with what each party sees."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from services.cli.outcome import results, talk


def demo(
    people: Annotated[int, typer.Option(min=500, help="Persons in the invented country's universe.")] = 5000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same country.")] = 1,
    waves: Annotated[
        int, typer.Option(min=1, max=6, help="Yearly deliveries; more than one shows how the registry keeps people.")
    ] = 1,
    keep: Annotated[
        Path | None, typer.Option(help="Folder to keep everything in: files, keys, stores, logs; made, must be empty.")
    ] = None,
) -> None:
    """Run the whole path: three agencies' files, two services, three agents, three questions, and the truth.

    Example: symbolon demo --people 100000 --seed 7 --keep demo

    With --waves, agencies deliver year after year to a registry, and the change report tells what each year brought.

    Example: symbolon demo --waves 3
    """
    from services.common.errors import ConfigurationFault

    if keep is None:
        with tempfile.TemporaryDirectory(prefix="symbolon-demo-") as folder:
            _run(people, seed, Path(folder), waves)
        return
    if keep.exists() and any(keep.iterdir()):
        raise ConfigurationFault(f"{keep} is not empty")
    keep.mkdir(parents=True, exist_ok=True)
    _run(people, seed, keep, waves)
    talk.print(f"everything is kept in {keep}; each party's folder holds what that party has")


def _run(people: int, seed: int, folder: Path, waves: int) -> None:
    from services.demo.options import Options
    from services.demo.run import run_demo
    from services.demo.waves import run_waves

    if waves == 1:
        run_demo(Options(people, seed, folder), results)
    else:
        run_waves(Options(people, seed, folder), waves, results)
