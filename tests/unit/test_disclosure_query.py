"""The closed query language: what it takes, what it refuses, and which spellings are one question."""

import datetime
import json
from typing import Any

import pytest

from disclosure.errors import QueryFault
from disclosure.grid import categories, grid_of
from disclosure.query.parsing import LONGEST_QUESTION, canonical_question, parse_question
from disclosure.query.periods import LONGEST_LIST
from disclosure.query.questions import MOST_DIMENSIONS, FlowQuestion, StockQuestion
from tests.disclosure_cases import document
from tests.disclosure_world import terms


def canonical(data: dict[str, Any]) -> str:
    question = parse_question(data)
    complete = {item.dimension: frozenset(categories(item.dimension, terms())) for item in question.where}
    return json.dumps(canonical_question(question, complete), sort_keys=True)


def test_a_question_reads_the_same_from_json_and_from_a_mapping_with_dates() -> None:
    data = document("stock", at=[datetime.date(2020, 1, 1)], by=["sex"])
    text = json.dumps(document("stock", at=["2020-01-01"], by=["sex"]))
    assert parse_question(data) == parse_question(text) == parse_question(text.encode())


def test_one_item_stands_for_a_list_of_one() -> None:
    question = parse_question(document("stock", at="2020-01-01", by="sex"))
    assert isinstance(question, StockQuestion)
    assert question.dates == (datetime.date(2020, 1, 1),)
    assert question.dimensions == ("sex",)


def test_a_period_by_year_is_the_list_of_its_years() -> None:
    period = parse_question(document("inflow", over={"start": "2018-01-01", "end": "2020-12-31", "by": "year"}))
    assert isinstance(period, FlowQuestion)
    assert [item.label for item in period.periods] == ["2018", "2019", "2020"]
    assert canonical(document("inflow")) == canonical(
        document("inflow", over={"start": "2018-01-01", "end": "2020-12-31", "by": "year"})
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (document("stock", by=["sex", "country"]), document("stock", by=["country", "sex"])),
        (document("stock", at=["2020-01-01", "2019-01-01"]), document("stock", at=["2019-01-01", "2020-01-01"] * 2)),
        (document("stock"), document("stock", rule={"kind": "registered", "minimum_months": 12})),
        (document("stock"), document("stock", where=[{"dimension": "sex", "in": ["unknown", "m", "f"]}])),
        (
            document("stock", where=[{"dimension": "sex", "in": ["m", "f"]}, {"dimension": "country", "in": ["aa"]}]),
            document(
                "stock", where=[{"dimension": "country", "in": ["aa"]}, {"dimension": "sex", "in": ["f", "m", "f"]}]
            ),
        ),
        (document("inflow", over=[2020, 2018]), document("inflow", over=[2018, 2020, 2018], by=["year"])),
        (document("overlap", of=["tax", "border"]), document("overlap", of=["border", "tax"])),
        (document("stock"), document("stock", accuracy={"nano_rho": 5})),
    ],
)
def test_two_spellings_of_a_question_have_one_canonical_form(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert canonical(first) == canonical(second)


@pytest.mark.parametrize(
    "other",
    [
        document("stock", at=["2020-01-02"]),
        document("stock", by=["sex"]),
        document("stock", rule={"minimum_months": 0}),
        document("stock", where=[{"dimension": "sex", "in": ["f"]}]),
        document("inflow"),
        document("outflow"),
        document("overlap"),
    ],
)
def test_different_questions_have_different_canonical_forms(other: dict[str, Any]) -> None:
    assert canonical(document("stock")) != canonical(other)


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (document("stock", accuracy={"half_width": 5, "nano_rho": 5}), "accuracy"),
        (document("stock", accuracy={}), "accuracy"),
        (document("stock", accuracy={"half_width": 0}), "accuracy.half_width"),
        (document("stock", accuracy={"half_width": 1.5}), "accuracy.half_width"),
        (document("stock", at=[]), "at"),
        (document("stock", at=["2020-02-30"]), "at.0"),
        (document("stock", over=[2020]), "over"),
        (document("stock", sql="SELECT 1"), "sql"),
        (document("stock", by=["sex", "sex"]), "sex occurs twice"),
        (document("stock", by=['sex"; DROP']), "by.0"),
        (document("stock", rule={"minimum_months": 6}), "rule.minimum_months"),
        (document("stock", where=[{"dimension": "sex", "in": []}]), "where.0.in"),
        (document("stock", where=[{"dimension": "sex", "in": ["f"]}] * 2), "sex is compared twice"),
        (document("inflow", over=[]), "over"),
        (document("inflow", over={"start": "2018-02-01", "end": "2020-12-31", "by": "year"}), "over"),
        (document("overlap", of=["tax", "tax"]), "of"),
        (document("overlap", over={"start": "2020-01-02", "end": "2020-01-01"}), "over"),
        ({"measure": "median"}, "measure"),
        ({}, "measure"),
    ],
)
def test_a_question_that_is_not_in_the_language_is_refused_with_the_place(data: dict[str, Any], place: str) -> None:
    with pytest.raises(QueryFault, match=place.replace(".", r"\.")):
        parse_question(data)


@pytest.mark.parametrize("data", [b"\xff", "{", "[" * 100_000, {"measure": object()}])
def test_what_is_no_document_at_all_is_refused_too(data: Any) -> None:
    with pytest.raises(QueryFault):
        parse_question(data)


def test_all_faults_of_a_question_are_reported_together() -> None:
    with pytest.raises(QueryFault) as caught:
        parse_question(document("stock", at=["x", "2020-01-01"], accuracy={"half_width": -1}, more=1))
    assert len(caught.value.faults) == 3


@pytest.mark.parametrize(
    ("data", "faults"),
    [
        ({}, ["measure: is missing"]),
        ({"measure": "stocks"}, ["measure: there are stock, synthetic, inflow"]),
        (
            {"measure": "stock", "at": ["1 July"], "accuracy": 10},
            [
                "stock.accuracy: give half_width, of a 95 % interval, or nano_rho, a price",
                "stock.at.0: Input should be",
            ],
        ),
        ({"measure": "stock", "at": [], "accuracy": {"nano_rho": 1}}, ["stock.at: Tuple should have at least 1 item"]),
        (
            {"measure": "inflow", "at": "2024-01-01", "accuracy": {"half_width": 10}},
            ["inflow.over: is missing", "inflow.at: is no part of such a question"],
        ),
        (
            {"measure": "stock", "at": "2024-01-01", "rule": {"kind": "windows"}, "accuracy": {"half_width": 10}},
            ["stock.rule.kind: there are registered, window, signs"],
        ),
        (
            {"measure": "overlap", "of": ["border", "tax"], "over": 2024, "accuracy": {"half_width": 10}},
            ["overlap.over: several values are expected, by their names"],
        ),
    ],
)
def test_faults_are_told_in_the_words_of_the_language(data: dict[str, Any], faults: list[str]) -> None:
    with pytest.raises(QueryFault) as caught:
        parse_question(data)
    assert len(caught.value.faults) == len(faults)
    for told, expected in zip(caught.value.faults, faults, strict=True):
        assert told.startswith(expected)


def test_the_grid_holds_every_combination_unknown_included() -> None:
    question = parse_question(document("inflow", by=["sex", "country", "year"]))
    grid = grid_of(question, terms())
    assert [axis.name for axis in grid.axes] == ["year", "country", "sex"]
    coordinates = list(grid.coordinates())
    assert len(coordinates) == len(set(coordinates)) == grid.size == 3 * 4 * 3
    assert coordinates[0] == ("2018", "aa", "f")
    assert coordinates[-1] == ("2020", "other", "unknown")
    assert coordinates.index(("2019", "bb", "m")) == sum(
        stride * place for stride, place in zip(grid.strides, (1, 1, 1), strict=True)
    )


def test_a_comparison_on_a_shown_dimension_leaves_only_its_categories() -> None:
    question = parse_question(document("stock", by=["sex"], where=[{"dimension": "sex", "in": ["unknown", "f"]}]))
    assert list(grid_of(question, terms()).coordinates()) == [("2020-01-01", "f"), ("2020-01-01", "unknown")]


@pytest.mark.parametrize(
    "change",
    [
        {"by": ["sex"] * (MOST_DIMENSIONS + 1)},
        {"where": [{"dimension": "sex", "in": ["f"]}] * (MOST_DIMENSIONS + 1)},
        {"where": [{"dimension": "sex", "in": ["f"] * (LONGEST_LIST + 1)}]},
        {"at": ["2020-01-01"] * (LONGEST_LIST + 1)},
    ],
)
def test_a_list_that_would_keep_the_service_busy_is_refused_for_its_length_alone(change: dict[str, Any]) -> None:
    with pytest.raises(QueryFault) as refused:
        parse_question(document("stock", **change))
    assert any("at most" in fault for fault in refused.value.faults)


def test_a_question_that_is_too_long_is_not_even_read() -> None:
    text = json.dumps(document("stock", by=["x" * LONGEST_QUESTION]))
    for question in (text, text.encode()):
        with pytest.raises(QueryFault, match="characters"):
            parse_question(question)
