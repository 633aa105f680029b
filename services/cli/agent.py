"""`symbolon agent`: a data provider's own process, from its files to a delivered wave."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.bars import bars, telling_of_kernels
from services.cli.outcome import results, talk

if TYPE_CHECKING:
    from services.provider_agent.agent import Agent
    from services.provider_agent.pipeline import Outcome
    from services.provider_agent.progress import Advance

app = typer.Typer(no_args_is_help=True, help="Run a data provider's agent: check, encode, upload, deliver.")

Config = Annotated[Path, typer.Option("--config", "-c", help="The agent's configuration, TOML; `example` prints one.")]
Wave = Annotated[str | None, typer.Option("--wave", help="Wave of the agreement; default: the configuration's.")]


@app.command()
def example() -> None:
    """Print an example configuration.

    Example: symbolon agent example > agent.toml
    """
    from services.provider_agent.config import EXAMPLE

    results.print(EXAMPLE, end="")


@app.command("example-mapping")
def example_mapping() -> None:
    """Print an example mapping file: which column of which file is what.

    Example: symbolon agent example-mapping > mapping.toml
    """
    from services.provider_agent.mapping import EXAMPLE

    results.print(EXAMPLE, end="")


@app.command()
def check(config: Config, wave: Wave = None) -> None:
    """Validate agreement, mapping and files, and show how well the files are filled. Nothing is sent.

    Example: symbolon agent check --config agent.toml
    """
    from rich.table import Table

    from services.provider_agent.pipeline import check as check_step
    from services.provider_agent.quality import summary

    with _agent(config, wave) as agent:
        checked = check_step(agent)
    table = Table("file", "field", "found", title=f"{agent.name}, wave {agent.wave}: nothing was sent")
    for line in summary(checked):
        table.add_row(*line)
    results.print(table)


@app.command()
def encode(config: Config, wave: Wave = None) -> None:
    """Agree on the linkage secret with the other providers, then encode into the outbox.

    Exit code 4 while another provider has not posted its share or key check: run it again later.

    Example: symbolon agent encode --config agent.toml
    """
    from services.provider_agent.pipeline import encode as encode_step

    with telling_of_kernels(), _agent(config, wave) as agent:
        _tell(encode_step(agent))


@app.command()
def upload(config: Config, wave: Wave = None) -> None:
    """Upload the outbox to the linkage unit; a broken upload resumes where it stopped.

    Example: symbolon agent upload --config agent.toml
    """
    from services.provider_agent.pipeline import upload as upload_step

    with _agent(config, wave) as agent:
        _tell(upload_step(agent))


@app.command()
def deliver(config: Config, wave: Wave = None) -> None:
    """Fetch the tokens and deliver the payload to the analysis service, then forget the row ids.

    Exit code 4 while there are no tokens: run it again later.

    Example: symbolon agent deliver --config agent.toml
    """
    from services.provider_agent.pipeline import deliver as deliver_step

    with _agent(config, wave) as agent:
        _tell(deliver_step(agent))


@app.command()
def run(
    config: Config,
    wave: Wave = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the others in all; then exit code 4.")] = 0,
) -> None:
    """Do all steps, waiting for the other parties where needed.

    Example: symbolon agent run --config agent.toml --wait 3600
    """
    import time

    from services.provider_agent.pipeline import run as run_steps

    with telling_of_kernels(), _agent(config, wave) as agent:
        _tell(run_steps(agent, wait_seconds=wait, sleep=time.sleep, say=lambda text: talk.print(text)))


@app.command()
def status(config: Config, wave: Wave = None) -> None:
    """Show which steps of the wave are done, from the outbox alone."""
    from services.provider_agent.pipeline import status as steps

    with _agent(config, wave) as agent:
        for step, done in steps(agent).items():
            results.print(f"{step:<10} {'done' if done else '-'}")


@app.command("show-config")
def show_config(config: Config) -> None:
    """Show the configuration as it is in effect; it holds paths and addresses, no key."""
    from services.common.config import show
    from services.provider_agent.config import load

    results.print(show(load(config)))


@contextmanager
def _agent(config: Path, wave: str | None) -> "Iterator[Agent]":
    """Load the agent and hold its state folder while the command works."""
    from services.common.clock import system_clock, system_random
    from services.provider_agent.agent import open_agent
    from services.provider_agent.config import load

    loaded = load(config)
    with open_agent(loaded, wave, clock=system_clock, random_bytes=system_random, progress=_progress) as agent:
        yield agent


def _progress(what: str, total: int | None) -> "AbstractContextManager[Advance]":
    return _bar(what, total)


@contextmanager
def _bar(what: str, total: int | None) -> "Iterator[Advance]":
    with bars() as display:
        task = display.add_task(what, total=total)
        yield lambda count: display.update(task, advance=count)


def _tell(outcome: "Outcome") -> None:
    results.print(outcome.sentence)
