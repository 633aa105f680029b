"""Three years on screen: agencies deliver year after year, and the linkage unit keeps a registry.

1. Files: what three agencies of an invented country knew at the end of each year, and the truth apart.
2. Agreement: the first wave is complete, the others add to the registry, whose encodings are kept sealed meanwhile.
3. Each year: whole files are uploaded, linked and delivered. Rows that did not change are not compared again.
4. Change report: what each wave did to groups and handles, and why.
5. Against the truth: quality of each wave, and how steady synthetic keys are.
"""

import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Final

from rich.console import Console

from services.common.clock import system_random
from services.demo.options import Options
from services.demo.processes import finish, run_all, run_on_screen, serving
from services.demo.round import follow_uploads, start_agents, wave_status
from services.demo.stage import ANALYSIS_SERVICE, LINKAGE_UNIT, Stage, set_stage
from services.demo.truth import assess_waves

DUE: Final = "2026-01-01T00:00:00Z"
"""When every wave's tokens are due: in the past, as the demo does not wait for years."""
LAST_DAY: Final = "2035-12-31"

Deliveries = Mapping[int, Mapping[str, Mapping[str, Path]]]
"""Files by year, provider and table."""


def run_waves(options: Options, waves: int, screen: Console) -> None:
    """Run so many yearly waves and tell them on `screen`; whatever happens, no process outlives the call."""
    began = time.monotonic()
    screen.rule("1. Files")
    stage, deliveries, truth = _write_files(options, waves, screen)
    screen.rule("2. Agreement")
    for wave in stage.agreement.waves:
        screen.print(f"wave {wave.name}: {wave.kind}")
    until = stage.agreement.retention.registry_encodings_until
    screen.print(f"The registry's encodings are kept, sealed, until {until}, and destroyed then.")
    with ExitStack() as processes:
        for party, arguments in (
            (ANALYSIS_SERVICE, ("analysis", "serve")),
            (LINKAGE_UNIT, ("linkage-unit", "serve")),
        ):
            processes.enter_context(serving(stage.command(party, *arguments)))
        for year, files in deliveries.items():
            screen.rule(f"3. Wave {year}")
            _run_year(replace(stage, wave=str(year)), files, screen)
    screen.rule("4. Change report")
    [report] = run_all([stage.command(LINKAGE_UNIT, "linkage-unit", "changes")])
    screen.print(report.rstrip(), highlight=False)
    screen.rule("5. Against the truth")
    _tell_truth(stage, truth, screen)
    screen.print(f"\n{time.monotonic() - began:.0f} s in all.")


def _write_files(options: Options, waves: int, screen: Console) -> tuple[Stage, Deliveries, Path]:
    from simulation.country import PROVIDERS
    from simulation.deliveries import generate_deliveries

    made = generate_deliveries(options.people, options.seed, options.folder / "years", waves)
    data = resources.files("services.demo").joinpath("data")
    mappings = {name: data.joinpath(f"{name}.toml").read_text("utf-8") for name in PROVIDERS}
    changes: dict[str, Mapping[str, object] | Sequence[object]] = {
        "waves": [
            {"name": str(year), "kind": "incremental" if place else "complete", "tokens_not_before": DUE}
            for place, year in enumerate(made.deliveries)
        ],
        "retention": {"registry_encodings_until": LAST_DAY} if waves > 1 else {},
    }
    terms = data.joinpath("terms.toml").read_text("utf-8")
    stage = set_stage(options.folder, terms, mappings, system_random, changes)
    screen.print(f"{options.people:,} people, {waves} years; the truth is kept apart, in {options.folder / 'years'}")
    return stage, made.deliveries, made.truth["identities"]


def _run_year(stage: Stage, files: Mapping[str, Mapping[str, Path]], screen: Console) -> None:
    for provider in stage.providers:
        for path in files[provider].values():
            shutil.copy(path, stage.home(provider) / path.name)
    with ExitStack() as processes:
        agents = start_agents(stage, processes)
        follow_uploads(stage, agents, screen)
        run_on_screen(stage.command(LINKAGE_UNIT, "linkage-unit", "link", "--wave", stage.wave))
        for command, process in agents:
            finish(command, process)
    wave = wave_status(stage)
    rows = sum(item.rows for item in wave.providers)
    screen.print(f"{rows:,} rows; {wave.counts['scored_pairs']:,} pairs of records were near enough to be scored.")


def _tell_truth(stage: Stage, truth: Path, screen: Console) -> None:
    agents = {provider: stage.config(provider) for provider in stage.providers}
    found = assess_waves(truth, stage.config(LINKAGE_UNIT), agents)
    for wave, quality in found.quality.items():
        pairs = quality.overall
        screen.print(f"wave {wave}: precision {pairs.precision:.4f}  recall {pairs.recall:.4f}  F1 {pairs.f1:.4f}")
    screen.print(
        f"{found.steady_rows / found.rows:.4f} of {found.rows:,} local ids in several waves kept one synthetic key"
    )
    screen.print(
        f"{found.steady_persons / found.persons:.4f} of {found.persons:,} persons in several waves had one synthetic "
        "key in all of them, at all agencies",
        style="bold",
    )
