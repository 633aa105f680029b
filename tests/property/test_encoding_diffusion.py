import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage_core.crypto.secret import Secret
from linkage_core.encoding.diffusion import diffuse, diffuse_reference, diffusion_indices
from linkage_core.errors import InputFault

KEYS = st.binary(min_size=32, max_size=32)
LENGTHS = st.sampled_from([64, 128, 192])


@given(KEYS, LENGTHS, st.integers(1, 8), st.integers(0, 20), st.integers(0, 2**32))
def test_the_fast_diffusion_equals_its_definition(key: bytes, length: int, t: int, rows: int, seed: int) -> None:
    bits = np.random.default_rng(seed).random((rows, length)) < 0.3
    indices = diffusion_indices(Secret(key), length, t)
    expected = [diffuse_reference(row.tolist(), indices.tolist()) for row in bits]
    diffused = np.unpackbits(diffuse(np.packbits(bits, axis=1), indices), axis=1)
    assert diffused.astype(bool).tolist() == expected


@pytest.mark.parametrize("rows", [511, 512, 513, 1025])
def test_encodings_beside_a_whole_group_are_diffused_like_all_others(rows: int) -> None:
    bits = np.random.default_rng(rows).random((rows, 64)) < 0.3
    indices = diffusion_indices(Secret(b"k" * 32), 64, 3)
    expected = [diffuse_reference(row.tolist(), indices.tolist()) for row in bits]
    diffused = np.unpackbits(diffuse(np.packbits(bits, axis=1), indices), axis=1)
    assert diffused.astype(bool).tolist() == expected


@given(KEYS, LENGTHS, st.integers(1, 8))
def test_every_output_bit_takes_t_distinct_input_bits(key: bytes, length: int, t: int) -> None:
    indices = diffusion_indices(Secret(key), length, t)
    assert indices.shape == (length, t)
    assert indices.max() < length
    assert all(len(set(row)) == t for row in indices.tolist())


@given(KEYS)
def test_every_bit_may_be_drawn_so_t_equal_to_the_length_is_a_permutation(key: bytes) -> None:
    assert np.array_equal(np.sort(diffusion_indices(Secret(key), 24, 24), axis=1), np.tile(np.arange(24), (24, 1)))


@given(KEYS, KEYS)
def test_different_keys_choose_different_bits(first: bytes, second: bytes) -> None:
    a, b = (diffusion_indices(Secret(key), 1024, 8) for key in (first, second))
    assert np.array_equal(a, b) == (first == second)


@given(KEYS, st.integers(0, 2**32))
def test_diffusion_keeps_differences_apart_from_content(key: bytes, seed: int) -> None:
    a, b = np.random.default_rng(seed).integers(0, 256, (2, 1, 128), dtype=np.uint8)
    indices = diffusion_indices(Secret(key), 1024, 8)
    assert np.array_equal(diffuse(a, indices) ^ diffuse(b, indices), diffuse(a ^ b, indices))


def test_choices_are_uniform_where_the_length_does_not_divide_the_range() -> None:
    length = 24
    drawn = np.concatenate([diffusion_indices(Secret(bytes([n]) * 32), length, 1).ravel() for n in range(200)])
    counts = np.bincount(drawn, minlength=length)
    expected = drawn.size / length
    chi_squared = float(((counts - expected) ** 2 / expected).sum())
    assert chi_squared < 53  # 23 degrees of freedom, p = .0004; the keys are fixed


def test_a_differing_share_spreads_as_the_formula_says() -> None:
    rng = np.random.default_rng(1)
    length, t, share = 1024, 8, 0.03
    indices = diffusion_indices(Secret(b"k" * 32), length, t)
    difference = np.packbits(rng.random((4000, length)) < share, axis=1)
    measured = np.bitwise_count(diffuse(difference, indices)).sum() / (4000 * length)
    assert measured == pytest.approx((1 - (1 - 2 * share) ** t) / 2, abs=0.003)


def test_lengths_and_t_that_cannot_be_are_refused() -> None:
    for length, t in ((64, 0), (8, 9), (1 << 15, 8)):
        with pytest.raises(InputFault):
            diffusion_indices(Secret(b"k" * 32), length, t)
    with pytest.raises(InputFault):
        diffuse(np.zeros((1, 16), np.uint8), diffusion_indices(Secret(b"k" * 32), 64, 8))
    with pytest.raises(InputFault):
        diffuse(np.zeros((1, 4), np.uint8), diffusion_indices(Secret(b"k" * 32), 32, 8))
