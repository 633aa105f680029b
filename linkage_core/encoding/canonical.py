"""Distinct values of one feature to the texts that are split into tokens, quickly where that is provably the same.

1. plain strings are their own text; dates of a fixed layout are rewritten by a kernel
2. everything else (other formats, a stand-in for a missing value, what does not fit) is read by clkhash's own
   code, once per distinct value
"""

from typing import Final

import numpy as np
from clkhash.comparators import NumericComparison
from clkhash.field_formats import DateSpec, FieldSpec, StringSpec
from numpy.typing import NDArray

from linkage_core.encoding.dates import layout_of, read_dates
from linkage_core.encoding.encodable import encoded_text
from linkage_core.encoding.texts import Texts, code_points

_FIRST_BEYOND_ASCII: Final = 128
_SURROGATES: Final = 0xD800 >> 11
"""Upper bits of the code points that no encoding has."""


class CanonicalTexts:
    """Gives the text that each value of one feature is encoded as, and tells which values do not fit its format."""

    def __init__(self, field: FieldSpec) -> None:
        self._field = field
        self._plain = _is_plain(field)
        self._layout = layout_of(field.format) if isinstance(field, DateSpec) else None

    def of(self, values: Texts) -> tuple[Texts, NDArray[np.bool_]]:
        """Return the texts, and which values do not fit: bool, (values,); the text of these is empty."""
        if self._plain:
            quick, decided = values, self._encodable(values)
        elif self._layout is not None:
            quick, decided = read_dates(values, self._layout)
        else:
            quick, decided = values, np.zeros(len(values), dtype=np.bool_)
        missing = self._field.hashing_properties.missing_value
        if missing is not None:
            decided &= ~_equal(values, missing.sentinel)
        unfit = np.zeros(len(values), dtype=np.bool_)
        if decided.all():
            return quick, unfit
        others = np.flatnonzero(~decided)
        texts = [encoded_text(self._field, value) for value in values.chosen(others)]
        unfit[others] = [text is None for text in texts]
        return _spliced(quick, decided, [text or "" for text in texts]), unfit

    def _encodable(self, values: Texts) -> NDArray[np.bool_]:
        encodable = np.ones(len(values), dtype=np.bool_)
        if not values.codes.size or values.codes.max() < _FIRST_BEYOND_ASCII:
            return encodable
        if self._field.hashing_properties.encoding == "ascii":
            bad = values.codes >= _FIRST_BEYOND_ASCII
        else:
            bad = (values.codes >> 11) == _SURROGATES
        encodable[np.searchsorted(values.starts, np.flatnonzero(bad), side="right") - 1] = False
        return encodable


def _is_plain(field: FieldSpec) -> bool:
    return (
        isinstance(field, StringSpec)
        and not field.regex_based
        and field.case in (None, "mixed")
        and not field.min_length
        and field.max_length is None
        and not isinstance(field.hashing_properties.comparator, NumericComparison)
    )


def _equal(values: Texts, text: str) -> NDArray[np.bool_]:
    wanted = code_points(text)
    equal: NDArray[np.bool_] = values.lengths == len(wanted)
    candidates = np.flatnonzero(equal)
    places = values.starts[candidates][:, np.newaxis] + np.arange(len(wanted))
    equal[candidates] = (values.codes[places] == wanted).all(axis=1)
    return equal


def _spliced(quick: Texts, decided: NDArray[np.bool_], others: list[str]) -> Texts:
    """Return `quick` where decided, and the others, in their order, where not."""
    lengths = quick.lengths
    from_quick = np.repeat(decided, lengths)
    lengths[~decided] = [len(text) for text in others]
    starts = np.zeros(len(quick) + 1, dtype=np.int64)
    np.cumsum(lengths, out=starts[1:])
    codes = np.empty(starts[-1], dtype=np.uint32)
    is_quick = np.repeat(decided, lengths)
    codes[is_quick] = quick.codes[from_quick]
    codes[~is_quick] = code_points("".join(others))
    return Texts(codes, starts)
