"""Two years of the invented country through real processes, as `symbolon demo --waves` runs them."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console

from services.demo.options import Options
from services.demo.waves import run_waves

PEOPLE = 300


def test_a_second_year_adds_to_the_registry_and_people_keep_their_keys(tmp_path: Path) -> None:
    screen = StringIO()
    run_waves(Options(PEOPLE, 5, tmp_path), 2, Console(file=screen, width=120))
    assert "wave 2025: incremental" in screen.getvalue()

    config = tmp_path / "linkage_unit" / "config.toml"
    command = [sys.executable, "-m", "services.cli", "linkage-unit", "changes", "--config", str(config)]
    told = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout
    first, second = json.loads(told)["waves"]
    assert (first["kind"], second["kind"]) == ("complete", "incremental")
    for provider, before in first["providers"].items():
        now = second["providers"][provider]
        assert now["held"] == before["held"] + now["new"]
        assert 0 < now["new"] + now["corrected"] < now["brought"]
    assert second["groups"]["gone"] == 0
    assert second["groups"]["kept"] + second["events"].get("merged", {}).get("correction", 0) <= first["groups"]["new"]
    assert second["groups"]["kept"] > 0.97 * first["groups"]["new"]
    assert sum(second["events"]["corrected"].values()) == sum(p["corrected"] for p in second["providers"].values())

    assert "wave 2025: handles by provider" in screen.getvalue()
    share = float(screen.getvalue().split(" local ids in several waves")[0].rsplit("\n", 1)[1].split()[0])
    assert share > 0.98
