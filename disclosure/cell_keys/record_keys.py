"""Record keys: a uniform number for each person, by a pseudorandom function of the synthetic key.

A cell's key is the sum of its persons' record keys modulo 2^32. It is uniform whatever persons are in the cell, the
same for the same persons however they are asked about, and of two cells with different persons one key says nothing of
the other (of three that add up, two keys give the third). No record key and no cell key ever leaves the service:
whoever knew them could take the perturbation off.
"""

from typing import Final

from disclosure.bounding import keyed_rank, keyed_rank_sql
from disclosure.person_keys import PersonKey

KEY_BITS: Final = 32
KEYS: Final = 1 << KEY_BITS
"""Record keys and cell keys lie from 0 to this, exclusive."""

_DIGITS: Final = KEY_BITS // 4
_LABEL: Final = "record"


class RecordKey(PersonKey):
    """The secret key that record keys are drawn under; a new version perturbs every cell anew."""


def record_key(key: RecordKey, synthetic_key: bytes) -> int:
    """Return the record key of a person: the first 32 bits of HMAC-SHA256(key, synthetic key ‖ "record")."""
    return int(keyed_rank(key, synthetic_key, _LABEL)[:_DIGITS], 16)


def record_key_sql(inner: str, outer: str, synthetic_key: str) -> str:
    """Return the SQL twin of `record_key`, a UBIGINT, over SQL expressions: two padded keys and a BLOB."""
    digest = keyed_rank_sql(inner, outer, synthetic_key, f"'{_LABEL}'")
    return f"('0x' || left({digest}, {_DIGITS}))::UBIGINT"


def cell_key(sum_of_record_keys: int) -> int:
    """Return the key of a cell from the sum of its persons' record keys."""
    return sum_of_record_keys % KEYS
