"""Plans from outside figures: usable cells, the price and the coarser grids that reach them; no figures, no claims."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from disclosure.bounding import blocks_of
from disclosure.errors import QueryFault
from disclosure.measurements import mechanisms_for
from disclosure.planning import WANTED_PER_MILLE, Expected, Plan, plan
from disclosure.query.parsing import parse_question
from disclosure.query.questions import Accuracy
from services.analysis.trial import Trial
from services.cli import query, questions
from services.cli.query_reports import print_plan
from tests.disclosure_cases import document
from tests.disclosure_world import terms

FIGURES: dict[str, Any] = {
    "total": 1_000,
    "sex": {"f": 500, "m": 490},
    "country": {"aa": 900, "bb": 60, "cc": 20},
}
AT = datetime(2026, 1, 1, tzinfo=UTC)


def planned(expected: dict[str, Any] | None, measure: str = "stock", relative: int = 500, **fields: Any) -> Plan:
    question = parse_question(document(measure, **fields))
    return plan(question, terms(), None if expected is None else Expected.parse(expected), relative)


def test_without_figures_nothing_is_said_about_cells() -> None:
    found = planned(None, by=["sex"])
    assert found == Plan(None, (), None, None, (), 0)
    assert planned(None, "inflow").cut_per_mille is None


def test_axes_without_figures_are_named() -> None:
    assert planned({"sex": {"f": 10, "m": 10}}, by=["sex", "country"]).missing == ("country",)


def test_usable_cells_are_those_whose_interval_is_narrow_beside_their_expected_count() -> None:
    found = planned(FIGURES, by=["sex", "country"], accuracy={"half_width": 10})
    # 450, 441, 9 (sex unknown) of aa; 30, 29.4 of bb; 10, 9.8 of cc: a half-width of 10 needs 20 persons.
    assert found.asked is not None
    assert found.asked.usable_cells == 4
    assert found.asked.usable_per_mille == 950
    assert found.coarser == ()


def test_the_smallest_price_that_reaches_what_is_wanted_does_and_a_smaller_one_does_not() -> None:
    found = planned(FIGURES, by=["sex", "country"], accuracy={"half_width": 40})
    assert found.asked is not None
    assert found.asked.usable_per_mille < WANTED_PER_MILLE
    assert found.half_width == 14  # half of the 29.4 women or men of bb: with them 95 % of persons are in usable cells
    question, world = parse_question(document("stock", by=["sex", "country"])), terms()
    (mechanism,) = mechanisms_for(Accuracy(half_width=14), blocks_of(question, world), world.budget.maximum_noise_sd)
    assert found.nano_rho == mechanism.nano_rho
    for half_width, reached in ((14, True), (15, False)):
        asked = planned(FIGURES, by=["sex", "country"], accuracy={"half_width": half_width}).asked
        assert asked is not None
        assert (asked.usable_per_mille >= WANTED_PER_MILLE) == reached


def test_the_fewest_dimensions_are_left_out_that_make_the_rest_usable() -> None:
    found = planned(FIGURES, by=["sex", "country"], accuracy={"half_width": 30})
    assert {option.left_out for option in found.coarser} == {("sex",), ("country",)}
    assert all(option.usable_per_mille >= WANTED_PER_MILLE for option in found.coarser)


def test_a_coarser_unit_of_time_holds_more_persons_and_fewer_cells() -> None:
    flows = {"total": 12, "cells_per_person": {"1": 90, "2": 20, "4": 5}}
    over = {"start": "2018-01-01", "end": "2020-12-31", "by": "month"}
    found = planned(flows, "inflow", over=over, accuracy={"half_width": 15})
    assert [(option.unit, option.cells) for option in found.coarser] == [("quarter", 12)]
    assert found.cut_per_mille == round(1000 * (2 * 5) / (90 + 40 + 20))


def test_no_grid_may_reach_what_is_wanted() -> None:
    found = planned({"total": 10, "sex": {"f": 5, "m": 5}}, by=["sex"], accuracy={"half_width": 100})
    assert (found.half_width, found.nano_rho, found.coarser) == (2, found.nano_rho, ())


def test_a_past_release_gives_figures_for_the_axes_that_it_has() -> None:
    asked = document("stock", by=["country", "sex"], at=["2019-01-01", "2020-01-01"])
    release = Trial.invent(terms(), persons=500, seed=1).answer(asked, AT).release
    expected = Expected.of_release(release)
    assert expected.total == sum(total.value or 0 for total in release.totals) / 2
    assert sum(expected.figures["sex"].values()) == 2 * expected.total
    found = plan(parse_question(document("stock", by=["sex"])), terms(), expected)
    assert found.asked is not None
    assert plan(parse_question(document("stock", by=["age"])), terms(), expected).missing == ("age",)


def test_an_overlap_is_planned_by_a_past_one() -> None:
    release = Trial.invent(terms(), persons=500, seed=1).answer(document("overlap"), AT).release
    found = plan(parse_question(document("overlap")), terms(), Expected.of_release(release))
    assert found.asked is not None
    assert found.asked.usable_cells == 3


@pytest.mark.parametrize("measure", ["sum", "mean", "quantile", "events", "net", "synthetic"])
def test_nothing_is_said_of_measures_whose_cells_are_not_persons_counted_once(measure: str) -> None:
    assert planned({"total": 100}, measure).asked is None


def test_a_release_of_something_else_than_persons_gives_none() -> None:
    release = Trial.invent(terms(), persons=50, seed=1).answer(document("sum"), AT).release
    with pytest.raises(QueryFault, match="no table of persons"):
        Expected.of_release(release)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"total": 0}, "total"),
        ({"total": "many"}, "total"),
        ({"sex": 5}, "sex"),
        ({"total": 5, "sex": {"f": -1}}, "sex"),
        ({"total": 5, "sex": {"f": float("nan")}}, "sex"),
        ({"total": 5, "cells_per_person": {"none": 3}}, "cells_per_person"),
    ],
)
def test_figures_that_are_none_are_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(QueryFault, match=told):
        Expected.parse(wrong)


def test_figures_of_axes_and_categories_that_the_table_lacks_are_refused_without_naming_values() -> None:
    with pytest.raises(QueryFault) as refused:
        planned({"total": 5, "shoes": {"40": 1}, "sex": {"x": 1}}, by=["sex"])
    assert len(refused.value.faults) == 2


def test_an_analyst_is_told_what_figures_beside_a_question_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "stock.toml"
    file.write_text(
        'measure = "stock"\nat = 2020-01-01\nby = ["sex", "country"]\naccuracy = { half_width = 30 }\n'
        "[expected]\ntotal = 1000\nsex = { f = 500, m = 490 }\ncountry = { aa = 900, bb = 60, cc = 20 }\n"
    )
    asked, figures = questions.read_question_and_figures(str(file))
    assert "expected" not in asked
    found = plan(parse_question(asked), terms(), query._expected(figures, None))
    print_plan(found, 50, figures=True)
    told = capsys.readouterr().out
    assert "expected: 2 of 12 cells usable, with 89.1 % of the persons" in told
    assert "95 % of the persons would be in usable cells at ± 14: rho 0.00979964" in told
    assert "without sex: 2 of 4 cells usable" in told
    print_plan(plan(parse_question(asked), terms(), None), 50, figures=False)
    assert "not available without figures" in capsys.readouterr().out


def test_a_past_release_is_read_as_it_was_printed(tmp_path: Path) -> None:
    release = Trial.invent(terms(), persons=500, seed=1).answer(document("stock", by=["sex"]), AT).release
    past = tmp_path / "past.json"
    past.write_bytes(release.to_json() + b"\n")
    assert query._expected(None, past) == Expected.of_release(release)
    with pytest.raises(QueryFault, match="not both"):
        query._expected(FIGURES, past)
    past.write_text("{}")
    with pytest.raises(QueryFault, match="no release"):
        query._expected(None, past)
