"""An incremental wave of few rows takes the weights that an earlier wave learnt, and its operator is told."""

import hashlib
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from linkage_core.errors import Tampered
from services.cli.linkage_unit import app
from services.common.database import open_database
from services.linkage_unit.earlier_model import earlier_model
from services.linkage_unit.quality.model_page import model_page
from services.linkage_unit.quality.notes import model_notes
from services.linkage_unit.quality.wave import linked_wave
from services.linkage_unit.store.tables import RUN_MODELS
from services.linkage_unit.unit import MIGRATIONS
from tests.integration.test_link_quality_commands import Linked, linked_in
from tests.support.incremental import ADDING, AFTER, registered, upload
from tests.support.linkage import opened
from tests.support.linking import link
from tests.support.parties import make_parties

NEW = {"register": range(500, 520), "border": range(510, 530), "tax": range(290, 300)}


def test_a_small_wave_is_weighed_as_the_last_large_one_and_its_operator_is_told_which(tmp_path: Path) -> None:
    usual = make_parties(tmp_path / "usual").verified.document.matching.model_dump(mode="json")
    matching = usual | {"candidate_per_mille": 630, "combination": "fellegi-sunter"}
    parties = make_parties(tmp_path / "parties", matching=matching, **ADDING)
    linked: Linked = linked_in(tmp_path / "unit", parties)

    upload(parties, linked.config, "w2", NEW)
    assert link(linked.config, "w2", AFTER)
    groups = registered(linked.config)
    for other, people in (("border", range(510, 520)), ("tax", range(290, 300))):
        same = [groups["register", handle("register", p)] == groups[other, handle(other, p)] for p in people]
        assert sum(same) >= len(same) - 1

    with opened(linked.config, lambda: AFTER) as unit:
        wave = linked_wave(unit, "w2")
        model = wave.require_model()
        lent = earlier_model(unit)
    assert lent is not None
    assert (model.weights_of, lent.wave) == ("w1", "w1"), "what was lent is never lent on"
    assert any("wave w1" in note.found for note in model_notes(model))
    assert "weights learnt in wave" in model_page(wave).to_html()
    told = CliRunner().invoke(app, ["status", "--config", str(linked.file)])
    assert "weighed as learnt in wave w1" in told.stdout

    engine = open_database(linked.config.database_url, MIGRATIONS)
    with engine.begin() as connection:
        connection.execute(update(RUN_MODELS).where(RUN_MODELS.c.wave == "w1").values(model=b"another"))
    engine.dispose()
    with opened(linked.config, lambda: AFTER) as unit, pytest.raises(Tampered):
        earlier_model(unit)


def handle(provider: str, person: int) -> bytes:
    return hashlib.sha256(f"{provider}/{person}".encode()).digest()[:16]
