"""Synthetic files: measured margins through the one door, persons like them without data, and what is said of both."""

import dataclasses
import importlib.util
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from disclosure import synthesis
from disclosure.bounding import blocks_of
from disclosure.errors import PolicyRefused, QueryFault
from disclosure.grid import TOTAL, grid_of
from disclosure.margins import MeasuredMargins
from disclosure.query.parsing import parse_question
from disclosure.query.questions import StockQuestion
from disclosure.synthesis import synthesize
from disclosure.table import Release
from disclosure.terms import Terms
from disclosure.utility import LIMITS, utility_of
from linkage_core.errors import InputFault, Unfit
from services.analysis.synthetic_file import PERSONS_FILE, RELEASE_FILE, UTILITY_FILE, check_ready
from services.analysis.trial import Trial, write_dummy
from services.cli import query
from tests.disclosure_cases import document
from tests.disclosure_world import terms
from tests.support.parties import make_parties

AT = datetime(2026, 1, 1, tzinfo=UTC)
needs_mbi = pytest.mark.skipif(
    importlib.util.find_spec("mbi") is None,
    reason="the extra `synthetic` is not installed: persons are drawn in no test of this run",
)


def measured(*, persons: int = 400, noise: bool = False, **fields: Any) -> MeasuredMargins:
    trial = Trial.invent(terms(), persons=persons, seed=3)
    return MeasuredMargins.of(trial.answer(document("synthetic", **fields), AT, with_noise=noise).release)


# ------------------------------------------------------------------------------------------------------------ the door


def test_every_pair_of_dimensions_is_a_table_of_its_own_and_a_person_is_once_in_each() -> None:
    question, world = parse_question(document("synthetic")), terms()
    grid = grid_of(question, world)
    coordinates = list(grid.coordinates())
    assert len(coordinates) == len(set(coordinates)) == grid.size
    assert {tuple(category == TOTAL for category in where[1:]) for where in coordinates} == {
        (False, False, True),
        (False, True, False),
        (True, False, False),
    }
    (block,) = blocks_of(question, world)
    assert (block.bound.cells, block.bound.l2_squared, block.bound.truncates) == (3, 3, False)


def test_pairs_of_one_release_agree_with_each_other_and_with_the_stock() -> None:
    trial = Trial.invent(terms(), persons=400, seed=3)
    margins = measured()
    stock = trial.answer(document("stock", by=["country", "sex"]), AT).release
    assert margins.counts(("country", "sex")).ravel().tolist() == [cell.value for cell in stock.cells]
    for name in margins.dimensions:
        sums = [values.sum(axis=1 - pair.index(name)) for pair, values in margins.pairs.items() if name in pair]
        assert all((one == sums[0]).all() for one in sums)
        assert margins.counts((name,)) == pytest.approx(sums[0])
    assert margins.persons == pytest.approx(stock.totals[0].value)


def test_the_price_of_a_synthetic_release_is_that_of_its_pairs_together() -> None:
    trial = Trial.invent(terms(), persons=50, seed=3)
    three = trial.answer(document("synthetic"), AT).release
    one = trial.answer(document("synthetic", by=["country", "sex"]), AT).release
    assert three.nano_rho == pytest.approx(3 * one.nano_rho, abs=3)
    assert three.half_width == one.half_width


@pytest.mark.parametrize(
    "wrong",
    [{"by": ["sex"]}, {"by": []}, {"at": ["2020-01-01", "2021-01-01"]}, {"by": [f"d{n}" for n in range(9)]}],
)
def test_one_date_and_two_to_eight_dimensions_are_needed(wrong: dict[str, Any]) -> None:
    with pytest.raises(QueryFault):
        parse_question(document("synthetic", **wrong))


def test_a_code_that_stands_for_totals_is_refused() -> None:
    world = terms()
    lists = tuple(item.model_copy(update={"codes": (*item.codes, TOTAL)}) for item in world.statistics.code_lists)
    changed: Terms = dataclasses.replace(world, statistics=world.statistics.model_copy(update={"code_lists": lists}))
    with pytest.raises(PolicyRefused, match="kept for totals"):
        Trial.invent(changed, persons=10, seed=1).answer(document("synthetic"), AT)


def test_margins_are_read_from_a_synthetic_release_only() -> None:
    release = Trial.invent(terms(), persons=10, seed=1).answer(document("stock"), AT).release
    with pytest.raises(QueryFault, match="no release of the measure synthetic"):
        MeasuredMargins.of(release)


def test_a_synthetic_question_is_not_answered_by_a_stock() -> None:
    assert not isinstance(parse_question(document("synthetic")), StockQuestion)


# ------------------------------------------------------------------------------------------------------------- margins


def margins_of(counts: dict[tuple[str, str], Any], noise_sd: float = 1.0) -> MeasuredMargins:
    sizes: dict[str, int] = {}
    for pair, values in counts.items():
        sizes |= dict(zip(pair, np.shape(values), strict=True))
    categories = {name: tuple(f"{name}{place}" for place in range(sizes[name])) for name in sorted(sizes)}
    return MeasuredMargins("r", categories, noise_sd, {p: np.array(v, dtype=float) for p, v in counts.items()})


def test_a_link_is_stronger_than_independence_and_noise_alone_is_none() -> None:
    random = np.random.default_rng(1)
    linked, apart = [[4000, 0], [0, 4000]], [[2000, 2000], [2000, 2000]]
    strengths = [
        [margins_of({("a", "b"): values + random.normal(0, 20, (2, 2))}, 20.0).strength(("a", "b")) for _ in range(200)]
        for values in (np.array(linked), np.array(apart))
    ]
    assert min(strengths[0]) > 0.45
    assert abs(np.mean(strengths[1])) < 0.002


def test_noise_of_a_dimension_alone_is_that_of_its_pairs_summed_and_averaged() -> None:
    random = np.random.default_rng(2)
    truth = {("a", "b"): np.full((2, 3), 100.0), ("a", "c"): np.full((2, 5), 60.0), ("b", "c"): np.full((3, 5), 40.0)}
    draws = [
        margins_of({pair: values + random.normal(0, 7, values.shape) for pair, values in truth.items()}, 7.0)
        for _ in range(2_000)
    ]
    assert np.std([draw.persons for draw in draws]) == pytest.approx(draws[0].persons_sd, rel=0.06)
    spread = np.std([draw.counts(("a",))[0] for draw in draws])
    assert spread == pytest.approx(draws[0].noise_sd_of(("a",)), rel=0.06)
    distances = [np.abs(draw.counts(("a", "b")) / draw.persons - truth["a", "b"] / 600).sum() / 2 for draw in draws]
    assert np.mean(distances) == pytest.approx(draws[0].noise_distance(("a", "b")), rel=0.05)


# --------------------------------------------------------------------------------------------------------------- files


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unfit, match=r"pip install 'symbolon\[synthetic\]'"):
        synthesize(measured(), seed=1)


def test_what_stands_in_the_way_of_a_file_is_told_before_anything_is_charged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(QueryFault, match="measure synthetic"):
        check_ready(document("stock"), tmp_path / "new")
    with pytest.raises(FileExistsError):
        check_ready(document("synthetic"), tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unfit, match="mbi"):
        check_ready(document("synthetic"), tmp_path / "new")


def test_a_number_of_persons_out_of_range_and_margins_of_nothing_but_noise_are_refused() -> None:
    with pytest.raises(InputFault, match="persons"):
        synthesize(measured(), seed=1, persons=synthesis.MOST_PERSONS + 1)
    with pytest.raises(InputFault, match="noise"):
        synthesize(margins_of({("a", "b"): [[-4, 1], [1, 1]]}), seed=1)
    with pytest.raises(InputFault, match="noise"):
        synthesize(margins_of({("a", "b"): [[9, 0], [0, 9]]}, noise_sd=5.0), seed=1)


@needs_mbi
def test_a_file_has_the_margins_that_were_measured() -> None:
    file = synthesize(margins_of({("a", "b"): [[3000, 200], [100, 2700]]}), seed=1)
    assert file.persons == 6000
    assert file.linked == (("a", "b"),)
    assert np.abs(file.count(("a", "b")) - [[3000, 200], [100, 2700]]).max() <= 10
    report = utility_of(file)
    assert report.limits == LIMITS
    assert all(line.distance < 5_000 for line in report.margins)
    assert json.loads(report.to_json())["persons"] == 6000


@needs_mbi
def test_two_dimensions_that_hang_on_a_third_are_not_linked_any_further() -> None:
    """mbi 1.1, which OpenDP pins, lets both rise together within each category of the third: a link of its own."""
    a = np.array([[900, 600, 300, 200], [200, 300, 600, 900]])
    file = synthesize(
        margins_of(
            {
                ("a", "m"): a.T,
                ("b", "m"): a.T,
                ("a", "b"): np.outer([1100, 900, 900, 1100], [1100, 900, 900, 1100]) / 4000,
            }
        ),
        seed=1,
    )
    assert ("a", "b") not in file.linked
    within = file.places["m"] == 0
    first, second = (file.places[name][within].astype(float) for name in ("a", "b"))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1


@needs_mbi
def test_the_same_seed_draws_the_same_persons_and_noise_is_no_obstacle() -> None:
    margins = measured(noise=True)
    first, again, other = (synthesize(margins, seed=seed, persons=300) for seed in (1, 1, 2))
    columns, same = first.columns(), again.columns()
    assert all((columns[name] == same[name]).all() for name in margins.dimensions)
    assert any((columns[name] != other.columns()[name]).any() for name in margins.dimensions)
    assert all(set(columns[name]) <= set(margins.categories[name]) for name in margins.dimensions)


@needs_mbi
def test_a_synthetic_file_is_tried_on_invented_persons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parties = make_parties(tmp_path / "parties")
    statistics = parties.verified.document.statistics.model_dump(mode="json")
    statistics["dimensions"].append({"name": "stayed", "kind": "duration", "bands": [0, 12, 36]})
    parties.amend(statistics=statistics)
    write_dummy(parties.agreement_file, tmp_path / "dummy", persons=300, seed=1)
    question = tmp_path / "synthetic.toml"
    question.write_text(
        'measure = "synthetic"\nat = 2023-01-01\nby = ["sex", "stayed"]\naccuracy = { half_width = 10 }\n'
    )
    query.app(
        ["synthesize", str(question), "--dummy", str(tmp_path / "dummy"), "-o", str(tmp_path / "out")],
        standalone_mode=False,
    )
    told = capsys.readouterr()
    assert "invented persons beside the margins" in told.out
    assert LIMITS[0] in told.err
    rows = (tmp_path / "out" / PERSONS_FILE).read_text().splitlines()
    report = json.loads((tmp_path / "out" / UTILITY_FILE).read_text())
    assert len(rows) == report["persons"] + 1
    release = Release.from_json((tmp_path / "out" / RELEASE_FILE).read_bytes())
    assert release.release_id == report["release_id"]
