"""`symbolon demo`: the whole path on an invented country, with what each party sees."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from services.cli.outcome import results, talk


def demo(
    people: Annotated[int, typer.Option(min=500, help="Persons in the invented country's universe.")] = 5000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same country.")] = 1,
    keep: Annotated[
        Path | None, typer.Option(help="Folder to keep everything in: files, keys, stores, logs; made, must be empty.")
    ] = None,
) -> None:
    """Run the whole path: three agencies' files, two services, three agents, three questions, and the truth.

    Example: symbolon demo --people 100000 --seed 7 --keep demo
    """
    from services.common.errors import ConfigurationFault
    from services.demo.run import Options, run_demo

    if keep is None:
        with tempfile.TemporaryDirectory(prefix="symbolon-demo-") as folder:
            run_demo(Options(people, seed, Path(folder)), results)
        return
    if keep.exists() and any(keep.iterdir()):
        raise ConfigurationFault(f"{keep} is not empty")
    keep.mkdir(parents=True, exist_ok=True)
    run_demo(Options(people, seed, keep), results)
    talk.print(f"everything is kept in {keep}; each party's folder holds what that party has")
