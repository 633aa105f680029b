"""Match keys: keyed HMACs of whole values, for links that need no similarity.

Equality, frequency and missingness of match keys reach the linkage unit; the cap keeps frequent keys away from it.
"""

from collections.abc import Mapping
from itertools import compress
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.crypto.kdf import keyed_images
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.records import EncodedMatchKey
from linkage_core.schema import MatchKeySpec, Variable
from linkage_core.standardise.run import StandardisedRecords
from linkage_core.types import IDENTIFIER_BYTES

_LENGTHS: Final = tuple(length.to_bytes(4, "big") for length in range(256))
"""The usual lengths as they are written."""


class MatchKeyEncoder:
    """Makes one match key of a file's records, chunk by chunk; it remembers no value."""

    def __init__(self, spec: MatchKeySpec, variables: Mapping[str, Variable], keys: LinkageKeys) -> None:
        self._variables = spec.variables
        self._sources = sorted({source for name in spec.variables for source in variables[name].of})
        self._key = keys.match_key(spec.name)

    def encode(self, records: StandardisedRecords) -> EncodedMatchKey:
        """Return HMAC(key of this match key, length-prefixed variables)[:16] of every record that has all parts.

        The variables enter in the schema's order. A record lacks the key if a quasi-identifier behind it is missing
        or partial.
        """
        columns = [records.values[name] for name in self._variables]
        present = np.logical_and.reduce([records.complete[source] for source in self._sources])
        for column in columns:
            present &= np.fromiter(map(bool, column), dtype=np.bool_, count=records.rows)
        parts = [map(length_prefixed, compress(column, present.tolist())) for column in columns]
        images = keyed_images(self._key, map(b"".join, zip(*parts, strict=True)))
        values = np.zeros((records.rows, IDENTIFIER_BYTES), dtype=np.uint8)
        values[present] = np.frombuffer(images, dtype=np.uint8).reshape(-1, IDENTIFIER_BYTES)
        return EncodedMatchKey(values, present)


def length_prefixed(value: str) -> bytes:
    """Return a 4-byte big-endian length and the value's UTF-8 bytes: no two lists of values give the same string."""
    encoded = value.encode()
    length = len(encoded)
    return (_LENGTHS[length] if length < len(_LENGTHS) else length.to_bytes(4, "big")) + encoded


def within_cap(values: NDArray[np.uint8], present: NDArray[np.bool_], max_occurrences: int) -> NDArray[np.bool_]:
    """Return which records of a whole file keep their match key: bool, (rows,).

    A key that more than `max_occurrences` records have is left out of all of them: such a key names no person, and its
    frequency would tell the linkage unit something. Call it over all chunks of a file together.
    """
    keep = present.copy()
    rows = np.flatnonzero(present)
    if rows.size:
        packed = np.ascontiguousarray(values[rows]).view(f"V{IDENTIFIER_BYTES}").ravel()
        _, inverse, counts = np.unique(packed, return_inverse=True, return_counts=True)
        keep[rows[counts[inverse] > max_occurrences]] = False
    return keep
