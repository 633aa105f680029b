"""`symbolon analysis`: run the analysis service, keep its roster of analysts, close a wave."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import budget
from services.cli.outcome import BAD_INPUT, results, talk
from services.cli.rates import analysis as rates

if TYPE_CHECKING:
    from linkage_core.agreement.signatures import VerifiedAgreement
    from services.analysis.config import AnalysisConfig
    from services.common.keystore import PartyKeys

app = typer.Typer(no_args_is_help=True, help="Run the analysis service: payload intake, budget, released tables.")
roster = typer.Typer(no_args_is_help=True, help="Who may ask, and who may approve: signed by the analysis service.")
app.add_typer(roster, name="roster")
app.add_typer(budget.app, name="budget")
app.add_typer(rates, name="rates")

Config = Annotated[Path, typer.Option("--config", "-c", help="Configuration, TOML; `example` prints one.")]


@app.command()
def example() -> None:
    """Print an example configuration.

    Example: symbolon analysis example > analysis.toml
    """
    from services.analysis.config import EXAMPLE

    results.print(EXAMPLE, end="")


@app.command()
def serve(config: Config) -> None:
    """Take calls of providers, linkage unit and analysts until stopped; prints its address once it listens.

    Example: symbolon analysis serve --config analysis.toml
    """
    from services.analysis.config import load
    from services.analysis.service import serve as run
    from services.common.logs import configure_logs

    configure_logs()
    run(load(config), lambda address: typer.echo(f"listening on {address}"))


@app.command()
def check(config: Config) -> None:
    """Look for everything that would keep `serve` from starting or from being of use; changes nothing."""
    from services.analysis.config import load
    from services.analysis.operating import check as run

    findings = run(load(config))
    for finding in findings:
        results.print(f"- {finding}")
    if findings:
        raise typer.Exit(BAD_INPUT)
    talk.print("everything is in place")


@app.command("show-config")
def show_config(config: Config) -> None:
    """Print the configuration as it is in effect."""
    from services.analysis.config import load
    from services.common.config import show

    results.print(show(load(config)))


@app.command()
def status(config: Config) -> None:
    """Show waves, who has delivered and the budget left, as JSON; verifies the ledger against its anchor."""
    from services.analysis.config import load
    from services.analysis.operating import status as run

    results.print(json.dumps(run(load(config)), indent=2))


@app.command("close-wave")
def close_wave(
    config: Config, wave: Annotated[str, typer.Option(help="Wave to close, as the agreement names it.")]
) -> None:
    """Destroy the private keys of a wave whose payload is complete: nothing sealed to them can be opened again.

    Deliveries of the wave are refused from then on; what was delivered stays until its days of retention are over.
    """
    from services.analysis.config import load
    from services.analysis.operating import close_wave as run

    was_open = run(load(config), wave)
    results.print(f"wave {wave}: keys destroyed" if was_open else f"wave {wave}: was not open")


@roster.command()
def new(config: Config) -> None:
    """Make an empty roster, signed by the analysis service.

    Example: symbolon analysis roster new --config analysis.toml
    """
    from services.analysis.config import load
    from services.analysis.roster import Roster, write_roster
    from services.common.errors import ConfigurationFault

    settings = load(config)
    agreement, keys = _own_identity(settings)
    if settings.roster.exists():
        raise ConfigurationFault(f"{settings.roster} is there already; a roster is never overwritten")
    write_roster(settings.roster, Roster(lineage=agreement.document.lineage), keys.identity)
    results.print(str(settings.roster))


@roster.command()
def add(
    config: Config, party: Annotated[Path, typer.Argument(help="party.json of the person, or the key folder.")]
) -> None:
    """Add an analyst, or an approver of the budget; a running service knows it from the next call on.

    Example: symbolon analysis roster add --config analysis.toml keys/analyst/party.json
    """
    from services.analysis.config import load
    from services.analysis.roster import read_roster, write_roster
    from services.common.keystore import load_public_identity

    settings = load(config)
    agreement, keys = _own_identity(settings)
    person = load_public_identity(party)
    write_roster(settings.roster, read_roster(settings.roster, agreement).with_person(person, agreement), keys.identity)
    results.print(person.spiffe_id)


@roster.command()
def remove(config: Config, name: Annotated[str, typer.Argument(help="The person, as `show` names it.")]) -> None:
    """Remove an analyst or approver, from the next call on. What they spent or approved stays.

    Example: symbolon analysis roster remove --config analysis.toml analyst
    """
    from services.analysis.config import load
    from services.analysis.roster import read_roster, write_roster

    settings = load(config)
    agreement, keys = _own_identity(settings)
    write_roster(settings.roster, read_roster(settings.roster, agreement).without_person(name), keys.identity)
    talk.print(f"{name} is off the roster")


@roster.command("show")
def show_roster(config: Config) -> None:
    """Show who may ask questions, and who may approve increases of the budget, as JSON."""
    from services.analysis.config import load
    from services.analysis.roster import read_roster

    settings = load(config)
    agreement, _ = _own_identity(settings)
    results.print(json.dumps(read_roster(settings.roster, agreement).model_dump(mode="json"), indent=2))


def _own_identity(settings: "AnalysisConfig") -> "tuple[VerifiedAgreement, PartyKeys]":
    from services.common.identity import Role
    from services.common.own_identity import own_identity

    return own_identity(settings.keys, settings.agreement, Role.ANALYSIS_SERVICE)
