"""Which tables linkage errors reach: the map is what the SQL does to people whose link is missed, or there is none."""

import datetime
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from disclosure.coarsening import coarser
from disclosure.estimates import numbers_of
from disclosure.grid import grid_of
from disclosure.query.parsing import canonical_question, parse_question
from disclosure.release import release
from disclosure.table import Release
from disclosure.terms import Terms
from disclosure.uncertainty.linked_cells import OUTSIDE
from disclosure.uncertainty.reach import Reach, reach_of
from linkage_core.agreement.declared_rates import DeclaredRates, GroupRates, PairRates, SimulatedRates
from tests.disclosure_cases import document, synthetic_key
from tests.disclosure_world import ASKING, KEY, DuckDbCounter, MemoryLedger, terms, vector

Rows = dict[tuple[str, str], list[dict[str, Any]]]

OVER = {"start": "2018-01-01", "end": "2019-12-31"}
REACHED: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "overlap": (document("overlap", of=["register", "tax"], over=OVER), ("register", "tax")),
    "overlap by what the first knows": (
        document("overlap", of=["tax", "register"], over=OVER, by=["country"]),
        ("register", "tax"),
    ),
    "overlap by what the second knows": (
        document("overlap", of=["border", "register"], over=OVER, by=["country"]),
        ("border", "register"),
    ),
    "overlap of some": (
        document(
            "overlap",
            of=["register", "tax"],
            over=OVER,
            by=["country"],
            where=[{"dimension": "country", "in": ["aa", "bb"]}],
        ),
        ("register", "tax"),
    ),
    "persons by what another file knows": (
        document("persons", of="tax", over=[2018, 2019], by=["country"]),
        ("tax", "register"),
    ),
    "some persons by what another file knows": (
        document("persons", of="tax", over=[2018, 2019], where=[{"dimension": "country", "in": ["aa"]}]),
        ("tax", "register"),
    ),
}


def people(number: int, seed: int) -> tuple[Rows, Rows]:
    """Return rows as they truly belong together, and as they do where the links of a third are missed."""
    draw = random.Random(seed)
    true: Rows = {name: [] for name in (("register", "people"), ("register", "spells"), ("tax", "years"))}
    true[("border", "crossings")] = []
    linked: Rows = {name: [] for name in true}
    for person in range(1, number + 1):
        missed = draw.random() < 1 / 3
        of_register, elsewhere = synthetic_key(person), synthetic_key(number + person)
        rows: list[tuple[tuple[str, str], dict[str, Any]]] = []
        if draw.random() < 0.8:
            country = draw.choice(["aa", "bb", "cc", "zz", None])
            rows.append((("register", "people"), {"sex": draw.choice("fm"), "born-in": country}))
            start = datetime.date(2015, 1, 1) + datetime.timedelta(days=draw.randrange(2200))
            rows.append((("register", "spells"), {"start": start, "end": None}))
        for year in (2018, 2019):
            if draw.random() < 0.6:
                rows.append((("tax", "years"), {"year": year, "income": 1}))
                day = datetime.date(year, 6, draw.randrange(1, 29))
                rows.append((("border", "crossings"), {"day": day, "direction": "in"}))
        for table, row in rows:
            true[table].append({"synthetic_key": of_register} | row)
            key = elsewhere if missed and table[0] != "register" else of_register
            linked[table].append({"synthetic_key": key} | row)
    return true, linked


@pytest.mark.parametrize("name", REACHED)
@pytest.mark.parametrize("seed", range(3))
def test_the_map_puts_back_what_missed_links_moved(name: str, seed: int) -> None:
    question, world = parse_question(REACHED[name][0]), terms()
    truth, seen = people(300, seed)
    true, found = (np.array(vector(question, world, rows), np.int64) for rows in (truth, seen))
    reach = reach_of(question, world, grid_of(question, world))
    assert isinstance(reach, Reach)
    assert reach.providers == REACHED[name][1]
    missed = true[reach.links.cell] - found[reach.links.cell]
    assert missed.sum() > 10
    back = found.copy()
    for place, number in enumerate(missed.tolist()):
        back[reach.links.cell[place]] += number
        for half in (reach.links.first[place], reach.links.second[place]):
            if half != OUTSIDE:
                back[half] -= number
    # Of two files only one knows categories, so its people are put back exactly.
    assert back.tolist() == true.tolist()


@pytest.mark.parametrize(
    "question",
    [
        document("stock", by=["country"]),
        document("inflow", by=["country", "stayed"]),
        document("persons", of="tax"),
        document("sum", of="income"),
        document("duration", of="stayed"),
        document("inflow", rule={"kind": "window"}),
    ],
)
def test_links_do_not_reach_what_one_file_says_alone(question: dict[str, Any]) -> None:
    parsed, world = parse_question(question), terms()
    assert reach_of(parsed, world, grid_of(parsed, world)) is None


@pytest.mark.parametrize(
    ("question", "world", "reason"),
    [
        (document("stock", by=["sex"]), {}, "several files together fill in sex"),
        (document("overlap", of=["border", "tax"], by=["country"]), {}, "a third file fills in country"),
        (document("events", of="tax", by=["country"]), {}, "no model of a events"),
        (document("mean", of="income", by=["country"]), {}, "no model of a mean"),
        (document("conflicts", of="sex"), {}, "rows of several files"),
        (document("stock", rule={"kind": "signs", "sources": {"tax": 1, "register": 1}}), {}, "rows of several files"),
        # A missed link of somebody whom the register knows makes a person who never crossed the border.
        (document("stock", rule={"kind": "window"}), {}, "rows of several files"),
        (document("stock"), {"unmatched_rows_kept": False}, "rows without a link are dropped"),
        (document("stock"), {"sources_with_duplicates": ("register",)}, "register may hold a person twice"),
        (
            document("overlap", of=["border", "tax"]),
            {"sources_with_duplicates": ("border",)},
            "border may hold a person",
        ),
        (
            document("persons", of="tax", where=[{"dimension": "country", "in": ["aa", "other"]}]),
            {},
            "keeps other of country and not every other category",
        ),
    ],
)
def test_where_no_model_applies_the_reason_is_told(
    question: dict[str, Any], world: dict[str, Any], reason: str
) -> None:
    parsed, agreed = parse_question(question), terms(**world)
    found = reach_of(parsed, agreed, grid_of(parsed, agreed))
    assert isinstance(found, str)
    assert reason in found


# ------------------------------------------------------------------------------------------------------ in a release

RATES = DeclaredRates(
    lineage="ab" * 16,
    agreement="cd" * 32,
    wave="2023",
    run="5e" * 32,
    pairs=(
        PairRates(
            providers=("register", "tax"),
            precision_per_mille=1000,
            precision_error_per_mille=0,
            recall_per_mille=800,
            recall_error_per_mille=20,
            correlation_per_cent=0,
        ),
    ),
)


def ask(question: dict[str, Any], declared: DeclaredRates | None, world: Terms | None = None) -> Release:
    return release(
        parse_question(question),
        terms=world or terms(),
        asking=ASKING,
        ledger=MemoryLedger(),
        counter=DuckDbCounter(people(120, 1)[1]),
        noise=_Still(),
        truncation_key=KEY,
        declared=declared,
    )


class _Still:
    """Noise that happens to be nought."""

    def add_noise(self, counts: Any, mechanism: Any) -> tuple[int, ...]:
        return tuple(counts)


OVERLAP = document("overlap", of=["register", "tax"], over=OVER, by=["country"])


def test_a_release_has_the_corrected_figures_beside_the_raw_ones() -> None:
    plain, corrected = ask(OVERLAP, None), ask(OVERLAP, RATES)
    assert plain.covers == "noise"
    assert plain.explanation == "noise only: no rates of the links of register and tax are declared"
    assert all(cell.corrected is None for cell in (*plain.cells, *plain.totals))
    assert corrected.covers == "noise and linkage"
    assert corrected.declared_rates == RATES.model_dump(mode="json")
    assert [replace(cell, corrected=None) for cell in corrected.cells] == list(plain.cells)
    for cell in (*corrected.cells, *corrected.totals):
        assert cell.corrected is not None
        assert cell.low is not None
        assert cell.high is not None
        assert cell.corrected.high - cell.corrected.low >= cell.high - cell.low
    both, first, second = corrected.totals
    assert both.corrected is not None
    assert both.value is not None
    assert both.corrected.value == round(both.value / 0.8)
    for half in (first, second):
        assert half.corrected is not None
        assert half.value is not None
        assert both.corrected.value + half.corrected.value == both.value + half.value
    assert Release.from_json(corrected.to_json()) == corrected


def test_rates_by_category_correct_each_category_by_its_own() -> None:
    group = GroupRates(
        dimension="country",
        category="aa",
        false_links_per_mille=1000,
        false_links_error_per_mille=0,
        missed_matches_per_mille=2000,
        missed_matches_error_per_mille=0,
    )
    simulated = SimulatedRates(
        errors="usual",
        records=600,
        linkages=100,
        precision_shift_per_mille=0,
        precision_spread_per_mille=1000,
        recall_shift_per_mille=0,
        recall_spread_per_mille=1000,
        correlation_per_cent=0,
        groups=(group,),
    )
    found = ask(OVERLAP, RATES.model_copy(update={"simulated": simulated}))
    for cell in found.cells[:4]:
        assert cell.corrected is not None
        assert cell.value is not None
        recall = 0.6 if cell.coordinates[1] == "aa" else 0.8
        assert cell.corrected.value == int(np.floor(cell.value / recall + 0.5))


def test_a_coarser_table_is_corrected_as_it_would_have_been_by_itself() -> None:
    question = parse_question(document("overlap", of=["register", "tax"], over=OVER))
    source, alone = ask(OVERLAP, RATES), ask(document("overlap", of=["register", "tax"], over=OVER), RATES)
    derived = coarser(question, canonical_question(question, {}), terms(), [source])
    assert derived is not None
    assert derived.covers == "noise and linkage"
    for cell, other in zip(derived.cells, alone.cells, strict=True):
        assert cell.corrected is not None
        assert other.corrected is not None
        assert cell.corrected.value == other.corrected.value
        assert cell.corrected.high - cell.corrected.low >= other.corrected.high - other.corrected.low
    plain = coarser(question, canonical_question(question, {}), terms(), [ask(OVERLAP, None)])
    assert plain is not None
    assert plain.covers == "noise"


def test_what_links_do_not_reach_is_covered_as_it_is() -> None:
    found = ask(document("stock", at=["2019-01-01"], by=["country"]), None)
    assert found.covers == "noise and linkage"
    assert "do not reach" in found.explanation
    assert all(cell.corrected is None for cell in found.cells)


# --------------------------------------------------------------------------- where two files decide a table together

SIGNS = {"kind": "signs", "sources": {"register": 1, "tax": 1}}


@pytest.mark.parametrize("score", [1, 2])
def test_people_who_move_correct_a_table_that_two_files_decide_together(score: int) -> None:
    question = document("stock", at=["2018-07-01", "2019-07-01"], rule=SIGNS | {"score": score}, by=["country"])
    plain, counted = ask(question, RATES), ask(question | {"count_links": True}, RATES)
    assert plain.covers == "noise"
    assert "ask with count_links" in plain.explanation
    assert counted.covers == "noise and linkage"
    assert [vector.name for vector in counted.noised] == ["count", "gained", "lost"]
    assert [replace(cell, corrected=None) for cell in counted.cells] == list(plain.cells)
    gained, lost = (vector.values for vector in counted.noised[1:])
    # Of five matches four were found: for each link that moves somebody, a quarter of a person more is moved.
    for cell, more, fewer in zip(counted.cells, gained, lost, strict=True):
        assert cell.corrected is not None
        assert cell.value is not None
        assert cell.corrected.value == int(np.floor(cell.value - (more - fewer) / 4 + 0.5))
    assert (sum(gained) > 0) == (score == 1)
    assert sum(lost) > 0
    assert Release.from_json(counted.to_json()) == counted


def test_a_coarser_table_of_two_files_is_corrected_as_its_cells_are() -> None:
    fields: dict[str, Any] = {"at": ["2018-07-01"], "rule": SIGNS, "count_links": True}
    source = ask(document("stock", by=["country"], **fields), RATES)
    question = parse_question(document("stock", **fields))
    derived = coarser(question, canonical_question(question, {}), terms(), [source])
    assert derived is not None
    (cell,) = derived.cells
    assert cell.corrected is not None
    moved = sum(source.noised[1].values) - sum(source.noised[2].values)
    assert cell.value is not None
    assert cell.corrected.value == int(np.floor(cell.value - moved / 4 + 0.5))


def test_a_table_with_people_who_move_beside_it_has_margins_and_its_cells_have_their_vectors_apart() -> None:
    question = document("stock", at=["2018-07-01"], rule=SIGNS, by=["country"], count_links=True)
    found = ask(question, RATES)
    assert [vector.name for vector in found.measured] == ["count"]
    assert numbers_of(found).values.ravel().tolist() == [cell.value for cell in found.cells]


def test_three_files_have_no_model_and_the_release_says_why() -> None:
    signs = {"kind": "signs", "sources": {"register": 1, "tax": 1, "border": 1}}
    found = ask(document("stock", rule=signs), RATES)
    assert found.covers == "noise"
    assert "rows of border, register, tax decide this one" in found.explanation


@pytest.mark.parametrize(
    "question", [document("persons", of="tax", over=[2018], by=["country"]), document("stock", by=["sex"])]
)
def test_a_file_that_only_fills_in_may_hold_a_person_twice_at_the_price_of_wider_intervals(
    question: dict[str, Any],
) -> None:
    counted = question | ({"count_links": True} if question["measure"] == "stock" else {})
    pair = ("register", "tax") if question["measure"] == "persons" else ("border", "register")
    rates = RATES.model_copy(update={"pairs": (RATES.pairs[0].model_copy(update={"providers": pair}),)})
    filler = "register" if question["measure"] == "persons" else "border"
    once, twice = (ask(counted, rates, terms(sources_with_duplicates=files)) for files in ((), (filler,)))
    assert twice.covers == once.covers == "noise and linkage"
    assert f"{filler} may hold a person twice" in twice.explanation
    wider = False
    for cell, other in zip(once.cells, twice.cells, strict=True):
        assert cell.corrected is not None
        assert other.corrected is not None
        assert other.corrected.value == cell.corrected.value
        assert other.corrected.low <= cell.corrected.low
        assert other.corrected.high >= cell.corrected.high
        wider |= other.corrected != cell.corrected
    assert wider or question["measure"] == "stock"
