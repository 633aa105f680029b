"""Values are counted exactly as long as there is room, and as a known share of them beyond."""

from collections import Counter
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.provider_agent.profiling.value_counts import LARGEST_SIZE, ValueCounts

repeated = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 7)), max_size=60)


def spread(numbers: NDArray[np.signedinteger[Any]]) -> NDArray[np.uint64]:
    """Spread numbers over 64 bits, as keyed images are (the finaliser of MurmurHash3)."""
    mixed = numbers.astype(np.uint64)
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        mixed = (mixed ^ (mixed >> np.uint64(33))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(33))


@given(st.lists(repeated, max_size=5))
def test_counts_are_those_of_a_counter_whatever_the_blocks(blocks: list[list[tuple[int, int]]]) -> None:
    counts, true = ValueCounts(), Counter[int]()
    for block in blocks:
        counts.add(np.array([v for v, _ in block], dtype=np.uint64), np.array([n for _, n in block], dtype=np.uint32))
        for value, times in block:
            true[value] += times
    found = counts.frequencies()
    assert found.one_in == 1
    assert (found.rows, found.distinct) == (true.total(), len(true))
    assert found.once == sum(n == 1 for n in true.values())
    assert found.heaviest == tuple(sorted(true.values(), reverse=True))
    assert found.pairs == sum(n * (n - 1) / 2 for n in true.values())
    sizes = Counter(min(n, LARGEST_SIZE) for n in true.values() if n > 1)
    assert found.by_size == {size: sizes[size] for size in range(2, LARGEST_SIZE + 1)}
    asked = np.arange(32, dtype=np.uint64)
    assert counts.count_of(asked).tolist() == [true[value] for value in range(32)]


def test_too_many_values_are_sampled_and_the_figures_scaled() -> None:
    counts = ValueCounts(most=4096)
    once, twice = np.arange(60_000), np.arange(60_000, 80_000)
    heavy = np.repeat(np.arange(80_000, 80_010), 500)
    rows = spread(np.random.default_rng(1).permutation(np.concatenate([once, twice, twice, heavy])))
    for block in np.array_split(rows, 40):
        counts.add(block)
    found = counts.frequencies()
    assert found.one_in in (32, 64)
    assert found.rows == len(rows)
    # A sample of about 80,000 / 32 values: its standard error is below 2 % of distinct, 3 % of once, 6 % of twice.
    assert abs(found.distinct - 80_010) < 0.1 * 80_010
    assert abs(found.once - 60_000) < 0.1 * 60_000
    assert abs(found.by_size[2] - 20_000) < 0.2 * 20_000
    assert found.heaviest[:10] == (500,) * 10
    assert len(counts.kept()) <= 4096


def test_a_value_that_is_frequent_at_once_is_kept_however_late_it_comes() -> None:
    counts = ValueCounts(most=4096)
    counts.add(spread(np.arange(50_000)))
    counts.frequencies()
    late = spread(np.array([999_999]))
    assert late[0] & np.uint64(15), "it is not in the sample"
    for _ in range(50):
        counts.add(late, np.array([10], dtype=np.uint32))
    counts.add(spread(np.arange(60_000, 70_000)))
    found = counts.frequencies()
    assert found.one_in > 1
    assert found.heaviest[:2] == (500, 1)
    assert abs(found.distinct - 60_001) < 0.1 * 60_001


def test_nothing_gives_nothing() -> None:
    found = ValueCounts().frequencies()
    assert (found.rows, found.distinct, found.once, found.pairs, found.heaviest) == (0, 0, 0, 0.0, ())


def test_memory_is_bounded_by_the_most_values() -> None:
    import tracemalloc

    def peak(values: int) -> int:
        tracemalloc.start()
        counts = ValueCounts(most=1 << 14)
        for start in range(0, values, 10_000):
            counts.add(spread(np.arange(start, start + 10_000)))
        counts.frequencies()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(1_000_000) < 1.5 * peak(100_000)
