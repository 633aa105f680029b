"""clkhash's own encoder, in one process: the definition of a CLK's bits before diffusion.

Its worker processes hang on a value that does not fit and its messages hold values, so its public function is not
used: values are judged first (`encodable`), and its stream of Bloom filters does the rest.
"""

from collections.abc import Sequence

import numpy as np
from clkhash import bloomfilter
from clkhash.key_derivation import generate_key_lists
from clkhash.schema import Schema
from numpy.typing import NDArray

from linkage_core.crypto.secret import Secret
from linkage_core.encoding.encodable import compile_schema, encoded_text, require_fitting
from linkage_core.schema import ClkSpec


def encode_reference(spec: ClkSpec, secret: Secret, columns: Sequence[Sequence[str]]) -> NDArray[np.uint8]:
    """Encode rows given as one column per feature; uint8, (rows, length / 8), most significant bit first.

    The secret is the CLK's own 64 bytes. Raises `InputFault` for a schema or for values that cannot be encoded.
    """
    schema = compile_schema(spec)
    misfits = {}
    for field, column in zip(schema.fields, columns, strict=True):
        unfit = {value for value in set(column) if encoded_text(field, value) is None}
        misfits[spec.name, field.identifier] = sum(value in unfit for value in column)
    require_fitting(len(columns[0]), misfits)
    rows = zip(*columns, strict=True)
    keys = feature_keys(schema, secret)
    encoded = b"".join(bits.tobytes() for bits, _, _ in bloomfilter.stream_bloom_filters(rows, keys, schema))
    return np.frombuffer(encoded, dtype=np.uint8).reshape(-1, spec.length_bits // 8)


def feature_keys(schema: Schema, secret: Secret) -> tuple[tuple[bytes, ...], ...]:
    """Return the keys of each feature, in their order, as clkhash derives them from a CLK's secret."""
    keys: tuple[tuple[bytes, ...], ...] = generate_key_lists(
        secret.reveal(),
        len(schema.fields),
        key_size=schema.kdf_key_size,
        salt=schema.kdf_salt,
        info=schema.kdf_info,
        kdf=schema.kdf_type,
        hash_algo=schema.kdf_hash,
    )
    return keys


def forget() -> None:
    """Empty clkhash's caches, which hold n-grams of names next to keys."""
    bloomfilter._blake_encode_ngrams.cache_clear()
    bloomfilter.blake_hash_token.cache_clear()
