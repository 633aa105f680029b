"""Codes of one feature's distinct values: text, tokens and bits, made once and kept by the value's number."""

import numpy as np
from clkhash.field_formats import BitsPerFeatureStrategy, FieldSpec
from numpy.typing import NDArray

from linkage_core.encoding.canonical import CanonicalTexts
from linkage_core.encoding.distinct import DistinctValues
from linkage_core.encoding.ngrams import tokens_of
from linkage_core.encoding.positions import Positions, count_positions, set_code_rows

_WORD_BITS = 64


class FeatureCodes:
    """The codes of the distinct values of one feature of one CLK, by the values' numbers."""

    def __init__(self, field: FieldSpec, key: bytes, rows: NDArray[np.uint64]) -> None:
        properties = field.hashing_properties
        strategy = properties.strategy
        self._per_feature = isinstance(strategy, BitsPerFeatureStrategy)
        self._bits = strategy._bits_per_feature if self._per_feature else strategy._bits_per_token
        self._canonical = CanonicalTexts(field)
        self._tokens = tokens_of(properties.comparator)
        self._positions = Positions(key, rows.shape[1] * _WORD_BITS, properties.encoding, self._tokens)
        self._rows = rows
        self._unfit = np.zeros(len(rows), dtype=np.bool_)
        self._generation = 0
        self._filled = 0

    def update(self, values: DistinctValues) -> None:
        """Make the codes of the values that have none yet."""
        if values.generation != self._generation:
            self._generation, self._filled = values.generation, 0
        if self._filled == values.count:
            return
        if self._positions.full:
            self._positions.forget()
        texts, unfit = self._canonical.of(values.since(self._filled))
        self._unfit[self._filled : values.count] = unfit
        numbers, starts = self._tokens.of(texts)
        wanted = np.zeros(self._tokens.count, dtype=np.int64)
        count_positions(numbers, starts, self._bits, self._per_feature, wanted)
        self._positions.draw(wanted)
        rows = self._rows[self._filled : values.count]
        positions = self._positions
        set_code_rows(numbers, starts, self._bits, self._per_feature, positions.first, positions.drawn, rows)
        self._filled = values.count

    def misfits(self, numbers: NDArray[np.uint32]) -> int:
        """Return how many of these values do not fit the feature's format."""
        return int(np.count_nonzero(self._unfit[numbers])) if self._unfit[: self._filled].any() else 0

    def forget(self) -> None:
        """Forget every code and token."""
        self._rows[: self._filled] = 0
        self._positions.forget()
        self._filled = 0
