"""`symbolon query`: an analyst's questions, their price, and released tables."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from services.cli.outcome import results, talk
from services.cli.publish import export, report, verify
from services.cli.questions import question_in_words, read_question, read_question_and_figures

if TYPE_CHECKING:
    from disclosure.planning import Expected
    from disclosure.table import Cell, Release
    from services.wire.convert.queries import BudgetBalance

app = typer.Typer(no_args_is_help=True, help="Ask the analysis service: price first, then released tables.")
app.command()(export)
app.command()(report)
app.command()(verify)

Config = Annotated[
    Path, typer.Option("--config", "-c", help="The analyst's configuration, TOML; `example` prints one.")
]
Question = Annotated[
    str,
    typer.Argument(help="File with the question, TOML or JSON (- for standard input); `example-question` prints one."),
]
Wave = Annotated[str, typer.Option(help="Wave to ask about; default: the latest that every provider has delivered.")]
Format = Annotated[Literal["table", "csv", "json"], typer.Option("--format", "-f", help="How to print the table.")]

BILLION = 1_000_000_000
RELEASE_ID_LENGTH = 32

EXAMPLE_QUESTION = """\
measure = "stock"                  # residents at a date
at = 2024-07-01                    # or a list of dates
by = ["country_of_birth", "sex"]   # dimensions of the agreement; may be left out
accuracy = { half_width = 10 }     # of a cell's 95 % interval, in persons; or { nano_rho = 10_000_000 }
                                   # { cell_key = true }: cell-key perturbation, not differentially private

# Only some of them:         where = [{ dimension = "sex", in = ["F"] }]
# Who became a resident:     measure = "inflow" and over = [2022, 2023]; "outflow", "net", "return" likewise
# By quarter or month:       over = { start = 2022-01-01, end = 2023-12-31, by = "quarter" }
# Resident by days:          rule = { kind = "window", days = 365, of = 487 }
# Resident by signs of life: rule = { kind = "signs", sources = { tax = 2, border = 1 }, score = 2 }
# How long stays last:       measure = "duration", of = "duration_of_stay", over = 2024
# Amounts:                   measure = "sum", "mean" or "quantile", of = "income", over = 2024
# Who or what is in a source: measure = "persons" or "events", of = "tax", over = 2024
# Who is in which source:    measure = "overlap", of = ["border", "tax"],
#                            over = { start = 2024-01-01, end = 2024-12-31 }
"""


@app.command()
def example() -> None:
    """Print an example configuration.

    Example: symbolon query example > analyst.toml
    """
    from services.analysis.client_config import EXAMPLE

    results.print(EXAMPLE, end="")


@app.command("example-question")
def example_question() -> None:
    """Print an example question; dimensions and sources are those of the agreement (`symbolon agreement show`).

    Example: symbolon query example-question > stock.toml
    """
    results.print(EXAMPLE_QUESTION, end="")


@app.command("show-config")
def show_config(config: Annotated[Path, typer.Option("--config", "-c", help="The analyst's configuration.")]) -> None:
    """Print the configuration as it is in effect."""
    from services.analysis.client_config import load
    from services.common.config import show

    results.print(show(load(config)))


@app.command()
def preview(
    config: Config,
    question: Question,
    wave: Wave = "",
    past: Annotated[Path | None, typer.Option(help="Release that `run --format json` printed: its figures.")] = None,
    relative: Annotated[int, typer.Option(min=1, max=100, help="Widest usable interval, in per cent.")] = 50,
) -> None:
    """Show what a question would cost and how precise its table would be; touches no data.

    With figures from outside it tells which cells would be usable, and what price or coarser grid would reach more:
    public totals or your own in a table [expected] of the question's file, which is not sent, or --past.

    Example: symbolon query preview --config analyst.toml stock.toml
    """
    from disclosure.table import CELL_KEY
    from services.analysis.client import Analysis
    from services.cli.query_reports import print_plan

    document, figures = read_question_and_figures(question)
    expected = _expected(figures, past)
    with Analysis.connect(config) as analysis:
        found = analysis.preview(document, wave)
        planned = analysis.plan(document, expected, relative * 10)
    free = ", but it was released before: asking is free" if found.already_released else ""
    if found.free_half_width is not None and not found.already_released:
        free = f"; with ± {found.free_half_width} or more it is free: released cells add up to it"
    results.print(
        f"wave {found.wave}: {found.cell_count} cells, one person in at most {found.vectors[0].cells_per_person}"
    )
    for vector in found.vectors:
        noise_sd = vector.noise_sd_millionths / 1_000_000
        sd = "SD" if found.mechanism == CELL_KEY else "noise SD"
        results.print(f"{vector.name}: 95 % interval of a number ± {vector.half_width}; {sd} {noise_sd:.1f}")
    if found.mechanism == CELL_KEY:
        results.print(f"{found.mechanism}: no rho covers this table{free}")
        results.print(f"{found.tables_like_this_left} more tables by cell-key perturbation are allowed")
    else:
        price = f"price: rho {found.nano_rho / BILLION:g}{free}"
        results.print(f"{price}; {found.tables_like_this_left} more like it are left")
        if not free and not found.tables_like_this_left:
            results.print(
                "as it is, it would be refused: ask for a wider interval, fewer dates or periods, or a coarser table"
            )
        print_plan(planned, relative, figures=expected is not None)
    _print_budget(found.budget)


@app.command()
def run(
    config: Config,
    question: Question,
    wave: Wave = "",
    output: Format = "table",
    retry: Annotated[str, typer.Option(help="Key of an asking whose answer was lost: it is never paid twice.")] = "",
) -> None:
    """Ask a question, signed with the analyst's key, and print the released table with its 95 % intervals.

    Asking the same question again is free and gives the same table.

    Example: symbolon query run --config analyst.toml stock.toml --format csv > stock.csv
    """
    from services.analysis.client import Analysis, new_idempotency_key
    from services.common.errors import Unavailable

    document = read_question(question)
    key = retry or new_idempotency_key()
    try:
        with Analysis.connect(config) as analysis, talk.status("asking"):
            answer = analysis.answer(document, wave, key)
    except Unavailable:
        talk.print(f"whether it was charged is unknown; the same command with --retry {key} pays at most once")
        raise
    cost = f"cost {_price(answer.release)}" if answer.charged else "cost nothing: it was released before"
    _print_release(answer.release, output, f"wave {answer.wave}, released {answer.release.released_at}", cost)
    if output == "table":
        _print_budget(answer.budget)


@app.command()
def dummy(
    config: Config,
    output: Annotated[Path, typer.Option("--output", "-o", help="New folder for the files.")],
    persons: Annotated[int, typer.Option(help="How many persons to invent.")] = 1_000,
    seed: Annotated[int, typer.Option(help="The same seed invents the same persons.")] = 1,
    csv: Annotated[bool, typer.Option("--csv", help="Write each table as CSV too, to read by eye.")] = False,
) -> None:
    """Invent persons to write questions against, from the agreement's public clauses alone: no data is touched.

    Example: symbolon query dummy --config analyst.toml --persons 1000 -o dummy
    """
    from services.analysis.client_config import load
    from services.analysis.trial import write_dummy

    for file in write_dummy(load(config).agreement, output, persons=persons, seed=seed, with_csv=csv):
        results.print(str(file))
    talk.print("these persons are invented: no figure from them says anything about a country")


@app.command("try")
def try_question(
    question: Question,
    folder: Annotated[Path, typer.Option("--dummy", "-d", help="Folder that `dummy` wrote.")],
    noise: Annotated[bool, typer.Option("--noise", help="Add the noise that the question asks for.")] = False,
    output: Format = "table",
) -> None:
    """Answer a question about invented persons, on this machine and for nothing, with the SQL of the service.

    Values are exact counts unless --noise is given; price, intervals, flags and refusals are those of a real answer.

    Example: symbolon query try --dummy dummy stock.toml
    """
    from services.analysis.client import question_text
    from services.analysis.trial import Trial
    from services.common.clock import system_clock

    document = question_text(read_question(question))
    release = Trial.open(folder).answer(document, system_clock(), with_noise=noise).release
    values = "values with noise" if noise else "exact values in the intervals that noise would give them"
    values = values if release.is_private else "perturbed values"
    _print_release(release, output, f"invented persons, {values}", f"a real answer costs {_price(release)}")


@app.command()
def synthesize(
    question: Question,
    output: Annotated[Path, typer.Option("--output", "-o", help="New folder for the files.")],
    config: Annotated[Path | None, typer.Option("--config", "-c", help="The analyst's configuration.")] = None,
    dummy_folder: Annotated[
        Path | None, typer.Option("--dummy", "-d", help="Folder that `dummy` wrote, instead: to try it for nothing.")
    ] = None,
    wave: Wave = "",
    persons: Annotated[int | None, typer.Option(help="How many to draw; default: as many as were measured.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed draws the same persons.")] = 1,
) -> None:
    """Ask a question of the measure `synthetic`, and invent persons who are like its margins: for teaching and code.

    The question is charged once; drawing from its release again is free. Needs the extra `synthetic`.

    Example: symbolon query synthesize --config analyst.toml synthetic.toml -o synthetic
    """
    from disclosure.errors import QueryFault
    from services.analysis.client import Analysis, question_text
    from services.analysis.synthetic_file import check_ready, write_synthetic
    from services.analysis.trial import Trial
    from services.cli.query_reports import print_utility
    from services.common.clock import system_clock

    if (config is None) == (dummy_folder is None):
        raise QueryFault("give exactly one of --config and --dummy")
    document = read_question(question)
    check_ready(document, output)
    if config is not None:
        with Analysis.connect(config) as analysis, talk.status("asking"):
            release = analysis.answer(document, wave).release
    else:
        trial = Trial.open(dummy_folder or Path())
        release = trial.answer(question_text(document), system_clock(), with_noise=True).release
    with talk.status("estimating"):
        report = write_synthetic(release, output, persons=persons, seed=seed)
    print_utility(report)


@app.command("list")
def list_releases(config: Config, output: Format = "table") -> None:
    """Show what was released so far, at what price, and the budget left."""
    import dataclasses

    from rich.table import Table

    from disclosure.table import CELL_KEY
    from services.analysis.client import Analysis

    with Analysis.connect(config) as analysis:
        found, budget = analysis.summaries()
    if output == "json":
        results.print(json.dumps([dataclasses.asdict(item) for item in found], indent=2))
    elif output == "csv":
        _write_csv(
            [item.name for item in dataclasses.fields(found[0])] if found else [], map(dataclasses.astuple, found)
        )
    else:
        table = Table()
        table.add_column("release", no_wrap=True, min_width=RELEASE_ID_LENGTH)  # to be copied into other commands
        for heading in ("question", "cells", "± 95 %"):
            table.add_column(heading)
        table.add_column("rho", no_wrap=True)
        for item in found:
            when = f"{item.released_at[:16].replace('T', ' ')} UTC, wave {item.wave}"
            rho = "not covered" if item.mechanism == CELL_KEY else f"{item.nano_rho / BILLION:g}"
            question = question_in_words(json.loads(item.query))
            table.add_row(f"{item.release_id}\n{when}", question, str(item.cell_count), str(item.half_width), rho)
        results.print(table)
    _print_budget(budget)


def _expected(figures: dict[str, Any] | None, past: Path | None) -> "Expected | None":
    """The figures of a question's file, or of a past release."""
    from disclosure.errors import LedgerCorrupt, QueryFault
    from disclosure.planning import Expected
    from disclosure.table import Release

    if past is None:
        return None if figures is None else Expected.parse(figures)
    if figures is not None:
        raise QueryFault("give expected figures or --past, not both")
    try:
        return Expected.of_release(Release.from_json(past.read_bytes().strip()))
    except LedgerCorrupt:
        raise QueryFault(f"{past} is no release as `run --format json` prints it") from None


def _price(release: "Release") -> str:
    return f"rho {release.nano_rho / BILLION:g}" if release.is_private else f"no rho ({release.mechanism})"


def _print_release(release: "Release", output: str, origin: str, cost: str) -> None:
    if output == "json":
        results.print(release.to_json().decode())
    elif output == "csv":
        _print_csv(release)
    else:
        _print_table(release)
        results.print(f"{origin}; {'noise SD' if release.is_private else 'SD'} {release.noise_sd:.1f}; {cost}")
        if release.explanation:
            results.print(f"{'intervals' if release.is_private else 'protection'}: {release.explanation}")
        if any(cell.flags for cell in release.cells):
            results.print(
                "U unreliable: the noise is large beside the value. P provisional: the rule asks of days "
                "before or after those observed. A above: beyond the last bin. "
                "N not available: the noise leaves no figure"
            )


def _print_table(release: "Release") -> None:
    from rich.table import Table

    table = Table(title=question_in_words(dict(release.question)))
    for axis in release.axes:
        table.add_column(axis)
    corrected = any(cell.corrected is not None for cell in release.cells)
    for heading in ("value", "95 % interval", *(("corrected", "95 %, noise and linkage") if corrected else ())):
        table.add_column(heading, justify="right")
    table.add_column("flags")
    for cell in release.cells:
        table.add_row(*cell.coordinates, *_figures(release, cell), *_corrected(cell), "".join(cell.flags))
    if release.totals:
        table.add_section()
        for cell in release.totals:
            where = dict(zip(release.totals_axes, cell.coordinates, strict=True))
            table.add_row(
                *(where.get(axis, "all") for axis in release.axes),
                *_figures(release, cell),
                *_corrected(cell),
                "".join(cell.flags),
            )
    results.print(table)


def _corrected(cell: "Cell") -> tuple[str, ...]:
    figures = cell.corrected
    return () if figures is None else (str(figures.value), f"{figures.low} … {figures.high}")


def _figures(release: "Release", cell: "Cell") -> tuple[str, str]:
    value, low, high = (release.figure(item) for item in (cell.value, cell.low, cell.high))
    if value is None and low is None:
        return "–", "–"
    return "above" if value is None else str(value), f"{low} … {'above' if high is None else high}"


def _print_csv(release: "Release") -> None:
    corrected = any(cell.corrected is not None for cell in release.cells)
    columns = [*release.axes, "value", "low", "high", "noise_sd", "flags"]
    columns += ["corrected", "corrected_low", "corrected_high"] if corrected else []
    columns += [] if release.is_private else ["mechanism"]
    rows = (
        (
            *c.coordinates,
            *map(release.figure, (c.value, c.low, c.high)),
            c.noise_sd_millionths / 1e6,
            "".join(c.flags),
            *(() if c.corrected is None else (c.corrected.value, c.corrected.low, c.corrected.high)),
            *(() if release.is_private else (release.mechanism,)),
        )
        for c in release.cells
    )
    _write_csv(columns, rows)


def _write_csv(columns: list[str], rows: Any) -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def _print_budget(budget: "BudgetBalance") -> None:
    caps = (
        ("you", budget.analyst_left, budget.analyst),
        ("wave", budget.wave_left, budget.wave),
        ("this year", budget.year_left, budget.year),
        ("project", budget.project_left, budget.project),
        ("in all", budget.total_left, budget.total),
    )
    told = [f"{who} {left / BILLION:g} of {cap / BILLION:g}" for who, left, cap in caps if left is not None and cap]
    talk.print(f"budget left (rho): {', '.join(told)}")
