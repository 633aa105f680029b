"""What can be encoded: clkhash's form of a CLK's schema, and the text that a value of a feature is encoded as.

Both encoders, clkhash's own (`reference`) and the fast one (`columns`), encode exactly this and give the same bits:
n-gram, exact and numeric comparison; string, integer, date and enum formats; bits per token and per feature; stand-ins
for missing values; XOR folds; any Unicode. What an agreement may ask for is narrower: `agreeable`.

clkhash's own validation puts values into its messages, and what it cannot read breaks off in the middle of a file:
every value is judged here first, and told by counts and field names only.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import Any, Final

from clkhash.field_formats import FieldSpec
from clkhash.schema import Schema, SchemaError, from_json_dict, validate_schema_dict

from linkage_core.errors import InputFault
from linkage_core.schema import ClkSpec

LONGEST_KEY_BYTES: Final = 64
"""Of BLAKE2b."""

MOST_POSITIONS: Final = 1 << 16
"""blakeHash draws 16-bit positions: a longer filter would stay empty above, and more draws than that say nothing."""

_HKDF_BLOCKS: Final = 255
_DIGEST_BYTES: Final = {"SHA256": 32, "SHA512": 64}
_KEYS_A_FEATURE: Final = 2
_WITNESS: Final = date(2001, 2, 3)
"""Any day: a format of dates writes it so that it can be read back."""


def compile_schema(spec: ClkSpec) -> Schema:
    """Return clkhash's form of a CLK's schema; raises `InputFault` that lists everything that is not encodable."""
    faults = tuple(_faults(spec))
    if not faults:
        try:
            return _compiled(json.dumps(spec.clkhash, sort_keys=True))
        except SchemaError as error:
            said = [error.msg, *(str(fault) for fault in error.errors)]
            faults = tuple(" ".join(text.split("\n")[:3]) for text in said)  # the rest repeats the whole schema
        except (ValueError, OverflowError) as error:  # of a comparison's numbers and of base64
            faults = (str(error),)
    raise InputFault(f"CLK {spec.name} cannot be encoded", faults)


@lru_cache(maxsize=64)
def _compiled(clkhash: str) -> Schema:
    """Return clkhash's form of a schema as JSON; kept, since clkhash takes milliseconds to validate one."""
    schema = json.loads(clkhash)
    validate_schema_dict(schema)
    return from_json_dict(schema, validate=False)  # it would validate twice more


def encoded_text(field: FieldSpec, value: str) -> str | None:
    """Return what of a value is split into tokens; None if it does not fit the field's format or encoding."""
    properties = field.hashing_properties
    try:
        field.validate(value)
        text: str = field.format_value(value)
        for token in properties.comparator.tokenize(text):
            token.encode(properties.encoding)
    except (ValueError, OverflowError):  # a number may be too large for clkhash's arithmetic
        return None
    return text


def require_fitting(rows: int, misfits: Mapping[tuple[str, str], int]) -> None:
    """Raise one `InputFault` with how many values of each CLK's features do not fit their format, if any do not."""
    faults = tuple(f"CLK {clk}, feature {name}: {n} of {rows} values" for (clk, name), n in misfits.items() if n)
    if faults:
        message = "values do not fit the format that the schema gives their feature; correct the values, or the format"
        raise InputFault(message, faults)


def _faults(spec: ClkSpec) -> Iterator[str]:
    config = spec.clkhash["clkConfig"]
    folds = config.get("xor_folds", 0)
    if config.get("xorFolds"):
        yield "clkConfig.xorFolds is not read by clkhash and folds nothing; what it reads is xor_folds"
    if type(folds) is not int or folds < 0:
        yield "clkConfig.xor_folds must be a whole number, not negative"
    elif spec.length_bits & (spec.length_bits - 1):
        yield "clkConfig.l must be a power of two for blakeHash"
    elif spec.length_bits << min(folds, MOST_POSITIONS) > MOST_POSITIONS:
        yield f"clkConfig.l before folding must be at most {MOST_POSITIONS} for blakeHash"
    yield from _key_faults(spec)
    if len(set(spec.features)) != len(spec.features):
        yield "a feature occurs twice"
    for feature in spec.clkhash["features"]:
        yield from _feature_faults(feature)


def _key_faults(spec: ClkSpec) -> Iterator[str]:
    kdf = spec.clkhash["clkConfig"].get("kdf", {})
    size = kdf.get("keySize", LONGEST_KEY_BYTES)
    if type(size) is not int or size > LONGEST_KEY_BYTES:
        yield f"clkConfig.kdf.keySize must be at most {LONGEST_KEY_BYTES} bytes"
    elif len(spec.features) * _KEYS_A_FEATURE * size > _HKDF_BLOCKS * _DIGEST_BYTES.get(kdf.get("hash", "SHA256"), 0):
        yield f"{len(spec.features)} features need more key bytes than HKDF gives; have fewer, or a shorter keySize"


def _feature_faults(feature: dict[str, Any]) -> Iterator[str]:
    name, form, hashing = feature["identifier"], feature.get("format", {}), feature.get("hashing", {})
    if feature.get("ignored"):
        yield f"feature {name}: must not be ignored; leave it out"
    comparison, strategy = hashing.get("comparison", {}), hashing.get("strategy", {})
    for key in ("n", "resolution", "fractional_precision"):
        if type(comparison.get(key, 0)) is not int:
            yield f"feature {name}: comparison.{key} must be a whole number"
    for key in ("bitsPerToken", "bitsPerFeature"):
        if strategy.get(key, 0) > MOST_POSITIONS:
            yield f"feature {name}: {key} must be at most {MOST_POSITIONS}"
    if form.get("type") == "date" and not _is_of_dates(form.get("format", "")):
        yield f"feature {name}: format.format is no format of dates that can be written and read back"


def _is_of_dates(form: str) -> bool:
    try:
        time.strptime(_WITNESS.strftime(form), form)
    except (ValueError, re.error):
        return False
    return True
