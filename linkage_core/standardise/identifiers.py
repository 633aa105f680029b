"""Numbers of persons and documents: letters and digits only, stand-ins removed."""

from typing import Final

from linkage_core.standardise.findings import Standardised
from linkage_core.standardise.text import fold

SHORTEST: Final = 4
"""Fewer characters than these name no person."""

STAND_INS: Final = frozenset({"unknown", "none", "null", "missing", "1234567890", "123456789", "12345678", "1234567"})
"""What clerks type when there is no number; one character repeated (0000, 99999) counts as well."""


def standardise_identifier(text: str) -> Standardised:
    """Return a person's or document's number in lower-case letters and digits, without signs and spaces.

    Leading zeros stay: they are part of many numbers.
    """
    code = fold(text).replace(" ", "")
    stand_in = len(code) < SHORTEST or len(set(code)) == 1 or code in STAND_INS
    return ("" if stand_in else code), None
