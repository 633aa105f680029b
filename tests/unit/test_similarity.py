"""anonlink's compiled parts: that they are there, and where its Dice differs from its own definition."""

import anonlink.similarities
import anonlink.solving
import pytest

from linkage_core.comparing.dice import find_pairs
from linkage_core.comparing.similarity import as_bitarrays, assert_native, dice_of_anonlink
from linkage_core.errors import Unfit
from tests.support.searches import CLK, in_memory, with_set_bits


def test_a_pair_exactly_at_the_threshold_is_found_where_anonlink_alone_would_skip_it() -> None:
    # Dice is 2 * 998 / (998 + 1002) = .998; anonlink allows a difference of int(3.99...) = 3 set bits, and finds 4.
    bits = with_set_bits((0, 998), (0, 1002))
    clks = as_bitarrays(bits)
    alone, _ = dice_of_anonlink()((clks[:1], clks[1:]), 0.998, k=None)
    assert len(alone) == 0
    words = in_memory(bits).by_clk[CLK]
    assert [rows.tolist() for rows in find_pairs(words[:1], words[1:], 0.998)] == [[0], [0]]


def test_anonlink_here_is_compiled() -> None:
    assert_native()


def test_anonlink_without_its_compiled_parts_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anonlink.solving, "greedy_solve", anonlink.solving.greedy_solve_python)
    with pytest.raises(Unfit, match="_multiparty_solving"):
        dice_of_anonlink()
    monkeypatch.delattr(anonlink.similarities, "dice_coefficient_accelerated")
    with pytest.raises(Unfit, match="_dice"):
        dice_of_anonlink()
