"""The fast encoder: columns instead of rows, each distinct value once; bit for bit what `reference` gives.

    1. every column's values are numbered; those not seen before go on (`distinct`)
    2. the text that such a value is encoded as, or that it does not fit its format (`canonical`)
    3. the text's tokens (`ngrams`), and the bits that each token sets (`positions`): the value's code (`features`)
    4. a record's bits: the codes of its values, united, then folded

What is remembered from block to block holds names until `forget`. It is bounded, whatever the length of the file: about
4 MiB a column and, in a filter of 1,024 bits, 8 MiB of codes and at most 16 MiB of tokens and positions a feature.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Final

import numpy as np
from clkhash.schema import Schema
from numpy.typing import NDArray

from linkage_core.crypto.secret import Secret
from linkage_core.encoding.distinct import MOST_VALUES, DistinctValues
from linkage_core.encoding.encodable import compile_schema, require_fitting
from linkage_core.encoding.features import FeatureCodes
from linkage_core.encoding.reference import feature_keys
from linkage_core.native import kernel
from linkage_core.schema import ClkSpec

MOST_CODE_BYTES: Final = 1 << 23
"""Bytes of remembered codes a feature: 65,536 values at 1,024 bits. Longer filters remember fewer values."""

BLOCK_ROWS: Final = 1 << 14
"""Most rows that are encoded at a time; fewer if so few values can be remembered."""

_WORD_BITS: Final = 64


class ColumnEncoder:
    """Encodes the CLKs of a file, block by block, before diffusion; values are numbered once for all CLKs.

    Raises `InputFault` if a CLK's schema asks for what cannot be encoded. Each secret is its CLK's own 64 bytes. In a
    pool of threads the CLKs are encoded at the same time: kernels do not hold Python's lock.
    """

    def __init__(self, clks: Sequence[tuple[ClkSpec, Secret]], pool: Executor | None = None) -> None:
        schemas = [compile_schema(spec) for spec, _ in clks]
        limits: dict[str, int] = {}
        for schema in schemas:
            most = _most_values(_filter_words(schema))
            limits |= {field.identifier: min(limits.get(field.identifier, most), most) for field in schema.fields}
        self._values = {name: DistinctValues(limit) for name, limit in limits.items()}
        self._clks = [
            ClkCodes(spec.name, schema, secret, limits) for (spec, secret), schema in zip(clks, schemas, strict=True)
        ]
        self._pool = pool
        self._lengths = [spec.length_bits for spec, _ in clks]
        self._block_rows = min(BLOCK_ROWS, *limits.values())

    def encode(self, columns: Mapping[str, Sequence[str]], rows: int) -> list[NDArray[np.uint8]]:
        """Return each CLK's bits: uint8, (rows, length / 8), most significant bit first.

        `columns` holds every feature's values, one a row. Raises one `InputFault` with the number of values of each
        feature that do not fit its format.
        """
        encoded = [np.empty((rows, length // _WORD_BITS), dtype=np.uint64) for length in self._lengths]
        misfits: dict[tuple[str, str], int] = {}
        for first in range(0, rows, self._block_rows):
            block = slice(first, min(first + self._block_rows, rows))
            whole = block == slice(0, rows)
            numbers = {
                name: values.number(columns[name] if whole else columns[name][block])
                for name, values in self._values.items()
            }
            encode = partial(ClkCodes.encode, values=self._values, numbers=numbers)
            in_turn = map if self._pool is None else self._pool.map
            for of_clk in in_turn(encode, self._clks, [bits[block] for bits in encoded]):
                for feature, count in of_clk.items():
                    misfits[feature] = misfits.get(feature, 0) + count
        require_fitting(rows, misfits)
        return [bits.view(np.uint8) for bits in encoded]

    def forget(self) -> None:
        """Forget every value, token and code."""
        for clk in self._clks:
            clk.forget()
        for values in self._values.values():
            values.forget()


class ClkCodes:
    """The bits of one CLK before diffusion, for rows of numbered values."""

    def __init__(self, name: str, schema: Schema, secret: Secret, limits: Mapping[str, int]) -> None:
        """Prepare for columns that remember at most so many values each (`limits`)."""
        self._name = name
        self._folds = schema.xor_folds
        sizes = np.array([limits[field.identifier] for field in schema.fields], dtype=np.int64)
        ends = np.cumsum(sizes)
        self._bases = ends - sizes
        self._codes = np.empty((ends[-1], _filter_words(schema)), dtype=np.uint64)
        self._features = {
            field.identifier: FeatureCodes(field, key[0], self._codes[base:end])
            for field, key, base, end in zip(
                schema.fields, feature_keys(schema, secret), self._bases, ends, strict=True
            )
        }

    def encode(
        self, bits: NDArray[np.uint64], values: Mapping[str, DistinctValues], numbers: Mapping[str, NDArray[np.uint32]]
    ) -> dict[tuple[str, str], int]:
        """Write the records' bits into `bits`; return how many values of each feature do not fit its format."""
        misfits = {}
        for name, feature in self._features.items():
            feature.update(values[name])
            misfits[self._name, name] = feature.misfits(numbers[name])
        by_feature = np.stack([numbers[name] for name in self._features])
        united = np.empty((len(bits), self._codes.shape[1]), dtype=np.uint64) if self._folds else bits
        unite_codes(by_feature, self._bases, self._codes, united)
        for _ in range(self._folds):
            first, second = np.split(united, 2, axis=1)
            united = first ^ second
        if self._folds:
            bits[:] = united
        return misfits

    def forget(self) -> None:
        """Forget every code and token."""
        for feature in self._features.values():
            feature.forget()


def _filter_words(schema: Schema) -> int:
    return int(schema.l << schema.xor_folds) // _WORD_BITS


def _most_values(filter_words: int) -> int:
    return min(MOST_CODE_BYTES * 8 // _WORD_BITS // filter_words, MOST_VALUES)


@kernel
def unite_codes(
    numbers: NDArray[np.uint32], bases: NDArray[np.int64], codes: NDArray[np.uint64], united: NDArray[np.uint64]
) -> None:
    """Write the united codes of each record's values into its row.

    `numbers`: (features, rows); a feature's codes begin at its base.
    """
    words = np.uint64(united.shape[1])
    first_base = np.uint64(bases[0])
    for row in range(np.uint64(united.shape[0])):
        code = first_base + np.uint64(numbers[0, row])
        for word in range(words):
            united[row, word] = codes[code, word]
        for feature in range(np.uint64(1), np.uint64(numbers.shape[0])):
            code = np.uint64(bases[feature]) + np.uint64(numbers[feature, row])
            for word in range(words):
                united[row, word] |= codes[code, word]
