"""Tables by cell-key perturbation through the one door: what is allowed, counted, labelled, and stays the same."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from disclosure.cell_keys.ptable import ptable_of
from disclosure.cell_keys.record_keys import RecordKey, cell_key, record_key
from disclosure.compilation import CompiledQuestion
from disclosure.entries import cell_key_tables, verify_chain
from disclosure.errors import LedgerCorrupt, PolicyRefused, QueryFault, ReleaseFailed
from disclosure.estimates import numbers_of
from disclosure.grid import grid_of
from disclosure.measurements import OpenDPNoise
from disclosure.query.parsing import parse_question
from disclosure.release import Preview, preview, release
from disclosure.table import CELL_KEY, Release
from disclosure.terms import Terms
from tests.disclosure_cases import MEASURES, crowd, document, synthetic_key, together
from tests.disclosure_reference import reference_vectors
from tests.disclosure_world import ASKING, CELL_KEYS, KEY, RECORD_KEY, DuckDbCounter, MemoryLedger, Rows, terms

PEOPLE = crowd(5, 120)
ROWS = together(*PEOPLE)
BY_KEY: dict[str, Any] = {"cell_key": True}
WORLD = terms(cell_keys=CELL_KEYS)
PERSONS = ("stock", "inflow", "outflow", "return", "persons")
PTABLE = ptable_of(CELL_KEYS)


def asked(
    data: Mapping[str, Any],
    *,
    ledger: MemoryLedger | None = None,
    rows: Rows = ROWS,
    world: Terms = WORLD,
    key: RecordKey | None = RECORD_KEY,
    idempotency_key: str = "",
) -> Release:
    return release(
        parse_question(data),
        terms=world,
        asking=replace(ASKING, idempotency_key=idempotency_key),
        ledger=ledger or MemoryLedger(),
        counter=DuckDbCounter(rows),
        noise=OpenDPNoise(),
        truncation_key=KEY,
        record_key=key,
    )


def previewed(data: Mapping[str, Any], ledger: MemoryLedger, world: Terms = WORLD) -> Preview:
    return preview(
        parse_question(data), terms=world, asking=ASKING, ledger=ledger, truncation_key=KEY, record_key=RECORD_KEY
    )


def values_of(table: Release) -> dict[tuple[str, ...], int | None]:
    return {cell.coordinates: cell.value for cell in table.cells}


def members_of(data: Mapping[str, Any]) -> dict[tuple[str, ...], list[bytes]]:
    """Who is in which cell, by the reference in plain Python."""
    question = parse_question(data)
    cells = list(grid_of(question, WORLD).coordinates())
    members: dict[tuple[str, ...], list[bytes]] = {cell: [] for cell in cells}
    for number, person in enumerate(PEOPLE, 1):
        for cell, count in zip(cells, reference_vectors(question, WORLD, together(person))[0], strict=True):
            members[cell] += [synthetic_key(number)] * count
    return members


@pytest.mark.parametrize("measure", PERSONS)
def test_every_cell_is_its_count_perturbed_by_the_sum_of_its_persons_keys(measure: str) -> None:
    data = document(measure, by=["sex", "country"], accuracy=BY_KEY)
    members, table = members_of(data), asked(data)
    assert max(len(people) for people in members.values()) > 1
    for coordinates, value in values_of(table).items():
        people = members[coordinates]
        key = cell_key(sum(record_key(RECORD_KEY, person) for person in people))
        assert value == PTABLE.perturbed(len(people), key)


@pytest.mark.parametrize("measure", PERSONS)
def test_totals_are_cells_of_their_own_with_the_value_that_a_coarser_table_has(measure: str) -> None:
    fine = asked(document(measure, by=["sex", "country"], accuracy=BY_KEY))
    coarse = asked(document(measure, by=[], accuracy=BY_KEY))
    assert [cell.value for cell in fine.totals] == [cell.value for cell in coarse.cells]
    assert {cell.noise_sd_millionths for cell in fine.totals} == {PTABLE.noise_sd_millionths}


def test_order_of_rows_and_the_store_change_nothing() -> None:
    data = document("inflow", by=["sex"], accuracy=BY_KEY)
    mixed = {table: random.Random(4).sample(list(rows), len(rows)) for table, rows in ROWS.items()}
    assert values_of(asked(data, rows=mixed)) == values_of(asked(data))


def test_another_key_gives_other_values() -> None:
    data = document("stock", by=["sex", "country"], accuracy=BY_KEY)
    assert values_of(asked(data, key=RecordKey(1, bytes(32)))) != values_of(asked(data))


def test_nobody_is_cut_off_by_the_bound_that_noise_needs() -> None:
    data = document("inflow", over=list(range(2016, 2023)), accuracy=BY_KEY)
    shown = previewed(data, MemoryLedger())
    assert (shown.blocks[0].bound.cells, shown.blocks[0].bound.truncates) == (7, False)
    assert WORLD.budget.flow_cells_per_person < 7


def test_a_table_says_everywhere_that_it_is_not_differentially_private() -> None:
    table = asked(document("stock", by=["sex"], accuracy=BY_KEY))
    assert table.mechanism == CELL_KEY == "cell-key perturbation, not differentially private"
    assert (table.nano_rho, table.is_private, table.covers) == (0, False, "perturbation")
    assert table.question["mechanism"] == CELL_KEY
    assert "not differentially private" in table.explanation
    assert "does not cover this table" in table.explanation
    assert Release.from_json(table.to_json()) == table


def test_intervals_come_from_the_p_table() -> None:
    table = asked(document("stock", by=["sex", "country"], accuracy=BY_KEY))
    for cell in (*table.cells, *table.totals):
        assert (cell.low, cell.high) == PTABLE.interval(cell.value or 0)


def test_off_by_default() -> None:
    with pytest.raises(PolicyRefused, match="allows no tables by cell-key") as refused:
        asked(document("stock", accuracy=BY_KEY), world=terms())
    assert refused.value.clause == "statistics.cell_keys"
    with pytest.raises(PolicyRefused, match="makes no tables"):
        asked(document("stock", accuracy=BY_KEY), key=None)


@pytest.mark.parametrize("measure", [measure for measure in MEASURES if measure not in PERSONS])
def test_what_is_no_count_of_persons_is_refused_before_anything_is_charged(measure: str) -> None:
    ledger = MemoryLedger()
    with pytest.raises(PolicyRefused, match="is for counts of persons"):
        asked(document(measure, accuracy=BY_KEY), ledger=ledger)
    assert not ledger.chain


def test_a_tighter_bound_means_nothing_here() -> None:
    with pytest.raises(PolicyRefused, match="leave cells_per_person out"):
        asked(document("inflow", cells_per_person=1, accuracy=BY_KEY))


@pytest.mark.parametrize("accuracy", [{"cell_key": False}, {"cell_key": True, "nano_rho": 5}, {"cell_key": 1}, {}])
def test_cell_keys_are_asked_for_plainly_and_alone(accuracy: dict[str, Any]) -> None:
    with pytest.raises(QueryFault):
        parse_question(document("stock", accuracy=accuracy))


def test_the_ledger_counts_such_tables_apart_and_no_rho_is_spent() -> None:
    ledger = MemoryLedger()
    asked(document("stock", accuracy=BY_KEY), ledger=ledger)
    asked(document("stock"), ledger=ledger)
    reserved, recorded, *noisy = ledger.chain
    assert (reserved.mechanism, recorded.mechanism) == (CELL_KEY, CELL_KEY)
    assert (reserved.nano_rho, {entry.mechanism for entry in noisy}) == (0, {""})
    assert cell_key_tables(ledger.chain) == 1
    verify_chain(ledger.chain, WORLD.lineage)
    renamed = [replace(reserved, mechanism=""), *ledger.chain[1:]]
    with pytest.raises(LedgerCorrupt):
        verify_chain(renamed, WORLD.lineage)


def test_an_entry_without_price_is_never_taken_for_one_with_noise() -> None:
    ledger = MemoryLedger()
    asked(document("stock"), ledger=ledger)
    free = verify_chain([], WORLD.lineage).next(replace(ledger.chain[0], nano_rho=0))
    with pytest.raises(LedgerCorrupt, match="only a table by cell keys"):
        verify_chain([free], WORLD.lineage)


def test_only_so_many_tables_as_were_agreed() -> None:
    ledger, world = MemoryLedger(), terms(cell_keys=CELL_KEYS.model_copy(update={"tables": 2}))
    dates = [f"2020-0{month}-01" for month in (1, 2, 3)]
    assert previewed(document("stock", accuracy=BY_KEY), ledger, world).tables_left == 2
    for date in dates[:2]:
        asked(document("stock", at=date, accuracy=BY_KEY), ledger=ledger, world=world)
    with pytest.raises(PolicyRefused, match=r"cell_keys\.tables.*2 tables .* were made, 2 are allowed"):
        asked(document("stock", at=dates[2], accuracy=BY_KEY), ledger=ledger, world=world)
    assert previewed(document("stock", at=dates[2], accuracy=BY_KEY), ledger, world).tables_left == 0
    assert asked(document("stock", at=dates[0], accuracy=BY_KEY), ledger=ledger, world=world).cells  # made before
    assert len(ledger.chain) == 4


def test_a_preview_tells_the_deviation_and_no_price() -> None:
    ledger = MemoryLedger()
    shown = previewed(document("stock", by=["sex"], accuracy=BY_KEY), ledger)
    (mechanism,) = shown.mechanisms
    assert (shown.nano_rho, shown.mechanism, shown.tables_left) == (0, CELL_KEY, 40)
    assert (mechanism.half_width, mechanism.noise_sd_millionths) == (PTABLE.half_width, PTABLE.noise_sd_millionths)
    asked(document("stock", by=["sex"], accuracy=BY_KEY), ledger=ledger)
    assert previewed(document("stock", by=["sex"], accuracy=BY_KEY), ledger).answered_before


def test_tables_with_noise_and_by_cell_keys_never_answer_for_each_other() -> None:
    ledger = MemoryLedger()
    noisy = asked(document("stock", by=["sex", "country"], accuracy={"half_width": 15}), ledger=ledger)
    by_key = asked(document("stock", by=["sex"], accuracy=BY_KEY), ledger=ledger)
    assert not by_key.derived_from
    assert by_key.mechanism == CELL_KEY
    again = asked(document("stock", by=["country"], accuracy={"half_width": 30}), ledger=ledger)
    assert (again.derived_from, again.mechanism) == (noisy.release_id, "discrete-gaussian")
    coarser = asked(document("stock", accuracy=BY_KEY), ledger=ledger)
    assert not coarser.derived_from


def test_the_clause_changes_nothing_for_tables_with_noise() -> None:
    ledger = MemoryLedger()
    before = asked(document("stock"), ledger=ledger, world=terms())
    assert asked(document("stock"), ledger=ledger, world=WORLD) == before


def test_a_retry_is_answered_and_counted_once() -> None:
    ledger = MemoryLedger()
    first = asked(document("stock", accuracy=BY_KEY), ledger=ledger, idempotency_key="k1")
    assert asked(document("stock", accuracy=BY_KEY), ledger=ledger, idempotency_key="k1") == first
    assert len(ledger.chain) == 2


def test_a_failure_is_one_opaque_error_without_a_count_or_a_key() -> None:
    class Strange:
        def count(self, compiled: CompiledQuestion) -> Mapping[int, Sequence[int]]:
            return {10**6: (3, 77)}

    with pytest.raises(ReleaseFailed) as failed:
        release(
            parse_question(document("stock", accuracy=BY_KEY)),
            terms=WORLD,
            asking=ASKING,
            ledger=MemoryLedger(),
            counter=Strange(),
            noise=OpenDPNoise(),
            truncation_key=KEY,
            record_key=RECORD_KEY,
        )
    assert (failed.value.__cause__, failed.value.__context__, failed.value.cause) == (None, None, "ValueError")


def test_cells_that_do_not_add_up_are_not_reconciled() -> None:
    with pytest.raises(QueryFault, match="do not add up"):
        numbers_of(asked(document("stock", by=["sex"], accuracy=BY_KEY)))


def test_no_record_key_leaves() -> None:
    table = asked(document("stock", by=["sex"], accuracy=BY_KEY))
    keys = {record_key(RECORD_KEY, row["synthetic_key"]) for rows in ROWS.values() for row in rows}
    shown = json.dumps(json.loads(table.to_json()))
    assert not any(str(key) in shown for key in keys)
