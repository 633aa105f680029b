"""Candidates of a search: thresholds, missing CLKs, blocks, caps, and runs that are stopped and go on."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pytest

from linkage_core.errors import Unfit
from linkage_core.lsh.plan import LshPlan
from linkage_core.searching import search as search_module
from linkage_core.searching.candidates import Candidates, Found
from linkage_core.searching.encodings import Encodings, EncodingsInMemory, as_words
from linkage_core.searching.engine import LocalEngine
from linkage_core.searching.search import BlockPair, Search, Span, Task
from linkage_core.searching.workspace import FinishedInMemory
from linkage_core.types import ClkName
from tests.support.searches import CLK, all_pairs, findings, in_memory, pairs, with_set_bits

TWO_FILES = [Span(0, 1, within=False), Span(1, 3, within=False)]


def random_clks(rows: int, seed: int) -> EncodingsInMemory:
    rng = np.random.default_rng(seed)
    return in_memory(*(rng.integers(0, 256, (rows, 16), dtype=np.uint8) for _ in range(2)))


def test_a_pair_exactly_at_the_threshold_is_a_candidate_and_one_bit_less_is_not() -> None:
    encodings = in_memory(with_set_bits((0, 100), (20, 120), (21, 121)))
    assert pairs(findings(all_pairs(encodings, TWO_FILES, 0.8), encodings)) == [(0, 1)]


def test_one_clk_that_reaches_the_threshold_is_enough_and_every_clk_is_scored() -> None:
    encodings = in_memory(with_set_bits((0, 100), (50, 150), (90, 190)), with_set_bits((0, 100), (50, 150), (10, 110)))
    (found,) = findings(all_pairs(encodings, TWO_FILES, 0.8), encodings)
    assert pairs([found]) == [(0, 2)]
    assert {name: dice.tolist() for name, dice in found.candidates.dice.items()} == {CLK: [0.1], "clk-2": [0.9]}


def test_records_that_lack_the_clk_are_in_no_pair_and_a_score_without_one_is_not_a_number() -> None:
    bits = with_set_bits((0, 300), (0, 300), (0, 300))
    lacking = np.array([True, False, True])
    encodings = EncodingsInMemory({CLK: as_words(bits, lacking), ClkName("clk-2"): as_words(bits, ~lacking)})
    spans = [Span(0, 1, within=False), Span(1, 3, within=True)]
    (found,) = [part for part in findings(all_pairs(encodings, spans, 0.5), encodings) if len(part.candidates)]
    assert pairs([found]) == [(0, 2)]
    assert np.isnan(found.candidates.dice[ClkName("clk-2")]).tolist() == [True]


def test_a_file_is_compared_with_itself_only_when_it_may_hold_duplicates() -> None:
    encodings = in_memory(with_set_bits((0, 300), (0, 300), (0, 300), (0, 300)))
    spans = [Span(0, 2, within=False), Span(2, 4, within=True)]
    found = pairs(findings(all_pairs(encodings, spans, 1.0), encodings))
    assert sorted(found) == [(0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


def test_settled_records_are_compared_with_the_others_and_never_with_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search_module, "BLOCK_ROWS", 2)
    encodings = in_memory(with_set_bits(*[(0, 300)] * 12))
    spans = [Span(0, 5, within=False, settled=3), Span(5, 12, within=True, settled=6)]
    search = all_pairs(encodings, spans, 1.0)
    new, of = {0, 1, 5}, [0] * 5 + [1] * 7
    expected = [(a, b) for a, b in combinations(range(12), 2) if {a, b} & new and (of[a] != of[b] or of[a] == 1)]
    assert sorted(pairs(findings(search, encodings))) == expected
    assert search.pairs() == search.wanted.among(np.arange(12, dtype=np.uint32)) == len(expected)
    by_tables = replace(search, plan=replace(TABLES, bits=(8,), tables=(2,), most_in_head=(110,)))
    assert sorted(pairs(findings(by_tables, encodings))) == expected
    assert search.asking.tolist() == sorted(new)


def test_what_a_wave_compares_grows_with_the_wave_times_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "BLOCK_ROWS", 100)
    new = 50

    def compared(registry: int) -> int:
        size = new + registry
        spans = (Span(0, size, within=False, settled=registry), Span(size, 2 * size, within=False, settled=registry))
        search = all_pairs(in_memory(np.zeros((0, 8), np.uint8)), spans, 0.5)
        counted = sum(
            (task.left.stop - task.left.start) * (task.right.stop - task.right.start)
            for task in search.tasks()
            if isinstance(task, BlockPair)
        )
        assert counted == search.pairs()
        return counted

    assert [compared(registry) for registry in (0, 10_000, 20_000)] == [
        new * new + 2 * new * registry for registry in (0, 10_000, 20_000)
    ]


def test_blocks_of_rows_find_the_pairs_of_one_block_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    encodings = random_clks(60, seed=5)
    search = all_pairs(encodings, [Span(0, 25, within=True), Span(25, 60, within=False)], 0.5)
    whole = pairs(findings(search, encodings))
    monkeypatch.setattr(search_module, "BLOCK_ROWS", 7)
    in_blocks = pairs(findings(search, encodings))
    assert sorted(in_blocks) == sorted(whole)
    assert len(set(whole)) == len(whole) > 100


def test_one_thread_and_several_give_the_same_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "BLOCK_ROWS", 7)
    encodings = random_clks(60, seed=6)
    search = all_pairs(encodings, [Span(0, 60, within=True)], 0.5)
    alone = findings(search, encodings, engine=LocalEngine(1))
    together = findings(search, encodings, engine=LocalEngine(5))
    assert pairs(alone) == pairs(together)
    assert [part.to_bytes() for part in alone] == [part.to_bytes() for part in together]


def test_more_candidates_than_the_cap_are_refused_with_what_to_change() -> None:
    encodings = in_memory(with_set_bits(*[(0, 300)] * 8))
    search = all_pairs(encodings, [Span(0, 4, within=False), Span(4, 8, within=False)], 0.5)
    assert len(pairs(findings(replace(search, maximum=16), encodings))) == 16
    with pytest.raises(Unfit, match="candidate_per_mille"):
        findings(replace(search, maximum=15), encodings)


def test_the_cap_holds_in_the_next_attempt_too_when_the_last_task_went_beyond_it() -> None:
    encodings = in_memory(with_set_bits(*[(0, 300)] * 8), with_set_bits(*[(0, 10)] * 4, *[(0, 300)] * 4))
    spans = [Span(0, 2, within=False), Span(2, 4, within=False), Span(4, 8, within=False)]
    search = replace(all_pairs(encodings, spans, 0.5), maximum=19)
    kept = FinishedInMemory()
    for _ in range(2):
        with pytest.raises(Unfit, match="more than 19"):
            findings(search, encodings, engine=LocalEngine(1), finished=kept)
    assert len(kept.ids()) == len(search.tasks())


def test_a_single_task_stops_at_the_cap_before_it_has_gathered_everything() -> None:
    encodings = in_memory(np.packbits(np.ones((3000, 1024), np.uint8), axis=1))
    search = replace(all_pairs(encodings, [Span(0, 3000, within=True)], 0.5), maximum=1000)
    with pytest.raises(Unfit, match="more than 1000"):
        search.run(search.tasks()[0], encodings)
    by_tables = replace(search, plan=replace(TABLES, bits=(8,), tables=(3,), most_in_head=(110,)), maximum=100)
    few = in_memory(encodings.by_clk[CLK][:900].view(np.uint8))
    crowd = replace(by_tables, spans=(Span(0, 900, within=True),))
    with pytest.raises(Unfit, match="more than 100"):
        crowd.run(crowd.tasks()[0], few)


def test_no_records_give_no_candidates() -> None:
    encodings = in_memory(np.zeros((0, 8), np.uint8))
    search = all_pairs(encodings, [Span(0, 0, within=True), Span(0, 0, within=True)], 0.5)
    assert pairs(findings(search, encodings)) == []


def test_findings_survive_being_written_with_what_is_missing_and_what_was_counted() -> None:
    candidates = Candidates(
        np.array([1, 2], np.uint32), np.array([3, 2**32 - 1], np.uint32), {CLK: np.array([0.1 + 0.2, np.nan])}
    )
    read = Found.from_bytes(Found(candidates, split_blocks=3, skipped_pairs=2**40).to_bytes())
    assert (read.split_blocks, read.skipped_pairs) == (3, 2**40)
    assert pairs([read]) == [(1, 3), (2, 2**32 - 1)]
    assert np.array_equal(read.candidates.dice[CLK], candidates.dice[CLK], equal_nan=True)


@dataclass
class StoppedEngine:
    """Stops after some tasks, as Ctrl-C or a power cut would."""

    after: int

    def run(self, search: Search, tasks: Sequence[Task], encodings: Encodings) -> Generator[tuple[Task, Found]]:
        for task in tasks[: self.after]:
            yield task, search.run(task, encodings)
        raise KeyboardInterrupt


def test_a_stopped_search_goes_on_with_the_tasks_that_it_had_not_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "BLOCK_ROWS", 7)
    encodings = random_clks(60, seed=7)
    search = all_pairs(encodings, [Span(0, 60, within=True)], 0.5)
    kept = FinishedInMemory()
    with pytest.raises(KeyboardInterrupt):
        findings(search, encodings, engine=StoppedEngine(9), finished=kept)
    assert len(kept.ids()) == 9

    class OnlyTheRest(LocalEngine):
        def run(self, search: Search, tasks: Sequence[Task], encodings: Encodings) -> Generator[tuple[Task, Found]]:
            assert not {task.id for task in tasks} & before
            return super().run(search, tasks, encodings)

    before = kept.ids()
    went_on = findings(search, encodings, engine=OnlyTheRest(2), finished=kept)
    assert pairs(went_on) == pairs(findings(search, encodings))


def test_candidates_of_an_earlier_attempt_count_towards_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "BLOCK_ROWS", 7)
    encodings = random_clks(60, seed=8)
    search = all_pairs(encodings, [Span(0, 60, within=True)], 0.5)
    total = len(pairs(findings(search, encodings)))
    kept = FinishedInMemory()
    with pytest.raises(KeyboardInterrupt):
        findings(search, encodings, engine=StoppedEngine(9), finished=kept)
    with pytest.raises(Unfit):
        findings(replace(search, maximum=total - 1), encodings, finished=kept)


def test_a_search_over_other_records_or_cut_otherwise_has_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    encodings = random_clks(10, seed=9)
    search = all_pairs(encodings, [Span(0, 10, within=True)], 0.5)
    names = {
        search.digest(b"a" * 32),
        search.digest(b"b" * 32),
        all_pairs(encodings, [Span(0, 10, within=True)], 0.6).digest(b"a" * 32),
        all_pairs(encodings, [Span(0, 10, within=False)], 0.5).digest(b"a" * 32),
    }
    assert len(names) == 4
    monkeypatch.setattr(search_module, "BLOCK_ROWS", 7)
    assert search.digest(b"a" * 32) not in names  # tasks are cut otherwise
    monkeypatch.undo()
    assert search.digest(b"a" * 32) == all_pairs(encodings, [Span(0, 10, within=True)], 0.5).digest(b"a" * 32)


# ------------------------------------------------------------------------------------------------------- by tables


def people_of_three_files(people: int, seed: int) -> tuple[EncodingsInMemory, list[Span]]:
    """Two CLKs of 1,024 bits of each person in three files, each with some bits flipped; the third file is `within`."""
    rng = np.random.default_rng(seed)
    clks = []
    for _ in range(2):
        codes = rng.integers(0, 2, (people, 1024), dtype=np.uint8)
        files = [codes ^ (rng.random(codes.shape) < rng.choice([0, 0.02, 0.1], (people, 1))) for _ in range(3)]
        clks.append(np.packbits(np.concatenate(files), axis=1))
    spans = [Span(number * people, (number + 1) * people, within=number == 2) for number in range(3)]
    return in_memory(*clks), spans


TABLES = LshPlan(
    seed=5,
    bits=(8, 9),
    tables=(7, 6),
    most_in_head=(110, 110),
    expected_recall=1.0,
    expected_recall_of_linkable=1.0,
    cost_of_exact=1.0,
)


def test_tables_find_pairs_of_the_exact_search_each_once_with_the_same_scores() -> None:
    encodings, spans = people_of_three_files(400, seed=11)
    exact = all_pairs(encodings, spans, 0.7)
    by_tables = replace(exact, plan=TABLES)
    expected = {pair: scores for part in findings(exact, encodings) for pair, scores in scored(part)}
    found = [item for part in findings(by_tables, encodings) for item in scored(part)]
    assert len({pair for pair, _ in found}) == len(found)
    assert dict(found).items() <= expected.items()
    assert len(found) > 0.97 * len(expected)


@pytest.mark.parametrize("spine", [0, 1, 2])
def test_a_search_against_a_spine_finds_what_the_search_of_all_finds_of_spine_records(spine: int) -> None:
    encodings, spans = people_of_three_files(150, seed=13)
    every = all_pairs(encodings, spans, 0.7)
    against = replace(every, spine=spine)
    file = np.repeat(np.arange(3), 150)
    expected = [(a, b) for a, b in pairs(findings(every, encodings)) if (file[a] == spine) != (file[b] == spine)]
    assert sorted(pairs(findings(against, encodings))) == sorted(expected)
    assert against.pairs() == 2 * 150 * 150
    by_tables = pairs(findings(replace(against, plan=TABLES), encodings))
    assert len(set(by_tables)) == len(by_tables) > 0.95 * len(expected)
    assert set(by_tables) <= set(expected)


def test_tables_in_any_order_and_on_any_number_of_threads_find_the_same() -> None:
    encodings, spans = people_of_three_files(200, seed=12)
    search = replace(all_pairs(encodings, spans, 0.7), plan=TABLES)
    alone = [part.to_bytes() for part in findings(search, encodings, engine=LocalEngine(1))]
    assert alone == [part.to_bytes() for part in findings(search, encodings, engine=LocalEngine(4))]
    backwards = {task.id: search.run(task, encodings).to_bytes() for task in reversed(search.tasks())}
    assert alone == [backwards[task.id] for task in search.tasks()]


def scored(found: Found) -> list[tuple[tuple[int, int], tuple[float, ...]]]:
    dice = zip(*(values.tolist() for values in found.candidates.dice.values()), strict=True)
    return list(zip(pairs([found]), dice, strict=True))
