"""A plan keeps its promise on codes it has not seen, says when it cannot, and samples are drawn from the seed alone."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from linkage_core.comparing.dice import find_pairs
from linkage_core.errors import InputFault
from linkage_core.lsh import rows as lsh_rows
from linkage_core.lsh.find import find_in_tables
from linkage_core.lsh.plan import Agreement, LshPlan, head_of, places_of, plan_tables
from linkage_core.lsh.rows import CROWD, CodedRows, WantedPairs
from linkage_core.lsh.sample import (
    MeasuredRecall,
    SampledPairs,
    agreement_of,
    draw_records,
    sample_pairs,
)

BITS = 1024
THRESHOLD, LINK = 0.6, 0.6
PEOPLE = 4000


def mean_dice(dice: NDArray[np.float64]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = np.nan_to_num(np.nanmean(dice, axis=1))
    return mean


def words(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    return np.packbits(bits, axis=1).view(np.uint64)


@pytest.fixture(scope="module")
def coded() -> list[CodedRows]:
    """Two files about the same people, whose two codes differ by 0 to 35 % of their bits; some lack one."""
    rng = np.random.default_rng(5)
    made = []
    for _ in range(2):
        first = rng.random((PEOPLE, BITS)) < 0.5
        noise = rng.random((PEOPLE, BITS)) < rng.choice([0.0, 0.1, 0.2, 0.25, 0.3, 0.35], (PEOPLE, 1))
        second = (first ^ noise) & (rng.random((PEOPLE, 1)) < 0.99)
        made.append(CodedRows.of(words(np.concatenate([first, second])), 1))
    return made


WANTED = WantedPairs.of_files(np.array([0, PEOPLE, 2 * PEOPLE], np.int64), np.array([False, False]))


def sampled(coded: list[CodedRows], purpose: str, count: int = 2000) -> SampledPairs:
    records = draw_records(3, purpose, count, 2 * PEOPLE)
    return sample_pairs(coded, WANTED, records, THRESHOLD, LINK, mean_dice, threads=2)


def planned(coded: list[CodedRows], recall: float) -> LshPlan:
    plan = plan_tables(agreement_of(sampled(coded, "plan"), coded, 3), [2 * PEOPLE] * 2, [10**9] * 2, recall, 3)
    assert plan is not None
    return plan


@pytest.mark.parametrize("recall", [0.9, 0.97])
def test_a_plan_reaches_its_recall_on_records_that_it_was_not_made_from(coded: list[CodedRows], recall: float) -> None:
    plan = planned(coded, recall)
    found = [find_in_tables(coded, WANTED, plan, clk, range(plan.tables[clk]), THRESHOLD, 10**9) for clk in range(2)]
    sample = sampled(coded, "measure")
    row_a, row_b = np.concatenate([f.row_a for f in found]), np.concatenate([f.row_b for f in found])
    measured = MeasuredRecall.of(sample, sample.among(row_a, row_b))
    assert measured.records == 2000
    assert measured.best_pairs > 1000
    assert measured.recall >= recall
    assert abs(measured.recall - plan.expected_recall) < 0.02
    assert abs(measured.recall_of_linkable - plan.expected_recall_of_linkable) < 0.02


def test_more_recall_takes_more_work(coded: list[CodedRows]) -> None:
    assert planned(coded, 0.9).cost_of_exact > planned(coded, 0.97).cost_of_exact > 1


def test_there_is_no_plan_where_comparing_all_pairs_is_cheaper(coded: list[CodedRows]) -> None:
    agreement = agreement_of(sampled(coded, "plan"), coded, 3)
    assert plan_tables(agreement, [2 * PEOPLE] * 2, [10_000] * 2, 0.99, 3) is None


def test_there_is_no_plan_where_no_table_could_find_enough() -> None:
    apart = np.array([[100], [-1]] * 500)
    lost = Agreement(apart, np.ones(1000, np.bool_), np.full((100, 1), 512), (BITS,))
    assert plan_tables(lost, [10**6], [10**12], 0.9, 3) is None
    assert plan_tables(replace(lost, apart=np.abs(apart)), [10**6], [10**12], 0.9, 3) is not None


def test_a_sample_too_small_to_promise_a_recall_makes_no_plan() -> None:
    small = Agreement(np.zeros((459, 1), np.int64), np.ones(459, np.bool_), np.full((100, 1), 512), (BITS,))
    assert plan_tables(small, [10**6], [10**12], 0.99, 3) is None
    one_more = replace(small, apart=np.zeros((461, 1), np.int64), best=np.ones(461, np.bool_))
    assert plan_tables(one_more, [10**6], [10**12], 0.99, 3) is not None


def test_a_manifest_gets_plain_figures(coded: list[CodedRows]) -> None:
    described = planned(coded, 0.9).describe()
    assert described["lsh_seed"] == f"{3:016x}"
    assert all(isinstance(value, str | int) for value in described.values())


VECTOR = [676, 791, 145, 1014, 679, 371]
"""SHAKE-256 of b"symbolon lsh table v1", seed 7 (8 bytes), CLK 0 and table 1 (4 bytes each), in fours modulo 1024, by
hashlib alone."""


def test_places_are_drawn_as_recorded_and_differ_between_tables_clks_and_seeds() -> None:
    plan = LshPlan(7, (12,), (3,), (102,), 1.0, 1.0, 1.0)
    assert places_of(plan, 0, 1, BITS, 6).tolist() == VECTOR
    assert places_of(plan, 0, 1, BITS, 12).tolist()[:6] == VECTOR
    others = [places_of(plan, 0, 2, BITS, 6), places_of(plan, 1, 1, BITS, 6)]
    others.append(places_of(replace(plan, seed=8), 0, 1, BITS, 6))
    assert all(other.tolist() != VECTOR for other in others)
    every = places_of(plan, 0, 1, 300, 300)
    assert sorted(every.tolist()) == list(range(300))


def test_tables_take_turns_in_the_words_they_compare_first() -> None:
    assert [head_of(table, BITS) for table in range(1, 6)] == [4, 8, 12, 0, 4]
    assert {head_of(table, 256) for table in range(1, 6)} == {0}


def test_records_are_drawn_by_seed_and_purpose() -> None:
    drawn = draw_records(3, "plan", 500, 10_000)
    assert len(set(drawn.tolist())) == 500
    assert drawn.max() < 10_000
    assert (drawn == draw_records(3, "plan", 500, 10_000)).all()
    assert set(drawn.tolist()) != set(draw_records(3, "measure", 500, 10_000).tolist())
    assert draw_records(3, "plan", 500, 400).tolist() == list(range(400))


def test_a_sample_holds_what_exact_comparison_gives(coded: list[CodedRows]) -> None:
    sample = sampled(coded, "plan", 300)
    proposed = set()
    for rows in coded:
        i, j = find_pairs(rows.words[:PEOPLE], rows.words[PEOPLE:], THRESHOLD)
        proposed |= set(zip(i.tolist(), (j + PEOPLE).tolist(), strict=True))
    records = set(draw_records(3, "plan", 300, 2 * PEOPLE).tolist())
    low, high = np.minimum(sample.record, sample.partner), np.maximum(sample.record, sample.partner)
    pairs = set(zip(low.tolist(), high.tolist(), strict=True))
    assert pairs <= {pair for pair in proposed if records & set(pair)}
    own = {(a, b) for a, b in proposed if b == a + PEOPLE and records & {a, b} and pair_score(coded, a, b) >= LINK}
    assert own <= pairs
    assert len(own) > 150
    best = sample.record[sample.best]
    assert len(set(best.tolist())) == len(best) == len(set(sample.record.tolist()))


def test_a_pair_counts_as_best_only_if_each_is_the_others_best() -> None:
    rng = np.random.default_rng(4)
    bits = np.zeros((5, BITS), np.bool_)
    bits[:] = rng.random(BITS) < 0.5
    for row, places in ((1, 200), (3, 120), (4, 350)):
        bits[row, :places] ^= True
    bits[2] = rng.random(BITS) < 0.5
    rows = [CodedRows.of(words(bits), 1)]
    wanted = WantedPairs.of_files(np.array([0, 3, 5], np.int64), np.array([False, False]))
    sample = sample_pairs(rows, wanted, np.arange(5, dtype=np.uint32), THRESHOLD, LINK, mean_dice)
    best = set(zip(sample.record[sample.best].tolist(), sample.partner[sample.best].tolist(), strict=True))
    pairs = set(zip(sample.record.tolist(), sample.partner.tolist(), strict=True))
    assert pairs == {(a, b) for pair in ((0, 3), (1, 3), (0, 4), (1, 4)) for a, b in (pair, pair[::-1])}
    assert best == {(1, 3), (3, 1)}  # 3 is nearest to 0 too, and 1 to 4, but they are nearer to each other


def pair_score(coded: list[CodedRows], a: int, b: int) -> float:
    dice = []
    for rows in coded:
        if rows.ones[a] and rows.ones[b]:
            common = np.bitwise_count(rows.words[a] & rows.words[b]).sum()
            dice.append(2 * common / (rows.ones[a] + rows.ones[b]))
    return float(np.mean(dice)) if dice else 0.0


def test_a_search_that_finds_nothing_is_measured_so(coded: list[CodedRows]) -> None:
    sample = sampled(coded, "measure", 300)
    nothing = np.zeros(0, np.uint32)
    measured = MeasuredRecall.of(sample, sample.among(nothing, nothing))
    assert (measured.recall, measured.recall_of_linkable) == (0.0, 0.0)
    all_of_them = (np.minimum(sample.record, sample.partner), np.maximum(sample.record, sample.partner))
    assert MeasuredRecall.of(sample, sample.among(*all_of_them)).recall == 1.0


def test_a_code_that_too_many_share_is_passed_over_and_its_pairs_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    bits = rng.random((40, BITS)) < 0.5
    bits[5:15] = bits[5]
    bits[20:23] = bits[20]
    monkeypatch.setattr(lsh_rows, "CROWD", 9)
    rows = CodedRows.of(words(bits), 1)
    wanted = WantedPairs.of_files(np.array([0, 10, 40], np.int64), np.array([False, True]))
    plan = LshPlan(7, (4,), (3,), (256,), 1.0, 1.0, 1.0)
    found = find_in_tables([rows], wanted, plan, 0, range(3), 1.0, 10**9)
    assert sorted(zip(found.row_a.tolist(), found.row_b.tolist(), strict=True)) == [(20, 21), (20, 22), (21, 22)]
    assert found.skipped_pairs == 5 * 5 + 5 * 4 // 2


def test_a_pair_of_a_code_that_too_many_share_is_found_by_another_clk(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    crowded, telling = (rng.random((40, BITS)) < 0.5 for _ in range(2))
    crowded[:] = crowded[0]
    telling[21] = telling[1]
    monkeypatch.setattr(lsh_rows, "CROWD", 9)
    coded = [CodedRows.of(words(crowded), 1), CodedRows.of(words(telling), 1)]
    wanted = WantedPairs.of_files(np.array([0, 20, 40], np.int64), np.array([False, False]))
    plan = LshPlan(7, (4, 4), (1, 1), (256, 256), 1.0, 1.0, 1.0)
    found = [find_in_tables(coded, wanted, plan, clk, range(1), 0.6, 10**9) for clk in range(2)]
    assert len(found[0].row_a) == 0
    assert found[0].skipped_pairs == 400
    assert (found[1].row_a.tolist(), found[1].row_b.tolist()) == ([1], [21])


def test_codes_of_a_length_that_tables_cannot_take_are_refused() -> None:
    with pytest.raises(InputFault, match="multiple of 256 bits, not 320; agree on"):
        CodedRows.of(np.ones((3, 5), np.uint64), 1)


def test_nobody_can_crowd_a_person_out_without_knowing_the_runs_seed() -> None:
    """Whoever knows the constants of the mix can invert it; those of one seed say nothing of another's."""
    victim = np.random.default_rng(8).integers(0, 2**64, (1, 16), dtype=np.uint64)
    start, factor = constants_of(seed=1)
    target = CodedRows.of(victim, 1).contents[0]
    forged = np.stack([with_contents(int(target), start, factor, draw) for draw in range(CROWD + 1)])
    rows = np.concatenate([victim, forged])
    assert CodedRows.of(rows, 1).crowded.all(), "the attack works against a seed that is known"
    assert not CodedRows.of(rows, 2).crowded.any()


def constants_of(seed: int) -> tuple[int, int]:
    drawn = hashlib.blake2b(b"symbolon lsh contents v1" + seed.to_bytes(8, "big"), digest_size=16).digest()
    return int.from_bytes(drawn[:8], "little"), int.from_bytes(drawn[8:], "little") | 1


def with_contents(target: int, start: int, factor: int, draw: int) -> NDArray[np.uint64]:
    """Random words whose last is chosen so that the row's key comes out as `target`."""
    row = np.random.default_rng([9, draw]).integers(0, 2**64, 16, dtype=np.uint64)
    key = start
    for word in row[:-1].tolist():
        key = (key ^ word) * factor % 2**64
        key ^= key >> 29
    wanted = target
    for _ in range(3):
        wanted = target ^ (wanted >> 29)
    row[-1] = key ^ (wanted * pow(factor, -1, 2**64) % 2**64)
    return row
