"""Declared rates of links: simulated and signed by the linkage unit's operator, kept by the analysis service's."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.bars import bars, telling_of_kernels
from services.cli.outcome import results, talk

if TYPE_CHECKING:
    from linkage_core.agreement.declared_rates import DeclaredRates

analysis = typer.Typer(no_args_is_help=True, help="Rates of linkage errors that the linkage unit declares.")

Config = Annotated[Path, typer.Option("--config", "-c", help="Configuration, TOML; `example` prints one.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Where to write it.")]


def simulate_linkage(
    file: Annotated[Path, typer.Argument(help="The agreement's file.", exists=True, dir_okay=False)],
    output: Output,
    errors: Annotated[str, typer.Option(help="How the files err: clean, usual or dirty.")] = "usual",
    records: Annotated[int, typer.Option(min=200, max=100_000, help="Records of each invented file.")] = 1_000,
    linkages: Annotated[int, typer.Option(min=20, max=10_000, help="Pairs of files to link.")] = 100,
    by: Annotated[str, typer.Option(help="Tell rates apart by this dimension: sex or country_of_birth.")] = "",
) -> None:
    """Link invented people as the agreement says: how far estimated rates are off, and how they differ by group.

    For `symbolon linkage-unit declare-rates`. It holds as far as real files err as the invented ones do.

    Example: symbolon agreement simulate-linkage agreement.json --errors usual --by country_of_birth -o simulated.json
    """
    from linkage_core.agreement.canonical import canonical_bytes
    from linkage_core.agreement.signatures import parse_signed
    from services.cli.simulated_linkage import simulate_linkage as run
    from services.common.files import write_durably

    agreement = parse_signed(file.read_bytes()).agreement
    with telling_of_kernels(), bars() as display:
        task = display.add_task("linkages", total=linkages)
        found = run(agreement, errors, records, linkages, by, lambda done, total: display.update(task, completed=done))
    write_durably(output, canonical_bytes(found.model_dump(mode="json")), mode=0o644)
    results.print(json.dumps(found.model_dump(mode="json"), indent=2))


def declare_rates(
    config: Config,
    wave: Annotated[str, typer.Option(help="Linked wave, as the agreement names it.")],
    output: Output,
    simulated: Annotated[
        Path | None, typer.Option(help="What `symbolon agreement simulate-linkage` wrote, to correct rates by.")
    ] = None,
    trials: Annotated[
        int, typer.Option(min=0, help="Rows to take out, linking anew each time: how far one row moves the linkage.")
    ] = 0,
) -> None:
    """Sign what is declared of a linked wave: coarse precision and recall of each two files, with standard errors.

    Declared rates leave the linkage unit outside the privacy budget, and every release shows them. The analysis service
    takes one document a wave.

    Example: symbolon linkage-unit declare-rates --config linkage-unit.toml --wave 2025 -o rates.json
    """
    from services.common.files import write_durably
    from services.linkage_unit.config import load
    from services.linkage_unit.service import declare

    settings = load(config)
    with telling_of_kernels(), bars() as display:
        task = display.add_task("linking anew", total=trials, visible=trials > 0)
        made = declare(
            settings,
            wave,
            None if simulated is None else simulated.read_bytes(),
            trials,
            lambda done, total: display.update(task, completed=done),
        )
    write_durably(output, made.document, mode=0o644)
    _show(made.rates)
    for one, other in made.left_out:
        talk.print(
            f"{one} and {other} met in several parts: no rates are declared, tables of theirs allow for noise only"
        )
    for doubt in made.doubts:
        talk.print(f"the model's guards doubt these rates: {doubt}")


@analysis.command()
def add(
    config: Config, file: Annotated[Path, typer.Argument(help="What the linkage unit signed.", dir_okay=False)]
) -> None:
    """Verify what the linkage unit declares of a wave and keep it: releases from then on allow for linkage error.

    Example: symbolon analysis rates add --config analysis.toml rates.json
    """
    from services.analysis.config import load
    from services.analysis.operating import add_rates

    _show(add_rates(load(config), file.read_bytes()))


@analysis.command()
def show(config: Config, wave: Annotated[str, typer.Option(help="Wave, as the agreement names it.")]) -> None:
    """Show what is declared of a wave, as JSON."""
    from services.analysis.config import load
    from services.analysis.operating import declared_rates

    found = declared_rates(load(config), wave)
    if found is None:
        talk.print(f"no rates are declared of wave {wave}")
    else:
        _show(found)


def _show(rates: "DeclaredRates") -> None:
    results.print(json.dumps(rates.model_dump(mode="json"), indent=2))
