"""docs/analysts.md, docs/questions.md and docs/budget.md, followed to the letter by one analyst in one small country.

The country is the demo's, made without linking (`tests.support.demo_place`): what a table holds differs from what the
documents show, and what it looks like, costs and says does not.
"""

import importlib.util
import json
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest

from disclosure.planning import EXPECTED
from disclosure.query.parsing import parse_question
from disclosure.query.questions import Question
from linkage_core.agreement.clauses import Budget
from services.analysis.client import Analysis
from services.demo.stage import ANALYSIS_SERVICE, ANALYST, Stage
from tests.support.demo_place import demo_place
from tests.support.walkthrough import ROOT, Walk, follow, steps

ANALYSTS, QUESTIONS, BUDGET = (ROOT / "docs" / f"{name}.md" for name in ("analysts", "questions", "budget"))
PEOPLE = 800
TIMES = {"overlap": "2024", "conflicts": "2020-01-01/P2192D", "links": "2020-01-01/P2192D"}
"""What measures without an axis of time are about, in SDMX: the question's interval, or the agreement's period."""
DEMO = "symbolon demo --seed 7 --keep country"
SYNTHESIZE = "symbolon query synthesize"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return demo_place(tmp_path_factory.mktemp("office") / "country", PEOPLE, 7)


@pytest.fixture(scope="module")
def services() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def analysts(country: Stage, services: ExitStack) -> Walk:
    """The walk through the first page, which leaves the service running for the others."""
    path = steps(ANALYSTS)
    assert path[0].command == DEMO
    walked = Walk(country.folder.parent)
    follow(path[1:], walked, services)
    assert walked.folder == country.home(ANALYST)
    return walked


@pytest.fixture(scope="module")
def questions(analysts: Walk, country: Stage) -> Walk:
    """The walk through the second page; without the extra `synthetic` its last command says what to install."""
    path = steps(QUESTIONS)
    walked = Walk(country.home(ANALYST))
    with ExitStack() as session:
        if importlib.util.find_spec("mbi") is None:
            assert path[-1].command.startswith(SYNTHESIZE)
            path = path[:-1]
        follow(path, walked, session)
    return walked


def written(document: Path) -> dict[str, dict[str, Any]]:
    """The questions that a page writes, by file; a name that is used again has a number."""
    found: dict[str, dict[str, Any]] = {}
    for step in steps(document):
        if step.kind == "toml":
            question = tomllib.loads(step.shown)
            question.pop(EXPECTED, None)
            found[step.command] = question
    return found


def test_an_analyst_gets_what_the_page_shows_from_a_question_to_a_published_table(analysts: Walk) -> None:
    assert len(analysts.printed) >= 10
    for name in ("stock.csv", "stock.xml", "stock.parquet", "stock.provenance.json", "report.html", "report.json"):
        assert (analysts.folder / name).stat().st_size > 0


def test_an_analyst_tries_plans_and_is_refused_as_the_page_shows(questions: Walk) -> None:
    assert sum(" preview " in command for command in questions.printed) >= 5


def test_the_page_has_a_question_of_every_measure_under_every_rule() -> None:
    asked = written(QUESTIONS).values()
    models = get_args(Question)
    measures = {measure for model in models for measure in get_args(model.model_fields["measure"].annotation)}
    assert {question["measure"] for question in asked} == measures
    rules = [getattr(parse_question(question), "rule", None) for question in asked]
    assert {rule.kind for rule in rules if rule is not None} == {"registered", "window", "signs"}


@pytest.mark.parametrize("name", sorted(written(QUESTIONS)))
def test_every_question_of_the_page_is_priced_and_answered(
    questions: Walk, country: Stage, name: str, tmp_path: Path
) -> None:
    question = written(QUESTIONS)[name]
    with Analysis.connect(country.config(ANALYST)) as analysis:
        price = analysis.preview(question)
        table = analysis.run(question)
        if TIMES.get(question["measure"]):
            exported, *_ = analysis.export(table, tmp_path / "table.csv", "sdmx-csv")
            assert set(pd.read_csv(exported)["TIME_PERIOD"].astype(str)) == {TIMES[question["measure"]]}
    assert len(table) >= price.cell_count > 0
    assert table.attrs["nano_rho"] == price.nano_rho
    unavailable = table[table["obs_status"] == "O"]
    assert unavailable["reason"].astype(bool).all(), "where there is no figure, the table says why"


def test_two_approvers_raise_a_cap_and_a_lost_answer_is_asked_for_again_as_the_page_shows(
    questions: Walk, country: Stage
) -> None:
    with Analysis.connect(country.config(ANALYST)) as analysis:
        analysis.run(written(QUESTIONS)["stock.toml"])
    walked = Walk(country.home(ANALYSIS_SERVICE))
    with ExitStack() as session:
        follow(steps(BUDGET), walked, session)
    assert any("--retry" in command for command in walked.printed)


def test_the_clauses_that_the_page_on_budgets_shows_are_an_agreements() -> None:
    _, _, after = BUDGET.read_text("utf-8").partition("```toml\n")
    shown = tomllib.loads(after.partition("```")[0])["budget"]
    budget = Budget.model_validate_json(json.dumps(shown))
    assert budget.wave_allotments_nano_rho == shown["wave_allotments_nano_rho"]
    assert [approver.name for approver in budget.approvers] == ["auer", "berger"]
