"""Match keys: keyed HMACs of whole values, for links that need no similarity.

Equality, frequency and missingness of match keys reach the linkage unit; the cap keeps frequent keys away from it.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from linkage_core.crypto.kdf import keyed_image
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.records import EncodedMatchKey
from linkage_core.schema import MatchKeySpec, Variable
from linkage_core.standardise.run import StandardisedRecords
from linkage_core.types import IDENTIFIER_BYTES


def encode_match_key(
    spec: MatchKeySpec, variables: Mapping[str, Variable], records: StandardisedRecords, keys: LinkageKeys
) -> EncodedMatchKey:
    """Return HMAC(key of this match key, length-prefixed variables)[:16] of every record that has all parts complete.

    Each variable's value enters as a 4-byte big-endian length and its UTF-8 bytes, in the schema's order. A record
    lacks the key if any quasi-identifier behind it is missing or partial.
    """
    key = keys.match_key(spec.name)
    sources = sorted({source for name in spec.variables for source in variables[name].of})
    columns = [records.values[name] for name in spec.variables]
    present = np.logical_and.reduce([records.complete[source] for source in sources])
    present &= np.logical_and.reduce(
        [np.array([bool(value) for value in column], dtype=np.bool_) for column in columns]
    )
    values = np.zeros((records.rows, IDENTIFIER_BYTES), dtype=np.uint8)
    for row in np.flatnonzero(present):
        image = keyed_image(key, length_prefixed(*(column[row] for column in columns)))
        values[row] = np.frombuffer(image, dtype=np.uint8)
    return EncodedMatchKey(values, present)


def length_prefixed(*values: str) -> bytes:
    """Return values as one byte string that no other list of values gives."""
    encoded = (value.encode() for value in values)
    return b"".join(len(value).to_bytes(4, "big") + value for value in encoded)


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
