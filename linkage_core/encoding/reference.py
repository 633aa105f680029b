"""clkhash's own encoder, in one process: the definition of a CLK's bits before diffusion.

clkhash is given only what it encodes predictably: standardised ASCII strings, `blakeHash`, no folding, no stand-in for
missing values. Everything else of its schema is refused here, before a key is used. Its own validation would put values
into error messages and its worker processes hang on a bad one, so neither runs.
"""

import copy
from collections.abc import Iterator, Sequence

import numpy as np
from clkhash import bloomfilter
from clkhash.key_derivation import generate_key_lists
from clkhash.schema import Schema, SchemaError, from_json_dict
from numpy.typing import NDArray

from linkage_core.crypto.secret import Secret
from linkage_core.errors import InputFault
from linkage_core.schema import ClkSpec

_LONGEST_KEY_BYTES = 64  # of BLAKE2b


def compile_schema(spec: ClkSpec) -> Schema:
    """Return clkhash's form of a CLK's schema; raises `InputFault` that lists everything that is not encodable."""
    faults = tuple(_faults(spec))
    if not faults:
        try:
            return from_json_dict(copy.deepcopy(spec.clkhash))  # clkhash writes defaults into what it is given
        except SchemaError as error:
            faults = (" ".join(error.msg.split("\n")[:3]),)  # the rest repeats the whole schema
    raise InputFault(f"CLK {spec.name} cannot be encoded", faults)


def encode_reference(spec: ClkSpec, secret: Secret, columns: Sequence[Sequence[str]]) -> NDArray[np.uint8]:
    """Encode rows given as one column per feature; uint8, (rows, length / 8), most significant bit first.

    "" is missing and sets no bit. The secret is the CLK's own 64 bytes.
    """
    schema = compile_schema(spec)
    keys = generate_key_lists(
        secret.reveal(),
        len(schema.fields),
        key_size=schema.kdf_key_size,
        salt=schema.kdf_salt,
        info=schema.kdf_info,
        kdf=schema.kdf_type,
        hash_algo=schema.kdf_hash,
    )
    rows = zip(*columns, strict=True)
    encoded = b"".join(bits.tobytes() for bits, _, _ in bloomfilter.stream_bloom_filters(rows, keys, schema))
    return np.frombuffer(encoded, dtype=np.uint8).reshape(-1, spec.length_bits // 8)


def forget() -> None:
    """Empty clkhash's caches, which hold n-grams of names next to keys."""
    bloomfilter._blake_encode_ngrams.cache_clear()
    bloomfilter.blake_hash_token.cache_clear()


def _faults(spec: ClkSpec) -> Iterator[str]:
    config = spec.clkhash["clkConfig"]
    if spec.length_bits & (spec.length_bits - 1):
        yield "clkConfig.l must be a power of two for blakeHash"
    if config.get("xorFolds") or config.get("xor_folds"):
        yield "clkConfig: XOR folding is not supported, it does not harden"
    if config.get("kdf", {}).get("keySize", _LONGEST_KEY_BYTES) > _LONGEST_KEY_BYTES:
        yield f"clkConfig.kdf.keySize must be at most {_LONGEST_KEY_BYTES} bytes"
    if len(set(spec.features)) != len(spec.features):
        yield "a feature occurs twice"
    for feature in spec.clkhash["features"]:
        name = feature["identifier"]
        if feature.get("ignored"):
            yield f"feature {name}: must not be ignored; leave it out"
        form = feature.get("format", {})
        if form.get("type") != "string" or set(form) - {"type", "encoding", "description"}:
            yield f"feature {name}: format must be a plain string, standardisation has decided the rest"
        elif form.get("encoding", "utf-8") not in ("ascii", "utf-8"):
            yield f"feature {name}: encoding must be ascii or utf-8"
        hashing = feature.get("hashing", {})
        if "missingValue" in hashing:
            yield f"feature {name}: missingValue must be absent, a missing value sets no bits"
        if hashing.get("comparison", {}).get("type") == "numeric":
            yield f"feature {name}: numeric comparison of text is not supported"
