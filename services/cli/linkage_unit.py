"""`symbolon linkage-unit`: run the linkage unit, and link a wave."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.bars import bars, telling_of_kernels
from services.cli.outcome import BAD_INPUT, results, talk
from services.cli.rates import declare_rates
from services.cli.reports import print_notes, print_table

if TYPE_CHECKING:
    from linkage_core.linking.deterministic import PassCounts
    from linkage_core.linking.run import Progress
    from services.linkage_unit.changes import ChangeReport
    from services.linkage_unit.estimating import WaveEstimate
    from services.linkage_unit.run_manifest import IdentifierEntry
    from services.linkage_unit.status import Status

app = typer.Typer(no_args_is_help=True, help="Run the linkage unit: mailbox, intake, linking, sealed tokens.")
app.command("declare-rates")(declare_rates)

Config = Annotated[Path, typer.Option("--config", "-c", help="Configuration, TOML; `example` prints one.")]


@app.command()
def example() -> None:
    """Print an example configuration.

    Example: symbolon linkage-unit example > linkage-unit.toml
    """
    from services.linkage_unit.config import EXAMPLE

    results.print(EXAMPLE, end="")


@app.command()
def serve(config: Config) -> None:
    """Take providers' calls until stopped; prints its address once it listens.

    Example: symbolon linkage-unit serve --config linkage-unit.toml
    """
    from services.common.logs import configure_logs
    from services.linkage_unit.config import load
    from services.linkage_unit.service import serve as run

    configure_logs()
    run(load(config), lambda address: typer.echo(f"listening on {address}"))


@app.command()
def check(config: Config) -> None:
    """Look for everything that would keep `serve` from starting or from being of use; changes nothing."""
    from services.linkage_unit.config import load
    from services.linkage_unit.service import check as run

    findings = run(load(config))
    for finding in findings:
        results.print(f"- {finding}")
    if findings:
        raise typer.Exit(BAD_INPUT)
    talk.print("everything is in place")


@app.command("show-config")
def show_config(config: Config) -> None:
    """Print the configuration as it is in effect."""
    from services.common.config import show
    from services.linkage_unit.config import load

    results.print(show(load(config)))


@app.command()
def status(
    config: Config, json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False
) -> None:
    """Show uploads, key checks and runs of every wave. For the operator: none of it goes to a provider."""
    from services.linkage_unit.config import load
    from services.linkage_unit.service import status as run

    found = run(load(config))
    if json:
        results.print(found.to_json())
    else:
        _print_tables(found)


@app.command()
def estimate(
    config: Config,
    wave: Annotated[str, typer.Option(help="Wave to estimate, as the agreement names it.")],
    memory: Annotated[float, typer.Option(min=0, help="GiB that linking may take; 0: all of this machine's.")] = 0,
) -> None:
    """Tell what linking a wave would cost at several thresholds; exit code 3 if the agreed one would not fit.

    It compares a sample of records with all others, and changes nothing.

    Example: symbolon linkage-unit estimate --config linkage-unit.toml --wave 2025
    """
    import os

    from services.linkage_unit.config import load
    from services.linkage_unit.service import estimate as run

    with telling_of_kernels():
        found = run(load(config), wave)
    _print_estimate(found)
    there_is = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    found.require_fits(round(memory * 2**30) or there_is)
    talk.print("it fits")


@app.command()
def link(
    config: Config,
    wave: Annotated[str, typer.Option(help="Wave to link, as the agreement names it.")],
) -> None:
    """Link a wave whose files are all there, and make a sealed token for every row.

    It runs beside `serve`. A run that was stopped is simply started again; one that is done is left alone.

    Example: symbolon linkage-unit link --config linkage-unit.toml --wave 2025
    """
    from services.common.logs import configure_logs
    from services.linkage_unit.config import load
    from services.linkage_unit.service import link as run

    configure_logs()
    settings = load(config)
    with telling_of_kernels(), _steps() as progress:
        linked = run(settings, wave, progress)
    results.print(f"wave {wave}: tokens are ready" if linked else f"wave {wave}: tokens had been made before")


@app.command()
def changes(
    config: Config,
    wave: Annotated[str | None, typer.Option(help="Only this wave, as the agreement names it.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Tell what each linked wave changed: people kept, new, merged, split and gone, and why; handles by provider.

    For the operator: which people were merged says how files overlap, and none of it goes to a provider.

    Example: symbolon linkage-unit changes --config linkage-unit.toml --wave 2026
    """
    from services.linkage_unit.config import load
    from services.linkage_unit.service import changes as run

    found = run(load(config), wave)
    if json:
        results.print(found.to_json())
    elif found.waves:
        _print_changes(found)
    else:
        talk.print("no such wave is linked yet")


@app.command()
def model(
    config: Config,
    wave: Annotated[str, typer.Option(help="Linked wave, as the agreement names it.")],
    html: Annotated[Path | None, typer.Option("--html", help="Write the model as a page with charts.")] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write the model as it is kept with the run.")] = None,
) -> None:
    """Show the model that weighed a wave's pairs: m, u and weight of every level, and thresholds.

    For the operator: none of it goes to a provider. The JSON is what the run's signed manifest names by its SHA-256.

    Example: symbolon linkage-unit model --config linkage-unit.toml --wave 2025 --html model.html
    """
    from services.linkage_unit.config import load
    from services.linkage_unit.quality.model_page import comparisons_table, model_page, thresholds_table
    from services.linkage_unit.service import linked

    found = linked(load(config), wave)
    learnt = found.require_model()
    if html is not None:
        _write(html, model_page(found).to_html().encode("utf-8"))
    if json is not None and found.stored is not None:
        _write(json, found.stored)
    print_table(comparisons_table(learnt))
    print_table(thresholds_table(learnt))


@app.command()
def quality(
    config: Config,
    wave: Annotated[str, typer.Option(help="Linked wave, as the agreement names it.")],
    html: Annotated[Path | None, typer.Option("--html", help="Write the report as a page with charts.")] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write the same report as JSON.")] = None,
) -> None:
    """Tell how good a wave's links are, without truth: precision and recall with 95 % intervals, by files and class.

    For the operator: none of it goes to a provider. What is published from it is charged to the privacy budget, or
    declared in the agreement.

    Example: symbolon linkage-unit quality --config linkage-unit.toml --wave 2025 --html quality.html
    """
    from services.linkage_unit.config import load
    from services.linkage_unit.quality.notes import estimate_sentence
    from services.linkage_unit.quality.quality_page import classes_table, pairs_table, quality_page
    from services.linkage_unit.service import linked

    found = linked(load(config), wave)
    report = quality_page(found)
    for path, written in ((html, report.to_html), (json, report.to_json)):
        if path is not None:
            _write(path, written().encode("utf-8"))
    results.print(estimate_sentence(found))
    if found.model is not None:
        print_table(pairs_table(found.model))
        print_table(classes_table(found.model))
    print_notes(report)


def _write(path: Path, content: bytes) -> None:
    from services.common.files import write_durably

    write_durably(path, content)
    talk.print(f"{path} is for the operator of the linkage unit only; nothing of it may go to a provider")


@contextmanager
def _steps() -> "Iterator[Progress]":
    """One progress bar for each step of linking."""
    with bars() as display:
        tasks = {}

        def tell(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = display.add_task(step, total=total)
            display.update(tasks[step], completed=done, total=total)

        yield tell


def _print_estimate(found: "WaveEstimate") -> None:
    from rich.table import Table

    results.print(f"{found.records:,} records; the agreed threshold is {found.agreed.threshold:g}")
    table = Table()
    for heading in ("threshold", "candidates", "a record", "disk", "memory", "search", "comparing", "recall"):
        table.add_column(heading, justify="left" if heading == "search" else "right")
    for item in found.estimates:
        table.add_row(
            f"{item.threshold:g}",
            f"{item.candidates:,}",
            f"{item.candidates / found.records:.1f}",
            f"{item.disk_bytes / 2**20:,.0f} MiB",
            f"{item.memory_bytes / 2**20:,.0f} MiB",
            item.way,
            f"{item.seconds:,.0f} s",
            f"{item.recall:.3f}",
        )
    results.print(table)


def _print_changes(report: "ChangeReport") -> None:
    from rich.table import Table

    table = Table(title="linkage groups, wave by wave")
    headings = ("wave", "kind", "kept", "new", "merged", "split", "gone")
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place < 2 else "right")
    for wave in report.waves:
        table.add_row(wave.wave, wave.kind, *(f"{wave.groups[name]:,}" for name in headings[2:]))
    results.print(table)
    for wave in report.waves:
        table = Table(title=f"wave {wave.wave}: handles by provider")
        handles = ("brought", "new", "corrected", "returned", "withdrawn", "held")
        for heading in ("provider", *handles):
            table.add_column(heading, justify="left" if heading == "provider" else "right")
        for provider, part in wave.providers.items():
            counts = (getattr(part, name) for name in handles)
            table.add_row(provider, *("?" if count is None else f"{count:,}" for count in counts))
        results.print(table)
        for kind, reasons in wave.events.items():
            results.print(f"{kind}: {', '.join(f'{count:,} {reason}' for reason, count in reasons.items())}")


def _print_tables(status: "Status") -> None:
    from rich.table import Table

    from services.linkage_unit.run_manifest import identifiers_of, passes_of, weights_of

    results.print(f"agreement {status.agreement}, version {status.version}: {status.state}")
    for wave in status.waves:
        failure = "" if wave.failure is None else f" ({wave.failure})"
        table = Table(title=f"wave {wave.wave}: {wave.state}{failure}; tokens from {wave.tokens_not_before}")
        for heading in ("provider", "key check", "upload", "rows", "chunks"):
            table.add_column(heading, justify="right" if heading in ("rows", "chunks") else "left")
        for item in wave.providers:
            table.add_row(
                item.provider, item.key_check, item.upload, str(item.rows), f"{item.chunks}/{item.chunks_expected}"
            )
        results.print(table)
        if wave.counts:
            results.print(f"groups {wave.counts['groups']}, linkable pairs {wave.counts['linkable_pairs']}")
            if lent := weights_of(wave.counts):
                results.print(f"weighed as learnt in wave {lent}: this one brought too few new records to learn from")
            _print_passes(passes_of(wave.counts))
            _print_identifiers(identifiers_of(wave.counts))


def _print_passes(passes: "Sequence[PassCounts]") -> None:
    from rich.table import Table

    if not passes:
        return
    table = Table(title="passes over equal keys")
    headings = ("match key", "shared", "used", "ambiguous", "clashing", "contradicted", "linked first")
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left", no_wrap=True)
    for done in passes:
        keys = (
            done.shared_keys,
            done.used_keys,
            done.ambiguous_keys,
            done.clashing_keys,
            done.contradicted_keys,
            done.linked_records,
        )
        table.add_row(done.match_key, *(f"{count:,}" for count in keys))
    results.print(table)


def _print_identifiers(identifiers: "Sequence[IdentifierEntry]") -> None:
    from rich.table import Table

    if not identifiers:
        return
    table = Table(title="identifiers against the groups")
    headings = ("identifier", "people with two", "of which between", "used by two people", "repeated in a file")
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place in (1, 3) else "left")
    for entry in identifiers:
        table.add_row(
            entry.match_key,
            f"{entry.groups_with_two_values:,}",
            "\n".join(f"{' and '.join(pair.providers)}: {pair.groups:,}" for pair in entry.groups_by_providers),
            f"{entry.values_in_two_groups:,}",
            "\n".join(f"{provider}: {count:,}" for provider, count in entry.values_repeated.items() if count),
        )
    results.print(table)
