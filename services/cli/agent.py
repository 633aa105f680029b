"""`symbolon agent`: a data provider's own process, from its files to a delivered wave."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.bars import bars, telling_of_kernels
from services.cli.outcome import results, talk
from services.cli.reports import print_notes

if TYPE_CHECKING:
    from services.provider_agent.agent import Agent
    from services.provider_agent.pipeline import Outcome
    from services.provider_agent.progress import Advance
    from services.provider_agent.quality.summary import Line

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
def check(
    config: Config,
    wave: Wave = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report on the files as a page.")] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write the same report as JSON.")] = None,
) -> None:
    """Validate agreement, mapping and files, and show how good the files are. Nothing is sent.

    The report has counts and charts for each column, and what to do about what was found; no value of a person is in
    it. It is written also where the files cannot be used.

    Example: symbolon agent check --config agent.toml --html report.html --json report.json
    """
    from services.common.files import write_durably
    from services.provider_agent.pipeline import examine
    from services.provider_agent.quality.report import quality_report
    from services.provider_agent.quality.summary import summary

    with _agent(config, wave) as agent:
        examined = examine(agent)
        report = quality_report(examined, agent.name, agent.wave, agent.clock().date())
    for path, written in ((html, report.to_html), (json, report.to_json)):
        if path is not None:
            write_durably(path, written().encode("utf-8"))
            talk.print(f"{path} holds the report, in counts only; it is yours alone and was sent to nobody")
    _show_quality(f"{agent.name}, wave {agent.wave}: nothing was sent", summary(examined.accepted()))
    print_notes(report)


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


def _show_quality(title: str, lines: "list[Line]") -> None:
    from rich.table import Table

    table = Table("file, field", title=title)
    for heading in ("present", "complete"):
        table.add_column(heading, justify="right")
    table.add_column("found")
    for place, line in enumerate(lines):
        if place and not line.field:
            table.add_section()
        table.add_row(f"  {line.field}" if line.field else line.file, line.present, line.complete, line.found)
    results.print(table)


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
