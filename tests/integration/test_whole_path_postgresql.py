"""The whole path with both services on PostgreSQL, as in production: real processes, one wave, one table."""

import json
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path

from linkage_core.types import PartyName
from services.common.clock import system_random
from services.demo.processes import finish, run_all, serving, start, stop
from services.demo.stage import ANALYSIS_SERVICE, ANALYST, LINKAGE_UNIT, Stage, set_stage
from simulation.country import PROVIDERS, generate

PATIENCE_SECONDS = "240"
QUESTION = {
    "measure": "overlap",
    "of": ["border", "tax"],
    "over": {"start": "2024-01-01", "end": "2024-12-31"},
    "accuracy": {"half_width": 10},
}


def stage_on(folder: Path, databases: Mapping[PartyName, str]) -> Stage:
    generate(600, 5, folder)
    data = resources.files("services.demo").joinpath("data")
    mappings = {name: data.joinpath(f"{name}.toml").read_text("utf-8") for name in PROVIDERS}
    stage = set_stage(folder, data.joinpath("terms.toml").read_text("utf-8"), mappings, system_random)
    for party in (LINKAGE_UNIT, ANALYSIS_SERVICE):
        with stage.config(party).open("a") as config:
            config.write(f'database = "{databases[party]}"\n')
    return stage


def test_a_wave_is_linked_delivered_and_asked_about_with_both_services_on_postgresql(
    tmp_path: Path, new_postgresql_database: Callable[[], str]
) -> None:
    databases = {party: new_postgresql_database() for party in (LINKAGE_UNIT, ANALYSIS_SERVICE)}
    stage = stage_on(tmp_path, databases)
    question = tmp_path / "question.json"
    question.write_text(json.dumps(QUESTION))
    ask = stage.command(ANALYST, "query", "run", str(question), "--format", "json")
    with (
        serving(stage.command(ANALYSIS_SERVICE, "analysis", "serve")),
        serving(stage.command(LINKAGE_UNIT, "linkage-unit", "serve")),
    ):
        runs = [stage.command(provider, "agent", "run", "--wait", PATIENCE_SECONDS) for provider in stage.providers]
        agents = [(command, start(command)) for command in runs]
        try:
            uploaded = stage.command(LINKAGE_UNIT, "linkage-unit", "status", "--json")
            while any(p["upload"] != "committed" for p in json.loads(run_all([uploaded])[0])["waves"][0]["providers"]):
                assert all(process.poll() is None for _, process in agents)
            run_all([stage.command(LINKAGE_UNIT, "linkage-unit", "link", "--wave", stage.wave)])
            for command, process in agents:
                finish(command, process)
        finally:
            for _, process in agents:
                stop(process)
        [first] = run_all([ask])
        [again] = run_all([ask])
    assert first == again
    assert {cell["coordinates"][0] for cell in json.loads(first)["cells"]} == {"both", "border_only", "tax_only"}
    assert not list(tmp_path.rglob("*.sqlite"))
