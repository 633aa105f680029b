"""All pairs by Dice: the boundary, missing CLKs, other lengths, refusals, and both ways to compute it."""

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from anonlink.candidate_generation import find_candidate_pairs
from anonlink.similarities import dice_coefficient_python
from numpy.typing import NDArray

from benchmarks.inputs import febrl4
from linkage_core.comparing.dice import find_pairs, find_pairs_within
from linkage_core.comparing.matrix_unit import has_matrix_unit
from linkage_core.comparing.pairwise import dice_of_pairs
from linkage_core.comparing.similarity import as_bitarrays, dice_of_kernel
from linkage_core.crypto.secret import Secret
from linkage_core.encoding.columns import ColumnEncoder
from linkage_core.encoding.diffusion import diffuse, diffusion_indices
from linkage_core.errors import InputFault

Words = NDArray[np.uint64]


def with_set_bits(*runs: tuple[int, int], length_bits: int = 1024) -> Words:
    rows = np.zeros((len(runs), length_bits), np.uint8)
    for row, (start, stop) in zip(rows, runs, strict=True):
        row[start:stop] = 1
    return np.packbits(rows, axis=1).view(np.uint64)


def found(pairs: tuple[NDArray[np.uint32], NDArray[np.uint32]]) -> list[tuple[int, int]]:
    return list(zip(pairs[0].tolist(), pairs[1].tolist(), strict=True))


@pytest.mark.parametrize("matrix", [False, True])
def test_a_pair_exactly_at_the_threshold_is_found_and_one_bit_less_is_not(matrix: bool) -> None:
    words = with_set_bits((0, 100), (20, 120), (21, 121))
    assert found(find_pairs(words[:1], words[1:], 0.8, matrix_unit=matrix)) == [(0, 0)]
    assert found(find_pairs_within(words, 0.8, matrix_unit=matrix)) == [(0, 1), (1, 2)]


def test_rows_without_set_bits_are_in_no_pair() -> None:
    words = with_set_bits((0, 300), (0, 0), (0, 300), (0, 0))
    assert found(find_pairs_within(words, 0.01)) == [(0, 2)]
    assert found(find_pairs(words[1:2], words, 0.01)) == []


def test_blocks_without_rows_have_no_pairs() -> None:
    words = with_set_bits((0, 300), (0, 300))
    assert found(find_pairs(words[:0], words, 0.5)) == []
    assert found(find_pairs(words, words[:0], 0.5)) == []
    assert found(find_pairs_within(words[:0], 0.5)) == []


@pytest.mark.parametrize("matrix", [False, True])
def test_more_pairs_than_a_buffer_holds_are_all_found_sorted(matrix: bool) -> None:
    words = with_set_bits(*[(0, 300)] * 700)
    i, j = find_pairs_within(words, 1.0, matrix_unit=matrix)
    assert np.array_equal(np.stack([i, j]), np.stack(np.triu_indices(700, 1)))


@pytest.mark.parametrize("threshold", [0.0, -0.5, 1.01, float("nan")])
def test_a_threshold_that_is_none_is_refused(threshold: float) -> None:
    words = with_set_bits((0, 300), (0, 300))
    with pytest.raises(InputFault, match="above 0 and at most 1"):
        find_pairs(words, words, threshold)


def test_clks_of_different_lengths_are_refused_with_what_to_do() -> None:
    long, short = with_set_bits((0, 300)), with_set_bits((0, 300), length_bits=512)
    with pytest.raises(InputFault, match="use one schema"):
        find_pairs(long, short, 0.5)
    clks = [as_bitarrays(rows.view(np.uint8)) for rows in (long, short)]
    with pytest.raises(InputFault, match="use one schema"):
        dice_of_kernel()((clks[0], clks[1]), 0.5)


def test_empty_clks_have_dice_zero() -> None:
    words = with_set_bits((0, 0), (0, 0), (0, 5))
    pairs = np.array([0, 0], np.uint32), np.array([1, 2], np.uint32)
    assert dice_of_pairs(words, *pairs).tolist() == [0.0, 0.0]


@pytest.fixture
def asked_anew() -> Iterator[None]:
    has_matrix_unit.cache_clear()
    yield
    has_matrix_unit.cache_clear()


@pytest.mark.usefixtures("asked_anew")
@pytest.mark.parametrize(
    ("what", "instead"),
    [
        ("numba.core.config.CPU_FEATURES", "+avx2,+popcnt"),
        ("sys.platform", "darwin"),
        ("platform.machine", lambda: "aarch64"),
        ("ctypes.CDLL", lambda _name: SimpleNamespace(syscall=lambda *_arguments: -1)),
    ],
    ids=["processor without one", "system without the request", "another machine", "system that refuses"],
)
def test_where_there_is_no_matrix_unit_the_same_pairs_are_found_without_it(
    what: str, instead: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = with_set_bits((0, 100), (20, 120), (21, 121))
    before = found(find_pairs_within(words, 0.8))
    has_matrix_unit.cache_clear()
    monkeypatch.setattr(what, instead)
    assert found(find_pairs_within(words, 0.8)) == before == [(0, 1), (1, 2)]
    assert not has_matrix_unit()


@pytest.mark.parametrize(("diffused", "threshold"), [(False, 0.75), (True, 0.58)])
def test_anonlink_finds_the_same_candidates_in_the_same_order_with_either_dice(
    diffused: bool, threshold: float, two_files: tuple[NDArray[np.uint8], NDArray[np.uint8]]
) -> None:
    indices = diffusion_indices(Secret(bytes(32)), 8 * two_files[0].shape[1], 8)
    datasets = [as_bitarrays(diffuse(bits, indices) if diffused else bits) for bits in two_files]
    theirs, ours = (
        find_candidate_pairs(datasets, dice, threshold) for dice in (dice_coefficient_python, dice_of_kernel())
    )
    assert len(theirs[0]) > 1000
    assert ours == theirs


@pytest.fixture(scope="module")
def two_files() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """One CLK of 2,000 records of each FEBRL4 file, not diffused."""
    task = febrl4(2000)
    encoder = ColumnEncoder([(task.schema.clks[0], Secret(bytes(32)))])
    first, second = (encoder.encode(records.values, records.rows)[0] for records in task.records.values())
    return first, second
