"""Candidates by anonlink's Dice: thresholds, missing CLKs, blocks, caps, and its compiled parts."""

import anonlink.similarities
import anonlink.solving
import numpy as np
import pytest
from numpy.typing import NDArray

from linkage_core.comparing import candidates as candidates_module
from linkage_core.comparing.candidates import Candidates, Span, find_candidates
from linkage_core.comparing.pairwise import dice_of_pairs
from linkage_core.comparing.similarity import as_bitarrays, assert_native, dice_of_anonlink
from linkage_core.errors import Unfit

LENGTH_BITS = 1024


def found(bits: NDArray[np.uint8], spans: list[Span], threshold: float, maximum: int = 10**6) -> Candidates:
    present = np.ones(len(bits), np.bool_)
    return find_candidates(
        bits,
        present,
        spans,
        threshold,
        similarity=dice_of_anonlink(),
        maximum=maximum,
        progress=lambda done, total: None,
    )


def with_set_bits(*runs: tuple[int, int]) -> NDArray[np.uint8]:
    rows = np.zeros((len(runs), LENGTH_BITS), np.uint8)
    for row, (start, stop) in enumerate(runs):
        rows[row, start:stop] = 1
    return np.packbits(rows, axis=1)


def pairs(candidates: Candidates) -> set[tuple[int, int]]:
    return set(zip(candidates.a.tolist(), candidates.b.tolist(), strict=True))


def test_a_pair_exactly_at_the_threshold_is_a_candidate_and_one_bit_less_is_not() -> None:
    bits = with_set_bits((0, 100), (20, 120), (21, 121))
    assert pairs(found(bits, [Span(0, 1, within=False), Span(1, 3, within=False)], 0.8)) == {(0, 1)}


def test_a_pair_exactly_at_the_threshold_survives_where_anonlink_alone_would_skip_it() -> None:
    # Dice is 2 * 998 / (998 + 1002) = .998; anonlink allows a difference of int(3.99...) = 3 set bits, and finds 4.
    bits = with_set_bits((0, 998), (0, 1002))
    clks = as_bitarrays(bits)
    alone, _ = dice_of_anonlink()((clks[:1], clks[1:]), 0.998, k=None)
    assert len(alone) == 0
    assert pairs(found(bits, [Span(0, 1, within=False), Span(1, 2, within=False)], 0.998)) == {(0, 1)}


def test_records_that_lack_the_clk_are_in_no_pair_even_when_their_bits_are_equal() -> None:
    bits = with_set_bits((0, 300), (0, 300), (0, 300))
    present = np.array([True, False, True])
    candidates = find_candidates(
        bits,
        present,
        [Span(0, 1, within=False), Span(1, 3, within=True)],
        0.5,
        similarity=dice_of_anonlink(),
        maximum=10,
        progress=lambda done, total: None,
    )
    assert pairs(candidates) == {(0, 2)}


def test_a_file_is_compared_with_itself_only_when_it_may_hold_duplicates() -> None:
    bits = with_set_bits((0, 300), (0, 300), (0, 300), (0, 300))
    spans = [Span(0, 2, within=False), Span(2, 4, within=True)]
    assert pairs(found(bits, spans, 1.0)) == {(0, 2), (0, 3), (1, 2), (1, 3), (2, 3)}


def test_blocks_of_rows_give_the_pairs_of_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    bits = np.random.default_rng(5).integers(0, 256, (60, 16), dtype=np.uint8)
    spans = [Span(0, 25, within=True), Span(25, 60, within=False)]
    whole = found(bits, spans, 0.5)
    monkeypatch.setattr(candidates_module, "BLOCK_ROWS", 7)
    assert pairs(found(bits, spans, 0.5)) == pairs(whole)
    assert len(whole) > 100


def test_more_candidates_than_the_cap_are_refused_with_what_to_change() -> None:
    bits = with_set_bits(*[(0, 300)] * 8)
    spans = [Span(0, 4, within=False), Span(4, 8, within=False)]
    assert len(found(bits, spans, 0.5, maximum=16)) == 16
    with pytest.raises(Unfit, match="candidate_per_mille"):
        found(bits, spans, 0.5, maximum=15)


def test_no_records_give_no_candidates() -> None:
    assert len(found(np.zeros((0, 8), np.uint8), [Span(0, 0, within=True), Span(0, 0, within=True)], 0.5)) == 0


def test_empty_clks_have_dice_zero() -> None:
    bits = with_set_bits((0, 0), (0, 0), (0, 5))
    first = np.array([0, 0], np.uint32)
    second = np.array([1, 2], np.uint32)
    assert dice_of_pairs(bits, first, second).tolist() == [0.0, 0.0]


def test_anonlink_here_is_compiled() -> None:
    assert_native()


def test_anonlink_without_its_compiled_parts_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anonlink.solving, "greedy_solve", anonlink.solving.greedy_solve_python)
    with pytest.raises(Unfit, match="_multiparty_solving"):
        dice_of_anonlink()
    monkeypatch.delattr(anonlink.similarities, "dice_coefficient_accelerated")
    with pytest.raises(Unfit, match="_dice"):
        dice_of_anonlink()
