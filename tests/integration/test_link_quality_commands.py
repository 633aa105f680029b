"""`symbolon linkage-unit model` and `quality` on a wave that was really linked, as its operator runs them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from typer.testing import CliRunner, Result

from linkage_core.errors import InputFault, Tampered
from services.cli.linkage_unit import app
from services.cli.outcome import BAD_INPUT, TAMPERED, TRY_LATER, exit_code_of
from services.common.database import open_database
from services.common.errors import NotReady
from services.linkage_unit.config import LinkageUnitConfig
from services.linkage_unit.quality.wave import LinkedWave, linked_wave
from services.linkage_unit.status import status_of
from services.linkage_unit.store.tables import RUN_MODELS
from services.linkage_unit.unit import MIGRATIONS
from tests.support.linkage import config_of, opened
from tests.support.linking import link, upload_all
from tests.support.pages import assert_self_contained, texts
from tests.support.parties import Parties, make_parties

PEOPLE = {"register": range(300), "border": range(150, 400), "tax": range(250, 500)}
COMMON: dict[tuple[str, ...], int] = {("border", "register"): 150, ("border", "tax"): 150, ("register", "tax"): 50}


@dataclass(frozen=True)
class Linked:
    """A linked wave, and how its operator's commands are run."""

    config: LinkageUnitConfig
    file: Path

    def run(self, command: str, *arguments: str, wave: str = "w1") -> Result:
        """Run a command of the linkage unit on a wave."""
        line = [command, "--config", str(self.file), "--wave", wave, *arguments]
        return CliRunner().invoke(app, line, env={"COLUMNS": "180"})


def linked_in(folder: Path, parties: Parties) -> Linked:
    """Upload everybody's file and link the first wave."""
    config = config_of(parties, folder)
    with opened(config) as unit:
        upload_all(parties, unit, PEOPLE)
    assert link(config)
    file = folder / "linkage-unit.toml"
    settings = config.model_dump(mode="json", exclude_none=True)
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    return Linked(config, file)


def parties_who(folder: Path, **matching: Any) -> Parties:
    """Let parties agree on how the wave is matched; pairs of different people become candidates too."""
    usual = make_parties(folder / "usual")
    agreed = usual.verified.document.matching.model_dump(mode="json")
    return make_parties(folder / "parties", matching=agreed | {"candidate_per_mille": 630} | matching)


@pytest.fixture(scope="module")
def weighed(tmp_path_factory: pytest.TempPathFactory) -> Linked:
    folder = tmp_path_factory.mktemp("weighed")
    return linked_in(folder, parties_who(folder, combination="fellegi-sunter"))


@pytest.fixture(scope="module")
def averaged(tmp_path_factory: pytest.TempPathFactory) -> Linked:
    folder = tmp_path_factory.mktemp("averaged")
    return linked_in(folder, parties_who(folder, combination="weighted-mean"))


def wave_of(linked: Linked) -> LinkedWave:
    with opened(linked.config) as unit:
        return linked_wave(unit, "w1")


# ------------------------------------------------------------------------------------------------- what is estimated


def test_every_pair_of_files_has_its_links_with_intervals_around_the_estimates(weighed: Linked) -> None:
    model = wave_of(weighed).require_model()
    found = {tuple(sorted(one.providers)): one for one in model.meetings}
    assert found.keys() == COMMON.keys()
    for pair, one in found.items():
        assert COMMON[pair] - 5 <= one.links <= COMMON[pair] + 20
        assert sum(of_class.links for of_class in one.classes) == one.links
        for estimated in (one.precision, one.recall, *(point.precision for point in one.curve)):
            assert 0 <= estimated.low <= estimated.estimate <= estimated.high <= 1


def test_the_manifest_names_the_model_by_its_digest_and_the_status_shows_none_of_it(weighed: Linked) -> None:
    wave = wave_of(weighed)
    assert wave.stored is not None
    with opened(weighed.config) as unit:
        counts = status_of(unit).waves[0].counts
    assert counts["model"] == hashlib.sha256(wave.stored).hexdigest()


# ------------------------------------------------------------------------------------------------------ the commands


def test_model_prints_every_comparison_and_keeps_page_and_json(weighed: Linked, tmp_path: Path) -> None:
    page, kept = tmp_path / "model.html", tmp_path / "model.json"
    done = weighed.run("model", "--html", str(page), "--json", str(kept))
    assert done.exit_code == 0, done.output
    for text in ("names-year", "names-day", "log2(m/u)", "u by EM", "border – register", "recommended"):
        assert text in done.stdout
    assert kept.read_bytes() == wave_of(weighed).stored
    assert_self_contained(page.read_text("utf-8"))
    assert "What each comparison weighs" in texts(page.read_text("utf-8"))


def test_quality_prints_precision_and_recall_with_intervals_and_keeps_page_and_json(
    weighed: Linked, tmp_path: Path
) -> None:
    page, kept = tmp_path / "quality.html", tmp_path / "quality.json"
    done = weighed.run("quality", "--html", str(page), "--json", str(kept))
    assert done.exit_code == 0, done.output
    links = sum(one.links for one in wave_of(weighed).require_model().meetings)
    for text in (f"Of {links} links an estimated", "border – register", "by similarity", "95 %"):
        assert text in done.stdout
    assert "nothing of it may go to a provider" in done.stderr
    assert_self_contained(page.read_text("utf-8"))
    assert json.loads(kept.read_text("utf-8"))["title"] == "How good the links of wave w1 are"


def test_the_same_run_is_told_the_same_every_time(weighed: Linked, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one.json", "other.json")]
    for file in files:
        assert weighed.run("quality", "--json", str(file)).exit_code == 0
    assert files[0].read_bytes() == files[1].read_bytes()


# ----------------------------------------------------------------------------------------------------- without a model


def test_a_wave_of_the_weighted_mean_has_no_model_and_says_why(averaged: Linked) -> None:
    assert wave_of(averaged).model is None
    refused = averaged.run("model").exception
    assert isinstance(refused, InputFault)
    assert exit_code_of(refused) == BAD_INPUT
    assert "matching.combination" in str(refused)
    told = averaged.run("quality")
    assert told.exit_code == 0
    assert "was not estimated" in told.stdout
    assert "fellegi-sunter" in told.stdout


@pytest.mark.parametrize("command", ["model", "quality"])
def test_a_wave_that_is_not_linked_yet_is_for_later(weighed: Linked, command: str) -> None:
    refused = weighed.run(command, wave="w2").exception
    assert isinstance(refused, NotReady)
    assert exit_code_of(refused) == TRY_LATER


@pytest.mark.parametrize("change", [lambda kept: kept.replace(b'"rounds": ', b'"rounds": 1'), lambda kept: b""])
def test_a_model_that_was_changed_in_the_store_is_refused(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    linked = linked_in(tmp_path, parties_who(tmp_path, combination="fellegi-sunter"))
    kept = wave_of(linked).stored
    assert kept is not None
    assert change(kept) != kept
    engine = open_database(linked.config.database_url, MIGRATIONS)
    with engine.begin() as connection:
        connection.execute(update(RUN_MODELS).values(model=change(kept)))
    engine.dispose()
    refused = linked.run("quality").exception
    assert isinstance(refused, Tampered)
    assert exit_code_of(refused) == TAMPERED
