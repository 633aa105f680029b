"""A free answer from released cells is what the question itself would have counted, with the noise of the sum."""

import datetime
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure.query.parsing import parse_question
from disclosure.release import release
from disclosure.table import Release
from linkage_core.agreement.clauses import Period
from tests.disclosure_cases import MEASURES, crowd, document, documents, together
from tests.disclosure_world import ASKING, KEY, DuckDbCounter, MemoryLedger, NoNoise, Rows, terms, vectors

PEOPLE = together(*crowd(7, 60))
CHEAP: dict[str, Any] = {"accuracy": {"nano_rho": 5_000}}


class Desk:
    """One door over the crowd, without noise; `cells` bounds what one person counts in."""

    def __init__(self, cells: int, rows: Rows = PEOPLE) -> None:
        agreed = terms(flow_cells_per_person=cells, maximum_noise_sd=10**6, maximum_cells=10**6)
        wide = Period(start=datetime.date(2014, 1, 1), end=datetime.date(2023, 12, 31))
        self.world = replace(agreed, minimum_cell_count=0, period=wide)
        self.ledger = MemoryLedger()
        self.counter = DuckDbCounter(rows)

    def ask(self, data: dict[str, Any], **asking: Any) -> Release:
        return release(
            parse_question(data),
            terms=self.world,
            asking=replace(ASKING, **asking),
            ledger=self.ledger,
            counter=self.counter,
            noise=NoNoise(),
            truncation_key=KEY,
        )


@pytest.mark.parametrize("measure", [measure for measure in MEASURES if measure != "synthetic"])
@given(data=st.data(), cells=st.sampled_from([1, 2, 100]))
@settings(max_examples=12)
def test_whatever_is_answered_from_released_cells_is_what_the_question_counts(
    measure: str, data: st.DataObject, cells: int
) -> None:
    desk = Desk(cells)
    fine = data.draw(documents(measure)) | {"accuracy": {"nano_rho": 50_000_000}}
    coarse = fine | {"by": data.draw(st.lists(st.sampled_from([*fine["by"], "sex"]), unique=True, max_size=2))} | CHEAP
    if "at" in fine or isinstance(fine.get("over"), list):
        axis = "at" if "at" in fine else "over"
        coarse[axis] = data.draw(st.lists(st.sampled_from(fine[axis]), min_size=1, max_size=3))
    coarse["where"] = data.draw(st.sampled_from([fine["where"], [{"dimension": "sex", "in": ["f"]}]]))
    desk.ask(fine)
    answer = desk.ask(coarse)
    expected = vectors(parse_question(coarse), desk.world, PEOPLE)
    assert tuple(vector.values for vector in answer.noised) == expected
    if answer.derived_from:
        assert answer.nano_rho == 0
        assert desk.counter.counted == 1
        assert Release.from_json(answer.to_json()) == answer


def test_the_pairs_of_a_synthetic_file_are_measured_for_themselves() -> None:
    desk = Desk(2)
    question = document("synthetic", accuracy={"nano_rho": 50_000_000})
    desk.ask(question)
    fewer = desk.ask(question | {"by": ["country", "sex"]} | CHEAP)
    assert (fewer.derived_from, desk.counter.counted) == ("", 2)


@pytest.mark.parametrize(
    ("measure", "fine", "coarse"),
    [
        ("stock", {"by": ["sex", "age"], "at": ["2019-01-01", "2020-01-01"]}, {"at": ["2020-01-01"]}),
        ("stock", {"by": ["sex", "country"]}, {"by": ["country"], "where": [{"dimension": "sex", "in": ["f", "m"]}]}),
        ("inflow", {"by": ["sex", "age"]}, {"by": ["sex"]}),
        ("events", {"by": ["sex"]}, {}),
        ("mean", {"by": ["sex"]}, {}),
        ("overlap", {"by": ["sex", "country"]}, {"where": [{"dimension": "country", "in": ["aa"]}]}),
        ("conflicts", {"by": ["country"]}, {}),
    ],
)
def test_a_coarser_table_is_free(measure: str, fine: dict[str, Any], coarse: dict[str, Any]) -> None:
    desk = Desk(cells=2)
    first = desk.ask(document(measure, accuracy={"nano_rho": 50_000_000}, **fine))
    answer = desk.ask(document(measure, **coarse, **CHEAP))
    assert answer.derived_from == first.release_id
    assert [entry.kind for entry in desk.ledger.chain] == ["RESERVED", "RELEASED"]


@pytest.mark.parametrize(
    ("measure", "fine", "coarse"),
    [
        ("inflow", {"over": [2018, 2019, 2020]}, {"over": [2018, 2019]}),  # another choice of cells
        ("inflow", {"by": ["sex"]}, {"where": [{"dimension": "age", "in": ["15-64"]}]}),  # age is not in it
        ("inflow", {"by": ["age"]}, {"where": [{"dimension": "age", "in": ["15-64"]}]}),  # a comparison that moves
        ("net", {"by": ["age"]}, {}),  # in and out of one period, at two ages
        ("quantile", {"by": ["sex"]}, {}),
        ("stock", {"by": ["sex"]}, {"rule": {"minimum_months": 0}}),
        ("stock", {"by": ["sex"], "where": [{"dimension": "country", "in": ["aa"]}]}, {}),
        ("overlap", {"by": ["sex"]}, {"over": {"start": "2019-01-01", "end": "2019-12-31"}}),
        ("events", {"by": ["sex"], "at_most": 3}, {}),
    ],
)
def test_what_does_not_add_up_is_charged(measure: str, fine: dict[str, Any], coarse: dict[str, Any]) -> None:
    desk = Desk(cells=1)
    desk.ask(document(measure, **fine, accuracy={"nano_rho": 50_000_000}))
    answer = desk.ask(document(measure, **coarse, **CHEAP))
    assert answer.derived_from == ""
    assert len(desk.ledger.chain) == 4


def test_the_noise_of_a_sum_is_told_and_more_precision_than_that_is_charged() -> None:
    desk = Desk(cells=2)
    first = desk.ask(document("stock", by=["sex", "country"], accuracy={"half_width": 5}))
    free = desk.ask(document("stock", by=["sex"], accuracy={"half_width": 10}))
    assert free.half_width == 10  # four cells: twice the noise of one
    assert free.noised[0].noise_sd_millionths == pytest.approx(2 * first.noised[0].noise_sd_millionths, abs=1)
    charged = desk.ask(document("stock", by=["sex"], accuracy={"half_width": 9}))
    assert charged.derived_from == ""
    assert charged.nano_rho > 0


def test_another_state_of_the_data_is_never_answered_from_released_cells() -> None:
    desk = Desk(cells=2)
    desk.ask(document("stock", by=["sex"]))
    assert desk.ask(document("stock", **CHEAP), data_version="2023/2").derived_from == ""
