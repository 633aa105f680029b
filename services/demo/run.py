"""The whole path, as one reads it on screen:

1. Files: three agencies of an invented country, and the truth apart.
2. Agreement: keys, certificates, a document that all five parties sign.
3. Processes: the linkage unit and the analysis service listen; three provider agents start.
4. Shares, encoding, upload: what leaves an agency.
5. Linking: what the linkage unit sees, and what it hands back; it declares how good its links are.
6. Delivery: what the analysis service sees.
7. Questions: tables with 95 % intervals, the last for noise plus linkage and beside its truth, and the budget left.
8. Against the truth: precision and recall of the links, which only the demo can know, beside what the linkage unit
   estimated without it.

Every process is a real one with its own folder, keys and store, talking over mTLS on the loopback address.
"""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib import resources
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from linkage_core.agreement.signatures import verify_agreement
from linkage_core.assessment.quality import PairQuality
from linkage_core.types import PartyName
from services.common.clock import system_random
from services.demo.options import Options
from services.demo.processes import finish, run_all, run_on_screen, serving
from services.demo.round import follow_uploads, start_agents, wave_status
from services.demo.stage import ANALYSIS_SERVICE, ANALYST, LINKAGE_UNIT, Stage, set_stage
from services.demo.true_table import LINKED_QUESTION, REGISTER, TAX, true_overlap
from services.demo.truth import assess_links
from services.demo.views import View, encoded_row, identity_row, payload_row

QUESTIONS: Final[Sequence[tuple[str, Mapping[str, Any]]]] = (
    (
        "Residents on 1 July 2024, by sex and country of birth",
        {
            "measure": "stock",
            "at": "2024-07-01",
            "by": ["country_of_birth", "sex"],
            "where": [{"dimension": "sex", "in": ["F", "M"]}],
            "accuracy": {"half_width": 10},
        },
    ),
    (
        "Immigration by year",
        {"measure": "inflow", "over": [2021, 2022, 2023, 2024], "accuracy": {"half_width": 15}},
    ),
    (
        "Immigration by year, by days in the country: 12 of 16 months, from border crossings",
        {
            "measure": "inflow",
            "over": [2021, 2022, 2023, 2024],
            "rule": {"kind": "window"},
            "accuracy": {"half_width": 15},
        },
    ),
    (
        "Emigration by year",
        {"measure": "outflow", "over": [2021, 2022, 2023, 2024], "accuracy": {"half_width": 15}},
    ),
    (
        "Quartiles of taxpayers' income in 2024, by sex",
        {
            "measure": "quantile",
            "of": "income",
            "over": 2024,
            "by": ["sex"],
            "where": [{"dimension": "sex", "in": ["F", "M"]}],
            "quantiles": [250, 500, 750],
            "accuracy": {"half_width": 10},
        },
    ),
    (
        "Registered but not in the tax file, 2024: links decide, so their errors are allowed for",
        LINKED_QUESTION,
    ),
)
"""The last is the one whose truth is told beside."""


def run_demo(options: Options, screen: Console) -> None:
    """Run the whole path and tell it on `screen`; whatever happens, no process outlives the call."""
    began = time.monotonic()
    truth = options.folder / "truth" / "identities.csv"
    screen.rule("1. Files")
    stage = _write_files(options, screen)
    screen.rule("2. Agreement")
    _tell_agreement(stage, screen)
    with ExitStack() as processes:
        screen.rule("3. Processes")
        for party, arguments in (
            (ANALYSIS_SERVICE, ("analysis", "serve")),
            (LINKAGE_UNIT, ("linkage-unit", "serve")),
        ):
            process = processes.enter_context(serving(stage.command(party, *arguments)))
            screen.print(f"{party}: process {process.pid}, folder {stage.home(party)}")
        agents = start_agents(stage, processes)
        for command, process in agents:
            screen.print(f"agent of {command.log.parent.name}: process {process.pid}")
        screen.rule("4. Shares, encoding, upload")
        follow_uploads(stage, agents, screen)
        _tell_upload(stage, screen)
        screen.rule("5. Linking")
        run_on_screen(stage.command(LINKAGE_UNIT, "linkage-unit", "link", "--wave", stage.wave))
        _tell_linking(stage, screen)
        rates = stage.home(LINKAGE_UNIT) / "rates.json"
        declaring = stage.command(
            LINKAGE_UNIT, "linkage-unit", "declare-rates", "--wave", stage.wave, "--output", str(rates)
        )
        [declared] = run_all([declaring])
        _tell_rates(json.loads(declared), screen)
        screen.rule("6. Delivery")
        for command, process in agents:
            screen.print(f"{command.log.parent.name}: {finish(command, process).splitlines()[-1]}")
        _tell_delivery(stage, screen)
        run_all([stage.command(ANALYSIS_SERVICE, "analysis", "rates", "add", str(rates))])
        screen.print("It has taken the declared rates: intervals allow for the errors of links where a model applies.")
        screen.rule("7. Questions")
        _ask(stage, truth, screen)
    screen.rule("8. Against the truth")
    _tell_truth(stage, truth, screen)
    screen.print(f"\n{time.monotonic() - began:.0f} s in all.")


def _write_files(options: Options, screen: Console) -> Stage:
    from simulation.country import PROVIDERS, generate

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen) as bars:
        task = bars.add_task("people of the invented country", total=options.people)
        country = generate(
            options.people,
            options.seed,
            options.folder,
            progress=lambda done, total: bars.update(task, completed=done, total=total),
        )
    data = resources.files("services.demo").joinpath("data")
    mappings = {name: data.joinpath(f"{name}.toml").read_text("utf-8") for name in PROVIDERS}
    for name in PROVIDERS:
        tables = ", ".join(f"{table} {country.rows[path]:,}" for table, path in country.agencies[name].items())
        screen.print(f"{name}: {tables} rows")
    screen.print(f"the truth is kept apart, in {options.folder / 'truth'}")
    return set_stage(options.folder, data.joinpath("terms.toml").read_text("utf-8"), mappings, system_random)


def _tell_agreement(stage: Stage, screen: Console) -> None:
    document = verify_agreement((stage.home(LINKAGE_UNIT) / "agreement.json").read_bytes()).document
    screen.print(f"{document.title}: signed by all {len(document.parties)} parties, hash {document.hash.hex()[:16]}…")
    screen.print(
        f"It allows {len(document.payload)} payload tables, {len(document.linkage.clks)} CLKs a person, "
        f"and rho {document.budget.total_nano_rho / 1e9:g} in all."
    )


def _tell_upload(stage: Stage, screen: Console) -> None:
    checks = ", ".join(f"{item.provider} {item.key_check}" for item in wave_status(stage).providers)
    screen.print(f"key checks (the same linkage secret, the same encoding of canary records): {checks}")
    provider = stage.providers[0]
    _show(screen, f"{provider} has, and keeps", identity_row(stage, provider))
    _show(screen, "the linkage unit has received", encoded_row(stage))
    screen.print(
        "It cannot turn this back: the linkage secret was made of shares sealed from agency to agency, "
        "which passed through its mailbox unread."
    )


def _tell_linking(stage: Stage, screen: Console) -> None:
    wave = wave_status(stage)
    rows = sum(item.rows for item in wave.providers)
    screen.print(f"{rows:,} rows became {wave.counts['groups']:,} linkage groups. The encodings are deleted.")
    screen.print(
        "Each agency gets one sealed token for every row, all of one size, partner or not: "
        "it learns nothing about who was linked."
    )


def _tell_rates(declared: Mapping[str, Any], screen: Console) -> None:
    screen.print("Its operator declares, signed and coarse, what it estimates of the links without any truth:")
    for pair in declared["pairs"]:
        precision, recall = (
            f"{name} {pair[f'{name}_per_mille'] / 1000:.3f} ± {pair[f'{name}_error_per_mille'] / 1000:.3f}"
            for name in ("precision", "recall")
        )
        screen.print(f"    {' – '.join(pair['providers']):<40} {precision}  {recall}", highlight=False)


def _tell_delivery(stage: Stage, screen: Console) -> None:
    table = next(table for table in stage.agreement.payload if table.kind == "person")
    view = payload_row(stage, PartyName(table.provider), table.name)
    _show(screen, f"the analysis service has, of {table.provider}.{table.name}", view)
    screen.print("It has never seen a name, a birth date, a number of an agency, or an encoding.")


def _ask(stage: Stage, truth: Path, screen: Console) -> None:
    for number, (title, question) in enumerate(QUESTIONS, start=1):
        file = stage.home(ANALYST) / f"question-{number}.json"
        file.write_text(json.dumps(question, indent=2))
        screen.print(f"\n{title}", style="bold")
        [table] = run_all([stage.command(ANALYST, "query", "run", str(file))])
        screen.print(table.rstrip(), highlight=False)
    seen = true_overlap(
        truth, stage.home(PartyName(REGISTER)) / "registrations.csv", stage.home(PartyName(TAX)) / "years.csv"
    )
    known = ", ".join(f"{cell} {persons:,}" for cell, persons in seen.items())
    screen.print(f"in truth, which only the demo knows: {known}", style="bold", highlight=False)
    [listing] = run_all([stage.command(ANALYST, "query", "list", "--format", "json")])
    spent = sum(item["nano_rho"] for item in json.loads(listing))
    budget = stage.agreement.budget
    screen.print(
        f"\nspent rho {spent / 1e9:.4f}; left: {(budget.total_nano_rho - spent) / 1e9:.4f} of "
        f"{budget.total_nano_rho / 1e9:g} in all, {(budget.per_wave_nano_rho - spent) / 1e9:.4f} of "
        f"{budget.per_wave_nano_rho / 1e9:g} in this wave. Asking the same again is free and gives the same table."
    )


def _tell_truth(stage: Stage, truth: Path, screen: Console) -> None:
    agents = {provider: stage.config(provider) for provider in stage.providers}
    quality = assess_links(truth, stage.config(LINKAGE_UNIT), agents)
    for (one, other), pairs in sorted(quality.by_providers.items()):
        what = f"{one} twice" if one == other else f"{one} – {other}"
        if pairs.true or pairs.linked:
            screen.print(
                f"{what:<40} precision {pairs.precision:.4f}  recall {pairs.recall:.4f}  "
                f"({pairs.linked:,} linked, {pairs.true:,} true pairs)"
            )
    pairs = quality.overall
    screen.print(
        f"{'all pairs':<40} precision {pairs.precision:.4f}  recall {pairs.recall:.4f}  F1 {pairs.f1:.4f}",
        style="bold",
    )
    _tell_estimate(stage, quality.overall, screen)


def _tell_estimate(stage: Stage, true: PairQuality, screen: Console) -> None:
    """Tell what the linkage unit's operator knew of the links, without truth, beside the truth."""
    from services.linkage_unit.config import load
    from services.linkage_unit.quality.overall import overall
    from services.linkage_unit.service import linked

    model = linked(load(stage.config(LINKAGE_UNIT)), stage.wave).model
    if model is None:
        screen.print("The linkage unit estimated nothing: the files are too small to learn from.")
        return
    found = overall(model)
    for name, one, known in (("precision", found.precision, true.precision), ("recall", found.recall, true.recall)):
        screen.print(
            f"estimated {name} {one.estimate:.4f} [{one.low:.4f} … {one.high:.4f}], true {known:.4f}", highlight=False
        )


def _show(screen: Console, title: str, view: View) -> None:
    screen.print(f"{title}:")
    for name, value in view.fields.items():
        screen.print(f"    {name:<28} {value}", highlight=False)
