"""`symbolon analysis budget`: what was spent and granted, and increases that two persons approve."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.outcome import results, talk

if TYPE_CHECKING:
    from linkage_core.agreement.increases import IncreaseDocument

app = typer.Typer(no_args_is_help=True, help="The privacy budget: what is spent, and increases of it.")

Config = Annotated[Path, typer.Option("--config", "-c", help="Configuration of the analysis service, TOML.")]
Increase = Annotated[Path, typer.Argument(help="File of the increase, as `propose` wrote it.")]


@app.command()
def show(config: Config) -> None:
    """Show what was spent and granted over the years, in nano-rho and as an epsilon, as JSON to publish.

    Example: symbolon analysis budget show --config analysis.toml
    """
    from services.analysis.budget import show as run
    from services.analysis.config import load

    results.print(json.dumps(run(load(config)), indent=2))


@app.command()
def propose(
    config: Config,
    cap: Annotated[str, typer.Option(help="Cap to raise: total, project, wave:NAME, analyst:NAME or year:YYYY.")],
    nano_rho: Annotated[int, typer.Option(help="By how much, in nano-rho (1_000_000_000 is rho = 1).")],
    reason: Annotated[str, typer.Option(help="Why: it is published with the increase.")],
    file: Annotated[Path, typer.Option("--file", "-f", help="Where to write it; two approvers sign it next.")],
) -> None:
    """Write an increase of the budget for two approvers to sign; nothing changes yet.

    Example: symbolon analysis budget propose --config analysis.toml --cap total --nano-rho 500000000
    --reason "tables by municipality for the census year" --file increase.json
    """
    from services.analysis.budget import propose as run
    from services.analysis.config import load
    from services.common.files import create_durably

    create_durably(file, run(load(config), cap, nano_rho, reason).to_bytes())
    talk.print("two approvers sign it next: symbolon analysis budget approve")
    results.print(str(file))


@app.command()
def approve(
    file: Increase, keys: Annotated[Path, typer.Option("--keys", "-k", help="The approver's own key folder.")]
) -> None:
    """Sign an increase as an approver, with keys made by `symbolon keys new --role approver`.

    Example: symbolon analysis budget approve increase.json --keys keys/auer
    """
    from services.common.errors import ConfigurationFault
    from services.common.files import write_durably
    from services.common.identity import Role
    from services.common.keystore import load_signing_keys

    document, (person, identity) = _read(file), load_signing_keys(keys)
    if person.role is not Role.APPROVER:
        raise ConfigurationFault(f"the keys of {person.name} are those of a {person.role}, expected approver")
    approved = document.approved_by(person.name, identity)
    write_durably(file, approved.to_bytes())
    _print_terms(approved)


@app.command()
def grant(config: Config, file: Increase) -> None:
    """Count an increase that two approvers of the roster signed; a running service knows it from the next question on.

    Example: symbolon analysis budget grant --config analysis.toml increase.json
    """
    from services.analysis.budget import grant as run
    from services.analysis.config import load

    document = _read(file)
    entry = run(load(config), document)
    _print_terms(document)
    results.print(f"counted as entry {entry.sequence} of the ledger")


def _read(file: Path) -> "IncreaseDocument":
    from linkage_core.agreement.increases import parse_increase

    return parse_increase(file.read_bytes())


def _print_terms(document: "IncreaseDocument") -> None:
    increase = document.increase
    results.print(
        f"project {increase.project}, increase {increase.number}: {increase.cap} + {increase.nano_rho} nano-rho"
    )
    results.print(f"reason: {increase.reason}")
    results.print(f"approved by: {', '.join(approval.approver for approval in document.approvals)}")
