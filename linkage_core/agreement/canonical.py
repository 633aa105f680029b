"""Canonical JSON (RFC 8785) and its SHA-256 digest, with floats and large integers refused.

Two parties that read the same agreement must hash the same bytes; numbers beyond 2^53 and floats are where JSON
implementations differ, so neither may occur.
"""

import hashlib
from typing import Final

import rfc8785
from pydantic import JsonValue

from linkage_core.errors import InputFault

LARGEST_INTEGER: Final = 2**53 - 1


def canonical_bytes(value: JsonValue) -> bytes:
    """Return the RFC 8785 form of a JSON value; raises `InputFault` naming each place that holds a forbidden number.

    A text that is not valid Unicode raises `InputFault` too.
    """
    faults = tuple(_forbidden_numbers(value, "$"))
    if faults:
        raise InputFault("the document cannot be made canonical", faults)
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:
        raise InputFault("the document cannot be made canonical: a text in it is not valid Unicode") from None


def digest(value: JsonValue) -> bytes:
    """Return the SHA-256 of the canonical form (32 bytes)."""
    return hashlib.sha256(canonical_bytes(value)).digest()


def _forbidden_numbers(value: JsonValue, path: str) -> list[str]:
    if isinstance(value, float):
        return [f"{path}: a float; use an integer in a smaller unit"]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST_INTEGER:
        return [f"{path}: an integer beyond 2^53"]
    if isinstance(value, dict):
        return [fault for key, item in value.items() for fault in _forbidden_numbers(item, f"{path}.{key}")]
    if isinstance(value, list):
        return [fault for i, item in enumerate(value) for fault in _forbidden_numbers(item, f"{path}[{i}]")]
    return []
