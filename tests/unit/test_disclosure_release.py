"""The one door: what is free, what is charged, what is refused, and what a failure leaves behind."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from disclosure.balances import Caps, balance
from disclosure.compilation import CompiledQuestion
from disclosure.entries import verify_chain
from disclosure.errors import BudgetRefused, LedgerCorrupt, PolicyRefused, ReleaseFailed
from disclosure.measurements import Mechanism, NoiseSource, OpenDPNoise
from disclosure.provisional import provisional_categories
from disclosure.query.parsing import parse_question
from disclosure.release import CellCounter, Preview, preview, release
from disclosure.table import Release
from disclosure.terms import Terms
from tests.disclosure_cases import MEASURES, document, synthetic_key
from tests.disclosure_world import ASKING, KEY, DuckDbCounter, MemoryLedger, NoNoise, terms, vector


def people(count: int) -> dict[tuple[str, str], list[dict[str, Any]]]:
    keys = [synthetic_key(number) for number in range(1, count + 1)]
    start = datetime.date(2018, 3, 1)
    return {
        ("register", "people"): [{"synthetic_key": k, "sex": "fm"[i % 2], "born-in": "aa"} for i, k in enumerate(keys)],
        ("register", "spells"): [{"synthetic_key": k, "start": start, "end": None} for k in keys],
    }


ROWS = people(200)


@dataclass
class Desk:
    """One analysis service: ledger, counter and noise of its own."""

    world: Terms = field(default_factory=terms)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    counter: DuckDbCounter = field(default_factory=lambda: DuckDbCounter(ROWS))

    def ask(
        self,
        data: dict[str, Any],
        *,
        analyst: str = "ana",
        data_version: str = "2023/1",
        counter: CellCounter | None = None,
        noise: NoiseSource | None = None,
    ) -> Release:
        return release(
            parse_question(data),
            terms=self.world,
            asking=replace(ASKING, analyst=analyst, data_version=data_version),
            ledger=self.ledger,
            counter=counter or self.counter,
            noise=noise or OpenDPNoise(),
            truncation_key=KEY,
        )

    def preview(self, data: dict[str, Any]) -> Preview:
        return preview(parse_question(data), terms=self.world, asking=ASKING, ledger=self.ledger, truncation_key=KEY)

    @property
    def spent(self) -> int:
        return sum(entry.nano_rho for entry in self.ledger.chain)

    def left_to(self, analyst: str) -> int:
        world = self.world
        whose = {"project": world.project, "wave": "2023", "analyst": analyst, "at": ASKING.at_text}
        return balance(self.ledger.chain, Caps.of(world.budget), **whose).analyst.left


def test_a_release_holds_the_full_grid_with_intervals_around_true_counts() -> None:
    desk = Desk()
    data = document("stock", at=["2019-01-01", "2020-01-01"], by=["sex", "country"], accuracy={"half_width": 5})
    answer = desk.ask(data)
    truth = vector(parse_question(data), desk.world, ROWS)
    assert answer.axes == ("date", "country", "sex")
    assert len(answer.cells) == len(truth) == 2 * 4 * 3
    assert truth.count(0) == 20
    for cell, value, count in zip(answer.cells, answer.noised[0].values, truth, strict=True):
        assert (cell.low, cell.value, cell.high) == (value - 5, value, value + 5)
        assert abs(value - count) < 40  # 15 standard deviations
    assert answer.half_width == 5
    assert desk.spent == answer.nano_rho
    assert [entry.kind for entry in desk.ledger.chain] == ["RESERVED", "RELEASED"]
    verify_chain(desk.ledger.chain, desk.world.lineage)


def test_a_release_survives_its_json_form() -> None:
    answer = Desk().ask(document("inflow", by=["sex"]))
    assert Release.from_json(answer.to_json()) == answer
    with pytest.raises(LedgerCorrupt):
        Release.from_json(answer.to_json().replace(b'"axes"', b'"axis"'))


@pytest.mark.parametrize("measure", MEASURES)
def test_the_same_question_again_is_answered_free_and_identically(measure: str) -> None:
    desk = Desk()
    first = desk.ask(document(measure, by=["sex", "country"]))
    spelled = document(measure, by=["country", "sex"], where=[{"dimension": "sex", "in": ["m", "unknown", "f"]}])
    again = desk.ask(spelled, analyst="bo")
    assert again == first
    assert again.to_json() == first.to_json()
    assert desk.spent == first.nano_rho
    assert desk.counter.counted == 1


def test_a_less_precise_question_is_answered_by_the_more_precise_release_and_the_reverse_is_charged() -> None:
    desk = Desk()
    coarse = desk.ask(document("stock", accuracy={"half_width": 20}))
    fine = desk.ask(document("stock", accuracy={"half_width": 10}))
    assert fine.release_id != coarse.release_id
    assert desk.spent == coarse.nano_rho + fine.nano_rho
    assert desk.ask(document("stock", accuracy={"half_width": 15})) == fine
    assert desk.ask(document("stock", accuracy={"half_width": 20})) == fine
    assert desk.spent == coarse.nano_rho + fine.nano_rho


def test_a_new_data_version_is_a_new_charge_and_never_a_stale_answer() -> None:
    desk = Desk()
    first = desk.ask(document("stock"))
    second = desk.ask(document("stock"), data_version="2023/2")
    assert second.data_version == "2023/2"
    assert desk.spent == first.nano_rho + second.nano_rho


def test_a_question_over_budget_is_refused_and_changes_nothing() -> None:
    desk = Desk()
    desk.ask(document("stock", accuracy={"nano_rho": 400_000_000}))
    before = (list(desk.ledger.chain), dict(desk.ledger.results), desk.counter.counted)
    desk.ask(document("stock", accuracy={"nano_rho": 400_000_000}))
    with pytest.raises(BudgetRefused, match="per_release"):
        desk.ask(document("inflow", accuracy={"nano_rho": 500_000_001 * 2}))
    assert (desk.ledger.chain, desk.ledger.results, desk.counter.counted) == before
    desk.ask(document("inflow", accuracy={"nano_rho": 400_000_000}))
    before = (list(desk.ledger.chain), dict(desk.ledger.results), desk.counter.counted)
    with pytest.raises(BudgetRefused, match="per_analyst"):
        desk.ask(document("outflow", accuracy={"nano_rho": 400_000_000}))
    assert (desk.ledger.chain, desk.ledger.results, desk.counter.counted) == before
    desk.ask(document("outflow", accuracy={"nano_rho": 400_000_000}), analyst="bo")


def test_a_question_against_policy_is_refused_and_changes_nothing() -> None:
    desk = Desk()
    for data in (document("stock", by=["income"]), document("stock", accuracy={"half_width": 5000})):
        with pytest.raises(PolicyRefused):
            desk.ask(data)
        with pytest.raises(PolicyRefused):
            desk.preview(data)
    assert desk.ledger.chain == []
    assert desk.counter.counted == 0


def test_a_preview_tells_price_and_precision_without_data_or_charge() -> None:
    desk = Desk()
    data = document("stock", by=["sex"], accuracy={"half_width": 5})
    shown = desk.preview(data)
    assert (desk.ledger.chain, desk.counter.counted) == ([], 0)
    answer = desk.ask(data)
    assert (shown.nano_rho, shown.cells) == (answer.nano_rho, len(answer.cells))
    for mechanism, block, noised in zip(shown.mechanisms, shown.blocks, answer.noised, strict=True):
        assert (mechanism.half_width, mechanism.noise_sd_millionths) == (noised.half_width, noised.noise_sd_millionths)
        assert (block.name, block.bound.cells, block.bound.l2_squared) == (
            noised.name,
            noised.bound_cells,
            noised.l2_squared,
        )
    assert (shown.question, shown.question_hash) == (answer.question, answer.question_hash)
    assert not shown.answered_before
    after = desk.preview(data)
    assert after.answered_before
    assert shown.tables_left == 1_000_000_000 // shown.nano_rho
    assert after.tables_left == (1_000_000_000 - shown.nano_rho) // shown.nano_rho
    assert desk.preview(document("inflow", accuracy={"nano_rho": 600_000_000})).tables_left == 0


@dataclass
class Failing:
    """A counter or noise source that fails with a message that holds data."""

    error: Exception

    def count(self, compiled: CompiledQuestion) -> Mapping[int, Sequence[int]]:
        raise self.error

    def add_noise(self, counts: Sequence[int], mechanism: Mechanism) -> tuple[int, ...]:
        raise self.error


class FailingLedger(MemoryLedger):
    def record(self, reservation: Any, result: bytes, at: str) -> Any:
        raise OSError("disk full after Zuleika")


def failure_of(desk: Desk, **parts: Any) -> ReleaseFailed:
    with pytest.raises(ReleaseFailed) as caught:
        desk.ask(document("stock"), **parts)
    return caught.value


def test_every_failure_after_the_reservation_is_one_opaque_error_and_stays_charged() -> None:
    messages = set()
    failing = Failing(ValueError("could not convert Zuleika"))
    for ledger, parts in (
        (MemoryLedger(), {"counter": failing}),
        (MemoryLedger(), {"counter": Failing(MemoryError())}),
        (MemoryLedger(), {"noise": failing}),
        (FailingLedger(), {}),
    ):
        desk = Desk(ledger=ledger)
        error = failure_of(desk, **parts)
        messages.add(str(error).replace(error.release_id, "ID"))
        assert "Zuleika" not in str(error) + error.cause
        assert error.__context__ is None
        assert error.__cause__ is None
        assert [entry.kind for entry in desk.ledger.chain] == ["RESERVED"]
        assert desk.spent > 0
    assert len(messages) == 1


def test_a_count_outside_the_grid_releases_nothing() -> None:
    @dataclass
    class Odd:
        counts: Mapping[int, Sequence[int]]

        def count(self, compiled: CompiledQuestion) -> Mapping[int, Sequence[int]]:
            return self.counts

    for counts in ({7: (1,)}, {-1: (1,)}, {0: (-1,)}, {0: (1, 1)}):
        assert failure_of(Desk(), counter=Odd(counts)).cause == "ValueError"


def test_the_charge_is_in_the_ledger_before_data_are_counted_and_before_noise_is_drawn() -> None:
    desk, seen = Desk(), list[list[str]]()

    class Watching:
        def count(self, compiled: CompiledQuestion) -> Mapping[int, Sequence[int]]:
            seen.append([entry.kind for entry in desk.ledger.chain])
            return {}

        def add_noise(self, counts: Sequence[int], mechanism: Mechanism) -> tuple[int, ...]:
            seen.append([entry.kind for entry in desk.ledger.chain])
            return tuple(counts)

    desk.ask(document("stock"), counter=Watching(), noise=Watching())
    assert seen == [["RESERVED"], ["RESERVED"]]


def test_asking_again_after_a_crash_is_a_new_charge_and_the_old_one_stays() -> None:
    desk = Desk()
    failure_of(desk, counter=Failing(KeyError()))
    lost = desk.spent
    answer = desk.ask(document("stock"))
    assert desk.spent == lost + answer.nano_rho
    assert desk.left_to("ana") == 1_000_000_000 - 2 * answer.nano_rho


def test_a_stored_result_that_was_changed_is_never_handed_out() -> None:
    desk = Desk()
    answer = desk.ask(document("stock"))
    desk.ledger.results[answer.release_id] = answer.to_json().replace(b'"half_width":10', b'"half_width":11')
    with pytest.raises(LedgerCorrupt, match="stored result"):
        desk.ask(document("stock"))


def test_totals_are_sums_of_cells_with_the_noise_of_a_sum() -> None:
    answer = Desk().ask(document("stock", at=["2019-01-01", "2020-01-01"], by=["sex", "country"]))
    assert [total.coordinates for total in answer.totals] == [("2019-01-01",), ("2020-01-01",)]
    for number, total in enumerate(answer.totals):
        value = sum(answer.noised[0].values[12 * number : 12 * (number + 1)])
        assert total.value == value
        assert total.noise_sd_millionths == pytest.approx(answer.noised[0].noise_sd_millionths * 12**0.5, abs=1)
        assert total.high is not None
        assert total.high - value == pytest.approx(1.96 * 12**0.5 * answer.noise_sd, abs=1)


def test_a_table_without_dimensions_has_no_totals_because_its_cells_are_them() -> None:
    assert Desk().ask(document("inflow")).totals == ()


def test_unreliable_and_provisional_cells_are_flagged_and_kept() -> None:
    desk = Desk(world=replace(terms(), minimum_cell_count=5))
    data = document("stock", at=["2020-01-01", "2022-06-01"], by=["sex"])
    answer = desk.ask(data, noise=NoNoise())
    assert {cell.coordinates: (cell.value, cell.flags) for cell in answer.cells} == {
        ("2020-01-01", "f"): (100, ()),
        ("2020-01-01", "m"): (100, ()),
        ("2020-01-01", "unknown"): (0, ("U",)),
        ("2022-06-01", "f"): (100, ("P",)),
        ("2022-06-01", "m"): (100, ("P",)),
        ("2022-06-01", "unknown"): (0, ("U", "P")),
    }
    unruled = desk.ask(document("stock", at=["2022-06-01"], rule={"minimum_months": 0}), noise=NoNoise())
    assert unruled.cells[0].flags == ()
    flows = desk.ask(document("inflow", over=[2020, 2021, 2022]), noise=NoNoise())
    assert ["P" in cell.flags for cell in flows.cells] == [False, False, True]


@pytest.mark.parametrize(
    ("rule", "provisional"),
    [
        # The small world begins with 2015 and ends with 2022.
        ({"minimum_months": 0}, {}),
        ({"minimum_months": 12}, {"inflow": "2022", "outflow": "2022", "duration": "2022", "stock": "2022"}),
        (
            {"kind": "window", "days": 365, "of": 487},
            dict.fromkeys(("inflow", "outflow", "duration"), "2015 2021 2022") | {"stock": "2015 2022"},
        ),
        (
            {"kind": "window", "days": 366, "of": 487},
            dict.fromkeys(("inflow", "outflow", "duration"), "2015 2016 2021 2022") | {"stock": "2015 2016 2022"},
        ),
        ({"kind": "signs", "sources": {"tax": 1}}, {"inflow": "2015", "outflow": "2022", "duration": "2015 2022"}),
        (
            {"kind": "signs", "sources": {"tax": 1}, "gap_years": 1},
            {"inflow": "2015 2016", "outflow": "2021 2022", "duration": "2015 2016 2021 2022", "stock": "2015 2022"},
        ),
    ],
)
def test_what_a_rule_asks_of_days_before_or_after_observation_is_provisional(
    rule: dict[str, Any], provisional: dict[str, str]
) -> None:
    years = list(range(2015, 2023))

    def found(measure: str) -> set[str]:
        when: dict[str, Any] = {"at": [f"{year}-01-01" for year in years]} if measure == "stock" else {"over": years}
        asked = parse_question(document(measure, rule=rule, **when))
        return {name[:4] for name in provisional_categories(asked, terms())}

    for measure, alike in {"return": "inflow", "net": "duration", "length": "duration"}.items():
        assert found(measure) == found(alike)
    for measure in ("inflow", "outflow", "duration", "stock"):
        assert found(measure) == set(provisional.get(measure, "").split())
    assert provisional_categories(parse_question(document("quantile", over=years)), terms()) == set()
